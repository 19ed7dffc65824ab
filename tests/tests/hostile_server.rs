//! A server that sends too much: the program ends with a sentence, in little memory and on little disk, and nothing is
//! lost.
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use damsync_tests::{Liar, Lie, Options, Pass, Setup, binary, json, local_tree};
use std::process::{Command, Stdio};

const PIECE: usize = 64 << 10;

/// As good as without an end, but a program that takes it all ends as well: 256 MiB.
const WITHOUT_END: u64 = 4096;

/// Whatever the connection's buffers hold.
const IN_BUFFERS: u64 = 32 << 20;

fn lie(head: &str, begin: &str, piece: Vec<u8>, times: u64) -> Lie {
    Lie { head: head.to_owned(), begin: begin.into(), piece, times }
}

/// A mirror with a file that is in sync, and a storage that lies about another.
fn with_a_lying_storage(lie: Lie) -> (Setup, Liar) {
    let setup = Setup::with(Options { remote: "idle_timeout = \"2s\"".to_owned(), ..Options::default() });
    setup.write("kept.txt", "kept");
    setup.sync(&[("pushed_new", 1)]);
    setup.sandbox.asset("Studio/new.jpg", "the bytes of a picture");
    let storage = Liar::start(&setup.sandbox.base_url, move |_| Some(lie.clone()));
    let redirect = json!({ "redirect": { "url": format!("{}/x", storage.url) } });
    setup.sandbox.fault(&json!({ "path": "/download", "times": 0, "what": redirect }));
    (setup, storage)
}

#[test]
fn a_download_stops_where_the_file_should_end_and_leaves_nothing() {
    let picture = "the bytes of a picture";
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", PIECE as u64 * WITHOUT_END);
    for (lie, most_lies) in [
        // It does not say how much is to come, and it does not end.
        (lie("HTTP/1.1 200 OK", "", vec![b'x'; PIECE], WITHOUT_END), 1),
        (lie("HTTP/1.1 200 OK", picture, vec![b'x'; PIECE], WITHOUT_END), 1),
        // It says so.
        (lie(&long, "", vec![b'x'; PIECE], WITHOUT_END), 1),
        // Bytes as many as there should be, but others, and then the connection breaks: not for ever again.
        (lie("HTTP/1.1 200 OK\r\nContent-Length: 30", &"y".repeat(picture.len()), vec![], 0), 6),
        (lie("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "16\r\nyyyyyyyyyyyyyyyyyyyyyy\r\n", vec![], 0), 6),
    ] {
        let (setup, storage) = with_a_lying_storage(lie.clone());
        let pass = setup.reconcile(&[]);
        pass.assert(1, "incomplete", &[]);
        let said = pass.failure("new.jpg").to_owned();
        assert!(said.contains("the server tells of 22 bytes"), "{said}");
        assert!(storage.sent() <= IN_BUFFERS, "{} bytes were taken", storage.sent());
        assert!(storage.lies() <= most_lies, "asked {} times", storage.lies());
        let partials = setup.local.join(".damsync/partial");
        assert_eq!(std::fs::read_dir(partials).map_or(0, Iterator::count), 0, "something was left: {said}");
        // It was no deletion, and it ends with the lie.
        setup.sandbox.no_faults();
        assert_eq!(local_tree(&setup.local).len(), 1);
        setup.sync(&[("pulled", 1)]);
        assert_eq!(setup.read("new.jpg"), picture.as_bytes());
        setup.settled();
    }
}

/// Runs a pass that asks `liar`, in at most so many mebibytes of memory.
fn pass_against(setup: &Setup, liar: &Liar, mebibytes: u64) -> Pass {
    setup.write_config(&setup.config_text().replace(&setup.sandbox.base_url, &liar.url));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {} && exec \"$0\" \"$@\"", mebibytes << 10)]).arg(binary());
    command.args(["reconcile", "--json"]).env_clear().env("DAMSYNC_CONFIG", &setup.config).env("HOME", setup.dir());
    // Address space is what can be limited; an arena for each thread would take most of it.
    command.env("MALLOC_ARENA_MAX", "1").env("PATH", "/usr/bin:/bin").env("TZ", "UTC").stdin(Stdio::null());
    let output = command.current_dir(setup.dir()).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Pass::read(output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn answers_that_are_too_much_are_refused_in_little_memory_and_nothing_is_deleted() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
    let empties = "{},".repeat(PIECE / 3);
    let ids = "1,".repeat(PIECE / 2);
    let head = format!("HTTP/1.1 200 OK{}", "\r\nX-More: and more".repeat(200_000));
    for (path, lie, words) in [
        ("/api/storage_folders", lie(ok, "[", empties.clone().into(), 256), "half a JSON"),
        ("/api/storage_folders", lie(ok, "[", vec![b'['; PIECE], 16), "makes no sense"),
        ("/api/storage_folders", lie(ok, "[", vec![b' '; PIECE], WITHOUT_END), "an answer of more than 67108864 bytes"),
        ("/api/assets/search", lie(ok, "{\"total_entries\":1,\"assets\":[", empties.into(), 256), "half a JSON"),
        ("/api/assets/updated_since", lie(ok, "[", ids.into(), WITHOUT_END * 2), "more than 268435456 bytes"),
        ("/api/whoami", lie(&head, "", vec![], 0), "no answer"),
        ("/api/whoami", lie("HTTP/1.1 302 Found\r\nLocation: /api/whoami", "", vec![], 0), "unexpected status 302"),
    ] {
        let setup = Setup::new();
        setup.write("kept.txt", "kept");
        setup.sync(&[("pushed_new", 1)]);
        let before = setup.tree();
        let liar = Liar::start(&setup.sandbox.base_url, move |first| first.contains(path).then(|| lie.clone()));
        let pass = pass_against(&setup, &liar, 1024);
        let said = format!("{}{}", pass.stdout, pass.stderr);
        assert!(liar.lies() >= 1 && pass.code != 0 && said.contains(words), "{path}: {} {said}", pass.code);
        setup.write_config(&setup.config_text());
        assert_eq!(setup.tree(), before, "{path}");
        setup.settled();
    }
}
