//! Why a path is as it is: sentences first, then the three trees, the rule and what was done. The JSON form:
//! `docs/json.md`.

use crate::engine::Explained;
use damsync_model::path::on_one_line;
use damsync_model::plan::{Decision, HoldReason, PlanLine, Rule, Wait};
use damsync_model::time::UnixMs;
use damsync_model::tree::{AssetState, Base, Entity, Local, Remote, RemoteAsset};
use damsync_reconciler::explain::{ConflictPart, Directory, File, Known};
use damsync_store::Event;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// For programs.
pub fn explain_json(explained: &Explained) -> Value {
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    put("schema", json!(1));
    put("mirror", json!(explained.mirror));
    put("path", json!(explained.path.as_str()));
    put("kind", json!(kind(explained)));
    put("notes", json!(notes(explained)));
    let Some(explanation) = &explained.explanation else { return Value::Object(answer) };
    put("last_reconcile_at", json!(explanation.last_reconcile_at.map(|at| at.to_string())));
    put("history", explanation.history.iter().map(event_json).collect());
    match &explanation.known {
        Known::File(file) => {
            put("here", here_json(&file.entity));
            put("there", there_json(file));
            put("base", file.entity.base.as_ref().map_or(Value::Null, base_json));
            decision_json(&file.decision, &mut put);
            put("steps", file.steps.iter().map(step_json).collect());
            if let Some(plan) = &file.held_by {
                put("plan", json!(plan.id));
            }
            if let Some(part) = &file.conflict {
                put("conflict", conflict_json(part));
            }
            if let Some(failure) = &file.failure {
                let next_try = (failure.next_try.0 > 0).then(|| failure.next_try.to_string());
                put("failure", json!({"error": failure.error, "attempts": failure.attempts, "next_try": next_try}));
            }
        }
        Known::Directory(directory) => decision_json(&directory.decision, &mut put),
        Known::Nothing { asset: Some(row) } => {
            put(
                "there",
                json!({"state": presence(row.presence), "asset": row.asset.id.to_string(), "guid": row.asset.guid.to_string()}),
            );
        }
        Known::Nothing { asset: None } | Known::Root | Known::Ours => {}
    }
    Value::Object(answer)
}

/// For people.
pub fn explain_text(explained: &Explained) -> String {
    let mut text = format!("{} (mirror {})\n", on_one_line(&explained.path.to_string()), explained.mirror);
    let mut line = |head: &str, words: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {head:<9}{}", on_one_line(words));
    };
    for note in notes(explained) {
        line("", &note);
    }
    let Some(explanation) = &explained.explanation else { return text };
    if let Some(at) = explanation.last_reconcile_at {
        line("seen:", &format!("by the pass at {at}, or later"));
    }
    if let Known::File(file) = &explanation.known {
        line("here:", &here_words(&file.entity));
        line("there:", &there_words(file));
        line("agreed:", &file.entity.base.as_ref().map_or_else(|| "nothing yet".to_owned(), base_words));
        if let Some(rule) = rule(&file.decision) {
            line("rule:", &format!("{rule}, {}", rule.meaning()));
        }
        line("now:", &decision_words(&file.decision));
        for step in &file.steps {
            line("  would:", &step.to_string());
        }
        if let Some(failure) = &file.failure {
            let next = match failure.next_try {
                UnixMs(0) => "with the next pass".to_owned(),
                at => format!("not before {at}, or when something changes"),
            };
            line("failed:", &format!("{} ({} tries)", failure.error, failure.attempts));
            line("again:", &next);
        }
    }
    for event in &explanation.history {
        let Event { at, rule, action, reason, outcome, .. } = event;
        line("history:", &format!("{at} {rule:<4}{action}  ({reason}): {outcome}"));
    }
    text
}

fn kind(explained: &Explained) -> &'static str {
    match explained.explanation.as_ref().map(|explanation| &explanation.known) {
        Some(Known::Root) => "root",
        Some(Known::Ours) => "ours",
        Some(Known::Directory(_)) => "directory",
        Some(Known::File(_)) => "file",
        Some(Known::Nothing { .. }) | None => "nothing",
    }
}

