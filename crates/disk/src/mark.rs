//! The root and its mark, `.damsync/mirror.json`: whose directory this is.
//!
//! A mark that is there and cannot be read is [`Root::Unusable`], never "no mark": a damaged mark must not look like a
//! new directory.

use crate::beneath::{Beneath, make_private_dir, our_path};
use crate::look;
use damsync_model::name::OURS;
use damsync_model::path::MirrorPath;
use damsync_ports::{LocalError, Mark, Root, RootIdentity};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

const FILE: &str = "mirror.json";
const UNFINISHED: &str = "mirror.json.new";
const SCHEMA: u32 = 1;
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Written {
    schema: u32,
    mirror: String,
    name: String,
}

/// Looks at what stands at the root's path.
pub(crate) fn root_at(path: &Path) -> Result<Root, LocalError> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => return Ok(Root::Unusable("it is not a directory".to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link to nothing is most likely a disk that is not mounted, and no place to make a directory.
            let link = std::fs::symlink_metadata(path).is_ok();
            return Ok(if link { Root::Unusable("it is a link to nothing".to_owned()) } else { Root::Missing });
        }
        Err(error) => return Ok(Root::Unusable(format!("it cannot be examined: {error}"))),
    }
    let root = match Beneath::open(path) {
        Ok(root) => root,
        Err(Errno::NOENT) => return Ok(Root::Missing),
        Err(errno) => return Ok(Root::Unusable(format!("it cannot be opened: {errno}"))),
    };
    Ok(state(&root))
}

fn state(root: &Beneath) -> Root {
    let identity = root.identity();
    match read_mark(root) {
        Ok(Some(mark)) => Root::Marked { mark, identity },
        Ok(None) => match is_empty(root) {
            Ok(empty) => Root::Unmarked { empty, identity },
            Err(errno) => Root::Unusable(format!("it cannot be listed: {errno}")),
        },
        Err(what) => Root::Unusable(what),
    }
}

/// Nothing is in it, or only what a new file system brings along.
fn is_empty(root: &Beneath) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(root.handle(), c".", flags, Mode::empty())?;
    let mut buffer = Vec::with_capacity(8192);
    let mut names = RawDir::new(&dir, buffer.spare_capacity_mut());
    while let Some(found) = names.next() {
        if !matches!(found?.file_name().to_bytes(), b"." | b".." | b"lost+found") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The mark; `None` if there is none; what is wrong where it cannot be told.
fn read_mark(root: &Beneath) -> Result<Option<Mark>, String> {
    let ours = match look::at(root.handle(), OURS) {
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(format!("{OURS} cannot be examined: {errno}")),
        Ok(seen) if seen.kind != FileType::Directory => {
            return Err(format!("{OURS} is a {}, not a directory", look::kind_name(seen.kind)));
        }
        Ok(seen) if seen.is_elsewhere(root.identity().device) => return Err(format!("{OURS} is on another device")),
        Ok(_) => crate::beneath::open_child_dir(root.handle(), OURS, crate::beneath::Hold::Place)
            .map_err(|errno| format!("{OURS} cannot be opened: {errno}"))?,
    };
    match look::at(&ours, FILE) {
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(format!("{OURS}/{FILE} cannot be examined: {errno}")),
        Ok(seen) if seen.kind != FileType::RegularFile => {
            Err(format!("{OURS}/{FILE} is a {}, not a file", look::kind_name(seen.kind)))
        }
        Ok(_) => {
            let text = read_file(&ours).map_err(|error| format!("{OURS}/{FILE} cannot be read: {error}"))?;
            parse(&text).map(Some)
        }
    }
}

fn read_file(ours: &OwnedFd) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(ours, FILE, flags, Mode::empty())?);
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

fn parse(text: &[u8]) -> Result<Mark, String> {
    #[derive(Deserialize)]
    struct Schema {
        schema: u32,
    }
    let damaged = |error: serde_json::Error| format!("{OURS}/{FILE} is damaged: {error}");
    let Schema { schema } = serde_json::from_slice(text).map_err(damaged)?;
    if schema != SCHEMA {
        return Err(format!("{OURS}/{FILE} has schema {schema}; this program knows {SCHEMA}"));
    }
    let Written { mirror, name, .. } = serde_json::from_slice(text).map_err(damaged)?;
    if mirror.is_empty() {
        return Err(format!("{OURS}/{FILE} is damaged: its token is empty"));
    }
    Ok(Mark { token: mirror, name })
}

/// Makes the root where it is missing, and writes the mark.
pub(crate) fn plant(path: &Path, mark: &Mark) -> Result<RootIdentity, LocalError> {
    let shown = path.display().to_string();
    let make_root = || -> io::Result<()> {
        std::fs::create_dir_all(path)?;
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    if root_at(path)? == Root::Missing {
        make_root().map_err(|cause| LocalError::Io {
            what: "make the mirror's directory",
            path: shown.clone(),
            cause,
        })?;
    }
    let root = Beneath::open(path).map_err(|errno| LocalError::Io {
        what: "open the mirror's directory",
        path: shown,
        cause: errno.into(),
    })?;
    let refuse = |what: String| LocalError::NotOurs { path: our_path(FILE), what };
    match state(&root) {
        Root::Marked { mark: found, identity } if found == *mark => return Ok(identity),
        Root::Marked { mark: found, .. } if found.token != mark.token => {
            return Err(refuse(format!("it is the mark of another mirror, {}", found.name)));
        }
        Root::Marked { .. } | Root::Unmarked { .. } => {}
        Root::Unusable(what) => return Err(LocalError::NotOurs { path: MirrorPath::ROOT, what }),
        Root::Missing => return Err(LocalError::RootLost),
    }
    write(&root, mark)?;
    Ok(root.identity())
}

fn write(root: &Beneath, mark: &Mark) -> Result<(), LocalError> {
    let written = Written { schema: SCHEMA, mirror: mark.token.clone(), name: mark.name.clone() };
    let act = || -> io::Result<()> {
        let ours = make_private_dir(root.handle(), OURS)?;
        rustix::fs::fchmod(&ours, Mode::RWXU)?;
        match rustix::fs::unlinkat(&ours, UNFINISHED, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&ours, UNFINISHED, flags, Mode::RUSR | Mode::WUSR)?);
        let mut text = serde_json::to_vec(&written)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        drop(file);
        rustix::fs::renameat(&ours, UNFINISHED, &ours, FILE)?;
        rustix::fs::fsync(&ours)?;
        rustix::fs::fsync(root.handle())?;
        Ok(())
    };
    act().map_err(|cause| match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            LocalError::Full { path: our_path(FILE).to_string() }
        }
        _ => LocalError::Io { what: "write the mark", path: our_path(FILE).to_string(), cause },
    })
}
