//! What the server told, and whether a configuration can be obeyed there.

use super::ask::{Asker, Question};
use super::error::InitError;
use crate::config::{self, Config, Mirror, StorageFolder, parse_storage_folder};
use crate::engine::{self, Server, Whereabouts};
use crate::failure::Failure;
use crate::output;
use damsync_model::policy::Direction;
use damsync_ports::RemoteFolder;
use damsync_remote::{Account, Rights};

/// How many folders are listed before a path must be typed.
const MOST_LISTED: usize = 60;

/// What the server told.
pub struct Seen {
    pub account: Account,
    rights: Rights,
    pub folders: Vec<RemoteFolder>,
}

impl Seen {
    /// Asks.
    pub async fn at(server: &Server) -> Result<Self, Failure> {
        let account = server.account().await?;
        let rights = server.rights().await?;
        if rights.see_folders == Some(false) {
            return Err(InitError::MayNot {
                who: account.to_string(),
                what: "see storage folders",
                remedy: "let this user see storage folders on the server, or use another user's token",
            }
            .into());
        }
        Ok(Self { account, rights, folders: server.folders().await? })
    }

    /// Lets somebody choose a storage folder; `None` = everything.
    pub async fn choose(&self, asker: Asker) -> Result<Option<StorageFolder>, Failure> {
        asker.say(&format!("You are {}.\nStorage folders:\n   0  everything\n", self.account));
        let paths = engine::folder_paths(&self.folders);
        for (number, (path, _)) in (1..).zip(&paths).take(MOST_LISTED) {
            asker.say(&format!("{number:4}  {}\n", output::printable(path)));
        }
        if paths.len() > MOST_LISTED {
            asker.say(&format!("      and {} more, which can be named by their path\n", paths.len() - MOST_LISTED));
        }
        let question = Question {
            what: "Number of this list, path, or id:N",
            flag: "--storage-folder",
            example: "--storage-folder Studio/Campaigns",
            default: None,
        };
        asker.ask(question, |typed| chosen(typed, &paths)).await
    }

    /// Whether the configuration can be obeyed at this server; where the new mirror's folder is, in words.
    pub fn check(&self, config: &Config, new: &Mirror) -> Result<String, Failure> {
        if self.rights.upload == Some(false) && new.policy.direction != Direction::PullOnly {
            return Err(InitError::MayNot {
                who: self.account.to_string(),
                what: "upload",
                remedy: "let this user upload on the server, or add --direction pull-only",
            }
            .into());
        }
        let place = match (engine::whereabouts(new, &self.folders), &new.storage_folder) {
            (Whereabouts::Everything, _) | (_, None) => "everything".to_owned(),
            (Whereabouts::Found(folder), Some(_)) => {
                let paths = engine::folder_paths(&self.folders);
                let path = paths.iter().find(|(_, other)| other.id == folder.id).map(|(path, _)| path.clone());
                format!("{} (id {})", path.unwrap_or(folder.name), folder.id)
            }
            (Whereabouts::Nowhere, Some(folder)) => {
                let paths = engine::folder_paths(&self.folders);
                let nearest = match folder {
                    StorageFolder::Path(path) => config::nearest(path, paths.iter().map(|(path, _)| path.as_str())),
                    StorageFolder::Id(_) => None,
                };
                return Err(InitError::NoFolder { folder: folder.clone(), nearest: nearest.map(str::to_owned) }.into());
            }
        };
        // What the others do to each other is no reason to refuse this one.
        let others = config.mirrors.iter().map(|mirror| mirror.name.clone()).filter(|name| *name != new.name).collect();
        engine::check_overlap(config, &self.folders, &others)?;
        Ok(place)
    }
}

/// What was typed, as a choice from the list.
fn chosen(typed: &str, paths: &[(String, RemoteFolder)]) -> Result<Option<StorageFolder>, String> {
    if typed == "0" {
        return Ok(None);
    }
    if let Some((path, folder)) = typed.parse::<usize>().ok().and_then(|number| paths.get(number.checked_sub(1)?)) {
        // Two folders may have one path; then only the id says which is meant.
        let double = paths.iter().filter(|(other, _)| other == path).count() > 1;
        return match folder.id.to_string().parse() {
            Ok(id) if double || parse_storage_folder(path) != Ok(StorageFolder::Path(path.clone())) => {
                Ok(Some(StorageFolder::Id(id)))
            }
            _ => Ok(Some(StorageFolder::Path(path.clone()))),
        };
    }
    if typed.is_empty() || typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("Choose a number from 0 to {}.", paths.len()));
    }
    parse_storage_folder(typed).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use damsync_model::id::StorageFolderId;

    fn folder(id: i64, name: &str) -> RemoteFolder {
        RemoteFolder {
            id: StorageFolderId::from(id),
            parent: None,
            ancestors: Vec::new(),
            name: name.into(),
            contribution: None,
            organizer: false,
            editable: None,
            reindexing: false,
            connector: None,
        }
    }

    #[test]
    fn a_folder_is_chosen_by_its_number_in_the_list_its_path_or_its_id() {
        let paths =
            engine::folder_paths(&[folder(7, "Studio"), folder(8, "Archive"), folder(9, "Archive"), folder(3, "id:4")]);
        let path = |text: &str| Ok(Some(StorageFolder::Path(text.into())));
        for (typed, expected) in [
            ("0", Ok(None)),
            ("3", path("Studio")),
            ("Studio/New", path("Studio/New")),
            ("id:42", Ok(Some(StorageFolder::Id(42)))),
            // Two of one name, and a name that reads like an id: only the number says which is meant.
            ("1", Ok(Some(StorageFolder::Id(8)))),
            ("2", Ok(Some(StorageFolder::Id(9)))),
            ("4", Ok(Some(StorageFolder::Id(3)))),
            ("5", Err("Choose a number from 0 to 4.".to_owned())),
            ("", Err("Choose a number from 0 to 4.".to_owned())),
        ] {
            assert_eq!(chosen(typed, &paths), expected, "{typed}");
        }
    }
}
