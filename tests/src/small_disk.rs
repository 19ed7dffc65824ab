//! A file system of a few MiB, for tests that fill it. Mounting takes the rights to do so.

use rustix::mount::{MountFlags, UnmountFlags};
use std::ffi::CString;
use std::path::{Path, PathBuf};

/// A mount, until it is dropped.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts an empty one there, of this size (`size=4m`); the directory is made.
    ///
    /// # Errors
    /// Why this machine does not permit it.
    pub fn mount(at: &Path, size: &str) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let size = CString::new(size).map_err(|error| error.to_string())?;
        rustix::mount::mount("small", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, size.as_c_str())
            .map_err(|error| format!("mounting is not permitted: {error}"))?;
        Ok(Self(at.to_owned()))
    }

    /// Gives it another size.
    pub fn grow(&self, size: &str) {
        rustix::mount::mount_remount(&self.0, MountFlags::NOSUID | MountFlags::NODEV, size).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a program that is being killed may still hold it.
        let _ = rustix::mount::unmount(&self.0, UnmountFlags::DETACH);
    }
}
