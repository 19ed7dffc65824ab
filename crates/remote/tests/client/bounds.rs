//! Answers that are made to be too much: each is survived, with a sentence, in little memory.
//!
//! Each question is asked by a process of its own, so that what it took can be measured and a question that takes too
//! much takes nothing from the others.
use crate::behaviour::settings;
use crate::scripted::{Act, Req, Server};
use damsync_model::time::UnixMs;
use damsync_ports::{RemoteError, RemoteSide, Scope};
use damsync_remote::{Mediagraph, Settings};
use futures_util::StreamExt;
use std::process::Command;

/// Names the question that a process of its own asks, and the server that answers.
const QUESTION: &str = "DAMSYNC_TEST_QUESTION";
const SERVER: &str = "DAMSYNC_TEST_SERVER";

/// Largest answer in these tests.
const LARGEST: usize = 4 << 20;

/// What the program takes before it has asked anything, and a little more.
const IDLE_KIB: u64 = 64 << 10;

async fn ask(question: &str, side: &Mediagraph) -> Result<String, RemoteError> {
    Ok(match question {
        "folders" => format!("{} folders", side.folders().await?.len()),
        "changes" => {
            format!("{} assets", side.changed_since(&Scope::Everything, UnixMs(0), 100).await?.assets.len())
        }
        "asset" => format!("{:?}", side.asset(&1.into()).await?),
        "ids" => format!("{} ids", side.all_ids(&Scope::Everything, None).await?.len()),
        "hints" => format!("{} ids", side.hints().await?.len()),
        "whoami" => side.identity().await?.user,
        "download" => {
            let mut download = side.download(&1.into(), None, 0).await?;
            let mut sum = 0;
            while let Some(Ok(chunk)) = download.body.next().await {
                sum += chunk.len();
            }
            format!("{sum} bytes")
        }
        other => unreachable!("{other}"),
    })
}

/// The other process.
#[tokio::test]
async fn asker() {
    let (Ok(question), Ok(server)) = (std::env::var(QUESTION), std::env::var(SERVER)) else { return };
    let limits = Settings { max_answer_bytes: LARGEST as u64, ..settings(&server) };
    let side = Mediagraph::new(limits).unwrap();
    let said = ask(&question, &side).await.unwrap_or_else(|error| error.to_string());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("\n<{}|{}>", said.chars().take(300).collect::<String>(), peak.trim().trim_end_matches(" kB"));
}

/// Asks, checks that what is said contains `words`, and that it took at most `most_kib` more than an idle program.
async fn survives(
    question: &'static str,
    words: &str,
    most_kib: u64,
    script: impl Fn(&Req) -> Act + Send + Sync + 'static,
) {
    let server = Server::start(script).await;
    let base = server.base.clone();
    let output = tokio::task::spawn_blocking(move || {
        let mut asker = Command::new(std::env::current_exe().unwrap());
        asker.args(["--exact", "bounds::asker", "--nocapture"]).env(QUESTION, question).env(SERVER, base);
        asker.output().unwrap()
    })
    .await
    .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix('<')?.strip_suffix('>'));
    let (said, peak) = line.and_then(|line| line.rsplit_once('|')).unwrap_or_else(|| panic!("{question}: {output:?}"));
    assert!(said.contains(words), "{question}: {said}");
    let peak: u64 = peak.parse().unwrap();
    assert!(peak <= IDLE_KIB + most_kib, "{question}: {peak} KiB for {said:?}");
}

/// `begin`, then `unit` as often as it fits, then `end`.
fn filled(begin: &str, unit: &str, end: &str) -> String {
    let times = (LARGEST - begin.len() - end.len()) / unit.len();
    format!("{begin}{}{}{end}", unit.repeat(times - 1), unit.trim_end_matches(','))
}

/// Twice the answer itself: it is read into a buffer that grows by doubling.
const TWICE_KIB: u64 = (LARGEST as u64 * 2) >> 10;

