//! Ignore files: whatever stands in one, it speaks about the names below its own directory only, and is read the same
//! each time.

use crate::lines;
use damsync_disk::{Disk, Settings};
use damsync_model::path::MirrorPath;
use damsync_ports::LocalSide;

/// Paths that are asked about, beside those that the bytes name.
const PATHS: [&str; 8] = ["a", "a/b", "a/b/c.jpg", "ab/b", "a.tmp", "a/x.tmp", "ü/ß", "a/ \\#!"];

/// Before the first byte 1 stand the rules; behind it paths, one a line.
pub fn holds(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 1).unwrap_or(bytes.len());
    let rules = crate::text(&bytes[..at]);
    let named = lines(bytes.get(at + 1..).unwrap_or_default());
    let paths: Vec<MirrorPath> = PATHS
        .into_iter()
        .chain(named.iter().take(8).map(String::as_str))
        .filter_map(MirrorPath::parse)
        .filter(|path| !path.is_root())
        .collect();
    let plain = Disk::new(Settings { root: "/nowhere".into(), ignore: vec!["*.tmp".to_owned()] });
    let Ok(plain) = plain else { unreachable!("`*.tmp` is a pattern") };
    for dir in [MirrorPath::ROOT, paths[0].clone()] {
        let (inside, outside): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| {
            path.as_str().strip_prefix(dir.as_str()).is_some_and(|rest| dir.is_root() || rest.starts_with('/'))
        });
        assert_eq!(plain.would_leave_out(&dir, &rules, &outside), 0, "{rules:?} in {dir} leave out one of {outside:?}");
        let (some, others) = inside.split_at(inside.len() / 2);
        let together = plain.would_leave_out(&dir, &rules, &inside);
        let apart = plain.would_leave_out(&dir, &rules, some) + plain.would_leave_out(&dir, &rules, others);
        assert_eq!(together, apart, "each path by itself: {rules:?}");
    }
    let configured = Disk::new(Settings { root: "/nowhere".into(), ignore: lines(&bytes[..at]) });
    for path in &paths {
        let ours = path.names().next() == Some(damsync_model::name::OURS);
        let is_tmp = path.names().any(|name| name.ends_with(".tmp"));
        assert_eq!(plain.is_ignored(path, false), ours || is_tmp, "asking changes nothing: {path}");
        // What is left out with its directory stays out whatever is in it.
        let parent = path.parent().filter(|parent| !parent.is_root());
        if let (Some(parent), Ok(configured)) = (parent, &configured) {
            let (above, itself) = (configured.is_ignored(&parent, true), configured.is_ignored(path, false));
            assert!(!above || itself, "{rules:?}: {path}");
        }
    }
    let without = plain.would_leave_out(&MirrorPath::ROOT, "", &paths);
    let comments = plain.would_leave_out(&MirrorPath::ROOT, "# *\n\n \n", &paths);
    assert_eq!((without, comments), (0, 0));
}
