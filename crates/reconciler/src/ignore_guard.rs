//! Ignore rules: how many tracked files those here leave out, and those that come from the server would, before they are
//! brought here.

use crate::guard::{Guard, Quiet, Tally, fnv1a};
use crate::pass::{Pass, PassError};
use crate::request::Look;
use crate::scan::IGNORED;
use damsync_model::id::{AssetId, FolderId};
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_model::plan::{PlanLine, Rule};
use damsync_ports::{LocalSide, RemoteSide};

/// More than this is no file of rules; the disk would refuse it too.
const MOST_BYTES: usize = 1024 * 1024;

/// How many tracked files are left out by the ignore rules, as it was last accepted.
const LEFT_OUT: &str = "left_out";

/// Which directories and single files those were. While they are the same they are not counted again: below directories
/// that are left out, files become fewer or more only by what a pass does.
const LEFT_OUT_AS: &str = "left_out_as";

impl<D: LocalSide, R: RemoteSide> Pass<'_, D, R> {
    /// Rules that somebody wrote here leave out what they name at once; that much of it is told, and waits for a word.
    pub(crate) async fn judge_left_out(&self, mut tally: Tally, round: Quiet) -> Result<bool, PassError> {
        let mirror = self.mirror;
        let (accepted, counted_as) = self
            .engine
            .keeper
            .read(move |tx| Ok((tx.cursor(mirror, LEFT_OUT)?, tx.cursor(mirror, LEFT_OUT_AS)?)))
            .await?;
        let directories = self.left_out_directories();
        if directories.is_empty() && tally.count == 0 && accepted.unwrap_or(0) == 0 {
            return Ok(false);
        }
        let ids = directories.iter().map(|(id, _)| id.0.to_le_bytes());
        let left_out_as = ids.fold(tally.fingerprint, |hash, id| fnv1a(hash, &id)).cast_signed();
        match (round, counted_as) {
            (Quiet::Yes, Some(before)) if before == left_out_as => return Ok(false),
            // What is done now may change how many they are.
            (Quiet::No, Some(_)) => self.engine.keeper.write(move |tx| tx.remove_cursor(mirror, LEFT_OUT_AS)).await?,
            _ => {}
        }
        self.count_below(directories, &mut tally).await?;
        let tracked = self.engine.keeper.read(move |tx| tx.tracked(mirror)).await?;
        let now = i64::try_from(tally.count).unwrap_or(i64::MAX);
        let newly = u64::try_from(now - accepted.unwrap_or(0)).unwrap_or(0);
        if self.engine.spec.policy.holds_deletions(newly, tracked)
            && self.hold_unless_approved(Guard::LeftOutHere, Tally { count: newly, ..tally }, tracked).await?
        {
            return Ok(true);
        }
        // Fewer are left out only where somebody looked: a pass that does not list every directory sees fewer by itself.
        let looked = self.has_root && self.request.look == Look::Everywhere;
        let accept = if looked { now } else { now.max(accepted.unwrap_or(0)) };
        // Rules that were approved on their way here have yet to be read.
        if self.was_approved(Guard::LeftOutThere) {
            return Ok(false);
        }
        let is_final = round == Quiet::Yes && accept == now;
        if is_final || accept != accepted.unwrap_or(0) {
            let written = self.engine.keeper.write(move |tx| {
                if is_final {
                    tx.set_cursor(mirror, LEFT_OUT_AS, left_out_as)?;
                }
                tx.set_cursor(mirror, LEFT_OUT, accept)
            });
            written.await?;
        }
        Ok(false)
    }

    /// The directories that the ignore rules leave out.
    fn left_out_directories(&self) -> Vec<(FolderId, MirrorPath)> {
        let folders = self.folders();
        if folders.iter().all(|row| row.local_unknown.is_none()) {
            return Vec::new();
        }
        let is_left_out = |id| folders.local_unknown(id).as_deref() == Some(IGNORED);
        folders
            .iter()
            .filter(|row| is_left_out(row.id))
            .filter_map(|row| Some((row.id, folders.path(row.id)?)))
            .collect()
    }

    /// Files below directories that the ignore rules leave out: nothing is looked at there, so they are not dirty.
    async fn count_below(&self, directories: Vec<(FolderId, MirrorPath)>, tally: &mut Tally) -> Result<(), PassError> {
        for (folder, path) in directories {
            let names = self.engine.keeper.read(move |tx| tx.agreed_names_in(folder)).await?;
            for name in names.iter().filter_map(|name| FileName::new(name)) {
                tally.add(&left_out(path.join(&name)), "");
            }
        }
        Ok(())
    }

    pub(crate) async fn judge_new_rules(&self, tally: Tally, rules: &[(AssetId, FolderId)]) -> Result<bool, PassError> {
        if tally.count == 0 {
            return Ok(false);
        }
        // While the same rules wait for a word they are not read again.
        let waiting = self.plan_of(Guard::LeftOutThere).await?.filter(|plan| plan.approved_at.is_none());
        let left_out = match waiting.filter(|plan| plan.fingerprint == tally.that_leaves_out(plan.count).fingerprint())
        {
            Some(plan) => plan.count,
            None => self.would_leave_out(rules).await?,
        };
        let mirror = self.mirror;
        let tracked = self.engine.keeper.read(move |tx| tx.tracked(mirror)).await?;
        if !self.engine.spec.policy.holds_deletions(left_out, tracked) {
            return Ok(false);
        }
        let is_written_down = self.was_approved(Guard::LeftOutThere);
        if self.hold_unless_approved(Guard::LeftOutThere, tally.that_leaves_out(left_out), tracked).await? {
            return Ok(true);
        }
        if is_written_down {
            return Ok(false);
        }
        let newly = i64::try_from(left_out).unwrap_or(i64::MAX);
        let accept = self.engine.keeper.write(move |tx| {
            let accepted = tx.cursor(mirror, LEFT_OUT)?.unwrap_or(0);
            tx.set_cursor(mirror, LEFT_OUT, accepted.saturating_add(newly))
        });
        accept.await?;
        Ok(false)
    }

    /// How many tracked files these assets' rules would leave out, each in its directory.
    pub(crate) async fn would_leave_out(&self, rules: &[(AssetId, FolderId)]) -> Result<u64, PassError> {
        let mut count = 0;
        for (asset, folder) in rules {
            self.check_stop()?;
            let text = self.read_rules(asset).await?;
            let Some(dir) = self.folders().path(*folder) else { continue };
            let below: Vec<(FolderId, MirrorPath)> = {
                let folders = self.folders();
                let paths = folders.iter().filter_map(|row| Some((row.id, folders.path(row.id)?)));
                paths.filter(|(_, path)| is_within(path, &dir)).collect()
            };
            for (folder, path) in below {
                let names = self.engine.keeper.read(move |tx| tx.agreed_names_in(folder)).await?;
                let paths: Vec<MirrorPath> =
                    names.iter().filter_map(|name| Some(path.join(&FileName::new(name)?))).collect();
                count += match &text {
                    Some(text) => self.engine.disk.would_leave_out(&dir, text, &paths),
                    // Whatever they say.
                    None => paths.len() as u64,
                };
            }
        }
        Ok(count)
    }

    /// The text of an asset; `None` where it cannot be had now, or is too long for rules.
    async fn read_rules(&self, asset: &AssetId) -> Result<Option<String>, PassError> {
        let version = self.asset_row(asset).await?.and_then(|row| row.asset.version);
        let bytes = self.first_bytes(asset, version, MOST_BYTES + 1).await?;
        let whole = bytes.filter(|bytes| bytes.len() <= MOST_BYTES);
        Ok(whole.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn is_within(path: &MirrorPath, dir: &MirrorPath) -> bool {
    dir.is_root() || path == dir || path.as_str().strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// The line of a file that the ignore rules leave out.
pub(crate) const fn left_out(path: MirrorPath) -> PlanLine {
    let reason = "tracked, and left out by the ignore rules now";
    PlanLine { rule: Rule::R28, verb: "leave_out", path, to: None, reason }
}
