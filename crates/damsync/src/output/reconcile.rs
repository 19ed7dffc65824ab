//! What a pass did.

use super::counted;
use crate::engine::Pass;
use bytesize::ByteSize;
use damsync_model::path::on_one_line;
use damsync_model::plan::HoldReason;
use damsync_reconciler::report::{HeldItem, Outcome, Report, Side};
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    mirrors: Vec<MirrorAnswer<'a>>,
}

/// A report, with the error in it where there is no pass to report.
#[derive(Serialize)]
struct MirrorAnswer<'a> {
    #[serde(flatten)]
    report: std::borrow::Cow<'a, Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The contract's JSON object.
pub fn report_json(passes: &[Pass], dry_run: bool) -> impl Serialize {
    let mirrors = passes.iter().map(|pass| match &pass.result {
        Ok(report) => MirrorAnswer { report: std::borrow::Cow::Borrowed(report), error: None },
        Err(error) => MirrorAnswer {
            report: std::borrow::Cow::Owned(Report {
                name: pass.mirror.clone(),
                outcome: Outcome::Incomplete,
                dry_run,
                ..Report::default()
            }),
            error: Some(error.to_string()),
        },
    });
    Answer { schema: 1, mirrors: mirrors.collect() }
}

/// A line per mirror when all is well; below it what is not, with a remedy.
pub fn report_text(passes: &[Pass]) -> String {
    let mut text = String::new();
    for pass in passes {
        match &pass.result {
            Ok(report) => write_report(&mut text, report),
            Err(error) => {
                line(&mut text, &format!("{}: not done: {error}", pass.mirror));
                if let Some(remedy) = error.remedy() {
                    line(&mut text, &format!("  try: {remedy}"));
                }
            }
        }
    }
    text
}

/// Names come from the server and from other users: none of them ends a line or steers the terminal.
fn line(text: &mut String, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", on_one_line(content));
}

fn write_report(text: &mut String, report: &Report) {
    let outcome = match report.outcome {
        Outcome::InSync if report.dry_run => "nothing stands in the way",
        Outcome::InSync => "in sync",
        Outcome::Incomplete => "incomplete",
        Outcome::Held => "held",
    };
    let done = deeds(report);
    let mut summary = if done.is_empty() { "nothing to do".to_owned() } else { done.join(", ") };
    if report.dry_run {
        summary = format!("would be: {summary}");
    }
    line(text, &format!("{}: {outcome} · {summary} · {}", report.name, effort(report)));
    for conflict in &report.conflicts {
        line(text, &format!("  conflict: {} (yours is {})", conflict.path, conflict.copy));
    }
    if !report.conflicts.is_empty() {
        line(text, "    compare the two, then delete or rename the copy");
    }
    for held in &report.held {
        line(text, &format!("  held: {}", held_words(held)));
        if let Some(remedy) = held_remedy(held) {
            line(text, &format!("    {remedy}"));
        }
    }
    for failed in &report.failed {
        line(text, &format!("  failed: {}: {}", failed.path, failed.error));
    }
    for awaiting in &report.awaiting {
        line(text, &format!("  waiting for {} on the server: {}", awaiting.state, awaiting.path));
    }
    for skipped in &report.skipped {
        line(text, &format!("  skipped: {}: {}", skipped.path, skipped.reason));
    }
}

