//! Whether the database is sound, by SQLite's own word.

use crate::{Store, StoreError};

/// So many complaints are told; one is enough to know.
const MOST: usize = 5;

impl Store {
    /// What is wrong with the pages; empty for a sound database. Reads the whole file, and changes nothing.
    ///
    /// # Errors
    /// What SQLite says; [`StoreError::Damaged`] where it cannot even look.
    pub fn complaints(&self) -> Result<Vec<String>, StoreError> {
        let mut check = self.connection.prepare(&format!("PRAGMA quick_check({MOST})"))?;
        let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_page_that_was_overwritten_is_found_and_a_sound_database_is_not_complained_about() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let (mut store, _) = Store::open(&path, "x").unwrap();
        for number in 0..300 {
            store.transaction(|tx| tx.mirror(&format!("{number:0>200}"))).unwrap();
        }
        assert_eq!(store.complaints().unwrap(), [""; 0]);
        drop(store);
        let length = path.metadata().unwrap().len();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0xaa; 4096], length - 8192).unwrap();
        let store = Store::open_to_read(&path).unwrap().unwrap();
        let found = store.complaints();
        assert!(
            matches!(&found, Err(StoreError::Damaged(_))) || found.as_ref().is_ok_and(|lines| !lines.is_empty()),
            "{found:?}"
        );
    }
}
