//! What is measured, and the table.

use crate::Broken;
use crate::child::{self, Cost, Watch};
use crate::mirror::Mirror;
use crate::server::Server;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// How much is made.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Files of the big tree, in a folder for each 500 of them.
    pub files: u32,
    /// Files of the small tree, that requests are compared with.
    pub few: u32,
    /// Files of a first push.
    pub pushed: u32,
    /// Bytes of the big file.
    pub big: u64,
}

impl Size {
    /// What the targets speak of.
    pub const FULL: Self = Self { files: 100_000, few: 1000, pushed: 10_000, big: 2048 * MIB };
    /// Done in a minute.
    pub const QUICK: Self = Self { files: 10_000, few: 1000, pushed: 2000, big: 256 * MIB };
}

const FILES_PER_FOLDER: u32 = 500;
const FILE_BYTES: u64 = 4096;

/// A file system that keeps nothing, so that making something durable costs nothing there (shm_overview(7)).
const MEMORY: &str = "/dev/shm";

const DURABILITY_ROUNDS: u32 = 5;

/// The lines so far.
#[derive(Debug, Default)]
pub struct Table(Vec<Line>);

#[derive(Debug)]
struct Line {
    figure: String,
    target: String,
    measured: String,
    /// Measured by allowed; `None` where nothing was promised.
    ratio: Option<f64>,
}

impl Table {
    /// Whether everything that was promised holds.
    pub fn holds(&self) -> bool {
        self.0.iter().all(|line| line.ratio.is_none_or(|ratio| ratio <= 1.0))
    }

    fn promised(
        &mut self,
        figure: impl Into<String>,
        target: impl Into<String>,
        measured: impl Into<String>,
        ratio: f64,
    ) {
        self.add(figure, target, measured, Some(ratio));
    }

    fn told(&mut self, figure: impl Into<String>, measured: impl Into<String>) {
        self.add(figure, "–", measured, None);
    }

    fn add(
        &mut self,
        figure: impl Into<String>,
        target: impl Into<String>,
        measured: impl Into<String>,
        ratio: Option<f64>,
    ) {
        let line = Line { figure: figure.into(), target: target.into(), measured: measured.into(), ratio };
        eprintln!("{}: {}", line.figure, line.measured);
        self.0.push(line);
    }

