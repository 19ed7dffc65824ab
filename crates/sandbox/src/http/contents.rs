//! Contents in files: written once under a new name, never changed.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::error::SandboxError;
use crate::world::asset::{Content, Place};
use crate::world::generated;

const CHUNK: u64 = 256 << 10;

/// A directory of contents.
#[derive(Debug)]
pub(crate) struct Contents {
    directory: PathBuf,
}

impl Contents {
    pub(crate) fn open(directory: PathBuf) -> Result<Self, SandboxError> {
        std::fs::create_dir_all(&directory).map_err(|error| SandboxError::file(&directory, error))?;
        Ok(Self { directory })
    }

    /// Takes a finished file in.
    pub(crate) fn adopt(&self, file: &Path) -> std::io::Result<String> {
        let name = fresh_name();
        let path = self.path(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::rename(file, &path)?;
        Ok(name)
    }

    /// Writes bytes.
    pub(crate) fn add(&self, bytes: &[u8]) -> std::io::Result<Content> {
        let name = fresh_name();
        let path = self.path(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let part = path.with_extension("part");
        std::fs::write(&part, bytes)?;
        std::fs::rename(&part, &path)?;
        Ok(Content { size: bytes.len() as u64, md5: generated::md5_hex(bytes), place: Place::Stored(name) })
    }

    fn path(&self, name: &str) -> PathBuf {
        // Names are random, so any two digits spread evenly.
        let shelf = &name[name.len().saturating_sub(2)..];
        self.directory.join(shelf).join(name)
    }

    /// The bytes from `start` up to `end`, piece by piece.
    pub(crate) async fn read(
        &self,
        place: &Place,
        start: u64,
        end: u64,
    ) -> std::io::Result<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>> {
        let source = match place {
            Place::Generated(seed) => Source::Generated(*seed),
            Place::Stored(name) => {
                let mut file = tokio::fs::File::open(self.path(name)).await?;
                file.seek(std::io::SeekFrom::Start(start)).await?;
                Source::File(file)
            }
        };
        Ok(stream::try_unfold((source, start), move |(mut source, at)| async move {
            if at >= end {
                return Ok(None);
            }
            let wanted = usize::try_from((end - at).min(CHUNK)).unwrap_or(0);
            let mut buffer = vec![0; wanted];
            let count = match &mut source {
                Source::Generated(seed) => {
                    generated::read(*seed, at, &mut buffer);
                    wanted
                }
                Source::File(file) => file.read(&mut buffer).await?,
            };
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            buffer.truncate(count);
            Ok(Some((Bytes::from(buffer), (source, at + count as u64))))
        }))
    }
}

/// Random, so that no clock and no counter can ever give a name twice.
fn fresh_name() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

enum Source {
    Generated(u64),
    File(tokio::fs::File),
}
