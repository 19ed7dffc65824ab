//! Reads tables of trees and checks the planner's word on each row. The only place that touches the planner's API.
//!
//! A row is `base  local  remote  => decision`. The states:
//!
//! - `-` absent, `unknown`, and for the remote `trashed`, `gone`, `outside@1`,
//! - `a.jpg@1` in the mirror's root with content 1, `dir/a.jpg@1` in a directory; `here=there@1` where the asset has
//!   another name than the file. Content 1 is version 1 unless `v7` follows; `v-`: the server tells no number,
//! - `@…` not read yet; `@?` the server tells neither hash nor size; `@~3` only content 3's size,
//! - `'` the asset's `updated_at` moved although its bytes did not,
//! - `:flag`s: for the remote its state (`:pending :processing :submission :approval :error`) or `:checkedout :readonly
//!   :nodownload :first` (one version only) or `:back` (its `updated_at` lies before any other); for the base `:sent`
//!   (the server has not told a hash of it yet), `:as9` (it told content 9's).
//!
//! The decision is a plan's line without its reason, or `settled`, or the rule and `held …`, `waiting …`, `skipped`,
//! `failed`.

#![expect(clippy::unwrap_used, reason = "a test that cannot build its world has failed")]

use damsync_model::capability::Capabilities;
use damsync_model::content::{Claimed, Content, Md5, Sha256};
use damsync_model::id::{AssetId, FolderId, Guid};
use damsync_model::kind::Kind;
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{Action, Decision, PlanLine, Subject};
use damsync_model::planner::{Rules, decide, decide_folder};
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, Policy};
use damsync_model::time::UnixMs;
use damsync_model::tree::{
    AssetState, Base, Entity, FolderEntity, FolderState, Local, LocalFile, Place, Remote, RemoteAsset, RemoteFile,
    Stat, Unknown,
};

const FOLDERS: [(&str, FolderId); 3] = [("", FolderId(1)), ("dir", FolderId(2)), ("other", FolderId(3))];

/// Checks every row of a table about files, and that deciding twice says the same.
pub fn check(options: &str, table: &str) {
    let (policy, capabilities) = read_options(options);
    for (row, expected) in rows(table) {
        let [base, local, remote] = row[..] else { panic!("three states, not {row:?}") };
        let entity = Entity { base: read_base(base), local: read_local(local), remote: read_remote(remote) };
        let rules = Rules { policy: &policy, capabilities: &capabilities };
        let decision = decide(&entity, rules);
        assert_eq!(decision, decide(&entity.clone(), rules), "the same twice");
        let got = in_words(&decision, |subject| path_of(subject, &entity));
        assert_eq!(got, expected, "\n  options: {options}\n  row: {row:?}\n  decision: {decision:?}");
    }
}

/// Checks rows `agreed|new  local  remote  [needed] => decision` of directories; a side is `full`, `empty`, `-` or
/// `unknown`, and `needed` says that a file wants the directory where it is missing.
pub fn check_folders(options: &str, table: &str) {
    let (policy, capabilities) = read_options(options);
    for (row, expected) in rows(table) {
        let state = |text: &str| match text {
            "full" => FolderState::Present { empty: false },
            "empty" => FolderState::Present { empty: true },
            "-" => FolderState::Absent,
            "unknown" => FolderState::Unknown(Unknown("unreadable".into())),
            other => panic!("no state of a directory: {other}"),
        };
        let folder = FolderEntity {
            id: FolderId(2),
            agreed: row[0] == "agreed",
            local: state(row[1]),
            remote: state(row[2]),
            has_new_files: row.get(3) == Some(&"needed"),
        };
        let decision = decide_folder(&folder, Rules { policy: &policy, capabilities: &capabilities });
        let got = in_words(&decision, |_| path(&Place { folder: FolderId(1), name: FileName::new("dir").unwrap() }));
        assert_eq!(got, expected, "\n  options: {options}\n  row: {row:?}\n  decision: {decision:?}");
    }
}

