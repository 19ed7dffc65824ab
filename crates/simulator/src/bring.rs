//! People who bring about just what a rule speaks of, so that what is rare by chance gets its share of passes.

use crate::daemon::Daemon;
use crate::edit::{Bytes, Edit, Local, Remote};
use crate::meddle::{Meddling, Subject, meddle};
use crate::people;
use crate::stage::{NAMES, Stage};
use damsync_model::id::AssetId;
use damsync_model::plan::Rule;

/// What one person does to an agreed file and its asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Meddles(Meddling),
    MovesOut,
    Describes,
}

/// What leads to a rule, of an agreed file.
const fn deeds(rule: Rule) -> &'static [Deed] {
    use Deed::{Describes, Meddles, MovesOut};
    use Meddling::{AddsVersion, DeletesHere, Renames, SavesHere, Trashes};
    match rule {
        Rule::R3 => &[Meddles(SavesHere)],
        Rule::R4 => &[Meddles(AddsVersion)],
        Rule::R7 | Rule::R30 => &[Meddles(SavesHere), Meddles(AddsVersion)],
        Rule::R8 => &[Meddles(DeletesHere)],
        Rule::R9 => &[Meddles(Trashes)],
        Rule::R10 => &[Meddles(SavesHere), Meddles(Trashes)],
        Rule::R11 => &[Meddles(DeletesHere), Meddles(AddsVersion)],
        Rule::R12 => &[Meddles(DeletesHere), Meddles(Renames)],
        Rule::R13 => &[Meddles(DeletesHere), Describes],
        Rule::R15 => &[Meddles(Renames)],
        Rule::R19 => &[MovesOut],
        Rule::R20 => &[Meddles(SavesHere), MovesOut],
        Rule::R23 => &[Meddles(DeletesHere), Meddles(Trashes)],
        Rule::R26 => &[Describes],
        _ => &[],
    }
}

/// They do; says what it came to. The number decides to what.
pub(crate) fn bring(stage: &Stage, daemon: &Daemon, disk: usize, rule: Rule, action: &str, number: u64) -> String {
    let pick = u32::try_from(number % (1 << 16)).unwrap_or(0);
    let at = |edits: &[Edit]| edits.iter().map(|edit| stage.act(edit)).collect::<Vec<_>>().join("; ");
    let name = u32::try_from(number % NAMES.len() as u64).unwrap_or(0);
    let bytes = |more: u64| Bytes { number: number.wrapping_add(more), size: 40 };
    let (here, there) = (|local| Edit::Here(disk, local), |remote| Edit::There(remote));
    match (rule, action) {
        (Rule::R1, _) => at(&[here(Local::Write(pick, name, bytes(0)))]),
        (Rule::R2, _) => at(&[there(Remote::Add(pick, name, bytes(0)))]),
        // The first of both are the mirror's own: there the same name is the same place.
        (Rule::R5, _) => at(&[here(Local::Write(0, name, bytes(0))), there(Remote::Add(0, name, bytes(0)))]),
        (Rule::R6, _) => at(&[here(Local::Write(0, name, bytes(0))), there(Remote::Add(0, name, bytes(1)))]),
        (Rule::R23, "forget_folder") => at(&[here(Local::DeleteDir(pick)), there(Remote::RemoveFolder(pick))]),
        (Rule::R24, "make_remote_folder") => at(&[here(Local::MakeDir(pick, name))]),
        (Rule::R24, _) => at(&[here(Local::DeleteDir(pick))]),
        (Rule::R25, "remove_local_folder") => at(&[there(Remote::RemoveFolder(pick))]),
        (Rule::R25, _) => at(&[there(Remote::MakeFolder(pick, name))]),
        _ => {
            let agreed = agreed(stage, daemon, disk);
            let Some((asset, path)) = agreed.get(pick as usize % agreed.len().max(1)).cloned() else {
                return "nobody finds anything for it".to_owned();
            };
            let subject = Subject { disk, path, asset: Some(asset) };
            deeds(rule).iter().filter_map(|deed| act(stage, &subject, *deed, number)).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Live assets, with where their files stand.
fn agreed(stage: &Stage, daemon: &Daemon, disk: usize) -> Vec<(i64, String)> {
    let ids: Vec<i64> = stage.server.world().all_assets().filter(|asset| asset.alive()).map(|asset| asset.id).collect();
    let with_file = |id: i64| {
        let path = daemon.file_of(&AssetId::from(id))?;
        stage.disk(disk).tree.file(&path).is_some().then_some((id, path))
    };
    ids.into_iter().filter_map(with_file).collect()
}

fn act(stage: &Stage, subject: &Subject, deed: Deed, number: u64) -> Option<String> {
    let pick = || people::pick_of(stage, subject.asset?);
    match deed {
        Deed::Meddles(meddling) => meddle(stage, subject, meddling, number),
        Deed::MovesOut => Some(people::act_there(stage, &Remote::MoveOut(pick()?))),
        Deed::Describes => Some(people::act_there(stage, &Remote::Describe(pick()?))),
    }
}
