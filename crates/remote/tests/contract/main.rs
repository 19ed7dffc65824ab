//! The contract: one suite over the real client, against a sandbox that plays every habit, and against the real service
//! where `DAMSYNC_CONTRACT_BASE_URL`, `DAMSYNC_CONTRACT_TOKEN` and `DAMSYNC_CONTRACT_ORGANIZATION` name one.
//!
//! - The suite holds whichever way an unknown turns out. Which way it was is what the probe finds, and prints.
//! - At the real service everything happens in a scratch folder, which is taken away again whatever happens.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod changes;
mod dam;
mod folders;
mod habits;
mod lists;
mod marks;
mod probing;
mod rights;
mod shapes;
mod storage;
mod uploads;

use dam::Dam;
use damsync_ports::{Answer, RemoteFolder, RemoteSide};
use damsync_remote::probe::{self, Finding};
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};

/// Everything, in a folder of its own. `listed`: whether what is uploaded must appear in the lists; `None` = unknown.
async fn suite(dam: &Dam, listed: Option<bool>) {
    let identity = dam.side.identity().await.unwrap();
    assert!(!identity.user.is_empty() && identity.server_time.0 > 1_500_000_000_000, "{identity:?}");
    assert!(dam.side.requests() > 0);
    // The list of folders must have been asked for once before assets can be told theirs.
    dam.side.folders().await.unwrap();
    let name = format!("damsync contract {}", identity.server_time.compact());
    let scratch = dam.side.make_folder(None, &name).await.unwrap();
    let outcome = AssertUnwindSafe(inside(dam, &scratch, listed)).catch_unwind().await;
    let tidied = AssertUnwindSafe(tidy(dam, &scratch)).catch_unwind().await;
    if let Err(panic) = outcome.and(tidied) {
        resume_unwind(panic);
    }
}

async fn inside(dam: &Dam, scratch: &RemoteFolder, listed: Option<bool>) {
    Box::pin(folders::all(dam, scratch)).await;
    let asset = Box::pin(uploads::all(dam, scratch)).await;
    let listed = Box::pin(lists::all(dam, scratch, &asset, listed)).await;
    Box::pin(changes::all(dam, scratch, &asset, listed)).await;
    Box::pin(marks::all(dam, scratch, &asset, listed)).await;
    Box::pin(shapes::all(dam, scratch)).await;
}

/// Takes away what the suite made, from the bottom up.
async fn tidy(dam: &Dam, scratch: &RemoteFolder) {
    dam.trash_what_was_made().await;
    let mut folders = dam.side.folders().await.unwrap();
    folders.retain(|folder| folder.id == scratch.id || folder.ancestors.contains(&scratch.id));
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.ancestors.len()));
    for folder in folders {
        assert_eq!(dam.side.folder_asset_ids(&folder.id).await.unwrap(), Answer::Found(vec![]), "{}", folder.name);
        dam.side.remove_folder(&folder.id).await.unwrap();
    }
    assert_eq!(dam.side.folder(&scratch.id).await.unwrap(), Answer::NotFound, "the scratch folder is gone");
}

/// Finds out which way the unknowns turned out, and prints it.
async fn probe(dam: &Dam) -> Vec<Finding> {
    let outcome = Box::pin(probe::run(&dam.side, None, &|| false)).await.unwrap();
    let findings = outcome.findings;
    println!("which way the unknowns turned out at {}:", dam.base());
    for finding in &findings {
        println!("- {}: {}", finding.question, finding.answer);
    }
    assert_eq!(outcome.left_behind, [""; 0]);
    assert_eq!(outcome.cut_short, None, "the probe did not come to its end");
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_service_keeps_the_contract() {
    let Some(dam) = Dam::real() else {
        println!("skipped: DAMSYNC_CONTRACT_BASE_URL, _TOKEN and _ORGANIZATION name no service");
        return;
    };
    Box::pin(probe(&dam)).await;
    Box::pin(suite(&dam, None)).await;
}
