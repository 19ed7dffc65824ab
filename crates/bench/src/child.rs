//! Running a program and weighing it: wall time, CPU time, peak memory.

use crate::Broken;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a program cost.
#[derive(Clone, Debug)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// In the program and in the kernel, all threads.
    pub cpu: Duration,
    /// Peak resident memory in bytes, where it was watched.
    pub peak: u64,
    /// What it printed.
    pub output: String,
    /// Its exit code.
    pub code: Option<i32>,
}

/// Whether memory is watched, which costs a little time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Yes.
    Memory,
    /// No: only time counts.
    Nothing,
}

/// Runs it to its end.
pub fn run(command: &mut Command, watch: Watch) -> Result<Cost, Broken> {
    let mut output = tempfile::tempfile()?;
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(output.try_clone()?).spawn()?;
    let pid = i32::try_from(child.id())?;
    let ended = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        // The kernel keeps the peak itself (VmHWM), so a late look misses only what the last moment added.
        let watcher = (watch == Watch::Memory).then(|| {
            scope.spawn(|| {
                let mut peak = 0;
                while !ended.load(Ordering::Relaxed) {
                    peak = peak.max(high_water(pid).unwrap_or(0));
                    std::thread::sleep(Duration::from_millis(2));
                }
                peak
            })
        });
        // Not reaped yet, so that its account can still be read.
        let waited = Pid::from_raw(pid)
            .ok_or(rustix::io::Errno::SRCH)
            .and_then(|pid| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
        ended.store(true, Ordering::Relaxed);
        waited.map(|_| watcher.and_then(|watcher| watcher.join().ok()).unwrap_or(0))
    })?;
    let wall = begun.elapsed();
    let cpu = cpu_time(pid).unwrap_or_default();
    let status = child.wait()?;
    let mut text = String::new();
    output.rewind()?;
    output.read_to_string(&mut text)?;
    Ok(Cost { wall, cpu, peak, output: text, code: status.code() })
}

/// Runs it with its output thrown away, as `> /dev/null` does.
pub fn run_silent(command: &mut Command) -> Result<Cost, Broken> {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(File::options().write(true).open("/dev/null")?).spawn()?;
    let pid = i32::try_from(child.id())?;
    waitid(WaitId::Pid(Pid::from_raw(pid).ok_or("no process")?), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let wall = begun.elapsed();
    let cpu = cpu_time(pid).unwrap_or_default();
    let code = child.wait()?.code();
    Ok(Cost { wall, cpu, peak: 0, output: String::new(), code })
}

fn high_water(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// In hundredths of a second, as the kernel tells it.
fn cpu_time(pid: i32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}
