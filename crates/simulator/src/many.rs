//! Many worlds, on as many threads as the machine has cores.

use crate::coverage::Coverage;
use crate::plan::Plan;
use crate::run::run;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What became of many runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// What they went through, together.
    pub coverage: Coverage,
    /// The seeds that broke a promise, and which.
    pub broken: Vec<(u64, String)>,
}

/// Does something for each number of a range, on every core; each is begun in order.
pub fn on_every_core(numbers: Range<u64>, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(numbers.start);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
}

/// Runs the worlds of these seeds. What does not depend on the order is the same each time.
pub fn run_many(seeds: Range<u64>) -> Tally {
    let tally = Mutex::new(Tally::default());
    on_every_core(seeds, |seed| {
        let ran = run(&Plan::from_seed(seed));
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.coverage.add(&ran.coverage);
        tally.broken.extend(ran.broken.map(|broken| (seed, broken)));
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.broken.sort();
    tally
}
