//! A person's answers to what a guard holds, written into the store.

use super::assembly::{database, lock_file, now};
use super::{EngineError, lock};
use crate::config::Config;
use damsync_model::name::OURS;
use damsync_store::{HeldPlan, Store};

fn no_plan(id: &str) -> EngineError {
    EngineError::Configuration(format!(
        "there is no held plan \"{id}\": it was carried out, or the world no longer matches it"
    ))
}

/// A plan that is held, and its mirror's name.
pub fn held_plan(config: &Config, id: &str) -> Result<(String, HeldPlan), EngineError> {
    let path = database(config);
    let broken = |error| EngineError::of_store(&path, error);
    let store = Store::open_to_read(&path).map_err(broken)?.ok_or_else(|| no_plan(id))?;
    let found = store.read(|tx| {
        let Some((mirror, plan)) = tx.plan(id)? else { return Ok(None) };
        for known in &config.mirrors {
            if tx.known_mirror(&known.name)?.is_some_and(|row| row.id == mirror) {
                return Ok(Some((known.name.clone(), plan)));
            }
        }
        // Of a mirror that is configured no more.
        Ok(Some((String::new(), plan)))
    });
    found.map_err(broken)?.ok_or_else(|| no_plan(id))
}

/// Lets a held plan run. A working program may have the store open: the row is one small transaction.
pub fn approve(config: &Config, id: &str) -> Result<(), EngineError> {
    let path = database(config);
    if !path.exists() {
        return Err(no_plan(id));
    }
    let broken = |error| EngineError::of_store(&path, error);
    let (mut store, _) = Store::open(&path, &now().compact()).map_err(broken)?;
    match store.transaction(|tx| tx.approve_plan(id, now())).map_err(broken)? {
        true => Ok(()),
        false => Err(no_plan(id)),
    }
}

/// Forgets what was agreed about a mirror, and takes the mark of another mirror from its root, if there is one.
pub fn reattach(config: &Config, name: &str) -> Result<(), EngineError> {
    let _lock = lock::take(&lock_file(config))?;
    let path = database(config);
    let broken = |error| EngineError::of_store(&path, error);
    let (mut store, _) = Store::open(&path, &now().compact()).map_err(broken)?;
    store
        .transaction(|tx| match tx.known_mirror(name)? {
            Some(row) => tx.detach_mirror(row.id),
            None => Ok(()),
        })
        .map_err(broken)?;
    if let Some(mirror) = config.mirrors.iter().find(|mirror| mirror.name == name) {
        let ours = mirror.local.join(OURS);
        if ours.is_symlink() {
            return Err(EngineError::Configuration(format!(
                "{} is a link, which is not followed; remove it",
                ours.display()
            )));
        }
        let mark = ours.join("mirror.json");
        match std::fs::remove_file(&mark) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EngineError::of_store(&mark, error));
            }
            _ => {}
        }
    }
    Ok(())
}
