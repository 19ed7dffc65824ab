//! What a pass leaves behind: every file of the mirror with its times and inode, and the bytes of the store.

use crate::{Setup, snapshot};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Everything that a pass could have written, as values that can be compared.
#[derive(Debug, PartialEq)]
pub struct Traces {
    /// Paths in the mirror, our own directory included, to what the file system says of them.
    mirror: BTreeMap<String, String>,
    /// Paths in the state directory to the hash of their bytes. A row that was written changes the database's bytes, or
    /// its log's.
    state: BTreeMap<String, String>,
    /// Everything on the server.
    remote: String,
}

impl Setup {
    /// The traces as they are now.
    pub fn traces(&self) -> Traces {
        let mut tree = self.sandbox.get("/admin/tree");
        tree["now"].take();
        let mut state = snapshot(&self.state);
        // It names the process that has it.
        state.remove("lock");
        Traces { mirror: stats(&self.local), state, remote: tree.to_string() }
    }
}

fn stats(root: &Path) -> BTreeMap<String, String> {
    let mut stats: BTreeMap<String, String> = snapshot(root)
        .into_iter()
        .map(|(path, md5)| (path.clone(), format!("{} {md5}", stat(&root.join(path)))))
        .collect();
    stats.insert(String::new(), stat(root));
    stats
}

fn stat(path: &Path) -> String {
    let stat = path.symlink_metadata().unwrap();
    let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
    format!("{:o} {}:{} {} bytes {times:?}", stat.mode(), stat.dev(), stat.ino(), stat.size())
}
