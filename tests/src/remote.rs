//! The server's side as its operator sees it.

use crate::trees::Tree;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An asset, in the operator's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset(pub Value);

impl Asset {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// Its number.
    pub fn id(&self) -> i64 {
        self.0["id"].as_i64().unwrap()
    }

    /// Its GUID, which it keeps whatever happens to it.
    pub fn guid(&self) -> &str {
        self.text("guid")
    }

    /// Its file name.
    pub fn filename(&self) -> &str {
        self.text("filename")
    }

    /// The names of its folders and its own.
    pub fn path(&self) -> &str {
        self.text("path")
    }

    /// Of the newest version.
    pub fn md5(&self) -> &str {
        self.text("md5")
    }

    /// How far it is processed.
    pub fn state(&self) -> &str {
        self.text("state")
    }

    /// Not in the trash.
    pub fn alive(&self) -> bool {
        self.0["trashed"] == Value::Bool(false)
    }

    /// How many versions it has.
    pub fn versions(&self) -> usize {
        self.0["versions"].as_array().map_or(0, Vec::len)
    }

    /// The hashes of all its versions.
    pub fn contents(&self) -> Vec<&str> {
        let versions = self.0["versions"].as_array();
        versions.into_iter().flatten().filter_map(|version| version["md5"].as_str()).collect()
    }

    /// When it last changed, in seconds.
    pub fn updated_at(&self) -> i64 {
        let at: jiff::Timestamp = self.text("updated_at").parse().unwrap();
        at.as_second()
    }
}

/// Everything on the server.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The folders' paths, by number.
    pub folders: BTreeMap<i64, String>,
    /// All assets, those in the trash too.
    pub assets: Vec<Asset>,
}

impl Remote {
    pub(crate) fn read(tree: &Value) -> Self {
        let folders = tree["folders"].as_array().unwrap().iter();
        let folders =
            folders.map(|folder| (folder["id"].as_i64().unwrap(), folder["path"].as_str().unwrap().to_owned()));
        Self {
            folders: folders.collect(),
            assets: tree["assets"].as_array().unwrap().iter().cloned().map(Asset).collect(),
        }
    }

    /// The assets that are not in the trash.
    pub fn live(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().filter(|asset| asset.alive())
    }

    /// The live asset at a path.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn at(&self, path: &str) -> &Asset {
        let found: Vec<&Asset> = self.live().filter(|asset| asset.path() == path).collect();
        assert_eq!(found.len(), 1, "assets at {path:?} among {:?}", self.live().map(Asset::path).collect::<Vec<_>>());
        found[0]
    }

    /// Whether a live asset has this path.
    pub fn has(&self, path: &str) -> bool {
        self.live().any(|asset| asset.path() == path)
    }

    /// The number of the folder at a path.
    pub fn folder(&self, path: &str) -> Option<i64> {
        self.folders.iter().find(|(_, other)| *other == path).map(|(id, _)| *id)
    }

    /// What lies below a folder, by paths from there; everything for an empty path.
    ///
    /// # Panics
    /// If two live assets have one path, or one of them was begun and not finished.
    pub fn below(&self, top: &str) -> Tree {
        let within = |path: &str| match top {
            "" => Some(path.to_owned()),
            _ => path.strip_prefix(top)?.strip_prefix('/').map(str::to_owned),
        };
        let mut tree = Tree::new();
        for path in self.folders.values().filter_map(|path| within(path)) {
            tree.insert(format!("{path}/"), String::new());
        }
        for asset in self.live() {
            let Some(path) = within(asset.path()) else { continue };
            assert_ne!(asset.state(), "pending", "an asset was begun and not finished: {asset:?}");
            let double = tree.insert(path, asset.md5().to_owned());
            assert_eq!(double, None, "two assets for one file: {asset:?}");
        }
        tree
    }

    /// The hashes of everything that can still be had: all versions, in the trash or not.
    pub fn contents(&self) -> BTreeSet<&str> {
        self.assets.iter().flat_map(Asset::contents).collect()
    }
}

/// A log of requests.
#[derive(Clone, Debug)]
pub struct Requests(pub Vec<Request>);

/// One request.
#[derive(Clone)]
pub struct Request {
    /// `api` or `storage`.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query.
    pub query: String,
    /// What was answered; 0 when the connection was dropped.
    pub status: u16,
    /// Whether credentials came with it.
    pub authorized: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, method, path, query, status, .. } = self;
        write!(f, "{host} {method} {path}?{query} → {status}")
    }
}

impl Requests {
    /// The operator's own are left out.
    pub(crate) fn read(log: &Value) -> Self {
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let entries = log.as_array().unwrap().iter();
        let entries = entries.map(|entry| Request {
            host: text(entry, "host"),
            method: text(entry, "method"),
            path: text(entry, "path"),
            query: text(entry, "query"),
            status: u16::try_from(entry["status"].as_u64().unwrap()).unwrap(),
            authorized: entry["authorization"] == Value::Bool(true),
        });
        Self(entries.filter(|request| !request.path.starts_with("/admin/")).collect())
    }

    /// Requests of this method whose path contains this.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.0.iter().filter(|request| request.method == method && request.path.contains(path)).count()
    }

    /// What was asked for, in order: method, path and the names in the query.
    pub fn asked(&self) -> Vec<String> {
        let names = |query: &str| {
            let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
            names.join("&")
        };
        let line = |request: &Request| format!("{} {}?{}", request.method, request.path, names(&request.query));
        self.0.iter().map(line).collect()
    }

    /// Downloads that were asked for.
    pub fn downloads(&self) -> usize {
        self.0.iter().filter(|request| request.path.ends_with("/download")).count()
    }

    /// Uploads into the storage.
    pub fn uploads(&self) -> usize {
        self.0.iter().filter(|request| request.host == "storage" && request.method != "GET").count()
    }

    /// # Panics
    /// If the bytes of any file moved, either way.
    pub fn assert_no_bytes_moved(&self) {
        assert_eq!((self.uploads(), self.downloads()), (0, 0), "bytes moved: {:#?}", self.0);
    }

    /// # Panics
    /// If anything was asked that could change something.
    pub fn assert_only_reading(&self) {
        // Searching is asked by POST where its words do not fit into an address.
        let reads = |request: &&Request| request.method != "GET" && !request.path.ends_with("/search");
        let writes: Vec<&Request> = self.0.iter().filter(reads).collect();
        assert!(writes.is_empty(), "{writes:#?}");
        let told = self.0.iter().find(|request| request.path.ends_with("/set_uploaded"));
        assert!(told.is_none(), "{told:?}");
    }
}
