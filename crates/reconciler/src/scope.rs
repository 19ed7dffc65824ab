//! What a mirror is bound to: one organization, one storage folder, seen by one user.

use crate::folders::Folders;
use crate::guard::fnv1a;
use crate::pass::{Engine, PassError};
use crate::report::{HeldItem, Report};
use crate::spec::FolderChoice;
use damsync_model::id::StorageFolderId;
use damsync_model::name::Folding;
use damsync_model::plan::HoldReason;
use damsync_ports::{Identity, LocalSide, RemoteFolder, RemoteSide, Scope};
use damsync_store::{FolderRow, LocalDir, MirrorRow, RemoteDir};

/// A mirror's binding for this pass.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Which assets are meant.
    pub scope: Scope,
    /// Deletions of this pass are held: why.
    pub no_deletions: Option<HoldReason>,
}

/// Finds the configured storage folder and compares with what the mirror was bound to before.
///
/// # Errors
/// [`PassError::Configuration`] for a folder that does not exist and never was mirrored; [`PassError::Held`] where
/// something else stands behind the name, or the folder can no longer be seen.
pub(crate) async fn bind<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    row: &mut MirrorRow,
    identity: &Identity,
    folders: &[RemoteFolder],
    report: &mut Report,
) -> Result<Binding, PassError> {
    let choice = &engine.spec.storage_folder;
    let found = match choice {
        FolderChoice::Everything => None,
        choice => Some(choice.find(folders).map(|folder| folder.id.clone())),
    };
    let name = &engine.spec.name;
    let mut hold = |reason, detail: String| {
        report.held.push(HeldItem::mirror(reason, detail));
        Err(PassError::Held)
    };
    let bound_before = row.remote.is_some();
    let words = words_of(&engine.spec.storage_folder);
    let mirror = row.id;
    let words_before = engine.keeper.read(move |tx| tx.cursor(mirror, WORDS)).await?;
    let reworded = words_before.is_some_and(|before| before != words);
    let folder = match found {
        None if bound_before && row.storage_folder.is_some() => {
            return hold(
                HoldReason::RemoteReplaced,
                format!(
                    "it showed one storage folder until now, and is to show every one; run `damsync reattach {name}` if that is meant"
                ),
            );
        }
        None => None,
        Some(Some(id)) => match &row.storage_folder {
            bound if bound_before && bound.as_ref() != Some(&id) => {
                return hold(
                    HoldReason::RemoteReplaced,
                    format!(
                        "another storage folder stands behind \"{}\" now; run `damsync reattach {name}` if that is meant",
                        engine.spec.storage_folder
                    ),
                );
            }
            _ => Some(id),
        },
        // Renamed or moved there: the folder is known by its id. Unless it is the configuration that says something else now.
        Some(None) if bound_before && row.storage_folder.is_some() && !reworded => match &row.storage_folder {
            Some(bound) if folders.iter().any(|folder| folder.id == *bound) => Some(bound.clone()),
            _ => {
                return hold(
                    HoldReason::AccessLost,
                    format!(
                        "the storage folder \"{}\" can no longer be seen; nothing is deleted here",
                        engine.spec.storage_folder
                    ),
                );
            }
        },
        Some(None) => {
            return Err(PassError::Configuration(format!(
                "the storage folder \"{}\" of mirror \"{name}\" does not exist on the server (or cannot be seen with this token); create it there or correct `storage_folder`",
                engine.spec.storage_folder
            )));
        }
    };
    if bound_before
        && let Some(id) = &folder
        && let Some(outer) = overlapping(engine, id, folders).await?
    {
        return hold(
            HoldReason::Overlap,
            format!(
                "its storage folder lies in that of mirror \"{outer}\" now; move one of them out on the server, or change the configuration"
            ),
        );
    }
    let remote = identity.organization.clone();
    if row.remote.as_ref().is_some_and(|bound| *bound != remote) {
        return hold(
            HoldReason::RemoteReplaced,
            format!("the mirror belongs to another organization; run `damsync reattach {name}` if the change is meant"),
        );
    }
    let other_user = row.user.as_ref().is_some_and(|user| *user != identity.user);
    if other_user {
        report.held.push(HeldItem::mirror(
            HoldReason::IdentityChanged,
            format!("the token is another user's: deletions are held until `damsync reattach {name}`"),
        ));
    }
    if words_before != Some(words) {
        engine.keeper.write(move |tx| tx.set_cursor(mirror, WORDS, words)).await?;
    }
    if !bound_before {
        row.remote = Some(remote);
        row.storage_folder.clone_from(&folder);
        row.user = Some(identity.user.clone());
        let written = row.clone();
        engine.keeper.write(move |tx| tx.update_mirror(&written)).await?;
    }
    Ok(Binding {
        scope: folder.map_or(Scope::Everything, Scope::Below),
        no_deletions: other_user.then_some(HoldReason::IdentityChanged),
    })
}

