//! What people do to their files, in all the ways in which programs save.
//!
//! What a person did counts as durable at once: what the system flushes for them is not what is examined here.

use super::side::MARK;
use super::state::State;
use super::tree::{Node, parent};
use bytes::Bytes;

impl State {
    fn done(&mut self) {
        self.sync_names();
    }

    /// Paths of regular files, ours left out.
    pub fn users_files(&self) -> Vec<String> {
        self.users_paths(|node| matches!(node, Node::File(_)))
    }

    /// Paths of directories, ours left out; the root first.
    pub fn users_dirs(&self) -> Vec<String> {
        let mut dirs = vec![String::new()];
        dirs.extend(self.users_paths(|node| matches!(node, Node::Dir { .. })));
        dirs
    }

    fn users_paths(&self, wanted: impl Fn(&Node) -> bool) -> Vec<String> {
        let ours = |path: &str| path == ".damsync" || path.starts_with(".damsync/");
        self.tree.0.iter().filter(|(path, node)| !ours(path) && wanted(node)).map(|(path, _)| path.clone()).collect()
    }

    /// Whether a person could write a file there.
    pub fn can_hold_file(&self, path: &str) -> bool {
        self.tree.is_dir(parent(path)) && !matches!(self.tree.get(path), Some(Node::Dir { .. }))
    }

    /// Overwrites a file's bytes; makes it where there is none.
    pub fn write_in_place(&mut self, path: &str, data: Bytes) {
        let now = self.now_ns();
        match self.tree.0.get_mut(path) {
            Some(Node::File(file)) => {
                file.data = data;
                (file.mtime_ns, file.ctime_ns, file.synced) = (now, now, true);
                self.touched.insert(parent(path).to_owned());
            }
            _ => self.write_anew(path, data),
        }
        self.done();
    }

    /// Writes a new file and renames it over the path.
    pub fn write_anew(&mut self, path: &str, data: Bytes) {
        self.put_by_person(path);
        let mut file = self.new_file(data);
        file.synced = true;
        self.put(path, Node::File(file));
        self.done();
    }

    /// Renames the file to its backup's name and writes a new one.
    pub fn write_with_backup(&mut self, path: &str, backup: &str, data: Bytes) {
        if let Some(mut node) = self.lift(path) {
            let now = self.now_ns();
            if let Node::File(file) = &mut node {
                file.ctime_ns = now;
                file.synced = true;
            }
            self.put(backup, node);
        }
        self.write_anew(path, data);
    }

    /// Says that a file was modified now, without writing to it.
    pub fn touch(&mut self, path: &str) {
        let now = self.now_ns();
        if let Some(Node::File(file)) = self.tree.0.get_mut(path) {
            (file.mtime_ns, file.ctime_ns) = (now, now);
            self.touched.insert(parent(path).to_owned());
        }
        self.done();
    }

    /// Renames a file to another case of its name.
    pub fn recase(&mut self, path: &str, other: &str) {
        if let Some(mut node) = self.lift(path) {
            let now = self.now_ns();
            if let Node::File(file) = &mut node {
                (file.ctime_ns, file.synced) = (now, true);
            }
            self.put(other, node);
        }
        self.done();
    }

    /// Deletes whatever stands there, and everything below it.
    pub fn delete(&mut self, path: &str) {
        let below: Vec<String> = self.tree.below(path).map(|(path, _)| path.clone()).collect();
        for path in below.into_iter().rev() {
            self.remove(&path);
        }
        self.remove(path);
        self.done();
    }

    /// Makes a directory whose parent is there.
    pub fn users_dir(&mut self, path: &str) {
        if self.tree.is_dir(parent(path)) && self.tree.get(path).is_none() {
            self.make_dir(path);
            self.done();
        }
    }

    /// Takes the mirror's mark away.
    pub fn remove_mark(&mut self) {
        self.remove(MARK);
        self.done();
    }

    /// Puts a link in the file's place.
    pub fn put_link(&mut self, path: &str) {
        self.remove(path);
        self.put(path, Node::Other("symbolic link"));
        self.done();
    }
}
