//! What stood in the way of the last pass: kept, so that who asks later, when nobody is at work, is not told that all is
//! well.

use crate::pass::{Engine, PassError};
use crate::report::{HeldItem, Report};
use damsync_model::id::MirrorId;
use damsync_model::plan::HoldReason;
use damsync_ports::{Advice, LocalSide, RemoteSide};
use damsync_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};

/// Why a pass broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The server cannot be reached, or does not accept the token: work is kept until it does.
    Server,
    /// Something else.
    Other,
}

/// What stood in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Holds of the whole mirror, except those that have a plan of their own.
    pub held: Vec<HeldItem>,
    /// Why the pass broke off, with a sentence.
    pub error: Option<(Obstacle, String)>,
}

impl Trouble {
    fn of(report: &Report, result: &Result<(), PassError>) -> Self {
        let of_mirror = report.held.iter().filter(|held| held.path.is_none() && held.plan.is_none()).cloned();
        // How much room there was just then is no news each time.
        let held = of_mirror.map(|held| match held.reason {
            HoldReason::DiskFull => HeldItem { detail: None, ..held },
            _ => held,
        });
        let held = held.collect();
        let error = match result {
            Ok(()) => None,
            Err(PassError::Remote(error)) if matches!(error.advice(), Advice::Later | Advice::Stop) => {
                Some((Obstacle::Server, error.to_string()))
            }
            Err(error) => Some((Obstacle::Other, error.to_string())),
        };
        Self { held, error }
    }

    /// What a pass that did not ask for everything cannot know to be over.
    fn keep_unasked(&mut self, before: Self) {
        for held in before.held {
            let unasked = matches!(
                held.reason,
                HoldReason::IdentityChanged
                    | HoldReason::Overlap
                    | HoldReason::RemoteReplaced
                    | HoldReason::AccessLost
                    | HoldReason::ListingIncomplete
            );
            if unasked && !self.held.iter().any(|other| other.reason == held.reason) {
                self.held.push(held);
            }
        }
    }
}

/// What stood in the way of a mirror's last pass.
///
/// # Errors
/// What the store says.
pub(crate) fn trouble(tx: &Tx<'_>, mirror: MirrorId) -> Result<Trouble, StoreError> {
    let text = tx.trouble(mirror)?;
    // One that cannot be read is of another version; the next pass writes its own.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

impl<D: LocalSide, R: RemoteSide> Engine<D, R> {
    /// Writes down what stood in the way of a pass; nothing where it is as before.
    pub(crate) async fn note_trouble(&self, report: &Report, result: &Result<(), PassError>) -> Result<(), PassError> {
        // A pass that was told to stop says nothing about the mirror.
        if matches!(result, Err(PassError::Stopped | PassError::Crashed(_) | PassError::Store(_))) {
            return Ok(());
        }
        let name = self.spec.name.clone();
        let known = self.keeper.read(move |tx| match tx.known_mirror(&name)? {
            Some(row) => Ok(Some((row.id, trouble(tx, row.id)?))),
            None => Ok(None),
        });
        let Some((mirror, before)) = known.await? else { return Ok(()) };
        let mut now = Trouble::of(report, result);
        if !report.asked_everything {
            now.keep_unasked(before.clone());
        }
        if now == before {
            return Ok(());
        }
        let text = (now != Trouble::default()).then(|| serde_json::to_string(&now).ok()).flatten();
        self.keeper.write(move |tx| tx.set_trouble(mirror, text.as_deref())).await?;
        Ok(())
    }
}
