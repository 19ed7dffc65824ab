//! Virtual time: the runtime's paused clock, counted from a fixed moment.

use damsync_model::time::UnixMs;
use damsync_reconciler::Clock;
use std::time::Duration;
use tokio::time::Instant;

/// 2026-01-29T15:28:32Z, when every world begins.
const BEGIN_MS: i64 = 1_769_700_512_000;

/// Tells the world's time. Only inside the runtime whose clock is paused.
#[derive(Clone, Copy, Debug)]
pub struct Time(Instant);

impl Time {
    /// The world begins now.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    fn passed(self) -> Duration {
        Instant::now().duration_since(self.0)
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> i64 {
        BEGIN_MS + i64::try_from(self.passed().as_millis()).unwrap_or(0)
    }

    /// Nanoseconds since 1970.
    pub fn ns(self) -> i64 {
        BEGIN_MS * 1_000_000 + i64::try_from(self.passed().as_nanos()).unwrap_or(0)
    }

    /// For an engine.
    pub fn clock(self) -> Clock {
        Clock::new(move || UnixMs(self.ms()))
    }

    /// Lets time pass.
    pub async fn pass(self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
