//! What `doctor` asks of this machine: the database, the program that works with it, and each mirror's directory. All of
//! it only looks.

use super::assembly::{database, lock_file};
use super::{EngineError, lock};
use crate::config::{Config, Mirror};
use damsync_disk::Disk;
use damsync_model::name::Folding;
use damsync_ports::{LocalSide, Root};
use damsync_store::{MirrorRow, Store};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A database that could be opened.
#[derive(Debug, Default)]
pub struct Examined {
    /// What is wrong with it; nothing for a sound one.
    pub complaints: Vec<String>,
    /// The mirrors of the configuration that it knows, by name.
    pub mirrors: BTreeMap<String, MirrorRow>,
}

/// Where the database is.
pub fn database_path(config: &Config) -> PathBuf {
    database(config)
}

/// Looks through the database; `None` if there is none yet.
pub fn examine_database(config: &Config) -> Result<Option<Examined>, EngineError> {
    let path = database(config);
    let broken = |error| EngineError::of_store(&path, error);
    let Some(store) = Store::open_to_read(&path).map_err(broken)? else { return Ok(None) };
    let complaints = store.complaints().map_err(broken)?;
    let mut mirrors = BTreeMap::new();
    store
        .read(|tx| {
            for mirror in &config.mirrors {
                if let Some(row) = tx.known_mirror(&mirror.name)? {
                    mirrors.insert(mirror.name.clone(), row);
                }
            }
            Ok(())
        })
        .map_err(broken)?;
    Ok(Some(Examined { complaints, mirrors }))
}

/// The process that works with this state directory now; `None` where none does, the inner one where it left no number.
pub fn working_process(config: &Config) -> Option<Option<u32>> {
    lock::holder(&lock_file(config)).map(|holder| holder.pid)
}

/// What stands at a mirror's place, and how names compare there where that can be told already.
pub async fn look_at(mirror: &Mirror) -> Result<(Root, Option<Folding>), EngineError> {
    let settings = damsync_disk::Settings { root: mirror.local.clone(), ignore: mirror.ignore.clone() };
    let disk = Disk::new(settings).map_err(|bad| EngineError::Configuration(bad.to_string()))?;
    let broken = |error| EngineError::Pass { mirror: mirror.name.clone(), cause: Box::new(error) };
    let root = disk.root().await.map_err(broken)?;
    let folding = match &root {
        Root::Marked { identity, .. } => match disk.open(*identity).await {
            Ok(()) => disk.folding().await.ok(),
            Err(_) => None,
        },
        _ => None,
    };
    Ok((root, folding))
}
