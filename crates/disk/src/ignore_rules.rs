//! What the user leaves out: the configuration's patterns and the `.damsyncignore` files, in gitignore's syntax.
//!
//! - The nearest file that says anything about a name decides; the configuration comes last.
//! - A directory that is left out is left out whole: nothing below it can be taken in again.
//! - Rules that cannot be read are an error of the directory: a name that should be left out must not be uploaded.
//! - Memory grows with the number of `.damsyncignore` files, not with the number of directories.

use crate::beneath::{Beneath, is_ours};
use crate::look;
use damsync_model::name::IGNORE_FILE as FILE;
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::LocalError;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, PoisonError, RwLock};

/// A longer file is refused.
const MAX_BYTES: u64 = 1024 * 1024;

/// A pattern of the configuration that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is no gitignore pattern: {cause}")]
pub struct BadPattern {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub cause: ignore::Error,
}

#[derive(Clone, Debug)]
struct Loaded {
    stat: Stat,
    rules: Arc<Gitignore>,
}

/// All rules known so far.
#[derive(Debug)]
pub(crate) struct IgnoreRules {
    configured: Arc<Gitignore>,
    files: RwLock<BTreeMap<String, Loaded>>,
}

/// The rules that speak about one directory's names, nearest first, each with where its own paths begin.
pub(crate) struct Speaking(Vec<(usize, Arc<Gitignore>)>);

impl Speaking {
    /// Whether a path is left out. Its parents are not looked at.
    pub(crate) fn leaves_out(&self, path: &str, is_dir: bool) -> bool {
        for (begin, rules) in &self.0 {
            match rules.matched(&path[*begin..], is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

fn builder() -> GitignoreBuilder {
    // `.` is the one root from which nothing is stripped.
    GitignoreBuilder::new(".")
}

impl IgnoreRules {
    /// The configuration's rules.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, BadPattern> {
        let mut rules = builder();
        for pattern in patterns {
            rules.add_line(None, pattern).map_err(|cause| BadPattern { pattern: pattern.clone(), cause })?;
        }
        let configured = rules.build().map_err(|cause| BadPattern { pattern: patterns.join("\n"), cause })?;
        Ok(Self { configured: Arc::new(configured), files: RwLock::default() })
    }

    /// Reads a directory's file, if it has one that changed since.
    pub(crate) fn refresh(&self, root: &Beneath, path: &MirrorPath, dir: &OwnedFd) -> Result<(), LocalError> {
        let fail =
            |cause: io::Error| LocalError::Io { what: "read the ignore rules of", path: path.to_string(), cause };
        let seen = match look::at(dir, FILE) {
            Ok(seen) if seen.kind == FileType::RegularFile && !seen.is_elsewhere(root.identity().device) => seen,
            Ok(seen) => {
                tracing::warn!(path = %path, found = look::kind_name(seen.kind), "ignore rules that are no regular file are not read");
                self.forget(path);
                return Ok(());
            }
            Err(Errno::NOENT) => {
                self.forget(path);
                return Ok(());
            }
            Err(errno) => return Err(fail(errno.into())),
        };
        {
            let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
            if files.get(path.as_str()).is_some_and(|loaded| loaded.stat == seen.stat) {
                return Ok(());
            }
        }
        let (stat, text) = read(dir).map_err(fail)?;
        let rules = parse(path, &text).map_err(|cause| {
            self.forget(path);
            fail(io::Error::new(io::ErrorKind::InvalidData, format!("they cannot be used together: {cause}")))
        })?;
        let rules = Arc::new(rules);
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.as_str().to_owned(), Loaded { stat, rules });
        Ok(())
    }

    fn forget(&self, path: &MirrorPath) {
        let known = self.files.read().unwrap_or_else(PoisonError::into_inner).contains_key(path.as_str());
        if known {
            self.files.write().unwrap_or_else(PoisonError::into_inner).remove(path.as_str());
        }
    }

    /// These rules, except that a directory's file says something else.
    pub(crate) fn with(&self, dir: &MirrorPath, text: &str) -> Self {
        let mut files = self.files.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Rules that cannot be used leave nothing out: once the file has them, listing its directory is an error.
        let rules = parse(dir, text).unwrap_or_else(|_| Gitignore::empty());
        let loaded = Loaded { stat: Stat::default(), rules: Arc::new(rules) };
        files.insert(dir.as_str().to_owned(), loaded);
        Self { configured: Arc::clone(&self.configured), files: RwLock::new(files) }
    }

    /// The rules for the names in a directory.
    pub(crate) fn speaking(&self, dir: &MirrorPath) -> Speaking {
        let mut levels = vec![(0, Arc::clone(&self.configured))];
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        if !files.is_empty() {
            let dir = dir.as_str();
            let ends = std::iter::once(0).chain(dir.match_indices('/').map(|(at, _)| at));
            for end in ends.chain((!dir.is_empty()).then_some(dir.len())) {
                if let Some(loaded) = files.get(&dir[..end]) {
                    levels.push((if end == 0 { 0 } else { end + 1 }, Arc::clone(&loaded.rules)));
                }
            }
        }
        levels.reverse();
        levels.retain(|(_, rules)| !rules.is_empty());
        Speaking(levels)
    }

    /// Whether a path, or a directory above it, is left out. What is ours is left out always.
    pub(crate) fn leaves_out(&self, path: &MirrorPath, is_dir: bool) -> bool {
        if is_ours(path) {
            return true;
        }
        let Some(parent) = path.parent() else { return false };
        let speaking = self.speaking(&parent);
        let text = path.as_str();
        let above = text.match_indices('/').map(|(at, _)| &text[..at]);
        // The rules of a directory below have nothing to say about a directory above them.
        above.chain([text]).any(|prefix| {
            let is_dir = is_dir || prefix.len() < text.len();
            speaking.0.iter().filter(|(begin, _)| *begin < prefix.len()).find_map(|(begin, rules)| {
                match rules.matched(&prefix[*begin..], is_dir) {
                    Match::Ignore(_) => Some(true),
                    Match::Whitelist(_) => Some(false),
                    Match::None => None,
                }
            }) == Some(true)
        })
    }
}

fn read(dir: &OwnedFd) -> io::Result<(Stat, String)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(dir, FILE, flags, Mode::empty())?);
    let seen = look::of(&file)?;
    if seen.kind != FileType::RegularFile || seen.stat.size > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is larger than {MAX_BYTES} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((seen.stat, String::from_utf8_lossy(&bytes).into_owned()))
}

fn parse(path: &MirrorPath, text: &str) -> Result<Gitignore, ignore::Error> {
    let mut rules = builder();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if let Err(error) = rules.add_line(None, line) {
            tracing::warn!(path = %path, line = number + 1, %error, "a line of the ignore rules is no pattern");
        }
    }
    rules.build()
}
