//! What the properties of the planner are given: contents and places, all that a provider can do, every policy.

#![expect(clippy::unwrap_used, reason = "a test that cannot build its world has failed")]

use damsync_model::capability::Capabilities;
use damsync_model::content::{Content, Md5, Sha256};
use damsync_model::id::FolderId;
use damsync_model::kind::Kind;
use damsync_model::name::FileName;
use damsync_model::policy::{ConflictPolicy, DeletePolicy, Direction, Policy};
use damsync_model::tree::Place;
use proptest::prelude::*;
use proptest::sample::select;

pub fn content(number: u8) -> Content {
    Content { size: 100, md5: Md5([number; 16]), sha256: Sha256([number; 32]), kind: Kind::Unknown }
}

pub fn place(folder: FolderId, name: &str) -> Place {
    Place { folder, name: FileName::new(name).unwrap() }
}

pub fn able() -> Capabilities {
    Capabilities {
        replaces_content: true,
        renames_assets: true,
        moves_assets: true,
        restores_assets: true,
        has_folder_tree: true,
        acknowledges: true,
        has_leases: false,
        max_upload_bytes: 1000,
    }
}

pub fn conflict() -> impl Strategy<Value = ConflictPolicy> {
    select(&[ConflictPolicy::KeepBoth, ConflictPolicy::LocalWins, ConflictPolicy::RemoteWins][..])
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let direction = select(&[Direction::TwoWay, Direction::PullOnly, Direction::PushOnly][..]);
    let delete = select(&[DeletePolicy::Trash, DeletePolicy::Keep][..]);
    (direction, conflict(), delete).prop_map(|(direction, conflict, delete)| Policy {
        direction,
        conflict,
        delete,
        ..Policy::default()
    })
}
