//! The live view: redrawn on a terminal whenever something changed.

use super::DemoError;
use super::invitation;
use super::server::{Server, Tree};
use super::view::{local_rows, remote_rows, side_by_side};
use crate::logging::Recent;
use crate::signals::Stop;
use damsync_sandbox::Running;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How often both sides are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What does not change while the demo runs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The mirror.
    pub root: std::path::PathBuf,
    /// The configuration, for other commands.
    pub config: std::path::PathBuf,
    /// The server's address.
    pub base_url: String,
    /// Its token.
    pub token: String,
    /// Its organization.
    pub organization_id: i64,
}

impl Scene {
    /// Of this run.
    pub fn new(root: &Path, config: &Path, running: &Running) -> Self {
        Self {
            root: root.to_owned(),
            config: config.to_owned(),
            base_url: running.base_url.clone(),
            token: running.token.clone(),
            organization_id: running.organization_id,
        }
    }
}

/// Draws until told to stop.
pub async fn draw(scene: &Scene, server: &Server, recent: &Recent, stop: &Stop) -> Result<(), DemoError> {
    let mut shown = String::new();
    while stop.requested().is_none() {
        let tree = server.tree().await?;
        let picture = picture(scene, &tree, recent);
        if picture != shown {
            // Home, each line cleared behind its end, then everything below: no flicker, nothing left over.
            let screen = format!("\x1b[H{}\x1b[J", picture.replace('\n', "\x1b[K\r\n"));
            let mut stdout = std::io::stdout().lock();
            // A terminal that went away ends the demo by SIGHUP or Ctrl-C, not here.
            let _ = stdout.write_all(screen.as_bytes()).and_then(|()| stdout.flush());
            shown = picture;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait() => {}
        }
    }
    Ok(())
}

fn picture(scene: &Scene, tree: &Tree, recent: &Recent) -> String {
    let (columns, rows) = size();
    let invitation = invitation::text(scene, tree);
    let mut lines =
        vec![format!("damsync demo · {} and {} · Ctrl-C ends it", scene.root.display(), scene.base_url), String::new()];
    let table = side_by_side(&local_rows(&scene.root), &remote_rows(tree), columns);
    let recent = recent.last(4);
    // What does not fit is cut from the middle, the table: the invitation must be readable.
    let taken: usize = invitation.lines().map(|line| line.chars().count().div_ceil(columns).max(1)).sum();
    let room = rows.saturating_sub(lines.len() + taken + recent.len() + 4).max(6);
    let hidden = table.len().saturating_sub(room);
    lines.extend(table.into_iter().take(room));
    if hidden > 0 {
        lines.push(format!("  … {hidden} more"));
    }
    lines.push(String::new());
    lines.extend(recent.iter().map(|line| line.chars().take(columns.saturating_sub(1)).collect()));
    lines.push(String::new());
    lines.extend(invitation.lines().map(str::to_owned));
    lines.join("\n")
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
        _ => (100, 40),
    }
}

/// Makes room: what was on the screen scrolls away instead of being painted over.
pub fn clear() {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(b"\x1b[2J\x1b[H").and_then(|()| stdout.flush());
}