/// What the configuration called the storage folder when it was last found.
const WORDS: &str = "storage_folder_words";

fn words_of(choice: &FolderChoice) -> i64 {
    fnv1a(0, choice.to_string().as_bytes()).cast_signed()
}

/// The mirror in whose storage folder this one came to lie: it was refused where it lay there from the start.
async fn overlapping<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    id: &StorageFolderId,
    folders: &[RemoteFolder],
) -> Result<Option<String>, PassError> {
    let Some(folder) = folders.iter().find(|folder| folder.id == *id) else { return Ok(None) };
    let mut within = folder.ancestors.clone();
    within.push(id.clone());
    let others = engine.spec.beside.clone();
    let outer = engine.keeper.read(move |tx| {
        for name in others {
            let bound = tx.known_mirror(&name)?.and_then(|row| row.storage_folder);
            if bound.is_some_and(|bound| within.contains(&bound)) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    });
    Ok(outer.await?)
}

/// The binding of an earlier pass, for one that does not ask.
///
/// # Errors
/// [`PassError::Configuration`] for a mirror that was never bound.
pub(crate) fn bound(row: &MirrorRow, no_deletions: Option<HoldReason>) -> Result<Binding, PassError> {
    if row.remote.is_none() {
        return Err(PassError::Configuration(format!("mirror \"{}\" was never bound to a server", row.name)));
    }
    let scope = row.storage_folder.clone().map_or(Scope::Everything, Scope::Below);
    Ok(Binding { scope, no_deletions })
}

/// Reads the directories from the store; the root's row is made with the mirror.
///
/// # Errors
/// What the store says.
pub(crate) async fn load<D: LocalSide, R: RemoteSide>(
    engine: &Engine<D, R>,
    row: &MirrorRow,
    folding: Folding,
) -> Result<Folders, PassError> {
    let mirror = row.id;
    let storage_folder = row.storage_folder.clone();
    let rows = engine
        .keeper
        .write(move |tx| {
            let rows = tx.folders(mirror)?;
            if rows.iter().any(is_root) {
                return Ok(rows);
            }
            let root = FolderRow {
                id: tx.new_folder(mirror)?,
                agreed: true,
                local: Some(LocalDir { parent: None, name: String::new(), inode: 0, birth_ns: 0 }),
                local_unknown: None,
                remote: Some(RemoteDir {
                    id: storage_folder,
                    parent: None,
                    name: String::new(),
                    given_name: String::new(),
                    contribution: None,
                    organizer: true,
                    editable: None,
                }),
                remote_unknown: None,
            };
            tx.put_folder(&root)?;
            tx.folders(mirror)
        })
        .await?;
    let root = rows.iter().find(|row| is_root(row)).map(|row| row.id);
    let root = root.ok_or(damsync_store::StoreError::Nonsense("a mirror without a root"))?;
    Ok(Folders::new(rows, root, folding))
}

pub(crate) fn is_root(row: &FolderRow) -> bool {
    row.local.as_ref().is_some_and(|local| local.parent.is_none() && local.name.is_empty())
}