fn rows(table: &str) -> impl Iterator<Item = (Vec<&str>, String)> {
    table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("base ")).map(|line| {
        let (states, decision) = line.split_once("=>").unwrap_or_else(|| panic!("no => in {line:?}"));
        (states.split_whitespace().collect(), one_spaced(decision))
    })
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words that a whole table shares: what the user chose and what the provider can do.
fn read_options(options: &str) -> (Policy, Capabilities) {
    let mut policy = Policy::default();
    let mut able = Capabilities {
        replaces_content: true,
        renames_assets: true,
        moves_assets: true,
        restores_assets: true,
        has_folder_tree: true,
        acknowledges: true,
        has_leases: false,
        max_upload_bytes: 5 << 30,
    };
    for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        match option {
            "pull-only" => policy.direction = Direction::PullOnly,
            "push-only" => policy.direction = Direction::PushOnly,
            "local-wins" => policy.conflict = ConflictPolicy::LocalWins,
            "remote-wins" => policy.conflict = ConflictPolicy::RemoteWins,
            "delete keep" => policy.delete = DeletePolicy::Keep,
            "no restore" => able.restores_assets = false,
            "no versions" => able.replaces_content = false,
            "no rename" => able.renames_assets = false,
            "no move" => able.moves_assets = false,
            "no folders" => able.has_folder_tree = false,
            "tiny uploads" => able.max_upload_bytes = 1,
            other => panic!("no such option: {other}"),
        }
    }
    (policy, able)
}

fn content(number: u8) -> Content {
    Content { size: 100 + u64::from(number), md5: Md5([number; 16]), sha256: Sha256([number; 32]), kind: Kind::Unknown }
}

/// What stands in one cell.
struct Cell<'a> {
    here: &'a str,
    there: &'a str,
    content: &'a str,
    version: Option<u64>,
    touched: bool,
    flags: Vec<&'a str>,
}

fn read_cell(cell: &str) -> Cell<'_> {
    let mut flags = cell.split(':');
    let text = flags.next().unwrap();
    let (text, touched) = text.strip_suffix('\'').map_or((text, false), |text| (text, true));
    let (names, content) = text.split_once('@').unwrap_or_else(|| panic!("no @ in {cell:?}"));
    let (here, there) = names.split_once('=').unwrap_or((names, names.rsplit('/').next().unwrap()));
    let (content, version) = match content.split_once('v') {
        Some((content, version)) => (content, version.parse().ok()),
        None => (content, content.parse().ok()),
    };
    Cell { here, there, content, version, touched, flags: flags.collect() }
}

