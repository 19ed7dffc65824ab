//! Whether this user may use a directory, or make it. Nothing is tried out: the system is asked.

use rustix::fs::{Access, access};
use std::path::Path;

/// A directory that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usable {
    /// It is there, and can be read and written.
    There,
    /// It can be made.
    ToBeMade,
}

/// Whether the directory at `path` can be used; otherwise why not.
pub fn directory(path: &Path) -> Result<Usable, String> {
    match path.metadata() {
        Ok(found) if !found.is_dir() => Err("it is not a directory".to_owned()),
        Ok(_) => may_write(path, "it").map(|()| Usable::There),
        Err(_) if path.is_symlink() => Err("it is a link to nothing".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = path.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
            let above = above.ok_or("nothing above it exists")?;
            if !above.is_dir() {
                return Err(format!("{} is not a directory", above.display()));
            }
            may_write(above, &above.display().to_string()).map(|()| Usable::ToBeMade)
        }
        Err(error) => Err(format!("it cannot be examined ({error})")),
    }
}

fn may_write(path: &Path, name: &str) -> Result<(), String> {
    for (right, what) in [(Access::READ_OK, "read"), (Access::WRITE_OK, "written"), (Access::EXEC_OK, "entered")] {
        access(path, right).map_err(|errno| format!("{name} cannot be {what} by this user ({errno})"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_can_be_made_where_the_next_directory_above_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink("gone", at("link")).unwrap();
        assert_eq!(directory(dir.path()), Ok(Usable::There));
        assert_eq!(directory(&at("a/b/c")), Ok(Usable::ToBeMade));
        assert_eq!(directory(&at("file")).unwrap_err(), "it is not a directory");
        assert!(directory(&at("file/below")).is_err());
        assert_eq!(directory(&at("link")).unwrap_err(), "it is a link to nothing");
    }
}
