//! Nothing belongs to two mirrors, and nothing of ours lies in one.
//!
//! Storage folders given by name are compared here. What needs the server (ids against names, ancestors) is compared
//! by the engine once it has the folder list.

use super::error::ConfigError;
use super::resolved::Mirror;
use super::values::StorageFolder;
use std::path::{Path, PathBuf};

/// The path with every link in its existing part resolved. What does not exist yet cannot be a link.
pub fn without_links(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        if let Ok(real) = existing.canonicalize() {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                existing = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

/// Checks every pair of mirrors.
pub fn check_mirrors(mirrors: &[Mirror]) -> Result<(), ConfigError> {
    let roots: Vec<PathBuf> = mirrors.iter().map(|mirror| without_links(&mirror.local)).collect();
    for (index, one) in mirrors.iter().enumerate() {
        for (other_index, other) in mirrors.iter().enumerate().skip(index + 1) {
            check_roots(one, &roots[index], other, &roots[other_index])?;
            check_folders(one, other)?;
        }
    }
    Ok(())
}

fn check_roots(one: &Mirror, root: &Path, other: &Mirror, other_root: &Path) -> Result<(), ConfigError> {
    let (outer, inner) = if other_root.starts_with(root) {
        (root, other_root)
    } else if root.starts_with(other_root) {
        (other_root, root)
    } else {
        return Ok(());
    };
    Err(ConfigError::LocalOverlap {
        first: one.name.clone(),
        second: other.name.clone(),
        outer: outer.to_owned(),
        inner: inner.to_owned(),
    })
}

fn check_folders(one: &Mirror, other: &Mirror) -> Result<(), ConfigError> {
    let (outer, inner) = if lies_in(one.storage_folder.as_ref(), other.storage_folder.as_ref()) {
        (other, one)
    } else if lies_in(other.storage_folder.as_ref(), one.storage_folder.as_ref()) {
        (one, other)
    } else {
        return Ok(());
    };
    let words =
        |mirror: &Mirror| mirror.storage_folder.as_ref().map_or("everything".to_owned(), StorageFolder::to_string);
    Err(ConfigError::FolderOverlap {
        first: one.name.clone(),
        second: other.name.clone(),
        outer: words(outer),
        inner: words(inner),
    })
}

/// Whether `inner` certainly equals or lies below `outer`; `None` is everything.
fn lies_in(inner: Option<&StorageFolder>, outer: Option<&StorageFolder>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (Some(StorageFolder::Id(inner)), Some(StorageFolder::Id(outer))) => inner == outer,
        (Some(StorageFolder::Path(inner)), Some(StorageFolder::Path(outer))) => {
            inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => false,
    }
}

/// Refuses a file or directory of ours that a mirror would upload.
pub fn check_outside(key: &'static str, path: &Path, mirrors: &[Mirror]) -> Result<(), ConfigError> {
    let real = without_links(path);
    match mirrors.iter().find(|mirror| real.starts_with(without_links(&mirror.local))) {
        Some(mirror) => Err(ConfigError::InsideMirror { key, path: path.to_owned(), mirror: mirror.name.clone() }),
        None => Ok(()),
    }
}

/// Checks that the state directory and the mirrors keep apart.
pub fn check_state_dir(state_dir: &Path, mirrors: &[Mirror]) -> Result<(), ConfigError> {
    check_outside("state_dir", state_dir, mirrors)?;
    let real = without_links(state_dir);
    match mirrors.iter().find(|mirror| without_links(&mirror.local).starts_with(&real)) {
        Some(mirror) => {
            Err(ConfigError::MirrorInsideState { mirror: mirror.name.clone(), state_dir: state_dir.to_owned() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_overlap_by_whole_names_only() {
        let path = |text: &str| Some(StorageFolder::Path(text.to_owned()));
        let id = |number| Some(StorageFolder::Id(number));
        for (inner, outer, overlap) in [
            (path("A"), path("A"), true),
            (path("A/B"), path("A"), true),
            (path("AB"), path("A"), false),
            (path("A"), path("A/B"), false),
            (path("A"), None, true),
            (None, None, true),
            (None, path("A"), false),
            (id(7), id(7), true),
            (id(7), id(8), false),
            (id(7), path("7"), false),
        ] {
            assert_eq!(lies_in(inner.as_ref(), outer.as_ref()), overlap, "{inner:?} in {outer:?}");
        }
    }

    #[test]
    fn links_are_resolved_as_far_as_a_path_exists() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("disk")).unwrap();
        std::os::unix::fs::symlink(real.join("disk"), real.join("link")).unwrap();
        assert_eq!(without_links(&real.join("link/a/b")), real.join("disk/a/b"));
        assert_eq!(without_links(&real.join("disk/../link/a")), real.join("disk/a"));
    }
}
