//! How the tree changes, which inode and times things get, and what a crash leaves of it.

use super::tree::{File, Node, Tree, parent};
use crate::dice::Dice;
use crate::time::Time;
use bytes::Bytes;
use damsync_model::mutation::Mutation;
use damsync_model::name::{Folding, NameKey};
use damsync_model::path::MirrorPath;
use damsync_model::tree::Stat;
use damsync_ports::RootIdentity;
use std::collections::{BTreeMap, BTreeSet};

/// What kind of file system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// File times are multiples of this.
    pub grain_ns: i64,
    /// The number of a removed file is given to the next new one.
    pub reuses_inodes: bool,
    /// Whether it takes `A` and `a` for one name. Each name stays as it was written.
    pub folding: Folding,
}

/// How a program may end that did not want to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The program was killed: the disk stays as it is, and the system writes back in time what was not durable yet.
    Kill,
    /// The machine lost power: what was not durable may be gone.
    PowerCut,
}

/// The disk's whole state.
#[derive(Debug)]
pub struct State {
    /// What stands where.
    pub tree: Tree,
    /// The trees before each change that is not durable yet, oldest first.
    before: Vec<Tree>,
    /// Directories that cannot be listed.
    pub denied: BTreeSet<String>,
    /// Another, empty directory stands in the root's place.
    pub unmounted: bool,
    /// Files that a person put where none was, and whether the daemon has looked there since.
    put_here: BTreeMap<String, bool>,
    /// Files that a program wrote to through a mapping: their times follow later.
    mapped: BTreeSet<String>,
    /// Directories in which something changed since they were last asked for.
    pub touched: BTreeSet<String>,
    nature: Nature,
    next_inode: u64,
    freed: Vec<u64>,
    time: Time,
}

/// The root when everything is as it should be.
pub const ROOT: RootIdentity = RootIdentity { device: 1, inode: 2 };

impl State {
    /// An empty directory.
    pub fn new(nature: Nature, time: Time) -> Self {
        Self {
            tree: Tree::default(),
            before: Vec::new(),
            denied: BTreeSet::new(),
            put_here: BTreeMap::new(),
            mapped: BTreeSet::new(),
            unmounted: false,
            touched: BTreeSet::new(),
            nature,
            next_inode: 10,
            freed: Vec::new(),
            time,
        }
    }

    /// How names compare.
    pub const fn folding(&self) -> Folding {
        self.nature.folding
    }

    /// A path as it is written, where it stands under other cases of its names.
    pub fn as_written(&self, path: &str) -> String {
        if self.nature.folding == Folding::Exact {
            return path.to_owned();
        }
        let key = |name: &str| NameKey::of(name, Folding::CaseFolded);
        path.split('/').fold(String::new(), |dir, name| {
            let standing = self.tree.children(&dir).map(|(other, _)| other).find(|other| key(other) == key(name));
            let name = standing.unwrap_or(name).to_owned();
            if dir.is_empty() { name } else { format!("{dir}/{name}") }
        })
    }

    /// The same of a path below the root.
    pub fn standing(&self, path: &MirrorPath) -> MirrorPath {
        MirrorPath::parse(&self.as_written(path.as_str())).unwrap_or_else(|| path.clone())
    }

    /// The file system's clock.
    pub fn now_ns(&self) -> i64 {
        let now = self.time.ns();
        now - now.rem_euclid(self.nature.grain_ns)
    }

    fn new_inode(&mut self) -> u64 {
        match self.freed.pop() {
            Some(inode) if self.nature.reuses_inodes => inode,
            _ => {
                self.next_inode += 1;
                self.next_inode
            }
        }
    }

    /// A new file's node, standing nowhere yet.
    pub fn new_file(&mut self, data: Bytes) -> File {
        let now = self.now_ns();
        File { inode: self.new_inode(), birth_ns: now, mtime_ns: now, ctime_ns: now, data, synced: false }
    }

    /// Puts something at a path, in place of what stands there.
    pub fn put(&mut self, path: &str, node: Node) {
        self.mapped.remove(path);
        self.touched.insert(parent(path).to_owned());
        let new = inode_of(&node);
        let old = self.tree.0.insert(path.to_owned(), node).as_ref().and_then(inode_of);
        if let Some(old) = old.filter(|old| Some(*old) != new) {
            self.freed.push(old);
        }
    }

