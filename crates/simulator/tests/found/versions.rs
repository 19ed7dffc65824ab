//! Versions that several people push to one asset.

use crate::{A, ROOT, bytes, here, keeps_promises, pass, pass_as, there};
use damsync_simulator::edit::{Edit, Local, Remote, Save};
use damsync_simulator::plan::{Mode, Setting, Step};
use damsync_simulator::weather::Script;

#[test]
fn of_two_versions_pushed_at_once_either_may_be_reverted_to() {
    let mut setting = Setting::plain();
    setting.habits.checksums_given = false;
    for call in 6..=14 {
        for chosen in 0..=2 {
            let theirs = vec![(call, Edit::There(Remote::Version(0, bytes(3))))];
            keeps_promises(
                setting.clone(),
                vec![
                    there(Remote::Add(ROOT, A, bytes(1))),
                    pass(),
                    Step::Wait(7_200_000),
                    here(Local::Save(0, Save::InPlace, bytes(2))),
                    pass_as(Mode::Whole, Script { meanwhile: theirs, ..Script::default() }),
                    there(Remote::Revert(chosen)),
                ],
            );
        }
    }
}
