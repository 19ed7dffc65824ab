//! One mirror: its directory, its mark, its storage folder, and the file system below it.

use super::check::Check;
use super::server::Asked;
use super::{file_system, watching};
use crate::commands::access;
use crate::config::{Mirror, StorageFolder};
use crate::engine::{self, Examined, Whereabouts};
use crate::exit::Exit;
use damsync_model::name::OURS;
use damsync_ports::{RemoteFolder, Root};
use damsync_store::MirrorRow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const ROOT: &str = "root";
const MARK: &str = "mark";
const STORAGE_FOLDER: &str = "storage_folder";
const BINDING: &str = "binding";
const TRASH: &str = "trash";

/// Every check of one mirror. `examined` is `None` where the database told nothing.
pub async fn all(mirror: &Mirror, examined: Option<&Examined>, asked: &Asked) -> Vec<Check> {
    let row = examined.and_then(|examined| examined.mirrors.get(&mirror.name));
    let (root, folding) = match engine::look_at(mirror).await {
        Ok((root, folding)) => (root, folding),
        Err(error) => (Root::Unusable(error.to_string()), None),
    };
    let mut checks = vec![directory(mirror, &root, row), mark(mirror, &root, row)];
    checks.push(storage_folder(mirror, row, asked));
    checks.extend(binding(mirror, row, asked));
    // Before the first pass makes the directory, the one above it has the same file system.
    let nearest = mirror.local.ancestors().find(|path| path.metadata().is_ok()).unwrap_or(&mirror.local);
    checks.push(file_system::free_space(nearest, mirror.min_free));
    checks.push(file_system::kind(nearest));
    checks.push(file_system::case(folding));
    checks.push(file_system::birth_time(nearest));
    checks.push(file_system::extended_attributes(nearest));
    checks.push(trash(&mirror.local));
    checks.push(watching::events(nearest));
    checks.into_iter().map(|check| check.of(&mirror.name)).collect()
}

/// What brings a mirror back whose directory is not what it was.
fn come_back(mirror: &Mirror) -> String {
    format!(
        "mount or restore it, or run `damsync reattach {}` to join both sides anew without deleting anything",
        mirror.name
    )
}

fn mirrored_before(row: Option<&MirrorRow>) -> bool {
    row.is_some_and(|row| row.token.is_some())
}

fn directory(mirror: &Mirror, root: &Root, row: Option<&MirrorRow>) -> Check {
    let shown = mirror.local.display();
    match (root, access::directory(&mirror.local)) {
        (Root::Missing, _) if mirrored_before(row) => {
            Check::failed(ROOT, Exit::Remains, format!("{shown} is gone, and was mirrored before"), come_back(mirror))
        }
        (Root::Missing, Ok(_)) => Check::ok(ROOT, format!("{shown} is not there yet; the first pass makes it")),
        (_, Err(why)) => {
            let remedy = format!("make {shown} usable for this user, or correct `local`");
            Check::failed(ROOT, Exit::Remains, format!("{shown}: {why}"), remedy)
        }
        (_, Ok(_)) => Check::ok(ROOT, format!("{shown} is a directory that can be read and written")),
    }
}

fn mark(mirror: &Mirror, root: &Root, row: Option<&MirrorRow>) -> Check {
    let failed = |seen: String| Check::failed(MARK, Exit::Remains, seen, come_back(mirror));
    let expected = row.and_then(|row| row.token.as_ref());
    match (root, expected) {
        (Root::Missing | Root::Unmarked { .. }, None) => Check::ok(MARK, "none yet; the first pass leaves it"),
        (Root::Missing, Some(_)) => Check::waits_for(MARK, ROOT),
        (Root::Unmarked { .. }, Some(_)) => {
            failed(format!("{OURS}/mirror.json is missing: the disk is not mounted, or the directory was replaced"))
        }
        (Root::Unusable(_), _) if access::directory(&mirror.local).is_err() => Check::waits_for(MARK, ROOT),
        (Root::Unusable(why), _) => failed(format!("it cannot be read: {why}")),
        (Root::Marked { .. }, None) => Check::ok(
            MARK,
            "the directory carries a mark that this state directory does not know; the next pass takes it over and deletes nothing",
        ),
        (Root::Marked { mark, .. }, Some(token)) if mark.token != *token => {
            failed(format!("the directory carries the mark of another mirror ({:?})", mark.name))
        }
        (Root::Marked { identity, .. }, Some(_)) => match row.and_then(|row| row.root) {
            Some((_, inode)) if inode != identity.inode => {
                failed("the directory carries the mark, but is another one than before".to_owned())
            }
            _ => Check::ok(MARK, "it is there, and ours"),
        },
    }
}