    /// Removes what stands at a path, whose inode becomes free.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        self.put_here.remove(path);
        let node = self.lift(path)?;
        self.freed.extend(inode_of(&node));
        Some(node)
    }

    /// Takes what stands at a path away, to be put elsewhere.
    pub fn lift(&mut self, path: &str) -> Option<Node> {
        self.mapped.remove(path);
        self.touched.insert(parent(path).to_owned());
        self.tree.0.remove(path)
    }

    /// A person put a file where none was.
    pub(super) fn put_by_person(&mut self, path: &str) {
        if self.tree.file(path).is_none() {
            self.put_here.insert(path.to_owned(), false);
        }
    }

    /// The daemon moves a file.
    pub(super) fn not_put_by_person(&mut self, from: &str, to: &str) {
        self.put_here.remove(from);
        self.put_here.remove(to);
    }

    /// The daemon looks at what stands at a path.
    pub(super) fn looked_at(&mut self, path: &str) {
        if let Some(seen) = self.put_here.get_mut(path) {
            *seen = true;
        }
    }

    /// Whether a file stands there that a person put there, and that the daemon has looked at since.
    pub fn has_seen_put(&self, path: &str) -> bool {
        self.tree.file(path).is_some() && self.put_here.get(path) == Some(&true)
    }

    /// A program writes through a mapping: other bytes of the same length, and the times stay for a while.
    pub fn write_mapped(&mut self, path: &str, data: Bytes) {
        if let Some(Node::File(file)) = self.tree.0.get_mut(path) {
            file.data = data;
            self.mapped.insert(path.to_owned());
        }
    }

    /// Whether a file's times do not tell yet of what was written to it.
    pub(super) fn is_mapped(&self, path: &str) -> bool {
        self.mapped.contains(path)
    }

    /// The system writes back what was written through mappings: now the times tell of it.
    pub fn write_back(&mut self) {
        for path in std::mem::take(&mut self.mapped) {
            self.touch(&path);
        }
    }

    /// Makes a directory.
    pub fn make_dir(&mut self, path: &str) {
        let (inode, birth_ns) = (self.new_inode(), self.now_ns());
        self.put(path, Node::Dir { inode, birth_ns });
    }

    /// A change follows that is not durable before the next [`State::sync`].
    pub fn begin_volatile(&mut self) {
        self.before.push(self.tree.clone());
    }

    /// All names are durable.
    pub fn sync_names(&mut self) {
        self.before.clear();
    }

    /// The same, unless just that is left out on purpose.
    pub fn sync_unless(&mut self, mutation: Mutation) {
        if !mutation.is_on() {
            self.sync_names();
        }
    }

    /// Everything is durable.
    pub fn sync(&mut self) {
        self.sync_names();
        for node in self.tree.0.values_mut() {
            if let Node::File(file) = node {
                file.synced = true;
            }
        }
    }

    /// What would surely be there after a power cut.
    pub fn durable(&self) -> &Tree {
        self.before.first().unwrap_or(&self.tree)
    }

    /// What a crash leaves.
    pub fn crash(&mut self, crash: Crash, dice: &mut Dice) {
        if crash == Crash::PowerCut {
            let kept = usize::try_from(dice.below(self.before.len() as u64 + 1)).unwrap_or(0);
            if kept < self.before.len() {
                self.tree = self.before.swap_remove(kept);
            }
            for node in self.tree.0.values_mut() {
                if let Node::File(file) = node
                    && !file.synced
                {
                    // Lengths outlive bytes on some file systems: what was not synced may be cut off or be zeros.
                    let kept = usize::try_from(dice.below(file.data.len() as u64 + 1)).unwrap_or(0);
                    let mut data = file.data[..kept].to_vec();
                    if dice.once_in(2) {
                        data.resize(file.data.len(), 0);
                    }
                    file.data = data.into();
                    file.synced = true;
                }
            }
        }
        self.before.clear();
    }
}

fn inode_of(node: &Node) -> Option<u64> {
    match node {
        Node::Dir { inode, .. } => Some(*inode),
        Node::File(file) => Some(file.inode),
        Node::Other(_) => None,
    }
}

/// What the file system tells of a file.
pub fn stat(file: &File) -> Stat {
    Stat {
        size: file.data.len() as u64,
        mtime_ns: file.mtime_ns,
        ctime_ns: file.ctime_ns,
        inode: file.inode,
        birth_ns: file.birth_ns,
    }
}
