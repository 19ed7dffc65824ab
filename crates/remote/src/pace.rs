//! How fast we ask: our own limits, and the server's.
//!
//! - At most so many requests at once, and so many per second.
//! - A 429 halves how many may be under way at once; every few good answers one more is allowed again.
//! - After a `Retry-After` nobody asks anything before its end.

use crate::retry::{Failure, LONGEST_WAIT};
use damsync_ports::RemoteErrorKind;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Good answers before one more request may be under way at once.
const GOOD_ANSWERS_PER_STEP: u32 = 10;

/// The gate before the API.
pub(crate) struct Pace {
    gate: Arc<Semaphore>,
    rate: Option<DefaultDirectRateLimiter>,
    allowance: Arc<Mutex<Allowance>>,
}

struct Allowance {
    most: u32,
    /// Permits that exist, in the gate or in use.
    issued: u32,
    /// Permits that should exist.
    target: u32,
    good: u32,
    /// Counts the halvings, so that requests sent before one do not cause the next.
    era: u64,
    paused_until: Option<Instant>,
}

/// The right to send one request.
pub(crate) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    allowance: Arc<Mutex<Allowance>>,
    era: u64,
}

impl Pace {
    pub(crate) fn new(concurrency: u32, per_second: u32) -> Self {
        let most = concurrency.clamp(1, 1024);
        Self {
            gate: Arc::new(Semaphore::new(most as usize)),
            rate: NonZeroU32::new(per_second).map(|limit| {
                // A burst of one: requests are spread over the second.
                RateLimiter::direct(Quota::per_second(limit).allow_burst(NonZeroU32::MIN))
            }),
            allowance: Arc::new(Mutex::new(Allowance {
                most,
                issued: most,
                target: most,
                good: 0,
                era: 0,
                paused_until: None,
            })),
        }
    }

    fn allowance(&self) -> std::sync::MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. Errs at once if the server asked for a longer pause than is slept through.
    pub(crate) async fn turn(&self) -> Result<Turn, Failure> {
        let permit = Arc::clone(&self.gate).acquire_owned().await.ok();
        loop {
            let paused_until = self.allowance().paused_until;
            let Some(left) = paused_until.map(|until| until.saturating_duration_since(Instant::now())) else {
                break;
            };
            if left.is_zero() {
                break;
            }
            if left > LONGEST_WAIT {
                return Err(Failure {
                    wait: Some(left),
                    ..Failure::last(RemoteErrorKind::Busy { status: 429, retry_after: Some(left) })
                });
            }
            tokio::time::sleep(left).await;
        }
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        let era = self.allowance().era;
        Ok(Turn { permit, allowance: Arc::clone(&self.allowance), era })
    }

    /// The server took a request.
    pub(crate) fn went_well(&self) {
        let mut allowance = self.allowance();
        if allowance.target == allowance.most {
            return;
        }
        allowance.good += 1;
        if allowance.good >= GOOD_ANSWERS_PER_STEP {
            allowance.good = 0;
            allowance.target += 1;
            if allowance.issued < allowance.target {
                allowance.issued += 1;
                self.gate.add_permits(1);
            }
        }
    }

    /// The server has had too much.
    pub(crate) fn too_much(&self, turn: &Turn, wait: Option<Duration>) {
        let mut allowance = self.allowance();
        allowance.good = 0;
        if turn.era == allowance.era {
            allowance.era += 1;
            allowance.target = (allowance.target / 2).max(1);
            while allowance.issued > allowance.target {
                let Ok(permit) = self.gate.try_acquire() else {
                    break;
                };
                permit.forget();
                allowance.issued -= 1;
            }
        }
        if let Some(wait) = wait {
            let until = Instant::now() + wait;
            allowance.paused_until = Some(allowance.paused_until.map_or(until, |earlier| earlier.max(until)));
        }
    }

    /// How many requests may be under way at once now.
    #[cfg(test)]
    fn allowed(&self) -> u32 {
        self.allowance().target
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        if allowance.issued > allowance.target {
            allowance.issued -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn too_much_halves_once_and_good_answers_bring_it_back() {
        let pace = Pace::new(8, 0);
        let (first, second) = (pace.turn().await.unwrap(), pace.turn().await.unwrap());
        pace.too_much(&first, None);
        pace.too_much(&second, None);
        assert_eq!(pace.allowed(), 4, "both were sent before the first answer");
        drop((first, second));
        assert_eq!(pace.gate.available_permits(), 4);
        let third = pace.turn().await.unwrap();
        pace.too_much(&third, None);
        drop(third);
        assert_eq!((pace.allowed(), pace.gate.available_permits()), (2, 2));
        for _ in 0..GOOD_ANSWERS_PER_STEP * 20 {
            pace.went_well();
        }
        assert_eq!((pace.allowed(), pace.gate.available_permits()), (8, 8));
    }

    #[tokio::test]
    async fn a_long_pause_is_an_answer_not_a_sleep() {
        let pace = Pace::new(1, 0);
        let turn = pace.turn().await.unwrap();
        pace.too_much(&turn, Some(LONGEST_WAIT * 2));
        drop(turn);
        assert!(matches!(pace.turn().await.map(|_| ()).unwrap_err().kind, RemoteErrorKind::Busy { status: 429, .. }));
    }
}
