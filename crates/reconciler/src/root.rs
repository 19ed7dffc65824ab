//! The guard at the door: is this the directory that the mirror was, and is it really there?
//!
//! A root that was mirrored before is never made anew, and one whose mark is missing or another's is never worked on:
//! that is what an unmounted disk, an emptied disk and an exchanged disk look like.

use crate::crash::CrashPoint;
use crate::pass::{Engine, PassError};
use crate::report::{HeldItem, Report};
use damsync_model::id::MirrorId;
use damsync_model::mutation::Mutation;
use damsync_model::name::Folding;
use damsync_model::plan::HoldReason;
use damsync_ports::{LocalSide, Mark, RemoteSide, Root, RootIdentity};
use damsync_store::{MirrorRow, StoreError, Tx};

/// What stands at the root's place, once the guards are content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// The mirror's directory, marked.
    Marked(RootIdentity, String),
    /// A directory that was never mirrored.
    Unmarked(RootIdentity),
    /// Nothing; it was never mirrored.
    Nothing,
}

/// Looks, changes nothing.
///
/// # Errors
/// [`PassError::Held`] with the hold in the report; [`PassError::Configuration`] for what is no directory.
pub(crate) async fn look<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    row: &MirrorRow,
    report: &mut Report,
) -> Result<Stand, PassError> {
    let name = &engine.spec.name;
    let mut hold = |reason, detail: String| {
        report.held.push(HeldItem::mirror(reason, detail));
        Err(PassError::Held)
    };
    match (engine.disk.root().await?, &row.token) {
        (Root::Unusable(why), None) => {
            Err(PassError::Configuration(format!("the local directory of mirror \"{name}\" cannot be used: {why}")))
        }
        (Root::Unusable(why), Some(_)) => {
            hold(HoldReason::RootMissing, format!("the mirror's directory cannot be used: {why}"))
        }
        (Root::Missing, None) => Ok(Stand::Nothing),
        (Root::Missing, Some(_)) => hold(
            HoldReason::RootMissing,
            format!(
                "the mirror's directory is gone; mount or restore it, or run `damsync reattach {name}` to join both sides anew without deleting"
            ),
        ),
        (Root::Unmarked { identity, .. }, None) => Ok(Stand::Unmarked(identity)),
        (Root::Unmarked { identity, .. }, Some(token)) if Mutation::RootUnchecked.is_on() => {
            Ok(Stand::Marked(identity, token.clone()))
        }
        (Root::Unmarked { .. }, Some(_)) => hold(
            HoldReason::MirrorMarkMissing,
            format!(
                "the directory does not carry the mirror's mark (.damsync/mirror.json): its disk may not be mounted, or it was replaced; mount it, or run `damsync reattach {name}` to join both sides anew without deleting"
            ),
        ),
        // The store was lost, or this directory comes from another machine: its mark is taken over, and with an empty
        // base nothing can be deleted.
        (Root::Marked { mark, identity }, None) => Ok(Stand::Marked(identity, mark.token)),
        (Root::Marked { mark, identity }, Some(token)) if mark.token == *token => match row.root {
            // A device number changes when disks are numbered anew at boot; the inode of one root never does.
            Some((_, inode)) if inode != identity.inode => hold(
                HoldReason::RootReplaced,
                format!(
                    "the directory is another one than before, though it carries the mirror's mark: it may be a partial copy; run `damsync reattach {name}` to join both sides anew without deleting"
                ),
            ),
            _ => Ok(Stand::Marked(identity, mark.token)),
        },
        (Root::Marked { mark, .. }, Some(_)) => hold(
            HoldReason::RootReplaced,
            format!(
                "the directory carries the mark of another mirror (\"{}\"); correct `local`, or run `damsync reattach {name}` to join both sides anew without deleting",
                mark.name
            ),
        ),
    }
}

/// Opens the root, planting the mark first where there is none. `None`: there is nothing to open in a dry run.
///
/// # Errors
/// What the disk says.
pub(crate) async fn enter<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    row: &mut MirrorRow,
    stand: Stand,
    acts: bool,
) -> Result<Option<RootIdentity>, PassError> {
    let (identity, token) = match stand {
        Stand::Marked(identity, token) => (identity, Some(token)),
        Stand::Unmarked(identity) if !acts => (identity, None),
        Stand::Nothing if !acts => return Ok(None),
        Stand::Unmarked(_) | Stand::Nothing => {
            let token = engine.chance.token();
            let mark = Mark { token: token.clone(), name: engine.spec.name.clone() };
            let identity = engine.disk.plant(mark).await?;
            engine.reach(CrashPoint::MarkPlanted)?;
            (identity, Some(token))
        }
    };
    engine.disk.open(identity).await?;
    if acts && let Some(token) = token {
        let seen = Some((identity.device, identity.inode));
        if row.token.as_ref() != Some(&token) || row.root != seen {
            row.token = Some(token);
            row.root = seen;
            let written = row.clone();
            engine.keeper.write(move |tx| tx.update_mirror(&written)).await?;
        }
    }
    Ok(Some(identity))
}

/// Under which the store keeps how names compare.
const FOLDS: &str = "folds";

/// How names compared when the store was last written; every key in it was made so.
///
/// # Errors
/// What the store says.
pub(crate) fn known_folding(tx: &Tx<'_>, mirror: MirrorId) -> Result<Option<Folding>, StoreError> {
    let folds = tx.cursor(mirror, FOLDS)?;
    Ok(folds.map(|folds| if folds == 1 { Folding::CaseFolded } else { Folding::Exact }))
}

/// Names must compare as they did before: under other keys, what is known would look deleted.
///
/// # Errors
/// [`PassError::Held`] with the hold in the report.
pub(crate) async fn compare_as_before<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    mirror: MirrorId,
    folding: Folding,
    acts: bool,
    report: &mut Report,
) -> Result<(), PassError> {
    match engine.keeper.read(move |tx| known_folding(tx, mirror)).await? {
        Some(known) if known == folding => {}
        Some(_) => {
            let name = &engine.spec.name;
            let detail = format!(
                "the file system tells upper from lower case otherwise than before: it is another one, or is mounted otherwise; mount it as it was, or run `damsync reattach {name}` to join both sides anew without deleting"
            );
            report.held.push(HeldItem::mirror(HoldReason::RootReplaced, detail));
            return Err(PassError::Held);
        }
        None if acts => {
            let folds = i64::from(folding == Folding::CaseFolded);
            engine.keeper.write(move |tx| tx.set_cursor(mirror, FOLDS, folds)).await?;
        }
        None => {}
    }
    Ok(())
}
