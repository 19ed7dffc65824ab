//! What became of an asset's bytes since both sides agreed on them.
//!
//! Servers tell hashes late or never, show the former version's hash while they look at a new one, and count versions
//! down when one reverts. So no single field is believed alone.

use crate::content::Likeness;
use crate::tree::{AssetState, Base, RemoteAsset};

/// What became of an asset's bytes since both sides agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemoteBytes {
    /// They are those of the base.
    Same,
    /// They are others, made by somebody else.
    New,
    /// The version is the agreed one, but the server holds other bytes than we sent: never pulled, sent once more.
    Damaged,
    /// They are not what we sent, and it cannot be said whether they are a newer version or a damaged copy.
    Doubtful,
    /// Nothing tells; the bytes must be read.
    Untold,
    /// A change is arriving that the server itself cannot describe yet.
    Busy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Same,
    Other,
    Untold,
}

fn version(base: &Base, asset: &RemoteAsset) -> Version {
    match (base.remote_version, asset.version) {
        (Some(then), Some(now)) if then == now => Version::Same,
        (Some(_), Some(_)) => Version::Other,
        // Whatever its number: an asset that has only ever had one version holds the one that was agreed on.
        (None, _) if asset.versions_count == Some(1) => Version::Same,
        // `updated_at` moves on any change, so standing still it is as good as a number.
        _ if asset.updated_at == base.remote_updated_at => Version::Same,
        _ => Version::Untold,
    }
}

const fn busy(asset: &RemoteAsset) -> bool {
    matches!(asset.state, AssetState::Pending | AssetState::Processing)
}

/// Whether another version than the agreed one is on its way in, so that nothing about this one may be written down.
pub(super) fn version_arriving(base: &Base, asset: &RemoteAsset) -> bool {
    busy(asset) && version(base, asset) == Version::Other
}

/// Compares what the server says now with what both sides agreed on.
pub(super) fn remote_bytes(base: &Base, asset: &RemoteAsset) -> RemoteBytes {
    let version = version(base, asset);
    // While a new version is processed, the hash shown may still be the former one's. Before its bytes arrived
    // (`Pending`) it can be no other.
    if version == Version::Other && asset.state == AssetState::Processing {
        return RemoteBytes::Busy;
    }
    // They had come, and are waited for again: a server that was restored to a time before has lost them.
    let went_back = asset.updated_at < base.remote_updated_at;
    if version == Version::Same && asset.state == AssetState::Pending && went_back {
        return RemoteBytes::Damaged;
    }
    let to_agreed = asset.claimed.likeness(&base.content);
    let to_recorded = asset.claimed.likeness_to(&base.remote_claimed);
    // A claim that fits our own reading needs no transfer, whatever numbers moved: a revert to the same bytes, a hash
    // told late, a claim recorded wrongly.
    if to_agreed == Likeness::Same || to_recorded == Likeness::Same {
        return RemoteBytes::Same;
    }
    let never_confirmed = base.remote_claimed.md5.is_none();
    match version {
        Version::Other if busy(asset) => RemoteBytes::Busy,
        Version::Other => RemoteBytes::New,
        Version::Same if never_confirmed && to_agreed == Likeness::Different => {
            if busy(asset) {
                RemoteBytes::Busy
            } else {
                RemoteBytes::Damaged
            }
        }
        Version::Same if to_recorded == Likeness::Untold || never_confirmed => RemoteBytes::Same,
        Version::Same | Version::Untold if busy(asset) => RemoteBytes::Busy,
        Version::Same => RemoteBytes::New,
        // A server that counts versions, and a base without a number: we sent a version and were not told which.
        Version::Untold if never_confirmed && to_agreed == Likeness::Different && asset.version.is_some() => {
            RemoteBytes::Doubtful
        }
        Version::Untold if to_recorded == Likeness::Different => RemoteBytes::New,
        Version::Untold if never_confirmed && to_agreed == Likeness::Different => RemoteBytes::New,
        Version::Untold => RemoteBytes::Untold,
    }
}
