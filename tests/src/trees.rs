//! Directory trees as values that can be compared.

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::path::Path;

/// Paths to the MD5 of their bytes; directories end with `/` and have none.
pub type Tree = BTreeMap<String, String>;

/// The MD5 of some bytes, as the server writes it.
pub fn md5(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(&Md5::digest(bytes.as_ref()))
}

/// What a user sees in a mirror: everything but what is the program's own, and but what is no regular file.
pub fn local_tree(root: &Path) -> Tree {
    let mut tree = snapshot(root);
    tree.retain(|path, what| path != ".damsync/" && !path.starts_with(".damsync/") && !what.starts_with("other"));
    tree
}

/// Everything below a directory, links and special files too (never followed).
pub fn snapshot(root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(root, "", &mut tree);
    tree
}

fn walk(directory: &Path, prefix: &str, tree: &mut Tree) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), tree);
            tree.insert(format!("{path}/"), String::new());
        } else if kind.is_file() {
            // A program at work may have moved it away since it was listed.
            if let Ok(bytes) = std::fs::read(entry.path()) {
                tree.insert(path, md5(bytes));
            }
        } else {
            tree.insert(path, format!("other: {kind:?}"));
        }
    }
}