/// What is special about it, each in a sentence.
fn notes(explained: &Explained) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(odd) = explained.odd {
        notes.push(format!("there is {odd}, which is never followed or sent (R28, R29)"));
    }
    let Some(explanation) = &explained.explanation else {
        notes.push("no pass has been made over this mirror yet".to_owned());
        return notes;
    };
    if explanation.ignored {
        notes
            .push("the ignore rules leave it out: it is not sent, and what was synced before is left alone".to_owned());
    }
    match &explanation.known {
        Known::Root => notes.push("the mirror's root".to_owned()),
        Known::Ours => {
            notes
                .push("damsync's own directory: the mirror's mark, downloads under way and the local trash".to_owned());
        }
        Known::Directory(directory) => notes.push(directory_words(directory)),
        Known::File(file) => file_notes(file, &mut notes),
        Known::Nothing { asset } => {
            let seen = match asset {
                Some(row) => format!(
                    "neither side has it now; asset {}, which was last seen here, is {} for this mirror",
                    row.asset.id,
                    presence(row.presence)
                ),
                None if !explanation.history.is_empty() => "neither side has it now".to_owned(),
                None if explanation.ignored || explained.odd.is_some() => return notes,
                None => "never seen by a pass: it is new since the last one, is not there, or a .damsyncignore file \
                         leaves it out"
                    .to_owned(),
            };
            notes.push(seen);
        }
    }
    notes
}

fn file_notes(file: &File, notes: &mut Vec<String>) {
    match &file.conflict {
        Some(ConflictPart::CopyOf(original)) => notes.push(format!(
            "the copy of an open conflict: it holds what stood here, {original} what came from the server"
        )),
        Some(ConflictPart::Original(copies)) => {
            for copy in copies {
                notes.push(format!("it is in an open conflict: what stood here before is {copy}"));
            }
        }
        None => {}
    }
    if let Some(plan) = &file.held_by {
        notes.push(format!(
            "the plan {} holds it back ({}, {} of {} tracked files): damsync plan {} shows it",
            plan.id, plan.reason, plan.count, plan.total, plan.id
        ));
    }
}

fn directory_words(directory: &Directory) -> String {
    let row = &directory.row;
    let there = row.remote.as_ref().map(|remote| {
        let id = remote.id.as_ref().map_or(String::new(), |id| format!(" {id}"));
        format!("storage folder{id} {:?}", remote.name)
    });
    let sides = match (&row.local, there) {
        (Some(_), Some(there)) => format!("a directory here, and {there} on the server"),
        (Some(_), None) => "a directory here that has no storage folder on the server".to_owned(),
        (None, Some(there)) => format!("{there} on the server, which has no directory here"),
        (None, None) => "a directory that is gone on both sides".to_owned(),
    };
    match &directory.decision {
        Decision::Settled => sides,
        other => format!("{sides}; {}", decision_words(other)),
    }
}

const fn rule(decision: &Decision) -> Option<Rule> {
    match decision {
        Decision::Settled => None,
        Decision::Act(planned) => Some(planned.rule),
        Decision::Held { rule, .. }
        | Decision::Skipped { rule, .. }
        | Decision::Waiting { rule, .. }
        | Decision::Failed { rule, .. } => Some(*rule),
    }
}

const fn decision_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Settled => "settled",
        Decision::Act(_) => "act",
        Decision::Held { .. } => "held",
        Decision::Skipped { .. } => "skipped",
        Decision::Waiting { .. } => "waiting",
        Decision::Failed { .. } => "failed",
    }
}

fn reason(decision: &Decision) -> Option<String> {
    match decision {
        Decision::Settled => None,
        Decision::Act(planned) => Some(planned.reason.to_owned()),
        Decision::Held { reason, .. } => Some(reason.word().to_owned()),
        Decision::Skipped { why, .. } => Some(why.clone()),
        Decision::Waiting { wait, .. } => Some(wait_words(*wait).to_owned()),
        Decision::Failed { why, .. } => Some((*why).to_owned()),
    }
}

