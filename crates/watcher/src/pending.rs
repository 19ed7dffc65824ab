//! The signals that nobody took yet: a bounded set.

use crate::{ScanReason, Signal};
use damsync_model::path::MirrorPath;
use std::collections::BTreeSet;

/// More directories than this and a scan is as good.
const MAX_DIRTY: usize = 10_000;

/// More blind spots than this and the whole is blind.
const MAX_BLIND: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Pending {
    root_changed: bool,
    scan: Option<ScanReason>,
    dirty: BTreeSet<MirrorPath>,
    trees: BTreeSet<MirrorPath>,
    blind: BTreeSet<MirrorPath>,
}

impl Pending {
    /// Adds one; equal ones become one.
    pub(crate) fn add(&mut self, signal: Signal) {
        match signal {
            Signal::RootChanged => self.root_changed = true,
            Signal::ScanAgain(reason) => self.collapse(reason),
            Signal::Blind(path) => {
                self.blind.insert(path);
                if self.blind.len() > MAX_BLIND {
                    self.blind = BTreeSet::from([MirrorPath::ROOT]);
                }
            }
            // The scan that is asked for will see it.
            Signal::Dirty(_) | Signal::DirtyTree(_) if self.scan.is_some() => {}
            Signal::Dirty(path) => {
                self.dirty.insert(path);
            }
            Signal::DirtyTree(path) => {
                self.trees.insert(path);
            }
        }
        if self.dirty.len() + self.trees.len() > MAX_DIRTY {
            self.collapse(ScanReason::TooMuch);
        }
    }

    fn collapse(&mut self, reason: ScanReason) {
        self.scan.get_or_insert(reason);
        self.dirty.clear();
        self.trees.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.root_changed
            && self.scan.is_none()
            && self.dirty.is_empty()
            && self.trees.is_empty()
            && self.blind.is_empty()
    }

    /// Takes all, the weightiest first. What a dirty tree covers is not named again.
    pub(crate) fn take(&mut self) -> Vec<Signal> {
        let Self { root_changed, scan, dirty, trees, blind } = std::mem::take(self);
        let covered = |path: &MirrorPath| {
            std::iter::successors(path.parent(), MirrorPath::parent).any(|above| trees.contains(&above))
        };
        let mut signals = Vec::new();
        signals.extend(root_changed.then_some(Signal::RootChanged));
        signals.extend(scan.map(Signal::ScanAgain));
        signals.extend(trees.iter().filter(|path| !covered(path)).cloned().map(Signal::DirtyTree));
        let dirty = dirty.into_iter().filter(|path| !trees.contains(path) && !covered(path));
        signals.extend(dirty.map(Signal::Dirty));
        signals.extend(blind.into_iter().map(Signal::Blind));
        signals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> MirrorPath {
        MirrorPath::parse(text).unwrap()
    }

    fn taken(signals: impl IntoIterator<Item = Signal>) -> Vec<Signal> {
        let mut pending = Pending::default();
        signals.into_iter().for_each(|signal| pending.add(signal));
        let taken = pending.take();
        assert!(pending.is_empty());
        taken
    }

    #[test]
    fn equal_signals_become_one_and_a_tree_covers_what_is_below_it() {
        let dirty = |text| Signal::Dirty(path(text));
        let tree = |text| Signal::DirtyTree(path(text));
        assert_eq!(taken([dirty("a"), dirty("a"), dirty("")]), [dirty(""), dirty("a")]);
        assert_eq!(
            taken([dirty("a/b/c"), tree("a/b"), tree("a"), dirty("a"), dirty("ab"), dirty("")]),
            [tree("a"), dirty(""), dirty("ab")]
        );
        assert_eq!(taken([tree(""), dirty("a"), dirty("")]), [tree("")]);
    }

    #[test]
    fn too_much_becomes_a_scan_and_never_nothing() {
        let many = (0..=MAX_DIRTY).map(|number| Signal::Dirty(path(&format!("d{number}"))));
        let scan = Signal::ScanAgain(ScanReason::TooMuch);
        assert_eq!(taken(many.chain([Signal::Dirty(path("later")), Signal::RootChanged])), [Signal::RootChanged, scan]);
        let blind = (0..=MAX_BLIND).map(|number| Signal::Blind(path(&format!("d{number}"))));
        assert_eq!(taken(blind), [Signal::Blind(MirrorPath::ROOT)]);
    }

    #[test]
    fn after_a_scan_was_taken_directories_are_named_again() {
        let mut pending = Pending::default();
        pending.add(Signal::ScanAgain(ScanReason::KernelOverflow));
        pending.add(Signal::Dirty(path("a")));
        assert_eq!(pending.take(), [Signal::ScanAgain(ScanReason::KernelOverflow)]);
        pending.add(Signal::Dirty(path("a")));
        assert_eq!(pending.take(), [Signal::Dirty(path("a"))]);
    }
}
