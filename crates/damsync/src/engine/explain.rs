//! `explain` and `conflicts`: what the store knows of one path, and of the open conflicts. They ask nobody, and change
//! nothing.

use super::EngineError;
use super::overview::asked;
use crate::config::{Config, Mirror};
use damsync_disk::Disk;
use damsync_model::path::MirrorPath;
use damsync_model::planner::Rules;
use damsync_ports::LocalSide;
use damsync_reconciler::explain::{Explanation, explain as read};
use damsync_reconciler::{OpenConflict, open_conflicts};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// A path in a mirror, with what is known of it.
#[derive(Debug)]
pub struct Explained {
    /// The mirror.
    pub mirror: String,
    /// Below its root.
    pub path: MirrorPath,
    /// What stands on the disk now where that is no regular file and no directory, in a few words.
    pub odd: Option<&'static str>,
    /// `None` before the mirror's first pass.
    pub explanation: Option<Explanation>,
}

/// What is known of a path. `path` is absolute.
pub fn explain(config: &Config, path: &Path) -> Result<Explained, EngineError> {
    let outside = || EngineError::Configuration(format!("{} lies in no mirror of the configuration", path.display()));
    let (mirror, below) = located(config, path).ok_or_else(outside)?;
    let kind = path.symlink_metadata().ok().map(|found| found.file_type());
    let odd = match (kind, below.to_str().and_then(MirrorPath::parse)) {
        (_, None) => Some("a name that is not UTF-8"),
        (Some(kind), _) if kind.is_symlink() => Some("a symbolic link"),
        (Some(kind), _) if !kind.is_file() && !kind.is_dir() => Some("not a regular file"),
        _ => None,
    };
    let below = MirrorPath::parse(&below.to_string_lossy()).ok_or_else(outside)?;
    let settings = damsync_disk::Settings { root: mirror.local.clone(), ignore: mirror.ignore.clone() };
    let disk = Disk::new(settings).map_err(|bad| EngineError::Configuration(bad.to_string()))?;
    let is_dir = kind.is_some_and(|kind| kind.is_dir());
    let capabilities = damsync_remote::capabilities();
    let rules = Rules { policy: &mirror.policy, capabilities: &capabilities };
    let explanation = asked(config, |tx| match tx {
        Some(tx) => read(tx, &mirror.name, &below, rules, |path| disk.is_ignored(path, is_dir)),
        None => Ok(None),
    })?;
    Ok(Explained { mirror: mirror.name.clone(), path: below, odd, explanation })
}

/// The mirror that a path lies in, and where: by its words, else by what they lead to.
fn located<'c>(config: &'c Config, path: &Path) -> Option<(&'c Mirror, PathBuf)> {
    let plain = without_dots(path);
    let by_words = config
        .mirrors
        .iter()
        .find_map(|mirror| Some((mirror, plain.strip_prefix(without_dots(&mirror.local)).ok()?.to_owned())));
    by_words.or_else(|| {
        let real = resolved(&plain);
        config.mirrors.iter().find_map(|mirror| {
            let root = mirror.local.canonicalize().ok()?;
            Some((mirror, real.strip_prefix(root).ok()?.to_owned()))
        })
    })
}

/// `a/./b/../c` is `a/c`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// With the links above it resolved, as far as it exists; the path itself may be a link that is asked about.
fn resolved(path: &Path) -> PathBuf {
    let mut missing: Vec<&OsStr> = Vec::new();
    let mut at = path;
    while let (Some(parent), Some(name)) = (at.parent(), at.file_name()) {
        missing.push(name);
        if let Ok(real) = parent.canonicalize() {
            return missing.iter().rev().fold(real, |real, name| real.join(name));
        }
        at = parent;
    }
    path.to_owned()
}

/// The open conflicts of every mirror.
pub fn conflicts(config: &Config) -> Result<Vec<(String, Vec<OpenConflict>)>, EngineError> {
    asked(config, |tx| {
        let of = |mirror: &Mirror| match tx {
            Some(tx) => open_conflicts(tx, &mirror.name),
            None => Ok(Vec::new()),
        };
        config.mirrors.iter().map(|mirror| Ok((mirror.name.clone(), of(mirror)?))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lead_nowhere_else() {
        for (path, plain) in [("/a/./b/../c", "/a/c"), ("/..", "/"), ("/a/b/../../c", "/c"), ("/a", "/a")] {
            assert_eq!(without_dots(Path::new(path)), Path::new(plain), "{path}");
        }
    }

    #[test]
    fn links_above_a_path_are_resolved_and_the_path_itself_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        assert_eq!(resolved(&root.join("link/new/file")), root.join("real/new/file"));
        assert_eq!(resolved(&root.join("link")), root.join("link"));
    }
}
