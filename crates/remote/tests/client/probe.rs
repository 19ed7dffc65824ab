//! The probe against a small made-up DAM that answers one way.

use crate::behaviour::client;
use crate::scripted::{Act, Req, Server};
use damsync_remote::probe;
use serde_json::{Value, json};
use std::sync::Mutex;

struct Dam {
    base: String,
    folder_names: Vec<(i64, Option<i64>)>,
    folder: i64,
    version: u32,
    trashed: bool,
    updated: u32,
}

impl Dam {
    fn asset(&self) -> Value {
        json!({
            "id": 70, "guid": "g-70", "filename": "probe Größe.txt", "aasm_state": "processed", "submitted": true,
            "created_via_id": "probe-s", "data_version_number": self.version,
            "updated_at": format!("2026-01-06T09:{:02}:00.000Z", self.updated),
            "trashed_at": self.trashed.then_some("2026-01-06T09:59:00.000Z"),
            "storage_folder": { "id": self.folder }, "signed_upload_url": format!("{}/store?X-Amz-Signature=1", self.base),
        })
    }

    fn answer(&mut self, req: &Req) -> Value {
        let body: Value = serde_json::from_slice(&req.body).unwrap_or_default();
        let path: Vec<&str> = req.path.trim_start_matches("/api").trim_start_matches('/').split('/').collect();
        match (req.method.as_str(), path.as_slice()) {
            ("GET", ["whoami"]) => json!({ "id": 1 }),
            ("GET", ["storage_folders"]) => json!([]),
            ("POST", ["storage_folders"]) => {
                let id = 100 + self.folder_names.len() as i64;
                self.folder_names.push((id, body["storage_folder"]["parent_id"].as_i64()));
                self.folder = if self.folder == 0 { id } else { self.folder };
                json!({ "id": id, "name": "probe", "contribution_id": 9 })
            }
            ("PUT", ["storage_folders", id]) => json!({ "id": id.parse::<i64>().unwrap(), "name": "renamed" }),
            ("DELETE", ["storage_folders", id]) => {
                self.folder_names.retain(|(known, _)| known.to_string() != *id);
                Value::Null
            }
            ("GET", ["storage_folders", _, "asset_ids"]) => json!([70]),
            ("POST", ["contributions", "9", "uploads"]) => json!({ "id": 5, "guid": "s" }),
            ("PUT", ["uploads", "5", "set_done"]) => json!({ "done": true }),
            ("POST", ["assets", "search"]) if body["all_ids"] == true => json!({ "ids": [70] }),
            ("POST", ["assets", "search"]) => json!({ "total_entries": 1, "assets": [self.asset()] }),
            ("POST", ["assets", _, "add_version"]) => {
                self.version += 1;
                json!({ "signed_upload_url": format!("{}/store?X-Amz-Signature=2", self.base) })
            }
            ("GET", ["assets", "trashed"]) => json!({ "count": u32::from(self.trashed) }),
            ("DELETE", ["assets", _]) => {
                self.trashed = true;
                Value::Null
            }
            ("POST", ["bulk_jobs"]) => {
                self.updated += 1;
                match body["bulk_job"]["add_asset_group_id"].as_i64() {
                    Some(folder) => self.folder = folder,
                    None => self.trashed = false,
                }
                json!({ "guid": "j", "aasm_state": "pending" })
            }
            ("GET", ["bulk_jobs", "j"]) => json!({ "guid": "j", "aasm_state": "finished" }),
            _ => self.asset(),
        }
    }
}

#[tokio::test]
async fn the_probe_answers_every_question_and_leaves_only_trash() {
    let dam = std::sync::Arc::new(Mutex::new(Dam {
        base: String::new(),
        folder_names: Vec::new(),
        folder: 0,
        version: 1,
        trashed: false,
        updated: 0,
    }));
    let world = std::sync::Arc::clone(&dam);
    let server = Server::start(move |req| {
        if req.path.starts_with("/store") {
            Act::json("")
        } else {
            Act::json(world.lock().unwrap().answer(req).to_string())
        }
    })
    .await;
    dam.lock().unwrap().base = server.base.clone();
    let outcome = probe::run(&client(&server.base), None, &|| false).await.unwrap();
    let findings = &outcome.findings;
    let answer = |question: &str| {
        let found: Vec<_> = findings.iter().filter(|finding| finding.question.contains(question)).collect();
        found.first().unwrap_or_else(|| panic!("{question} has no answer: {findings:#?}")).answer.clone()
    };
    assert_eq!(answer("all_ids answers"), "an object with `ids`");
    assert_eq!(answer("finished state"), "finished");
    assert_eq!(answer("when the head moves"), "at add_version");
    assert_eq!(answer("details of a trashed asset"), "200 with trashed_at");
    assert_eq!(answer("signed URL may be repeated"), "yes");
    assert_eq!(answer("moving an asset moves"), "yes");
    assert_eq!(answer("restoring an asset moves"), "yes");
    assert_eq!(answer("file_size and md5"), "file_size: no, md5: no");
    assert_eq!(answer("still holds assets"), "its assets stay alive");
    assert!(answer("keeps the file name").starts_with("no"));
    assert_eq!((outcome.cut_short, outcome.left_behind), (None, Vec::new()));
    let dam = dam.lock().unwrap();
    assert!(dam.trashed && dam.folder_names.is_empty(), "{:?}", dam.folder_names);
}
