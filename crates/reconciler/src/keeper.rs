//! The keeper of the store: the one writer, reached from many tasks.
//!
//! In the daemon the store lives on a thread of its own behind a bounded queue; what waits there together is written in
//! one transaction (group commit), so durability costs one `fsync` for many. The simulator calls the store inline.

use damsync_store::{Kept, Store, StoreError, Tx};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// How many works may wait; beyond that callers wait.
const QUEUE: usize = 256;

/// What waits in the queue.
enum Job {
    Write(Work),
    Question(Question),
}

type Work = Box<dyn FnOnce(&Tx<'_>) -> (Kept, Answer) + Send>;
type Question = Box<dyn FnOnce(&Store) + Send>;
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

#[derive(Clone)]
enum Way {
    Inline(Arc<Mutex<Store>>),
    // The queue is dropped before the thread is waited for.
    Thread { queue: mpsc::Sender<Job>, _thread: Arc<Thread> },
}

/// The store's thread. The last handle waits for its end, so that the database is closed when the program ends.
struct Thread {
    handle: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.handle.take() {
            // A panic there has been told of already.
            let _ = thread.join();
        }
    }
}

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct Keeper(Way);

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Way::Inline(_) => "Keeper(inline)",
            Way::Thread { .. } => "Keeper(thread)",
        })
    }
}

impl Keeper {
    /// Calls the store in the caller's thread: for the simulator, whose runs must be repeatable.
    pub fn inline(store: Store) -> Self {
        Self(Way::Inline(Arc::new(Mutex::new(store))))
    }

    /// Gives the store a thread of its own, which ends with the last handle.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn on_thread(store: Store) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || keep(store, receiver))?;
        let thread = Arc::new(Thread { handle: Some(thread) });
        Ok(Self(Way::Thread { queue: sender, _thread: thread }))
    }

    /// Runs `work` in a transaction; durable when this returns `Ok`.
    ///
    /// # Errors
    /// What `work` returned, or that its transaction could not be made durable.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.0 {
            Way::Inline(store) => store.lock().unwrap_or_else(PoisonError::into_inner).transaction(work),
            Way::Thread { queue, .. } => {
                let (sender, receiver) = oneshot::channel();
                let work: Work = Box::new(move |tx| {
                    let result = work(tx);
                    let kept = if result.is_ok() { Kept::Yes } else { Kept::No };
                    let answer: Answer = Box::new(move |committed| {
                        let answer = match committed {
                            Ok(()) => result,
                            Err(why) => Err(StoreError::NotKept(why)),
                        };
                        // Nobody listens any more when the caller was cancelled; the work is done all the same.
                        let _ = sender.send(answer);
                    });
                    (kept, answer)
                });
                queue.send(Job::Write(work)).await.map_err(|_| gone())?;
                receiver.await.map_err(|_| gone())?
            }
        }
    }

    /// Asks without changing anything.
    ///
    /// # Errors
    /// What `work` returned.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.0 {
            Way::Inline(store) => store.lock().unwrap_or_else(PoisonError::into_inner).read(work),
            Way::Thread { queue, .. } => {
                let (sender, receiver) = oneshot::channel();
                let question: Question = Box::new(move |store| {
                    // Nobody listens any more when the caller was cancelled.
                    let _ = sender.send(store.read(work));
                });
                queue.send(Job::Question(question)).await.map_err(|_| gone())?;
                receiver.await.map_err(|_| gone())?
            }
        }
    }
}

fn gone() -> StoreError {
    StoreError::NotKept("the store's thread has ended".to_owned())
}

fn keep(mut store: Store, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let mut works = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                // Answered at once: a question does not wait until what stands beside it in the queue is durable.
                Job::Question(question) => question(&store),
                Job::Write(work) => works.push(work),
            }
            next = if works.len() < QUEUE { queue.try_recv().ok() } else { None };
        }
        if works.is_empty() {
            continue;
        }
        let mut answers = Vec::with_capacity(works.len());
        let slot = std::cell::RefCell::new(&mut answers);
        let committed = store
            .group(works.into_iter().map(|work| {
                let slot = &slot;
                let boxed: Box<dyn FnOnce(&Tx<'_>) -> Kept + '_> = Box::new(move |tx| {
                    let (kept, answer) = work(tx);
                    slot.borrow_mut().push(answer);
                    kept
                });
                boxed
            }))
            .map_err(|error| error.to_string());
        for answer in answers {
            answer(committed.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_keeps_nothing() {
        for keeper in
            [Keeper::inline(Store::temporary().unwrap()), Keeper::on_thread(Store::temporary().unwrap()).unwrap()]
        {
            keeper.read(|tx| tx.mirror("a").map(|row| row.name)).await.unwrap();
            assert!(keeper.read(|tx| tx.known_mirror("a")).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn works_that_wait_together_share_a_transaction_and_a_failing_one_loses_only_its_own() {
        let keeper = Keeper::on_thread(Store::temporary().unwrap()).unwrap();
        let good = keeper.write(|tx| tx.mirror("a").map(|row| row.name));
        let bad = keeper.write(|tx| {
            tx.mirror("b")?;
            Err::<(), _>(StoreError::Nonsense("refused"))
        });
        let (good, bad) = tokio::join!(good, bad);
        assert_eq!(good.unwrap(), "a");
        assert!(matches!(bad, Err(StoreError::Nonsense("refused"))));
        assert!(keeper.read(|tx| tx.known_mirror("a")).await.unwrap().is_some());
        assert!(keeper.read(|tx| tx.known_mirror("b")).await.unwrap().is_none());
    }
}
