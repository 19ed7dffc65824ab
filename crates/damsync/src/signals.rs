//! Signals become values: a wish to stop that is passed down, and requests to the daemon.
//!
//! - SIGTERM and SIGINT ask for an end; work reaches a safe point, then ends.
//! - A second SIGINT ends the program at once, with 130. The journal is made for that.
//! - SIGHUP and SIGUSR1 are requests to the daemon. To any other command SIGHUP is the end of its terminal, and a wish to
//!   stop; SIGUSR1 is nothing.

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_tokio::Signals;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, watch};

/// Which signal asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// SIGTERM: a service manager.
    Terminated,
    /// SIGINT: Ctrl-C.
    Interrupted,
}

/// The wish to stop, cheap to clone. Once made it stays.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<StopReason>>);

impl Stop {
    /// Whether, and why, we shall stop.
    pub fn requested(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until we shall stop.
    pub async fn wait(&self) -> StopReason {
        let mut receiver = self.0.clone();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                // Nobody can ask any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A stop that is asked for by hand.
    pub fn by_hand() -> (watch::Sender<Option<StopReason>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }
}

/// What else a signal can ask the daemon for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: a full pass.
    FullPass,
}

/// What the process is told.
#[derive(Debug)]
pub struct Told {
    /// The wish to stop.
    pub stop: Stop,
    /// The other requests. Few are kept: ten reloads are one.
    pub requests: mpsc::Receiver<Request>,
}

/// What SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// The daemon shall read its configuration again.
    Reloads,
    /// The terminal is gone: stop.
    Stops,
}

/// Begins to listen. Needs a runtime.
pub fn listen(hangup: Hangup) -> Result<Told, std::io::Error> {
    let interrupted_before = Arc::new(AtomicBool::new(false));
    // The order counts: the first Ctrl-C finds the flag down and passes, then raises it; the second one ends here.
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted_before))?;
    signal_hook::flag::register(SIGINT, interrupted_before)?;
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
    let (stop_sender, stop) = Stop::by_hand();
    let (request_sender, requests) = mpsc::channel(2);
    tokio::spawn(async move {
        while let Some(signal) = signals.next().await {
            match signal {
                SIGTERM => _ = stop_sender.send(Some(StopReason::Terminated)),
                SIGINT => _ = stop_sender.send(Some(StopReason::Interrupted)),
                SIGHUP if hangup == Hangup::Stops => _ = stop_sender.send(Some(StopReason::Interrupted)),
                SIGHUP => _ = request_sender.try_send(Request::Reload),
                SIGUSR1 => _ = request_sender.try_send(Request::FullPass),
                _ => {}
            }
        }
    });
    Ok(Told { stop, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wish_to_stop_stays_and_reaches_everyone() {
        let (sender, stop) = Stop::by_hand();
        assert_eq!(stop.requested(), None);
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        sender.send(Some(StopReason::Interrupted)).unwrap();
        assert_eq!(waiting.await.unwrap(), StopReason::Interrupted);
        drop(sender);
        assert_eq!(stop.wait().await, StopReason::Interrupted);
        assert_eq!(stop.requested(), Some(StopReason::Interrupted));
    }
}