fn storage_folder(mirror: &Mirror, row: Option<&MirrorRow>, asked: &Asked) -> Check {
    let folders = match &asked.folders {
        Ok(folders) => folders,
        Err(because) => return Check::waits_for(STORAGE_FOLDER, because),
    };
    let path_of = |folder: &RemoteFolder| {
        let paths = engine::folder_paths(folders);
        paths.into_iter().find(|(_, other)| other.id == folder.id).map_or_else(|| folder.name.clone(), |(path, _)| path)
    };
    match engine::whereabouts(mirror, folders) {
        Whereabouts::Everything => Check::ok(STORAGE_FOLDER, format!("everything: {} folders", folders.len())),
        Whereabouts::Found(folder) => {
            let only = if folder.organizer {
                "; it holds folders only, so files at the top of the mirror stay here"
            } else {
                ""
            };
            Check::ok(STORAGE_FOLDER, format!("{} (id {}){only}", path_of(&folder), folder.id))
        }
        Whereabouts::Nowhere => {
            let asked_for = mirror.storage_folder.as_ref().map_or_else(String::new, StorageFolder::to_string);
            let bound = row.and_then(|row| row.storage_folder.as_ref());
            match bound.map(|id| folders.iter().find(|folder| folder.id == *id)) {
                Some(Some(folder)) => Check::warning(
                    STORAGE_FOLDER,
                    format!("{asked_for} is called {} now (id {})", path_of(folder), folder.id),
                    format!("write storage_folder = {:?}, or the id, into the configuration", path_of(folder)),
                ),
                Some(None) => Check::failed(
                    STORAGE_FOLDER,
                    Exit::Remains,
                    format!("{asked_for} was mirrored before, and can no longer be seen"),
                    "let this user see it again on the server, or restore it there; nothing is deleted here meanwhile",
                ),
                None => Check::failed(
                    STORAGE_FOLDER,
                    Exit::Usage,
                    format!("{asked_for} does not exist on the server, or cannot be seen with this token"),
                    "create it there, or correct `storage_folder`",
                ),
            }
        }
    }
}

/// Whether organization and user are those of the last good pass; nothing where there was none, or nobody was asked.
fn binding(mirror: &Mirror, row: Option<&MirrorRow>, asked: &Asked) -> Option<Check> {
    let (row, identity) = (row?, &asked.account.as_ref()?.identity);
    let bound = row.remote.as_ref()?;
    let remedy = || format!("run `damsync reattach {}` if the change is meant, else use the former token", mirror.name);
    Some(if *bound != identity.organization {
        let seen = format!("the mirror belongs to organization {bound}, and the token to {}", identity.organization);
        Check::failed(BINDING, Exit::Remains, seen, remedy())
    } else if row.user.as_ref().is_some_and(|user| *user != identity.user) {
        Check::warning(BINDING, "the token is another user's than before, so deletions are held", remedy())
    } else {
        Check::ok(BINDING, "organization and user are those of the last pass")
    })
}

/// Whether a file can go to the trash by a rename.
fn trash(root: &Path) -> Check {
    let Ok(top) = root.metadata() else {
        return Check::ok(TRASH, "it will be in the mirror's directory, on the same file system");
    };
    let ours = root.join(OURS);
    let elsewhere = [ours.clone(), ours.join("trash"), ours.join("partial")]
        .into_iter()
        .find(|path| path.symlink_metadata().is_ok_and(|found| found.dev() != top.dev() || !found.is_dir()));
    match elsewhere {
        None => Check::ok(TRASH, format!("{OURS}/trash is on the mirror's file system")),
        Some(path) => Check::failed(
            TRASH,
            Exit::Remains,
            format!("{} is a link or a file, or on another file system than the mirror", path.display()),
            format!("unmount or remove what stands at {}", path.display()),
        ),
    }
}
