//! Walks a directory as a pass does, and prints how long it took: `walk DIR [ROUNDS]`.

use damsync_disk::{Disk, Settings};
use damsync_model::name::FileName;
use damsync_model::path::MirrorPath;
use damsync_ports::{EntryKind, LocalSide, Root};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("which directory?")?;
    let rounds: u32 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let usual = ["*.tmp", "~$*", ".~lock.*#", "*~", ".*.sw?", "4913", ".#*", "\\#*#", "._*", ".DS_Store", "Thumbs.db"];
    let more = ["desktop.ini", "*.part", "*.crdownload", "*.idlk", ".nfs*", ".Trash-*/"];
    let ignore = usual.iter().chain(&more).map(|text| (*text).to_owned()).collect();
    let disk = Disk::new(Settings { root: root.into(), ignore })?;
    let (Root::Marked { identity, .. } | Root::Unmarked { identity, .. }) = disk.root().await? else {
        return Err("no directory".into());
    };
    disk.open(identity).await?;
    for _ in 0..rounds {
        let began = Instant::now();
        let (mut files, mut bytes) = (0_u64, 0_u64);
        let mut waiting = vec![MirrorPath::ROOT];
        let mut listing = FuturesUnordered::new();
        loop {
            // Two at once: the system calls of one directory run beside those of another.
            while listing.len() < 2
                && let Some(dir) = waiting.pop()
            {
                let disk = &disk;
                listing.push(async move { (disk.list(&dir).await, dir) });
            }
            let Some((entries, dir)) = listing.next().await else { break };
            for entry in entries? {
                match entry.kind {
                    EntryKind::File { stat, .. } => {
                        files += 1;
                        bytes += stat.size;
                    }
                    EntryKind::Directory { .. } => {
                        waiting.extend(FileName::new(&entry.name).map(|name| dir.join(&name)))
                    }
                    EntryKind::Ignored | EntryKind::Other(_) => {}
                }
            }
        }
        println!("{files} files, {bytes} bytes in {} ms", began.elapsed().as_millis());
    }
    Ok(())
}
