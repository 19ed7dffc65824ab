//! Which file is which asset, where the two do not simply have one name.

use crate::{Asset, Remote, Setup, md5, snapshot};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file's path here, the asset that it is, and the bytes of both.
pub type Pair<'a> = (&'a str, &'a Asset, &'a str);

impl Asset {
    /// The name of its file where another one has the plain name.
    pub fn marked(&self, name: &str) -> String {
        let mark = format!("~{}", &self.guid()[..8]);
        match name.rfind('.').filter(|dot| *dot > 0) {
            Some(dot) => format!("{}{mark}{}", &name[..dot], &name[dot..]),
            None => format!("{name}{mark}"),
        }
    }
}

impl Setup {
    /// Exactly these files are here and each is its asset, which has the name that it was given with here; nothing else
    /// lives there. And that stays so: a further pass does nothing at all, on either side.
    #[track_caller]
    pub fn stable(&self, pairs: &[Pair<'_>]) {
        let remote = self.sandbox.processed();
        let mut files = self.tree();
        files.retain(|path, _| !path.ends_with('/'));
        let should: BTreeMap<String, String> =
            pairs.iter().map(|(path, _, bytes)| ((*path).to_owned(), md5(bytes))).collect();
        assert_eq!(files, should, "here");
        let there: BTreeMap<&str, &Asset> = remote.live().map(|asset| (asset.guid(), asset)).collect();
        for (path, asset, bytes) in pairs {
            let now = there.get(asset.guid()).unwrap_or_else(|| panic!("the asset of {path:?} is gone"));
            assert_eq!((now.filename(), now.md5()), (asset.filename(), md5(bytes).as_str()), "the asset of {path:?}");
        }
        assert_eq!(there.len(), pairs.len(), "live assets: {there:#?}");
        self.unmoved();
    }

    /// A further pass does nothing at all: no file is touched, nothing changes there.
    #[track_caller]
    pub fn unmoved(&self) {
        let before = (touched(&self.local), told(&self.sandbox.processed()));
        self.quiet();
        assert_eq!(touched(&self.local), before.0, "a quiet pass touched files");
        assert_eq!(told(&self.sandbox.tree()), before.1, "a quiet pass changed the server");
        self.nothing_half_done();
    }

    /// The one live asset with this file name.
    #[track_caller]
    pub fn asset_named(&self, filename: &str) -> Asset {
        let tree = self.sandbox.processed();
        let found: Vec<&Asset> = tree.live().filter(|asset| asset.filename() == filename).collect();
        assert_eq!(found.len(), 1, "assets called {filename:?}: {found:#?}");
        found[0].clone()
    }
}

/// Everything in a mirror but what is the program's own, with which object it is and when it was last touched.
fn touched(root: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let paths = snapshot(root).into_keys().filter(|path| !path.starts_with(".damsync/"));
    let look = |path: String| {
        let seen = root.join(&path).symlink_metadata().ok()?;
        // A directory's own times tell of the names in it, which are compared anyway.
        let ctime = if seen.is_dir() { 0 } else { seen.ctime_nsec() };
        Some((path, (seen.ino(), ctime, if seen.is_dir() { 0 } else { seen.ctime() })))
    };
    paths.filter_map(look).collect()
}

/// The folders' paths by number, and of each asset its number, path, hash, how many versions it has, and if it lives.
type Told = (BTreeMap<i64, String>, Vec<(i64, String, String, usize, bool)>);

/// What of the server a user would see change.
fn told(remote: &Remote) -> Told {
    let assets = remote
        .assets
        .iter()
        .map(|asset| (asset.id(), asset.path().to_owned(), asset.md5().to_owned(), asset.versions(), asset.alive()));
    (remote.folders.clone(), assets.collect())
}
