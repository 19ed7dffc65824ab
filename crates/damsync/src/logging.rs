//! The log: to standard error, as text or JSON, never mixed with answers.

use crate::progress::Progress;
use clap::ValueEnum;
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where log lines go.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Standard error; progress bars step aside while a line is written.
    Stderr(Progress),
    /// Only into memory, for a screen that is redrawn.
    Memory(Recent),
}

/// The last log lines.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<VecDeque<String>>>);

impl Recent {
    const KEPT: usize = 50;

    fn add(&self, line: &str) {
        // A panic while a line was added leaves whole lines behind.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == Self::KEPT {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().to_owned());
    }

    /// At most so many of them, oldest first.
    pub fn last(&self, count: usize) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }
}

/// Starts logging. `asked` (`--log`) comes before `RUST_LOG`, that before `default`. A filter that cannot be read is
/// answered with the reason.
pub fn start(asked: Option<&str>, default: &str, format: LogFormat, destination: Destination) -> Result<(), String> {
    let from_environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = asked.or(from_environment.as_deref()).unwrap_or(default);
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("{filter:?} is no log level or filter ({error})"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(matches!(destination, Destination::Stderr(_)) && std::io::stderr().is_terminal())
        .with_writer(destination);
    // A second start (in tests) finds the first one's subscriber: fine.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// One log line on its way.
pub struct Line<'a>(&'a Destination);

impl<'a> MakeWriter<'a> for Destination {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

impl Write for Line<'_> {
    // The subscriber writes whole lines.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0 {
            Destination::Stderr(progress) => progress.aside(|| std::io::stderr().write(bytes)),
            Destination::Memory(recent) => {
                recent.add(&String::from_utf8_lossy(bytes));
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_the_last_lines() {
        let recent = Recent::default();
        for number in 0..60 {
            let destination = Destination::Memory(recent.clone());
            destination.make_writer().write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        assert_eq!(recent.last(2), ["line 58", "line 59"]);
        assert_eq!(recent.last(1000).len(), Recent::KEPT);
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_a_sentence() {
        let sentence =
            start(Some("damsync=loud"), "warn", LogFormat::Text, Destination::Stderr(Progress::silent())).unwrap_err();
        assert!(sentence.starts_with("\"damsync=loud\" is no log level or filter"), "{sentence}");
    }
}
