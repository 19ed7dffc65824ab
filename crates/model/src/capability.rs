//! What a provider can do. The planner and the reconciler see abilities, never a provider's name.

/// The abilities of a DAM behind the remote port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a provider, each asked for by its name")]
pub struct Capabilities {
    /// An asset's content can be replaced and keeps its identity (a new version).
    pub replaces_content: bool,
    /// An asset's file name can be changed.
    pub renames_assets: bool,
    /// An asset can be taken to another container.
    pub moves_assets: bool,
    /// A deleted asset can be brought back with its identity.
    pub restores_assets: bool,
    /// Containers form a tree that we may shape.
    pub has_folder_tree: bool,
    /// The DAM keeps a shared mark of what was synced.
    pub acknowledges: bool,
    /// Edits can be protected by leases.
    pub has_leases: bool,
    /// Largest content that one upload carries, in bytes.
    pub max_upload_bytes: u64,
}
