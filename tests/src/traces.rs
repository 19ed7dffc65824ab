//! What a pass leaves behind: every file of the mirror with its times and inode, and the bytes of the store.

use crate::{Setup, snapshot};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

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
    /// How long ago anything in the mirror last changed.
    pub fn age_of_the_youngest(&self) -> Duration {
        age_of_the_youngest(&self.local)
    }

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

/// How long ago anything of a tree last changed.
fn age_of_the_youngest(root: &Path) -> Duration {
    let changed = |path: &Path| {
        let stat = path.symlink_metadata().unwrap();
        UNIX_EPOCH + Duration::new(u64::try_from(stat.ctime()).unwrap(), u32::try_from(stat.ctime_nsec()).unwrap())
    };
    let youngest = snapshot(root).into_keys().map(|path| changed(&root.join(path))).max();
    youngest.map_or(Duration::MAX, |youngest| youngest.elapsed().unwrap_or_default())
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