fn decision_words(decision: &Decision) -> String {
    match decision {
        Decision::Settled => "both sides agree; nothing is to be done".to_owned(),
        Decision::Act(planned) if planned.action.only_notes() => {
            format!("{}: nothing moves, the record is written with the next pass", planned.reason)
        }
        Decision::Act(planned) => format!("{} ({}), with the next pass", planned.action.verb(), planned.reason),
        Decision::Held { reason, .. } => format!("held: {} ({reason})", hold_words(*reason)),
        Decision::Skipped { why, .. } => format!("skipped: {why}"),
        Decision::Waiting { wait, .. } => format!("waiting for {}", wait_words(*wait)),
        Decision::Failed { why, .. } => format!("failed: {why}"),
    }
}

const fn wait_words(wait: Wait) -> &'static str {
    match wait {
        Wait::Quiet => "the file to be quiet, so that it can be read",
        Wait::Processing => "the server, which is still processing it",
        Wait::Submission => "a person to submit it on the server",
        Wait::Approval => "a person to approve it on the server",
        Wait::Answer => "the server's word on it",
    }
}

const fn hold_words(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::Direction => "the mirror's direction does not let it travel",
        HoldReason::Kept => "delete = \"keep\" lets the other side's file stay",
        HoldReason::CheckedOut => "somebody has checked it out on the server",
        HoldReason::Locked => "somebody else holds its lock",
        HoldReason::NotPermitted => "the server does not let us have its bytes",
        HoldReason::NotSupported => "the provider has no such operation",
        _ => "a guard does not let it through",
    }
}

fn here_words(entity: &Entity) -> String {
    match &entity.local {
        Local::Absent => "not there".to_owned(),
        Local::Unknown(why) => format!("not known: {}", why.0),
        Local::Present(file) => {
            let hash = file.content.map_or_else(
                || "not read since it changed".to_owned(),
                |content| format!("SHA-256 {}", content.sha256),
            );
            let at = UnixMs(file.stat.mtime_ns / 1_000_000);
            format!("{}, modified {at}, {hash}", super::counted(file.stat.size, "byte", "bytes"))
        }
    }
}

fn here_json(entity: &Entity) -> Value {
    match &entity.local {
        Local::Absent => json!({"state": "absent"}),
        Local::Unknown(why) => json!({"state": "unknown", "reason": why.0}),
        Local::Present(file) => json!({
            "state": "present",
            "size": file.stat.size,
            "modified_at": UnixMs(file.stat.mtime_ns / 1_000_000).to_string(),
            "sha256": file.content.map(|content| content.sha256.to_string()),
            "md5": file.content.map(|content| content.md5.to_string()),
        }),
    }
}

/// The state in one word, with the asset where one is known.
fn there(file: &File) -> (&'static str, Option<&RemoteAsset>) {
    let known = file.asset.as_ref().map(|row| &row.asset);
    match &file.entity.remote {
        Remote::Absent => ("absent", None),
        Remote::Live(live) => ("live", Some(&live.asset)),
        Remote::Trashed => ("trashed", known),
        Remote::Gone => ("gone", known),
        Remote::Outside(asset) => ("outside", Some(asset)),
        Remote::Unknown(_) => ("unknown", known),
    }
}

const fn presence(presence: damsync_store::Presence) -> &'static str {
    match presence {
        damsync_store::Presence::Live => "live",
        damsync_store::Presence::Trashed => "trashed",
        damsync_store::Presence::Gone => "gone",
        damsync_store::Presence::Outside => "outside",
        damsync_store::Presence::Unknown => "unknown",
    }
}

const fn state_word(state: AssetState) -> &'static str {
    match state {
        AssetState::Pending => "pending",
        AssetState::Processing => "processing",
        AssetState::AwaitingSubmission => "submission",
        AssetState::AwaitingApproval => "approval",
        AssetState::Processed => "processed",
        AssetState::Failed => "processing_error",
    }
}

