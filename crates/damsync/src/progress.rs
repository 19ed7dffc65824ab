//! Progress bars on a terminal; nothing elsewhere.
//!
//! A [`Progress`] is cheap to clone and can be told things from anywhere. Without a terminal every call is a branch on
//! `None`.

use damsync_model::path::on_one_line;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

/// Which way a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the disk.
    Down,
}

/// Where progress is told.
#[derive(Clone, Debug, Default)]
pub struct Progress(Option<Arc<Bars>>);

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    line: ProgressBar,
}

/// A transfer under way. Its bar goes when this does.
#[derive(Debug, Default)]
pub struct Transfer(Option<ProgressBar>);

impl Progress {
    /// Bars on standard error if it is a terminal.
    pub fn on_terminal() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::silent();
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        // Not drawn before something is said, so that a short command leaves no trace.
        let line = all.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}")));
        Self(Some(Arc::new(Bars { all, line })))
    }

    /// Tells nobody.
    pub const fn silent() -> Self {
        Self(None)
    }

    /// So many local files were looked at, of all mirrors so far.
    pub fn scanned(&self, files: u64) {
        self.message(&format!("{files} files looked at"));
    }

    /// What is being done.
    pub fn message(&self, text: &str) {
        if let Some(bars) = &self.0 {
            bars.line.set_message(text.to_owned());
            bars.line.enable_steady_tick(Duration::from_millis(125));
        }
    }

    /// A transfer begins.
    pub fn transfer_started(&self, path: &str, way: Way, total_bytes: u64) -> Transfer {
        let Some(bars) = &self.0 else { return Transfer::default() };
        let arrow = match way {
            Way::Up => "up  ",
            Way::Down => "down",
        };
        let bar = bars.all.add(ProgressBar::new(total_bytes).with_style(style(
            "{prefix} {bar:24} {decimal_bytes:>10} of {decimal_total_bytes:<10} {decimal_bytes_per_sec:>12}  {wide_msg}",
        )));
        bar.set_prefix(arrow);
        bar.set_message(on_one_line(path).into_owned());
        Transfer(Some(bar))
    }

    /// Does something that writes to the terminal, while the bars step aside.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }

    /// Takes everything off the screen.
    pub fn clear(&self) {
        if let Some(bars) = &self.0 {
            bars.line.finish_and_clear();
            // A screen that cannot be cleared is no reason to fail.
            let _ = bars.all.clear();
        }
    }
}

impl Transfer {
    /// So many more bytes have passed.
    pub fn advanced(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_travels_between_threads_and_may_be_silent() {
        fn travels<T: Send + Sync + Clone>(_: &T) {}
        let progress = Progress::silent();
        travels(&progress);
        progress.scanned(3);
        progress.message("x");
        let transfer = progress.transfer_started("a.jpg", Way::Up, 10);
        transfer.advanced(5);
        assert_eq!(progress.aside(|| 7), 7);
        progress.clear();
    }
}
