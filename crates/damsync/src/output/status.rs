//! What is in sync and what is not.

use super::counted;
use super::reconcile::held_words;
use crate::status::{FileStatus, MirrorStatus, State, Status};
use bytesize::ByteSize;
use damsync_model::path::on_one_line;
use jiff::Timestamp;

/// A few lines for people.
pub fn status_text(status: &Status, now: Timestamp) -> String {
    let daemon = &status.daemon;
    let mut lines = vec![match (daemon.running, daemon.pid) {
        (true, Some(pid)) => format!("daemon: running (process {pid})"),
        (true, None) => "daemon: running".to_owned(),
        (false, _) => "daemon: not running".to_owned(),
    }];
    for mirror in &status.mirrors {
        mirror_lines(&mut lines, mirror, now);
    }
    // Names come from the server and from other users: none of them ends a line or steers the terminal.
    lines.iter().map(|line| format!("{}\n", on_one_line(line))).collect()
}

fn mirror_lines(lines: &mut Vec<String>, mirror: &MirrorStatus, now: Timestamp) {
    let state = match mirror.state {
        State::Idle if mirror.in_sync() => "in sync",
        State::Idle => "not in sync",
        State::Scanning => "scanning",
        State::Syncing => "syncing",
        State::Held => "held",
        State::Offline => "offline",
        State::Paused => "paused",
    };
    let files = counted(mirror.files, "file", "files");
    lines.push(format!("{}: {state} · {files}, {}", mirror.name, ByteSize(mirror.bytes).display().iec()));
    let folder = mirror
        .storage_folder
        .as_ref()
        .map_or("every storage folder".to_owned(), |folder| format!("storage folder {folder}"));
    lines.push(format!("  {} and {folder}", mirror.local));
    let last = mirror.last_reconcile_at.map_or("never".to_owned(), |then| ago(then, now));
    let changed = mirror.last_change_at.map_or(String::new(), |then| format!(", last change {}", ago(then, now)));
    lines.push(format!("  last pass {last}{changed}"));
    if let Some(error) = &mirror.error {
        lines.push(format!("  the last pass broke off: {error}"));
    }
    let pending = mirror.pending;
    for (number, one, many) in [
        (pending.push, "to send", "to send"),
        (pending.pull, "to fetch", "to fetch"),
        (pending.delete, "to delete", "to delete"),
        (mirror.conflicts, "open conflict", "open conflicts"),
    ] {
        if number > 0 {
            lines.push(format!("  {}", counted(number, one, many)));
        }
    }
    for transfer in &mirror.in_flight {
        lines.push(format!(
            "  under way: {} ({} of {})",
            transfer.path,
            ByteSize(transfer.bytes).display().iec(),
            ByteSize(transfer.total).display().iec()
        ));
    }
    lines.extend(mirror.held.iter().map(|held| format!("  held: {}", held_words(held))));
    lines.extend(
        mirror
            .failed
            .iter()
            .map(|failed| format!("  failed: {}: {} ({} tries)", failed.path, failed.error, failed.attempts)),
    );
    lines.extend(
        mirror
            .awaiting
            .iter()
            .map(|awaiting| format!("  waiting for {} on the server: {}", awaiting.state, awaiting.path)),
    );
}

fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// One line about one file.
pub fn file_text(file: &FileStatus) -> String {
    let state = serde_json::to_value(file.state)
        .ok()
        .and_then(|word| word.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default();
    let mirror = file.mirror.as_ref().map_or(String::new(), |mirror| format!(" (mirror {mirror})"));
    let detail = file.detail.as_ref().map_or(String::new(), |detail| format!(": {detail}"));
    format!("{}\n", on_one_line(&format!("{}: {state}{mirror}{detail}", file.path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StorageFolder;
    use crate::status::{Daemon, FileState};
    use damsync_reconciler::report::AwaitingItem;

    #[test]
    fn a_mirror_takes_three_lines_when_all_is_well() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mirror = MirrorStatus {
            name: "studio".into(),
            local: "/srv/studio".into(),
            storage_folder: Some(StorageFolder::Path("Studio/Campaigns".into())),
            files: 3,
            bytes: 2048,
            last_reconcile_at: Some(at(1000)),
            last_change_at: Some(at(100)),
            ..MirrorStatus::default()
        };
        let status = Status::new(Daemon { running: true, pid: Some(7), ..Daemon::default() }, vec![mirror]);
        assert_eq!(
            status_text(&status, at(1012)),
            "daemon: running (process 7)\nstudio: in sync · 3 files, 2.0 KiB\n  /srv/studio and storage folder \"Studio/Campaigns\"\n  \
             last pass 12 s ago, last change 15 min ago\n"
        );
    }

    #[test]
    fn a_name_from_the_server_cannot_steer_the_terminal() {
        let awaiting = AwaitingItem { path: "a\u{1b}[2J\nall is well".into(), guid: "g".into(), state: "approval" };
        let mirror = MirrorStatus { awaiting: vec![awaiting], ..MirrorStatus::default() };
        let status = Status::new(Daemon { running: false, ..Daemon::default() }, vec![mirror]);
        let text = status_text(&status, Timestamp::UNIX_EPOCH);
        assert!(text.ends_with("  waiting for approval on the server: a\\u{1b}[2J\\nall is well\n"), "{text:?}");
        let path = "/srv/studio/a\u{1b}[2J".into();
        let file = FileStatus { schema: 1, path, mirror: None, state: FileState::InSync, guid: None, detail: None };
        assert_eq!(file_text(&file), "/srv/studio/a\\u{1b}[2J: in sync\n");
    }

    #[test]
    fn the_json_has_every_promised_name() {
        let status = Status::new(Daemon { running: false, ..Daemon::default() }, vec![MirrorStatus::default()]);
        let json = serde_json::to_value(status).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["daemon"]["running"], false);
        let mirror = json["mirrors"][0].as_object().unwrap();
        for key in [
            "name",
            "local",
            "storage_folder",
            "state",
            "files",
            "bytes",
            "pending",
            "in_flight",
            "conflicts",
            "failed",
            "held",
            "awaiting",
            "last_reconcile_at",
            "last_change_at",
        ] {
            assert!(mirror.contains_key(key), "{key}");
        }
        assert_eq!(mirror["state"], "idle");
        assert_eq!(json["mirrors"][0]["pending"], serde_json::json!({"push": 0, "pull": 0, "delete": 0}));
    }

    #[test]
    fn a_file_is_one_line() {
        let file = FileStatus {
            schema: 1,
            path: "/srv/studio/a.jpg".into(),
            mirror: Some("studio".into()),
            state: FileState::InSync,
            guid: None,
            detail: None,
        };
        assert_eq!(file_text(&file), "/srv/studio/a.jpg: in sync (mirror studio)\n");
    }
}
