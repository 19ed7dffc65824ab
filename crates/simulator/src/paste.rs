//! A plan as a test that can be pasted: what a shrunk failing world is printed as.

use crate::cells::Trouble;
use crate::edit::{Edit, Local, Remote};
use crate::plan::{PassStep, Plan, Step};
use std::fmt::Write as _;

/// A whole test function, to be put into `tests/found/`.
pub fn as_test(plan: &Plan, broken: &str) -> String {
    let mut text = format!("/// {}\n#[test]\nfn seed_{}() {{\n", broken.lines().next().unwrap_or_default(), plan.seed);
    let beginning: String = plan.beginning.iter().map(|one| format!("        {},\n", edit(one))).collect();
    let steps: String = plan.steps.iter().map(|one| format!("        {},\n", step(one))).collect();
    // One word for two things.
    let setting = qualified(&format!("{:?}", plan.setting), SETTING)
        .replace("\", ", "\".to_owned(), ")
        .replace(", delete: FolderDelete::Trash", ", delete: DeletePolicy::Trash");
    let _ = write!(
        text,
        "    let setting = {setting};\n    let beginning = vec![\n{beginning}    ];\n    let steps = vec![\n{steps}    ];\n    let ran = run_with_trace(&Plan {{ seed: {}, setting, beginning, steps }});\n    assert_eq!(ran.broken, None, \"{{}}\", ran.trace.join(\"\\n\"));\n}}\n",
        plan.seed
    );
    text
}

/// Words of a setting that need their type before them.
const SETTING: &[(&str, &[&str])] = &[
    ("Folding", &["Exact", "CaseFolded"]),
    ("ConflictPolicy", &["KeepBoth", "LocalWins", "RemoteWins"]),
    ("Direction", &["TwoWay", "PullOnly", "PushOnly"]),
    ("DeletePolicy", &["Keep"]),
    ("MaxDelete", &["Files", "Permille"]),
    ("AllIdsShape", &["List", "Object"]),
    ("HeadMoves", &["SetUploaded", "AddVersion"]),
    ("TrashedDetails", &["Shown", "NotFound"]),
    ("FolderDelete", &["Refuse", "Trash"]),
    ("Downloads", &["Direct", "Redirect"]),
    ("AddVersionAnswer", &["UrlOnly", "WholeAsset"]),
];

/// The same of a pass.
const PASS: &[(&str, &[&str])] = &[
    ("Mode", &["Whole", "Full", "Poll", "Watched", "Blind"]),
    ("Crash", &["Kill", "PowerCut"]),
    ("CutOff", &["Point", "Before", "Inside", "After"]),
    ("Fault", &["LostBefore", "LostAfter", "Twice", "Busy", "Forbids", "Body", "DiskFull", "DiskFails", "DiskDenies"]),
];

/// Puts types before the words that need them.
fn qualified(text: &str, types: &[(&str, &[&str])]) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let of = types.iter().find(|(_, words)| words.contains(&word.as_str()));
        if let Some((name, _)) = of {
            let _ = write!(out, "{name}::");
        }
        out.push_str(&word);
        word.clear();
        out.push(letter);
    }
    out.pop();
    out
}

fn edit(edit: &Edit) -> String {
    match edit {
        Edit::Here(disk, local) => format!("Edit::Here({disk}, {})", here(local)),
        Edit::There(remote) => format!("Edit::There({})", there(remote)),
    }
}

fn here(local: &Local) -> String {
    let text = format!("{local:?}");
    match local {
        Local::Save(which, save, bytes) => format!("Local::Save({which}, Save::{save:?}, {bytes:?})"),
        _ => format!("Local::{text}"),
    }
}

fn there(remote: &Remote) -> String {
    match remote {
        Remote::Forbid(right) => format!("Remote::Forbid(Right::{right:?})"),
        _ => format!("Remote::{remote:?}"),
    }
}

fn step(one: &Step) -> String {
    match one {
        Step::Wait(ms) => format!("Step::Wait({ms})"),
        Step::Edit(one) => format!("Step::Edit({})", edit(one)),
        Step::Pass(one) => format!("Step::Pass({})", pass(one)),
        Step::Both(first, second) => format!("Step::Both({}, {})", pass(first), pass(second)),
        Step::Bring(daemon, rule, action, number) => {
            format!("Step::Bring({daemon}, Rule::{rule}, {action:?}, {number})")
        }
        Step::PowerCut(daemon, seed) => format!("Step::PowerCut({daemon}, {seed})"),
        Step::Mount(disk, mounted) => format!("Step::Mount({disk}, {mounted})"),
        Step::Token(daemon, whose) => format!("Step::Token({daemon}, Whose::{whose:?})"),
    }
}

fn pass(step: &PassStep) -> String {
    let PassStep { daemon, mode, script, crash } = step;
    let faults: Vec<String> =
        script.faults.iter().map(|(at, fault)| format!("({at}, {})", qualified(&format!("{fault:?}"), PASS))).collect();
    let meanwhile: Vec<String> = script.meanwhile.iter().map(|(at, one)| format!("({at}, {})", edit(one))).collect();
    let cut = qualified(&format!("{:?}", script.cut), PASS);
    let aim = script.aim.map_or_else(
        || "None".to_owned(),
        |aim| {
            let trouble = match aim.trouble {
                Trouble::Fault(fault) => format!("Fault({})", qualified(&format!("{fault:?}"), PASS)),
                Trouble::Crash(point) => format!("Crash(CrashPoint::{point:?})"),
                Trouble::CrashInCall => "CrashInCall".to_owned(),
                Trouble::Meddling(meddling) => format!("Meddling(Meddling::{meddling:?})"),
            };
            format!("Some(Cell {{ rule: Rule::{}, action: {:?}, trouble: Trouble::{trouble} }})", aim.rule, aim.action)
        },
    );
    let then = script.then.map_or_else(|| "None".to_owned(), |then| format!("Some(Meddling::{then:?})"));
    format!(
        "PassStep {{ daemon: {daemon}, mode: Mode::{mode:?}, script: Script {{ seed: {}, faults: vec![{}], meanwhile: vec![{}], cut: {cut}, aim: {aim}, then: {then} }}, crash: Crash::{crash:?} }}",
        script.seed,
        faults.join(", "),
        meanwhile.join(", ")
    )
}
