//! Files that are there whole or not at all: a new file beside the old one, made durable, then renamed.

use super::error::InitError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use secrecy::{ExposeSecret, SecretString};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Makes the directory of `file`, and those above it, private.
pub fn make_directory_of(file: &Path) -> Result<(), InitError> {
    match file.parent() {
        Some(dir) => DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(InitError::write(dir)),
        None => Ok(()),
    }
}

/// Writes a file that is not there yet (0600). One that appears meanwhile stays as it is.
pub fn new_file(path: &Path, text: &str) -> Result<(), InitError> {
    let fresh = Fresh::write(path, text.as_bytes()).map_err(InitError::write(path))?;
    match renameat_with(CWD, &fresh.path, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => return Err(InitError::Changed { file: path.to_owned() }),
        // A file system that knows no such rename; then what is there is looked for.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if path.symlink_metadata().is_ok() => {
            return Err(InitError::Changed { file: path.to_owned() });
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::rename(&fresh.path, path),
        other => other.map_err(io::Error::from),
    }
    .and_then(|()| settle(path))
    .map_err(InitError::write(path))
}

/// Replaces the file at `path`, whose text is `before`. It keeps its permissions, its owner, and the link that leads to it.
pub fn replace(path: &Path, before: &str, text: &str) -> Result<(), InitError> {
    let failed = || InitError::write(path);
    let real = path.canonicalize().map_err(failed())?;
    let found = std::fs::metadata(&real).map_err(failed())?;
    let fresh = Fresh::write(&real, text.as_bytes()).map_err(failed())?;
    let own = std::fs::metadata(&fresh.path).map_err(failed())?;
    if (own.uid(), own.gid()) != (found.uid(), found.gid()) {
        let file = File::open(&fresh.path).map_err(failed())?;
        fchown(&file, Some(found.uid()), Some(found.gid())).map_err(failed())?;
    }
    std::fs::set_permissions(&fresh.path, Permissions::from_mode(found.mode() & 0o7777)).map_err(failed())?;
    if std::fs::read_to_string(&real).map_err(failed())? != before {
        return Err(InitError::Changed { file: path.to_owned() });
    }
    std::fs::rename(&fresh.path, &real).and_then(|()| settle(&real)).map_err(failed())
}

/// Writes a secret into a new private file (0600).
pub fn secret(path: &Path, secret: &SecretString) -> Result<(), InitError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(secret.expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        settle(path)
    };
    write().map_err(InitError::write(path))
}

/// Makes the name of `path` durable.
fn settle(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// A file that waits for its name. It goes with the value; once renamed there is nothing left to go.
struct Fresh {
    path: PathBuf,
}

impl Fresh {
    /// Durable, private, beside `target`.
    fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let fresh = Self { path };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(fresh)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_and_its_directories_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/config.toml");
        make_directory_of(&path).unwrap();
        new_file(&path, "x").unwrap();
        secret(&path.with_file_name("token"), &SecretString::from("s")).unwrap();
        assert_eq!((mode(&path), mode(&path.with_file_name("token"))), (0o600, 0o600));
        assert_eq!((mode(&dir.path().join("a")), mode(&dir.path().join("a/b"))), (0o700, 0o700));
        assert_eq!(names(path.parent().unwrap()), ["config.toml", "token"]);
    }

    #[test]
    fn a_file_that_appeared_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(new_file(&path, "ours"), Err(InitError::Changed { .. })));
        assert!(secret(&path, &SecretString::from("s")).is_err());
        assert!(matches!(replace(&path, "what we read", "ours"), Err(InitError::Changed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(names(dir.path()), ["config.toml"]);
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_the_link_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("config.toml"));
        fs::write(&real, "before").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink("real.toml", &link).unwrap();
        replace(&link, "before", "after").unwrap();
        assert!(link.is_symlink());
        assert_eq!((fs::read_to_string(&real).unwrap().as_str(), mode(&real)), ("after", 0o644));
        assert_eq!(names(dir.path()), ["config.toml", "real.toml"]);
    }
}
