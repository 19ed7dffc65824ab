//! A running daemon.

use crate::{Setup, until};
use rustix::process::{Pid, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

pub use rustix::process::Signal;

/// `damsync run` on a setup. It ends with the value, unless it was told to end before.
#[derive(Debug)]
pub struct Daemon<'a> {
    setup: &'a Setup,
    process: Child,
    log: PathBuf,
}

impl<'a> Daemon<'a> {
    pub(crate) fn start(setup: &'a Setup) -> Self {
        let log = setup.dir().join("daemon.log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = setup.command();
        let process = command.arg("run").stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Self { setup, process, log }
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until something is so; the daemon must live on meanwhile.
    pub fn until(&mut self, what: &str, mut so: impl FnMut(&Setup) -> bool) {
        until(what, || {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", self.log());
            so(self.setup).then_some(())
        });
    }

    /// Waits until both sides are equal and have this file, or do not have it.
    pub fn until_both(&mut self, path: &str, have: bool) {
        let what = format!("both sides {} {path}", if have { "have" } else { "lack" });
        self.until(&what, |setup| {
            setup.has(path) == have && setup.sandbox.tree().has(&Setup::there(path)) == have && setup.is_equal()
        });
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; the exit code, 128 and the signal for one that was killed.
    pub fn ended(&mut self) -> i32 {
        let status = until("the daemon's end", || self.process.try_wait().unwrap());
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Sends a signal and waits for the end.
    pub fn end(&mut self, signal: Signal) -> i32 {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon wrote:\n{}", self.log());
        }
    }
}
