//! One program at a time: a lock file in the state directory with the holder's process number, and a lock on each
//! mirror's mark. Both end with the process, however it ends.

use super::EngineError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// Takes the lock of a state directory and leaves our process number in it.
///
/// # Errors
/// [`EngineError::InUse`] with the holder's number; what the file system says.
pub(super) fn take(path: &Path) -> Result<File, EngineError> {
    let broken = |cause| EngineError::of_store(path, cause);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(broken)?;
    loop {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(broken)?;
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(cause)) => return Err(broken(cause)),
        }
        // It may only be somebody who looks whether there is a holder: that takes no longer than a moment.
        match file.try_lock_shared() {
            Ok(()) => file.unlock().map_err(broken)?,
            Err(TryLockError::WouldBlock) => {
                return Err(EngineError::InUse { what: path.display().to_string(), pid: process_in(&mut file) });
            }
            Err(TryLockError::Error(cause)) => return Err(broken(cause)),
        }
        std::thread::yield_now();
    }
}

/// Who holds a state directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) pid: Option<u32>,
    pub(super) since: Option<SystemTime>,
}

/// Who holds it now, if anybody does.
pub(super) fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let since = file.metadata().and_then(|metadata| metadata.modified()).ok();
            Some(Holder { pid: process_in(&mut file), since })
        }
        _ => None,
    }
}

/// Takes the lock of a mirror's mark. `None`: it has no mark yet; there nothing can be deleted either.
///
/// # Errors
/// [`EngineError::InUse`].
pub(super) fn take_mark(root: &Path, mark: &Path) -> Result<Option<File>, EngineError> {
    let Ok(mark) = File::open(mark) else { return Ok(None) };
    match mark.try_lock() {
        Err(TryLockError::WouldBlock) => Err(EngineError::InUse { what: root.display().to_string(), pid: None }),
        // A file system that knows no locks is no reason not to work.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(mark)),
    }
}

fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_with_the_first_ones_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(holder(&path).is_none());
        let held = take(&path).unwrap();
        assert!(matches!(take(&path), Err(EngineError::InUse { pid, .. }) if pid == Some(std::process::id())));
        assert_eq!(holder(&path).unwrap().pid, Some(std::process::id()));
        drop(held);
        assert!(holder(&path).is_none());
        take(&path).unwrap();
    }

    #[test]
    fn one_who_only_looks_refuses_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(take(&path).unwrap());
        // Each time the one who looks goes at another moment.
        for _ in 0..200 {
            let looking = File::open(&path).unwrap();
            looking.lock_shared().unwrap();
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                let starting = scope.spawn(|| {
                    both.wait();
                    take(&path)
                });
                both.wait();
                looking.unlock().unwrap();
                starting.join().unwrap().unwrap();
            });
        }
    }
}
