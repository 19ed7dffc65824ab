//! The local side: walk, hash, place and trash, confined below the mirror's root.
//!
//! [`Disk`] answers the questions of [`damsync_ports::LocalSide`] about a real directory.
//!
//! - **Confined.** Every path is resolved beneath the root's handle (`openat2`, or component by component where the
//!   kernel has no such call); a link, a mount or `..` on the way is refused, whenever it was put there.
//! - **Nothing of a user's is overwritten.** A file comes under its name by `renameat2` with `NOREPLACE` or `EXCHANGE`;
//!   what came out is looked at, and put back where it is not what was expected. At no moment do a user's bytes lie in
//!   `.damsync/partial`, which is ours to empty.
//! - **An error is never an absence.** Only `ENOENT` beneath a root that is still linked is
//!   [`damsync_ports::LocalError::Missing`].
//!
//! Not here: what to do with any of it, and when a file is quiet long enough ([`quiet`] only compares times).
//!
//! Start reading at [`Disk`]; `beneath` opens, `listing` reads directories, `placing` and `trash` move files.

mod attributes;
mod beneath;
mod disk;
mod durable;
mod hashing;
mod ignore_rules;
mod listing;
mod look;
mod mark;
mod moves;
mod partial;
mod placing;
pub mod quiet;
mod races;
mod reading;
mod trash;

pub use disk::{Disk, Settings};
pub use ignore_rules::BadPattern;
