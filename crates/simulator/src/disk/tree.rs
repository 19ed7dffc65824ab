//! A directory tree as a map of paths, cheap to set aside.

use bytes::Bytes;
use std::collections::BTreeMap;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir {
        /// Inode number.
        inode: u64,
        /// Birth, nanoseconds since 1970.
        birth_ns: i64,
    },
    /// A regular file.
    File(File),
    /// A link, socket, …: says which.
    Other(&'static str),
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Inode number.
    pub inode: u64,
    /// Birth, nanoseconds since 1970.
    pub birth_ns: i64,
    /// Modified, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Changed, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// What it holds.
    pub data: Bytes,
    /// Its bytes would survive a power cut.
    pub synced: bool,
}

/// Paths below the root, without a leading slash, and what stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Node>);

/// The directory that holds a path; empty for the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Tree {
    /// What stands there.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.0.get(path)
    }

    /// The regular file there.
    pub fn file(&self, path: &str) -> Option<&File> {
        match self.0.get(path) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    /// Whether it is a directory; the root always is.
    pub fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || matches!(self.0.get(path), Some(Node::Dir { .. }))
    }

    /// Everything below a directory, at any depth.
    pub fn below<'a>(&'a self, dir: &str) -> impl Iterator<Item = (&'a String, &'a Node)> + use<'a> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        self.0.range(prefix.clone()..).take_while(move |(path, _)| path.starts_with(&prefix))
    }

    /// Names directly in a directory.
    pub fn children<'a>(&'a self, dir: &str) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        let start = if dir.is_empty() { 0 } else { dir.len() + 1 };
        self.below(dir).map(move |(path, node)| (&path[start..], node)).filter(|(name, _)| !name.contains('/'))
    }
}