impl Cell<'_> {
    fn place(&self) -> Place {
        let (dir, name) = self.here.rsplit_once('/').unwrap_or(("", self.here));
        let folder = FOLDERS.iter().find(|known| known.0 == dir).unwrap_or_else(|| panic!("no directory {dir}")).1;
        Place { folder, name: FileName::new(name).unwrap() }
    }

    fn known(&self) -> Option<Content> {
        self.content.parse().ok().map(content)
    }

    fn claimed(&self) -> Claimed {
        let size_only = |text: &str| Claimed { size: text.parse().ok().map(|n| content(n).size), md5: None };
        match (self.known(), self.content.strip_prefix('~')) {
            (Some(known), _) => told(&known),
            (None, Some(size)) => size_only(size),
            (None, None) => Claimed::default(),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Moves with the bytes, and by one where only metadata was touched.
    fn updated_at(&self) -> UnixMs {
        if self.has("back") {
            return UnixMs(1_600_000_000_000);
        }
        let bytes = self.content.parse::<i64>().unwrap_or(77);
        UnixMs(1_700_000_000_000 + 10 * bytes + i64::from(self.touched))
    }
}

fn told(content: &Content) -> Claimed {
    Claimed { size: Some(content.size), md5: Some(content.md5) }
}

fn read_base(text: &str) -> Option<Base> {
    if text == "-" {
        return None;
    }
    let cell = read_cell(text);
    let agreed = cell.known().expect("a base has read its content");
    let other = cell.flags.iter().find_map(|flag| flag.strip_prefix("as")).map(|number| number.parse().unwrap());
    Some(Base {
        asset: AssetId::from(1),
        place: cell.place(),
        content: agreed,
        remote_folder: cell.place().folder,
        remote_filename: cell.there.to_owned(),
        remote_version: cell.version,
        remote_claimed: if cell.has("sent") { Claimed::default() } else { told(&other.map_or(agreed, content)) },
        remote_updated_at: cell.updated_at(),
    })
}

fn read_local(text: &str) -> Local {
    match text {
        "-" => Local::Absent,
        "unknown" => Local::Unknown(Unknown("a symbolic link".into())),
        file => {
            let cell = read_cell(file);
            let content = cell.known();
            let stat = Stat { size: content.map_or(100, |known| known.size), inode: 7, ..Stat::default() };
            Local::Present(LocalFile { place: cell.place(), stat, content })
        }
    }
}

fn read_remote(text: &str) -> Remote {
    match text {
        "-" => Remote::Absent,
        "unknown" => Remote::Unknown(Unknown("403".into())),
        "trashed" => Remote::Trashed,
        "gone" => Remote::Gone,
        file => {
            let cell = read_cell(file);
            let asset = RemoteAsset {
                id: AssetId::from(1),
                guid: Guid("0cf74b82-06c6-433a-8663-cce78bd1cc4d".into()),
                storage_folder: None,
                filename: cell.there.to_owned(),
                claimed: cell.claimed(),
                version: cell.version,
                versions_count: cell.has("first").then_some(1),
                created_at: UnixMs(0),
                updated_at: cell.updated_at(),
                last_external_sync_at: None,
                state: state(&cell),
                trashed_at: None,
                checked_out: cell.has("checkedout"),
                downloadable: cell.has("nodownload").then_some(false),
                editable: cell.has("readonly").then_some(false),
            };
            if cell.here == "outside" {
                Remote::Outside(asset)
            } else {
                Remote::Live(RemoteFile { place: cell.place(), asset })
            }
        }
    }
}

fn state(cell: &Cell<'_>) -> AssetState {
    let states = [
        ("pending", AssetState::Pending),
        ("processing", AssetState::Processing),
        ("submission", AssetState::AwaitingSubmission),
        ("approval", AssetState::AwaitingApproval),
        ("error", AssetState::Failed),
    ];
    states.into_iter().find(|(flag, _)| cell.has(flag)).map_or(AssetState::Processed, |(_, state)| state)
}

fn path(place: &Place) -> MirrorPath {
    let dir = FOLDERS.iter().find(|known| known.1 == place.folder).unwrap().0;
    MirrorPath::parse(dir).unwrap().join(&place.name)
}

fn path_of(subject: Subject<'_>, entity: &Entity) -> MirrorPath {
    let place = match (subject, &entity.local, &entity.remote, &entity.base) {
        (Subject::File(place), ..) => place,
        (_, Local::Present(file), ..) => &file.place,
        (_, _, Remote::Live(file), _) => &file.place,
        (_, _, _, Some(base)) => &base.place,
        _ => panic!("nothing has a place in {entity:?}"),
    };
    path(place)
}

fn in_words(decision: &Decision, path_of: impl FnOnce(Subject<'_>) -> MirrorPath) -> String {
    match decision {
        Decision::Settled => "settled".to_owned(),
        Decision::Act(planned) => {
            let action: &Action = &planned.action;
            let line = PlanLine {
                rule: planned.rule,
                verb: action.verb(),
                path: path_of(action.subject()),
                to: action.destination().map(path),
                reason: planned.reason,
            };
            assert!(!line.reason.is_empty(), "every action says why");
            let text = line.to_string();
            one_spaced(text.strip_suffix(&format!("({})", line.reason)).unwrap())
        }
        Decision::Held { rule, reason } => format!("{rule} held {reason}"),
        Decision::Skipped { rule, why } => {
            assert!(!why.is_empty());
            format!("{rule} skipped")
        }
        Decision::Waiting { rule, wait } => format!("{rule} waiting {}", format!("{wait:?}").to_lowercase()),
        Decision::Failed { rule, why } => {
            assert!(!why.is_empty());
            format!("{rule} failed")
        }
    }
}
