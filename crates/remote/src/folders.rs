//! Storage folders: the whole tree in one request where the server lets us, folder by folder where it does not.
//!
//! - Whether the one list is paged is found out by asking for its second page: an answer equal to the first means that
//!   pages are unknown there, and is remembered; an empty one is asked again whenever the count could have filled a page.
//! - A paged list is not put together from pages that move meanwhile: then the tree is walked, and each step is checked
//!   against its own `Total-Entries`.
//! - A tree that has no end, or is deeper or larger than any, is an error ([`folder_list`](crate::folder_list)).
//! - The last list tells which folder an asset's slugs mean. Two folders with the same slugs: neither is meant.

use crate::Mediagraph;
use crate::answer::{done, json, may_be_missing, nonsense};
use crate::folder_list::{MOST_FOLDERS, MOST_LEVELS, complete, read_list};
use crate::http::{Ask, Reply};
use crate::ids;
use crate::shapes::Object;
use crate::wire::{FolderSeen, WireFolder};
use damsync_model::id::{AssetId, StorageFolderId};
use damsync_ports::{Answer, RemoteError, RemoteErrorKind, RemoteFolder};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

const LIST: &str = "list the storage folders";

/// What was found out about the one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paging {
    /// Not yet asked.
    Unasked,
    /// `page` is passed over: the list is whole.
    Unknown,
    /// The second page was empty while the first had so many.
    OnePage(usize),
    /// There are pages.
    Paged,
}

/// What is remembered between requests.
pub(crate) struct Folders {
    by_slugs: RwLock<HashMap<String, Option<i64>>>,
    paging: Mutex<Paging>,
}

impl Folders {
    pub(crate) fn new() -> Self {
        Self { by_slugs: RwLock::default(), paging: Mutex::new(Paging::Unasked) }
    }

    /// The folder that an asset's slugs mean.
    pub(crate) fn by_slugs(&self, slugs: &str) -> Option<i64> {
        self.by_slugs.read().unwrap_or_else(PoisonError::into_inner).get(slugs).copied().flatten()
    }

    fn remember(&self, all: &[FolderSeen]) {
        let mut map = HashMap::with_capacity(all.len());
        for folder in all {
            if let Some(slugs) = &folder.slug_path {
                map.entry(slugs.clone()).and_modify(|known| *known = None).or_insert(Some(folder.id));
            }
        }
        *self.by_slugs.write().unwrap_or_else(PoisonError::into_inner) = map;
    }

    /// One folder has now this path. Whatever it was called before, its old name means nothing any more.
    fn remember_one(&self, folder: &FolderSeen) {
        let Some(slugs) = &folder.slug_path else {
            return;
        };
        let mut map = self.by_slugs.write().unwrap_or_else(PoisonError::into_inner);
        map.retain(|_, known| *known != Some(folder.id));
        map.entry(slugs.clone()).and_modify(|known| *known = None).or_insert(Some(folder.id));
    }

    /// What was found out, for the probe.
    pub(crate) fn paging_in_words(&self) -> &'static str {
        match self.paging() {
            Paging::Unasked => "not asked",
            Paging::Unknown => "no: `page` is passed over",
            Paging::OnePage(_) => "perhaps: a second page is empty",
            Paging::Paged => "yes",
        }
    }

    fn paging(&self) -> Paging {
        *self.paging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found_out(&self, paging: Paging) {
        *self.paging.lock().unwrap_or_else(PoisonError::into_inner) = paging;
    }
}

fn same_ids(left: &[FolderSeen], right: &[FolderSeen]) -> bool {
    let ids = |list: &[FolderSeen]| list.iter().map(|folder| folder.id).collect::<HashSet<_>>();
    ids(left) == ids(right)
}

/// Whether a page might be full with so many: page sizes are round numbers.
fn may_fill_a_page(count: usize) -> bool {
    count > 0 && (count.is_multiple_of(5) || count.is_power_of_two())
}

impl Mediagraph {
    pub(crate) async fn list_folders(&self) -> Result<Vec<RemoteFolder>, RemoteError> {
        let all = match self.folders.paging() {
            Paging::Paged => self.walk_tree().await?,
            known => self.one_list(known).await?,
        };
        self.folders.remember(&all);
        complete(LIST, &all)
    }

    async fn one_list(&self, known: Paging) -> Result<Vec<FolderSeen>, RemoteError> {
        let first = read_list(LIST, &self.http.send(Ask::get(LIST, &["api", "storage_folders"])).await?)?;
        let sure = match known {
            Paging::Unknown => true,
            Paging::OnePage(count) => count == first.len() && !may_fill_a_page(count),
            Paging::Unasked | Paging::Paged => false,
        };
        if sure {
            return Ok(first);
        }
        let ask = Ask::get(LIST, &["api", "storage_folders"]).query("page", "2");
        let second = read_list(LIST, &self.http.send(ask).await?)?;
        if second.is_empty() {
            self.folders.found_out(Paging::OnePage(first.len()));
            Ok(first)
        } else if same_ids(&first, &second) {
            self.folders.found_out(Paging::Unknown);
            Ok(first)
        } else {
            self.folders.found_out(Paging::Paged);
            self.walk_tree().await
        }
    }

    /// The children of every folder, from the top down.
    async fn walk_tree(&self) -> Result<Vec<FolderSeen>, RemoteError> {
        let mut all: Vec<FolderSeen> = Vec::new();
        let mut seen = HashSet::new();
        let mut open: Vec<(Option<i64>, usize)> = vec![(None, 0)];
        while let Some((parent, level)) = open.pop() {
            if level > MOST_LEVELS {
                return Err(nonsense(LIST, format!("storage folders more than {MOST_LEVELS} levels deep")));
            }
            for child in self.children(parent, MOST_FOLDERS - all.len()).await? {
                if !seen.insert(child.id) {
                    return Err(RemoteError {
                        what: LIST,
                        kind: RemoteErrorKind::Incomplete("it changed meanwhile".into()),
                    });
                }
                if child.has_children {
                    open.push((Some(child.id), level + 1));
                }
                all.push(child);
            }
        }
        Ok(all)
    }

