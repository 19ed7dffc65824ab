//! A file system that folds case, for tests: `A.jpg` and `a.jpg` are one name, which stays as it was written.
//!
//! Kernels that can fold by themselves are rare where tests run, so this is a small one of our own, in memory, served
//! through `/dev/fuse` by a thread of the test. To the program it is an ordinary mount. Mounting takes the rights to do
//! so; where they are missing, [`FoldingDisk::mount`] says why.

use crate::fuse::{Reply, Request, Server};
use rustix::mount::{MountFlags, UnmountFlags};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const ROOT: u64 = 1;
const NOENT: i32 = 2;
const EXIST: i32 = 17;
const NOTDIR: i32 = 20;
const ISDIR: i32 = 21;
const NOTEMPTY: i32 = 39;
const NOSYS: i32 = 38;

/// A mount, until it is dropped.
#[derive(Debug)]
pub struct FoldingDisk {
    at: PathBuf,
    folds: Arc<AtomicBool>,
}

impl FoldingDisk {
    /// Mounts an empty one there; the directory is made.
    ///
    /// # Errors
    /// Why this machine does not permit it.
    pub fn mount(at: &Path) -> Result<Self, String> {
        let device =
            File::options().read(true).write(true).open("/dev/fuse").map_err(|error| format!("/dev/fuse: {error}"))?;
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let options = format!("fd={},rootmode=40000,user_id={uid},group_id={gid}", device.as_raw_fd());
        let options = CString::new(options).map_err(|error| error.to_string())?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("folding", at, "fuse", flags, options.as_c_str())
            .map_err(|error| format!("mounting is not permitted: {error}"))?;
        let mut tree = Tree::new(uid, gid);
        let folds = Arc::clone(&tree.folds);
        std::thread::spawn(move || crate::fuse::serve(&device, &mut tree));
        Ok(Self { at: at.to_owned(), folds })
    }

    /// From now on it tells cases apart, as if it had been mounted so.
    pub fn stop_folding(&self) {
        self.folds.store(false, Ordering::Relaxed);
    }
}

impl Drop for FoldingDisk {
    fn drop(&mut self) {
        // Nobody needs what is in it any more; the serving thread ends with the mount.
        let _ = rustix::mount::unmount(&self.at, UnmountFlags::DETACH);
    }
}

type Stamp = (u64, u32);

fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_nanos())
}

enum Kind {
    File(Vec<u8>),
    /// By what names compare by: the name as it was written, and the node.
    Dir(BTreeMap<String, (Vec<u8>, u64)>),
}

struct Node {
    kind: Kind,
    mode: u32,
    owner: (u32, u32),
    links: u32,
    modified: Stamp,
    changed: Stamp,
}

/// Everything in it. Nodes are never given back: an open file outlives its name.
struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    folds: Arc<AtomicBool>,
}

