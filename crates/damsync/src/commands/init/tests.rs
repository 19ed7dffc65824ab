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

#[test]
fn a_path_is_quoted_for_a_shell_where_it_must_be() {
    assert_eq!(quoted("/home/u/.config/damsync/config.toml"), "/home/u/.config/damsync/config.toml");
    assert_eq!(quoted("/my files/it's"), r"'/my files/it'\''s'");
}