fn deeds(report: &Report) -> Vec<String> {
    [
        (report.pulled, "downloaded", "downloaded"),
        (report.pushed_new, "uploaded", "uploaded"),
        (report.pushed_versions, "new version pushed", "new versions pushed"),
        (report.adopted, "found equal", "found equal"),
        (report.moved_local, "moved here", "moved here"),
        (report.moved_remote, "moved there", "moved there"),
        (report.trashed_local, "to the local trash", "to the local trash"),
        (report.trashed_remote, "to the server's trash", "to the server's trash"),
        (report.folders_created_local, "directory made", "directories made"),
        (report.folders_created_remote, "storage folder made", "storage folders made"),
        (report.folders_removed_local, "directory removed", "directories removed"),
        (report.folders_removed_remote, "storage folder removed", "storage folders removed"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| counted(number, one, many))
    .collect()
}

fn effort(report: &Report) -> String {
    let mut parts = Vec::new();
    for (bytes, way) in [(report.bytes_up, "up"), (report.bytes_down, "down")] {
        if bytes > 0 {
            parts.push(format!("{} {way}", ByteSize(bytes).display().iec()));
        }
    }
    parts.push(counted(report.requests, "request", "requests"));
    parts.push(format!("{}.{:01} s", report.elapsed_ms / 1000, report.elapsed_ms % 1000 / 100));
    parts.join(", ")
}

/// A hold in words.
pub fn held_words(held: &HeldItem) -> String {
    let mut words = held.reason.to_string();
    let mut add = |more: String| {
        words.push_str(", ");
        words.push_str(&more);
    };
    if let Some(path) = &held.path {
        add(path.clone());
    }
    if let Some(count) = held.count {
        let of = held.of.map_or(String::new(), |of| format!(" of {of}"));
        let side = match (held.reason, held.side) {
            (HoldReason::DiskFull, _) => " to be downloaded",
            // The detail says what happened to them.
            (_, _) if held.detail.is_some() && held.reason != HoldReason::MassChange => "",
            (HoldReason::MassChange, Some(Side::Local)) => " changed here",
            (HoldReason::MassChange, Some(Side::Remote)) => " changed on the server",
            (_, Some(Side::Local)) => " deleted here",
            (_, Some(Side::Remote)) => " deleted on the server",
            (_, None) => "",
        };
        add(format!("{count}{of}{side}"));
    }
    if let Some(detail) = &held.detail {
        add(detail.clone());
    }
    words
}

/// What this version lets the user do about a hold.
fn held_remedy(held: &HeldItem) -> Option<String> {
    if let Some(plan) = &held.plan {
        return Some(format!(
            "if that is what you want: damsync approve {plan} (damsync plan {plan} shows it); if not, put the files back"
        ));
    }
    let remedy = match held.reason {
        HoldReason::MassDelete => {
            "if that is what you want: damsync reconcile --allow-deletes; if not, put the files back"
        }
        HoldReason::MassChange => "look at the changed files here; the earlier versions are on the server",
        HoldReason::MirrorMarkMissing | HoldReason::RootMissing | HoldReason::RootReplaced => {
            "check that the right disk is mounted there; nothing is deleted anywhere"
        }
        HoldReason::RemoteReplaced | HoldReason::RemoteRolledBack | HoldReason::IdentityChanged => {
            "check the server, the organization and the token; nothing is deleted anywhere"
        }
        HoldReason::ListingIncomplete => "wait until the server has rebuilt its index; only deletions are held",
        HoldReason::AccessLost => "ask for access on the server; local files stay",
        HoldReason::Overlap => "move the storage folders apart, or change the configuration",
        HoldReason::CheckedOut | HoldReason::Locked => "it goes on when the asset is free again",
        HoldReason::DiskFull => "free some space, or lower `min_free`",
        HoldReason::NotPermitted | HoldReason::NotSupported | HoldReason::Direction | HoldReason::Kept => return None,
    };
    Some(remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use damsync_reconciler::report::{ConflictItem, FailedItem};

    fn pass(report: Report) -> Pass {
        Pass { mirror: report.name.clone(), result: Ok(report) }
    }

    fn studio() -> Report {
        Report { name: "studio".into(), requests: 4, elapsed_ms: 812, ..Report::default() }
    }

    #[test]
    fn a_name_from_the_server_cannot_steer_the_terminal() {
        let report = Report {
            failed: vec![FailedItem { path: "a\u{1b}[2J\nall is well".into(), error: "too large".into() }],
            ..studio()
        };
        let text = report_text(&[pass(report)]);
        assert!(text.ends_with("  failed: a\\u{1b}[2J\\nall is well: too large\n"), "{text:?}");
    }

    #[test]
    fn a_good_pass_is_one_line() {
        assert_eq!(report_text(&[pass(studio())]), "studio: in sync · nothing to do · 4 requests, 0.8 s\n");
        let busy = Report { pulled: 2, trashed_remote: 1, bytes_down: 3 << 20, ..studio() };
        assert_eq!(
            report_text(&[pass(busy)]),
            "studio: in sync · 2 downloaded, 1 to the server's trash · 3.0 MiB down, 4 requests, 0.8 s\n"
        );
    }

    #[test]
    fn what_is_not_well_is_listed_with_a_remedy() {
        let held = HeldItem {
            side: Some(Side::Local),
            count: Some(120),
            of: Some(400),
            detail: None,
            ..HeldItem::mirror(HoldReason::MassDelete, "")
        };
        let report = Report {
            outcome: Outcome::Held,
            held: vec![held],
            conflicts: vec![ConflictItem { path: "a.jpg".into(), copy: "a (conflict).jpg".into(), guid: "g".into() }],
            failed: vec![FailedItem { path: "b.jpg".into(), error: "too large".into() }],
            ..studio()
        };
        let unreachable = Pass {
            mirror: "archive".into(),
            result: Err(EngineError::OutOfReach { base_url: "https://x".into(), words: "no route".into() }),
        };
        assert_eq!(
            report_text(&[pass(report), unreachable]),
            "studio: held · nothing to do · 4 requests, 0.8 s\n  \
               conflict: a.jpg (yours is a (conflict).jpg)\n    compare the two, then delete or rename the copy\n  \
               held: mass_delete, 120 of 400 deleted here\n    if that is what you want: damsync reconcile --allow-deletes; if not, \
             put the files back\n  \
               failed: b.jpg: too large\n\
             archive: not done: https://x is out of reach (no route)\n  try: check base_url and the network, then run it again; nothing \
             was lost\n"
        );
    }

    #[test]
    fn the_json_has_every_promised_name() {
        let failed = Pass { mirror: "archive".into(), result: Err(EngineError::Interrupted) };
        let json = serde_json::to_value(report_json(&[pass(studio()), failed], false)).unwrap();
        assert_eq!(json["schema"], 1);
        let mirror = json["mirrors"][0].as_object().unwrap();
        for key in [
            "name",
            "outcome",
            "dry_run",
            "pulled",
            "pushed_new",
            "pushed_versions",
            "adopted",
            "moved_local",
            "moved_remote",
            "trashed_local",
            "trashed_remote",
            "folders_created_local",
            "folders_created_remote",
            "folders_removed_local",
            "folders_removed_remote",
            "conflicts",
            "held",
            "failed",
            "skipped",
            "awaiting",
            "bytes_up",
            "bytes_down",
            "requests",
            "elapsed_ms",
        ] {
            assert!(mirror.contains_key(key), "{key}");
        }
        assert_eq!(mirror["outcome"], "in_sync");
        assert!(!mirror.contains_key("error"));
        assert_eq!(json["mirrors"][1]["outcome"], "incomplete");
        assert_eq!(json["mirrors"][1]["error"], "interrupted");
    }
}