fn folded(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

impl Tree {
    fn new(uid: u32, gid: u32) -> Self {
        let root = Node {
            kind: Kind::Dir(BTreeMap::new()),
            mode: 0o755,
            owner: (uid, gid),
            links: 2,
            modified: now(),
            changed: now(),
        };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT, folds: Arc::new(AtomicBool::new(true)) }
    }

    fn node(&mut self, id: u64) -> Result<&mut Node, i32> {
        self.nodes.get_mut(&id).ok_or(NOENT)
    }

    fn names(&mut self, dir: u64) -> Result<&mut BTreeMap<String, (Vec<u8>, u64)>, i32> {
        match &mut self.node(dir)?.kind {
            Kind::Dir(names) => Ok(names),
            Kind::File(_) => Err(NOTDIR),
        }
    }

    fn data(&mut self, id: u64) -> Result<&mut Vec<u8>, i32> {
        match &mut self.node(id)?.kind {
            Kind::File(data) => Ok(data),
            Kind::Dir(_) => Err(ISDIR),
        }
    }

    fn find(&mut self, dir: u64, name: &[u8]) -> Result<u64, i32> {
        let folds = self.folds.load(Ordering::Relaxed);
        let found = self.names(dir)?.get(&folded(name)).filter(|(written, _)| folds || written == name);
        found.map(|(_, id)| *id).ok_or(NOENT)
    }

    fn touch(&mut self, id: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            (node.modified, node.changed) = (now(), now());
        }
    }

    fn put(&mut self, dir: u64, name: &[u8], id: u64) -> Result<(), i32> {
        self.names(dir)?.insert(folded(name), (name.to_vec(), id));
        self.touch(dir);
        self.node(id)?.changed = now();
        Ok(())
    }

    fn take(&mut self, dir: u64, name: &[u8]) -> Result<u64, i32> {
        let (_, id) = self.names(dir)?.remove(&folded(name)).ok_or(NOENT)?;
        self.touch(dir);
        self.node(id)?.changed = now();
        Ok(id)
    }

    fn make(&mut self, dir: u64, name: &[u8], kind: Kind, mode: u32, owner: (u32, u32)) -> Result<u64, i32> {
        if self.find(dir, name).is_ok() {
            return Err(EXIST);
        }
        self.next += 1;
        let links = if matches!(kind, Kind::Dir(_)) { 2 } else { 1 };
        let node = Node { kind, mode: mode & 0o7777, owner, links, modified: now(), changed: now() };
        self.nodes.insert(self.next, node);
        self.put(dir, name, self.next)?;
        Ok(self.next)
    }

    fn remove(&mut self, dir: u64, name: &[u8]) -> Result<(), i32> {
        let id = self.find(dir, name)?;
        if matches!(&self.node(id)?.kind, Kind::Dir(names) if !names.is_empty()) {
            return Err(NOTEMPTY);
        }
        self.take(dir, name)?;
        let node = self.node(id)?;
        node.links = node.links.saturating_sub(1);
        Ok(())
    }

    fn rename(&mut self, from: (u64, &[u8]), to: (u64, &[u8]), flags: u32) -> Result<(), i32> {
        const NOREPLACE: u32 = 1;
        const EXCHANGE: u32 = 2;
        let id = self.find(from.0, from.1)?;
        let there = self.find(to.0, to.1).ok();
        match there {
            Some(_) if flags == NOREPLACE => return Err(EXIST),
            None if flags == EXCHANGE => return Err(NOENT),
            Some(other) if flags == EXCHANGE => {
                self.put(from.0, from.1, other)?;
                return self.put(to.0, to.1, id);
            }
            Some(_) => self.remove(to.0, to.1)?,
            None => {}
        }
        self.take(from.0, from.1)?;
        self.put(to.0, to.1, id)
    }

    fn entry(&mut self, id: u64) -> Result<Reply, i32> {
        // Nothing may be kept: the same file is found under several names.
        Ok(Reply::default().u64(id).u64(0).u64(0).u64(0).u32(0).u32(0).and(&self.attr(id)?))
    }

    fn attr(&mut self, id: u64) -> Result<Reply, i32> {
        let node = self.node(id)?;
        let (size, format) = match &node.kind {
            Kind::File(data) => (data.len() as u64, 0o100_000),
            Kind::Dir(_) => (0, 0o040_000),
        };
        let (modified, changed) = (node.modified, node.changed);
        let times = [modified.0, modified.0, changed.0].into_iter().fold(Reply::default(), Reply::u64);
        let parts =
            [modified.1, modified.1, changed.1, format | node.mode, node.links, node.owner.0, node.owner.1, 0, 4096, 0];
        let head = Reply::default().u64(id).u64(size).u64(size.div_ceil(512)).and(&times);
        Ok(parts.into_iter().fold(head, Reply::u32))
    }

    fn told(&mut self, id: u64) -> Result<Reply, i32> {
        Ok(Reply::default().u64(0).u32(0).u32(0).and(&self.attr(id)?))
    }

    fn set(&mut self, request: &Request<'_>) -> Result<Reply, i32> {
        let (valid, size, modified) = (request.u32(0), request.u64(16), (request.u64(40), request.u32(60)));
        let (mode, uid, gid) = (request.u32(68), request.u32(76), request.u32(80));
        let has = |bit: u32| valid & (1 << bit) != 0;
        if has(3) {
            self.data(request.node)?.resize(usize::try_from(size).unwrap_or(0), 0);
            self.touch(request.node);
        }
        let node = self.node(request.node)?;
        if has(0) {
            node.mode = mode & 0o7777;
        }
        if has(1) {
            node.owner.0 = uid;
        }
        if has(2) {
            node.owner.1 = gid;
        }
        if has(5) {
            node.modified = if has(8) { now() } else { modified };
        }
        node.changed = now();
        self.told(request.node)
    }

    fn read(&mut self, request: &Request<'_>) -> Result<Reply, i32> {
        let data = self.data(request.node)?;
        let from = usize::try_from(request.u64(8)).unwrap_or(usize::MAX).min(data.len());
        let to = (from + request.u32(16) as usize).min(data.len());
        Ok(Reply::default().bytes(&data[from..to]))
    }

    fn write(&mut self, request: &Request<'_>) -> Result<Reply, i32> {
        let (from, bytes) = (usize::try_from(request.u64(8)).unwrap_or(0), request.rest(40));
        let data = self.data(request.node)?;
        data.resize(data.len().max(from + bytes.len()), 0);
        data[from..from + bytes.len()].copy_from_slice(bytes);
        self.touch(request.node);
        Ok(Reply::default().u32(u32::try_from(bytes.len()).unwrap_or(0)).u32(0))
    }

    fn list(&mut self, request: &Request<'_>) -> Result<Reply, i32> {
        let (from, room) = (usize::try_from(request.u64(8)).unwrap_or(usize::MAX), request.u32(16) as usize);
        let mut all = vec![(b".".to_vec(), request.node), (b"..".to_vec(), ROOT)];
        all.extend(self.names(request.node)?.values().cloned());
        let mut reply = Reply::default();
        for (at, (name, id)) in all.into_iter().enumerate().skip(from) {
            let is_dir = matches!(self.node(id)?.kind, Kind::Dir(_));
            let entry = Reply::dirent(id, at as u64 + 1, if is_dir { 4 } else { 8 }, &name);
            if reply.len() + entry.len() > room {
                break;
            }
            reply = reply.and(&entry);
        }
        Ok(reply)
    }
}

