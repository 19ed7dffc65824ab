//! Waiting for something to become true, with a deadline.

use std::time::{Duration, Instant};

/// How long a test waits before it gives up. Generous: it is only used up by failures.
pub const PATIENCE: Duration = Duration::from_secs(60);

const STEP: Duration = Duration::from_millis(20);

/// Waits until `found` answers something.
///
/// # Panics
/// After [`PATIENCE`].
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for: {what}");
        std::thread::sleep(STEP);
    }
}