    /// The folders directly in one, of which there may be so many.
    async fn children(&self, parent: Option<i64>, most: usize) -> Result<Vec<FolderSeen>, RemoteError> {
        let mut children: Vec<FolderSeen> = Vec::new();
        let mut known = HashSet::new();
        for page in 1_u32.. {
            let mut ask = Ask::get(LIST, &["api", "storage_folders", "tree"]);
            if let Some(parent) = parent {
                ask = ask.query("parent_id", parent.to_string());
            }
            if page > 1 {
                ask = ask.query("page", page.to_string());
            }
            let reply = self.http.send(ask).await?;
            let before = children.len();
            children.extend(read_list(LIST, &reply)?.into_iter().filter(|child| known.insert(child.id)));
            if children.len() > most {
                return Err(nonsense(LIST, format!("more than {MOST_FOLDERS} storage folders")));
            }
            let Some(total) = total_entries(&reply) else {
                break;
            };
            if children.len() as u64 >= total {
                break;
            }
            if children.len() == before {
                let why = format!("{} of {total} folders", children.len());
                return Err(RemoteError { what: LIST, kind: RemoteErrorKind::Incomplete(why) });
            }
        }
        Ok(children)
    }

    pub(crate) async fn one_folder(&self, id: &StorageFolderId) -> Result<Answer<RemoteFolder>, RemoteError> {
        const WHAT: &str = "look at a storage folder";
        let number = number(WHAT, &id.0)?;
        let result = self.http.send(Ask::get(WHAT, &["api", "storage_folders", &number.to_string()])).await;
        may_be_missing(result.and_then(|reply| {
            let seen = read_folder(WHAT, &reply)?;
            if seen.id == number { self.known_ancestors(&seen) } else { Err(nonsense(WHAT, "another folder")) }
        }))
    }

    fn known_ancestors(&self, seen: &FolderSeen) -> Result<RemoteFolder, RemoteError> {
        match (&seen.ancestors, seen.parent) {
            (Some(ancestors), _) => Ok(seen.folder(ancestors)),
            (None, None) => Ok(seen.folder(&[])),
            (None, Some(parent)) => Ok(seen.folder(&[parent])),
        }
    }

    pub(crate) async fn new_folder(
        &self,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> Result<RemoteFolder, RemoteError> {
        const WHAT: &str = "make a storage folder";
        let parent_id = parent.map(|parent| number(WHAT, &parent.0)).transpose()?;
        let body = json!({ "storage_folder": { "name": name, "parent_id": parent_id } });
        let reply = self.http.send(Ask::make(WHAT, &["api", "storage_folders"], body)).await?;
        let seen = read_folder(WHAT, &reply)?;
        self.folders.remember_one(&seen);
        self.known_ancestors(&seen)
    }

    pub(crate) async fn alter_folder(
        &self,
        id: &StorageFolderId,
        parent: Option<&StorageFolderId>,
        name: &str,
    ) -> Result<(), RemoteError> {
        const WHAT: &str = "change a storage folder";
        let id = number(WHAT, &id.0)?.to_string();
        let parent_id = parent.map(|parent| number(WHAT, &parent.0)).transpose()?;
        let body = json!({ "storage_folder": { "name": name, "parent_id": parent_id } });
        let reply = self.http.send(Ask::put(WHAT, &["api", "storage_folders", &id]).json(body)).await?;
        done(WHAT, &reply)?;
        // Everything below it has other slugs now as well; the next list tells them.
        if let Ok(seen) = read_folder(WHAT, &reply) {
            self.folders.remember_one(&seen);
        }
        Ok(())
    }

    pub(crate) async fn delete_folder(&self, id: &StorageFolderId) -> Result<(), RemoteError> {
        const WHAT: &str = "remove a storage folder";
        let id = number(WHAT, &id.0)?.to_string();
        match self.http.send(Ask::delete(WHAT, &["api", "storage_folders", &id])).await {
            Ok(reply) => done(WHAT, &reply),
            Err(RemoteError { kind: RemoteErrorKind::NotFound, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn ids_of_folder(&self, id: &StorageFolderId) -> Result<Answer<Vec<AssetId>>, RemoteError> {
        const WHAT: &str = "list the assets of a storage folder";
        let id = number(WHAT, &id.0)?.to_string();
        let result = self.http.send(Ask::get(WHAT, &["api", "storage_folders", &id, "asset_ids"]).long()).await;
        may_be_missing(result.and_then(|reply| Ok(ids::read(WHAT, reply)?.ids)))
    }
}

fn read_folder(what: &'static str, reply: &Reply) -> Result<FolderSeen, RemoteError> {
    json::<Object<WireFolder>>(what, reply)?.0.read().map_err(|why| nonsense(what, why))
}

/// The `Total-Entries` header.
pub(crate) fn total_entries(reply: &Reply) -> Option<u64> {
    reply.headers.get("total-entries")?.to_str().ok()?.trim().parse().ok()
}

/// An id as this provider has it.
pub(crate) fn number(what: &'static str, id: &damsync_model::id::RemoteId) -> Result<i64, RemoteError> {
    match id {
        damsync_model::id::RemoteId::Number(number) => Ok(*number),
        damsync_model::id::RemoteId::Text(_) => Err(RemoteError { what, kind: RemoteErrorKind::Unsupported }),
    }
}