impl Server for Tree {
    fn answer(&mut self, request: &Request<'_>) -> Result<Reply, i32> {
        let (node, owner) = (request.node, request.owner);
        match request.operation {
            1 => self.find(node, request.name(0)).and_then(|id| self.entry(id)),
            3 => self.told(node),
            4 => self.set(request),
            8 => {
                let id = self.make(node, request.name(8), Kind::File(Vec::new()), request.u32(0), owner)?;
                self.entry(id)
            }
            9 => {
                let id = self.make(node, request.name(8), Kind::Dir(BTreeMap::new()), request.u32(0), owner)?;
                self.entry(id)
            }
            10 | 11 => self.remove(node, request.name(0)).map(|()| Reply::default()),
            12 | 45 => {
                // Both tell the other directory and two names; the newer one has flags between.
                let (names, flags) = if request.operation == 12 { (8, 0) } else { (16, request.u32(8)) };
                let from = request.name(names);
                let to = request.name(names + from.len() + 1);
                self.rename((node, from), (request.u64(0), to), flags).map(|()| Reply::default())
            }
            13 => {
                let (id, name) = (request.u64(0), request.name(8));
                if self.find(node, name).is_ok() {
                    return Err(EXIST);
                }
                self.put(node, name, id)?;
                self.node(id)?.links += 1;
                self.entry(id)
            }
            // Opened; for files past the page cache, so that nothing is read that was replaced.
            14 | 27 => Ok(Reply::default().u64(0).u32(u32::from(request.operation == 14)).u32(0)),
            15 => self.read(request),
            16 => self.write(request),
            17 => {
                let many = 1 << 30;
                let head = [many, many, many, many, many].into_iter().fold(Reply::default(), Reply::u64);
                Ok([4096, 255, 4096, 0, 0, 0, 0, 0, 0, 0].into_iter().fold(head, Reply::u32))
            }
            18 | 20 | 25 | 29 | 30 | 50 => Ok(Reply::default()),
            28 => self.list(request),
            35 => {
                let id = self.make(node, request.name(16), Kind::File(Vec::new()), request.u32(4), owner)?;
                Ok(self.entry(id)?.u64(0).u32(1).u32(0))
            }
            _ => Err(NOSYS),
        }
    }
}