fn there_words(file: &File) -> String {
    let (state, asset) = there(file);
    let state = match (state, &file.entity.remote) {
        ("absent", _) => return "not there".to_owned(),
        ("live", _) => String::new(),
        ("trashed", _) => "in the server's trash: ".to_owned(),
        ("outside", _) => "moved out of the mirror: ".to_owned(),
        (_, Remote::Unknown(why)) => format!("not known ({}): ", why.0),
        (other, _) => format!("{other}: "),
    };
    let Some(asset) = asset else { return format!("{state}no asset is known") };
    let mut parts = vec![format!("asset {} ({}) {:?}", asset.id, asset.guid, asset.filename)];
    if let Some((id, path)) = &file.storage_folder {
        let id = id.as_ref().map_or(String::new(), |id| format!(" {id}"));
        parts.push(format!("in storage folder{id} ({path})"));
    }
    parts.extend(asset.version.map(|version| format!("version {version}")));
    parts.push(asset.claimed.md5.map_or_else(|| "no MD5 told".to_owned(), |md5| format!("MD5 {md5}")));
    parts.push(format!("updated {}", asset.updated_at));
    parts.push(state_word(asset.state).to_owned());
    parts.extend(asset.checked_out.then(|| "checked out".to_owned()));
    parts.extend((asset.editable == Some(false)).then(|| "not ours to change".to_owned()));
    parts.extend((asset.downloadable == Some(false)).then(|| "not ours to download".to_owned()));
    format!("{state}{}", parts.join(", "))
}

fn there_json(file: &File) -> Value {
    let (state, asset) = there(file);
    let mut answer = json!({ "state": state });
    if let (Remote::Unknown(why), Some(answer)) = (&file.entity.remote, answer.as_object_mut()) {
        answer.insert("reason".to_owned(), json!(why.0));
    }
    let (Some(asset), Some(into)) = (asset, answer.as_object_mut()) else { return answer };
    let folder = file
        .storage_folder
        .as_ref()
        .map(|(id, path)| json!({"id": id.as_ref().map(ToString::to_string), "path": path.as_str()}));
    let told = json!({
        "asset": asset.id.to_string(),
        "guid": asset.guid.to_string(),
        "filename": asset.filename,
        "storage_folder": folder,
        "version": asset.version,
        "versions_count": asset.versions_count,
        "size": asset.claimed.size,
        "md5": asset.claimed.md5.map(|md5| md5.to_string()),
        "updated_at": asset.updated_at.to_string(),
        "processing": state_word(asset.state),
        "checked_out": asset.checked_out,
        "editable": asset.editable,
        "downloadable": asset.downloadable,
    });
    if let Value::Object(told) = told {
        into.extend(told);
    }
    answer
}

fn base_words(base: &Base) -> String {
    let version = base.remote_version.map_or(String::new(), |version| format!(", version {version}"));
    format!(
        "{}, SHA-256 {}{version}, here {:?}, there {:?}",
        super::counted(base.content.size, "byte", "bytes"),
        base.content.sha256,
        base.place.name.as_str(),
        base.remote_filename
    )
}

fn base_json(base: &Base) -> Value {
    json!({
        "asset": base.asset.to_string(),
        "size": base.content.size,
        "sha256": base.content.sha256.to_string(),
        "md5": base.content.md5.to_string(),
        "name_here": base.place.name.as_str(),
        "name_there": base.remote_filename,
        "version": base.remote_version,
        "updated_at": base.remote_updated_at.to_string(),
    })
}

fn decision_json(decision: &Decision, put: &mut impl FnMut(&str, Value) -> Option<Value>) {
    put("decision", json!(decision_word(decision)));
    put("rule", json!(rule(decision).map(|rule| rule.to_string())));
    put("meaning", json!(rule(decision).map(Rule::meaning)));
    put("reason", json!(reason(decision)));
}

fn step_json(step: &PlanLine) -> Value {
    let to = step.to.as_ref().map(|to| to.as_str());
    json!({"rule": step.rule.to_string(), "action": step.verb, "path": step.path.as_str(), "to": to, "reason": step.reason})
}

fn conflict_json(part: &ConflictPart) -> Value {
    match part {
        ConflictPart::CopyOf(original) => json!({"role": "copy", "path": original.as_str()}),
        ConflictPart::Original(copies) => {
            json!({"role": "original", "copies": copies.iter().map(|copy| copy.as_str()).collect::<Vec<_>>()})
        }
    }
}

fn event_json(event: &Event) -> Value {
    let Event { run, at, rule, action, reason, outcome, .. } = event;
    json!({"at": at.to_string(), "run": run, "rule": rule, "action": action, "reason": reason, "outcome": outcome})
}