#[tokio::test]
async fn millions_of_things_that_are_small_in_an_answer_stay_small() {
    for (question, words, begin, unit, end) in [
        ("folders", "a folder without an id", "[", "{},", "]"),
        ("folders", "not the expected JSON", "[", "[],", "]"),
        ("folders", "1 folders", r#"[{"id":1,"name":"A","ancestor_ids":["#, "0,", "]}]"),
        ("folders", "1 folders", r#"[{"id":1,"name":"A","path_slugs":["#, "[],", "]}]"),
        ("changes", "where at most 1000 are read", r#"{"total_entries":1,"assets":["#, "{},", "]}"),
        ("asset", r#"filename: """#, r#"{"id":1,"guid":"g","filename":["#, "0,", "]}"),
        ("asset", "Found", r#"{"id":1,"guid":"g","filename":"f","upload":["#, "[],", "]}"),
        ("asset", "not the expected JSON", r#"{"id":1,"guid":"g","upload":{"#, r#""id":0,"#, "}}"),
        ("asset", "Found", r#"{"id":1,"guid":"g","filename":"f","x":{"#, r#""a":0,"#, "}}"),
        ("ids", "no list of ids", "[", "[],", "]"),
        ("hints", "no list of ids", "{", r#""a":[],"#, "}"),
        ("whoami", "not the expected JSON", "[", "0,", "]"),
    ] {
        let body = filled(begin, unit, end);
        survives(question, words, TWICE_KIB, move |_| Act::json(body.clone())).await;
    }
}

#[tokio::test]
async fn answers_that_are_nested_without_end_are_no_answers() {
    for question in ["folders", "changes", "asset", "ids", "whoami"] {
        for unit in ["[", r#"{"a":"#, r#"[{"id":"#] {
            let body = filled("", unit, "");
            survives(question, "makes no sense", TWICE_KIB, move |_| Act::json(body.clone())).await;
        }
    }
}

#[tokio::test]
async fn keys_that_come_twice_and_numbers_that_are_none_are_an_error() {
    for (question, words, body) in [
        ("asset", "not the expected JSON", r#"{"id":1,"id":2,"guid":"g","filename":"f"}"#),
        ("asset", "not the expected JSON", r#"{"id":1,"guid":"g","storage_folder":{"id":5,"id":6}}"#),
        ("asset", "an asset without an id", r#"{"id":99999999999999999999,"guid":"g"}"#),
        ("asset", "an asset without an id", r#"{"id":1.5,"guid":"g"}"#),
        ("asset", "not the expected JSON", r#"{"id":1e999,"guid":"g"}"#),
        ("changes", "not the expected JSON", r#"{"total_entries":0,"assets":[],"assets":[]}"#),
        ("changes", "without its total", r#"{"total_entries":-1,"assets":[]}"#),
        ("changes", "without its total", r#"{"total_entries":18446744073709551616,"assets":[]}"#),
        // A derived reader would take a list for an object, field by field.
        ("changes", "not the expected JSON", "[0,[]]"),
        ("whoami", "not the expected JSON", "[7]"),
        ("ids", "no list of ids", "[1,9223372036854775808]"),
    ] {
        survives(question, words, TWICE_KIB, move |_| Act::json(body)).await;
    }
}

#[tokio::test]
async fn a_tree_of_folders_has_an_end() {
    let list = |parent_of: fn(usize) -> usize, count: usize| {
        let one = |id: usize| format!(r#"{{"id":{id},"name":"A","parent_id":{}}}"#, parent_of(id));
        format!("[{}]", (1..=count).map(one).collect::<Vec<_>>().join(","))
    };
    let chain = list(|id| id - 1, 50_000);
    let ring = list(|id| if id == 1 { 1000 } else { id - 1 }, 1000);
    // What is kept of a folder, with its name: a third of a kibibyte.
    survives("folders", "too deep", 80_000, move |_| Act::json(chain.clone())).await;
    survives("folders", "1000 folders", 60_000, move |_| Act::json(ring.clone())).await;
}

#[tokio::test]
async fn a_tree_that_is_walked_down_has_an_end() {
    let page = |req: &Req| if req.path.ends_with("/tree") { None } else { Some(req.query.contains("page=2")) };
    let lists = ["[]", r#"[{"id":1,"name":"A"}]"#, r#"[{"id":2,"name":"B"}]"#];
    let asked = |req: &Req| {
        let id = req.query.split('&').find_map(|pair| pair.strip_prefix("parent_id="));
        id.map_or(1_i64, |id| id.parse().unwrap())
    };
    // Every folder holds one more.
    survives("folders", "levels deep", 20_000, move |req| match page(req) {
        Some(second) => Act::json(lists[1 + usize::from(second)]),
        None => Act::json(format!(r#"[{{"id":{},"name":"A","has_children":true}}]"#, asked(req) + 1)),
    })
    .await;
    // Folders run in a ring.
    survives("folders", "it changed meanwhile", 20_000, move |req| match page(req) {
        Some(second) => Act::json(lists[1 + usize::from(second)]),
        None => Act::json(format!(r#"[{{"id":{},"name":"A","has_children":true}}]"#, asked(req) % 3 + 1)),
    })
    .await;
    // A list of which there is always one more page, and nothing new in it.
    survives("folders", "1 of 18446744073709551615 folders", 20_000, move |req| match page(req) {
        Some(second) => Act::json(lists[1 + usize::from(second)]),
        None => Act::json(lists[1]).with("Total-Entries", u64::MAX.to_string()),
    })
    .await;
}

#[tokio::test]
async fn ten_million_ids_are_the_most() {
    // Their number counts and not their values, so that the answer is short enough for a test. Of each eight bytes are
    // kept, in a buffer that grows by doubling.
    for (question, words, count) in [("ids", "1 ids", 10_000_000), ("hints", "more than 10000000 ids", 10_000_001)] {
        let ids = format!("[{}0]", "0,".repeat(count - 1));
        survives(question, words, (2 * ids.len() as u64 + 192_000_000) >> 10, move |_| Act::json(ids.clone())).await;
    }
}

/// What gzip makes of so many zero bytes, without its end: fixed codes, a literal 0 and then repetitions of 258 bytes.
fn zeros_packed(bytes: u64) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let (mut waiting, mut count) = (0_u32, 0);
    let mut put = |bits: u32, length: u32| {
        waiting |= bits << count;
        count += length;
        while count >= 8 {
            packed.push((waiting & 0xff) as u8);
            waiting >>= 8;
            count -= 8;
        }
    };
    put(0b011, 3);
    // Codes stand with their first bit first: 00110000 for the zero, 11000101 for 258 bytes, 00000 for distance 1.
    put(0b0000_1100, 8);
    for _ in 0..bytes / 258 {
        put(0b1010_0011, 8);
        put(0, 5);
    }
    packed
}

#[tokio::test]
async fn an_answer_that_unpacks_to_a_gibibyte_is_read_to_the_limit_only() {
    let bomb = zeros_packed(1 << 30);
    for question in ["folders", "changes", "asset", "whoami"] {
        let bomb = bomb.clone();
        survives(question, "an answer of more than 4194304 bytes", TWICE_KIB, move |_| {
            let headers = vec![("Content-Encoding".into(), "gzip".into())];
            Act::Reply { status: 200, headers, body: bomb.clone() }
        })
        .await;
    }
    // An error's words are read to a limit of their own, and a file is never unpacked.
    let packed = bomb.clone();
    survives("folders", "the server refuses it (422)", TWICE_KIB, move |_| {
        let headers = vec![("Content-Encoding".into(), "gzip".into())];
        Act::Reply { status: 422, headers, body: packed.clone() }
    })
    .await;
    let words = format!("{} bytes", bomb.len());
    survives("download", &words, TWICE_KIB, move |_| {
        let headers = vec![("Content-Encoding".into(), "gzip".into())];
        Act::Reply { status: 200, headers, body: bomb.clone() }
    })
    .await;
}

#[tokio::test]
async fn answers_without_an_end_are_read_to_the_limit_only() {
    for question in ["folders", "changes", "asset", "whoami"] {
        let words = "an answer of more than 4194304 bytes";
        survives(question, words, TWICE_KIB, |_| Act::Endless { headers: vec![] }).await;
    }
    for question in ["folders", "ids", "download"] {
        survives(question, "error", TWICE_KIB, |_| Act::EndlessHead).await;
    }
    survives("download", "too many redirects", TWICE_KIB, |req| {
        Act::status(302, "").with("Location", req.path.clone())
    })
    .await;
}