    fn memory(&mut self, figure: impl Into<String>, peak: u64, most: u64) {
        self.promised(figure, format!("≤ {} MiB", most / MIB), mib(peak), float(peak) / float(most));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| figure | target | measured | of the target | |")?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for Line { figure, target, measured, ratio } in &self.0 {
            let (ratio, mark) = match ratio {
                Some(ratio) => (format!("{ratio:.2}"), if *ratio <= 1.0 { "holds" } else { "MISSED" }),
                None => (String::new(), ""),
            };
            writeln!(f, "| {figure} | {target} | {measured} | {ratio} | {mark} |")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(value: u64) -> f64 {
    value as f64
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", float(bytes) / float(MIB))
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

fn per_second(files: u32, time: Duration) -> String {
    format!("{:.0} files/s ({:.1} s)", f64::from(files) / time.as_secs_f64(), time.as_secs_f64())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Names as people give them: half of them plain, the rest in other scripts and forms. The number keeps them apart.
fn name(number: usize) -> Option<String> {
    let stem = match number % 10 {
        5 => "Übergröße – façade",
        6 => "Съёмка в студии",
        7 => "東京の写真",
        8 => "🎉 party 🌈",
        // Decomposed, as some systems write them.
        9 => "Cafe\u{301} Mu\u{308}nchen",
        _ => return None,
    };
    Some(format!("{stem} {number:06}.jpg"))
}

/// The pass over an unchanged tree; on the way there, the first pull.
pub async fn noop(table: &mut Table, program: &Path, place: &Path, size: Size, rounds: usize) -> Result<(), Broken> {
    let few = noop_requests(program, &place.join("few"), size.few).await?;

    let place = &place.join("many");
    fs::create_dir_all(place)?;
    let files = size.files;
    let server = Server::start(program, &place.join("server"))?;
    eprintln!("filling the server with {files} assets");
    server.fill("Bench", files.div_ceil(FILES_PER_FOLDER), files.min(FILES_PER_FOLDER), FILE_BYTES).await?;
    server.rename(name).await?;
    let mirror = Mirror::new(program, place, &server, "Bench")?;
    eprintln!("pulling them");
    let first = mirror.pass(Watch::Memory)?;
    if first.count("pulled") != u64::from(files) {
        return Err(format!("{} of {files} assets were pulled", first.count("pulled")).into());
    }
    table.told(format!("first pull of {files} files"), per_second(files, first.cost.wall));
    table.told(format!("… peak memory, {} requests", first.count("requests")), mib(first.cost.peak));
    come_to_rest(&server, &mirror).await?;

    eprintln!("measuring");
    let find = || {
        let mut find = Command::new("find");
        find.arg(&mirror.root).args(["-printf", "%s %T@ %i %p\n"]);
        child::run_silent(&mut find)
    };
    find()?;
    let (mut ours, mut finds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        finds.push(find()?);
        ours.push(mirror.pass(Watch::Nothing)?.cost);
    }
    let wall = |costs: &[Cost]| middle(costs.iter().map(|cost| cost.wall).collect());
    let cpu = |costs: &[Cost]| middle(costs.iter().map(|cost| cost.cpu).collect());
    let (find_wall, our_wall) = (wall(&finds), wall(&ours));
    let times = our_wall.as_secs_f64() / find_wall.as_secs_f64();
    table.promised(
        format!("no-op pass, {files} files: wall against find's"),
        "≤ 2.0 ×",
        format!("{times:.2} × ({} against {})", ms(our_wall), ms(find_wall)),
        times / 2.0,
    );
    table.told("… CPU against find's", format!("{} against {}", ms(cpu(&ours)), ms(cpu(&finds))));
    let mut peak = 0;
    for _ in 0..3 {
        peak = peak.max(mirror.pass(Watch::Memory)?.cost.peak);
    }
    table.memory(format!("no-op pass, {files} files: peak memory"), peak, 48 * MIB);

    let many = count_requests(&server, &mirror).await?;
    let measured = format!("{few} at {} assets, {many} at {files}", size.few);
    let ratio = if few == many { float(many) / 9.0 } else { f64::INFINITY };
    table.promised("no-op pass: requests", "≤ 9, and equal", measured, ratio);
    Ok(())
}

/// Ten minutes later, so that no index can be late any more, until nothing is left to do.
async fn come_to_rest(server: &Server, mirror: &Mirror) -> Result<(), Broken> {
    mirror.settle()?;
    server.pass_time(10 * 60 * 1000).await?;
    mirror.settle()?;
    Ok(())
}

async fn noop_requests(program: &Path, place: &Path, files: u32) -> Result<u64, Broken> {
    fs::create_dir_all(place)?;
    let server = Server::start(program, &place.join("server"))?;
    server.fill("Bench", 2, files / 2, 64).await?;
    let mirror = Mirror::new(program, place, &server, "Bench")?;
    mirror.pass(Watch::Nothing)?;
    come_to_rest(&server, &mirror).await?;
    count_requests(&server, &mirror).await
}

/// By the server's own log, which must agree with the report.
async fn count_requests(server: &Server, mirror: &Mirror) -> Result<u64, Broken> {
    server.forget_requests().await?;
    let told = mirror.pass(Watch::Nothing)?.count("requests");
    let counted = u64::try_from(server.requests().await?)?;
    if told != counted {
        return Err(format!("the report tells of {told} requests, the server saw {counted}").into());
    }
    Ok(counted)
}

/// A first push.
pub async fn push(table: &mut Table, program: &Path, place: &Path, size: Size) -> Result<(), Broken> {
    let place = &place.join("push");
    fs::create_dir_all(place)?;
    let server = Server::start(program, &place.join("server"))?;
    server.folder("Bench").await?;
    let mirror = Mirror::new(program, place, &server, "Bench")?;
    let files = size.pushed;
    for number in 0..files {
        let folder = mirror.root.join(format!("folder-{:05}", number / FILES_PER_FOLDER));
        if number % FILES_PER_FOLDER == 0 {
            fs::create_dir(&folder)?;
        }
        let file = name(number as usize).unwrap_or_else(|| format!("file-{number:06}.bin"));
        let line = format!("{number:06} ");
        fs::write(folder.join(file), line.repeat(usize::try_from(FILE_BYTES)? / line.len()))?;
    }
    // Quiet for long enough that nothing is waited for.
    std::thread::sleep(Duration::from_secs(3));
    let first = mirror.pass(Watch::Memory)?;
    if first.count("pushed_new") != u64::from(files) {
        return Err(format!("{} of {files} files were pushed", first.count("pushed_new")).into());
    }
    table.told(format!("first push of {files} files"), per_second(files, first.cost.wall));
    table.told(format!("… peak memory, {} requests", first.count("requests")), mib(first.cost.peak));
    table.told("… CPU", ms(first.cost.cpu));
    Ok(())
}

/// What it costs that files, directories and the store are durable before an agreement is recorded: the same first pull
/// to the disk and to memory, where making durable costs nothing, in turn.
pub async fn durability(table: &mut Table, program: &Path, place: &Path, size: Size) -> Result<(), Broken> {
    let place = &place.join("durability");
    fs::create_dir_all(place)?;
    let memory = tempfile::Builder::new().prefix("damsync-bench-").tempdir_in(MEMORY)?;
    let server = Server::start(program, &place.join("server"))?;
    let files = size.pushed;
    server.fill("Bench", files.div_ceil(FILES_PER_FOLDER), files.min(FILES_PER_FOLDER), FILE_BYTES).await?;
    let pull = |below: &Path| {
        let pass = Mirror::new(program, below, &server, "Bench")?.pass(Watch::Nothing)?;
        fs::remove_dir_all(below)?;
        if pass.count("pulled") == u64::from(files) {
            Ok(pass.cost.wall)
        } else {
            Err(Broken::from("not all were pulled"))
        }
    };
    let (mut on_disk, mut in_memory) = (Vec::new(), Vec::new());
    for round in 0..DURABILITY_ROUNDS {
        on_disk.push(pull(&place.join(format!("mirror-{round}")))?);
        in_memory.push(pull(&memory.path().join(format!("mirror-{round}")))?);
    }
    let (on_disk, in_memory) = (middle(on_disk), middle(in_memory));
    let times = on_disk.as_secs_f64() / in_memory.as_secs_f64();
    table.told(
        format!("durability: first pull of {files} files to the disk, against one to memory"),
        format!("{times:.2} × ({} against {})", ms(on_disk), ms(in_memory)),
    );
    Ok(())
}

/// One big file, up and down.
pub async fn big(table: &mut Table, program: &Path, place: &Path, size: Size) -> Result<(), Broken> {
    let whole = size.big;
    let up = &place.join("up");
    fs::create_dir_all(up)?;
    {
        let server = Server::start(program, &up.join("server"))?;
        server.folder("Bench").await?;
        let mirror = Mirror::new(program, up, &server, "Bench")?;
        write_big(&mirror.root.join("big.mov"), whole)?;
        std::thread::sleep(Duration::from_secs(3));
        let pass = mirror.pass(Watch::Memory)?;
        if pass.count("bytes_up") < whole {
            return Err(format!("{} bytes were sent", pass.count("bytes_up")).into());
        }
        table.memory(format!("a file of {} MiB up: peak memory", whole / MIB), pass.cost.peak, 100 * MIB);
        table.told("… speed", speed(whole, pass.cost.wall));
    }
    fs::remove_dir_all(up)?;
    let down = &place.join("down");
    fs::create_dir_all(down)?;
    let server = Server::start(program, &down.join("server"))?;
    server.fill("Bench", 1, 1, whole).await?;
    let mirror = Mirror::new(program, down, &server, "Bench")?;
    let pass = mirror.pass(Watch::Memory)?;
    if pass.count("bytes_down") < whole {
        return Err(format!("{} bytes were received", pass.count("bytes_down")).into());
    }
    table.memory(format!("a file of {} MiB down: peak memory", whole / MIB), pass.cost.peak, 100 * MIB);
    table.told("… speed", speed(whole, pass.cost.wall));
    Ok(())
}

fn speed(bytes: u64, time: Duration) -> String {
    format!("{:.0} MiB/s ({:.1} s)", float(bytes) / float(MIB) / time.as_secs_f64(), time.as_secs_f64())
}

fn write_big(path: &Path, bytes: u64) -> Result<(), Broken> {
    let mut file = fs::File::create(path)?;
    let mut block = vec![0_u8; usize::try_from(MIB)?];
    for number in 0..bytes / MIB {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    Ok(())
}
