//! What to begin with: inputs as they come, and as an enemy would send them; and how to make others of them.

use crate::answers::READERS;
use crate::configuration::SECRET;

/// What a theme checks.
pub type Holds = fn(&[u8]);

/// Each theme with its name, its check and its seeds.
pub fn themes() -> [(&'static str, Holds, Vec<Vec<u8>>); 5] {
    [
        ("names", crate::names::holds, names()),
        ("answers", crate::answers::holds, answers()),
        ("ignore_files", crate::ignore_files::holds, ignore_files()),
        ("configuration", crate::configuration::holds, configurations()),
        ("watcher_paths", crate::watcher_paths::holds, watcher_paths()),
    ]
}

fn names() -> Vec<Vec<u8>> {
    let mut long = vec!["x".repeat(10_000), "é".repeat(200), "/".repeat(300), format!("a.{}", "z".repeat(400))];
    let plain = [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "a\0b",
        "a/b.jpg",
        "a%2Fb",
        "%2E",
        ".damsync",
        ".DAMSYNC",
        ".dam\u{200b}sync",
        ".damsync/mirror.json",
        "line\nbreak",
        "\u{1b}[31m",
        "\u{202e}gpj.exe",
        "e\u{301}",
        "ﬀ.TXT",
        "a (conflict 2026-01-29 152832 host).jpg",
        "a (conflict 2026-01-29 152832 host 2) (conflict",
        "Shoot~7~2",
        "007",
        "-1",
    ];
    long.extend(plain.map(str::to_owned));
    let guids = ["", "0cf74b82-06c6-433a-8663-cce78bd1cc4d", "../..", "\0/\0", "-----", "\u{200b}\u{200b}"];
    let at = |level: u8, guid: &str, name: &String| [&[level][..], guid.as_bytes(), &[1], name.as_bytes()].concat();
    let guid = |index: usize| guids[index % guids.len()];
    long.iter()
        .enumerate()
        .flat_map(|(index, name)| [at(0, guid(index), name), at(129, guid(index + 1), name)])
        .collect()
}

fn answers() -> Vec<Vec<u8>> {
    let bodies = [
        r#"[{"id":1,"name":"A","parent_id":null,"ancestor_ids":[],"path_slugs":["a"],"has_children":true,"editable":true},
            {"id":2,"name":"B","parent_id":1,"ancestor_ids":[1],"path_slugs":["a","b"],"box_folder_id":"77"},
            {"id":3,"name":"../x","parent_id":4},{"id":4,"name":"","parent_id":3}]"#,
        r#"{"id":7,"name":"Shoot","parent_id":3,"reindexing":true,"contribution_id":9,"organizer":false}"#,
        r#"{"total_entries":2,"assets":[{"id":1,"guid":"0aa1-b","filename":"a.jpg","file_size":12,
            "md5":"900150983cd24fb0d6963f7d28e17f72","data_version_number":1,"aasm_state":"processed","submitted":true,
            "created_at":"2026-01-29T15:28:32.376Z","updated_at":"2026-01-29T15:28:32.376Z","trashed_at":null,
            "storage_folder_path":"a/b","storage_folder":{"id":5},"upload":{"contribution":{"auto_approve":false}}},
            {"id":"2","guid":"g","filename":null,"file_size":"12","checked_out_at":"","downloadable":1}]}"#,
        r#"{"id":1,"guid":"g","filename":"../../etc/passwd\u0000","file_size":9223372036854775807,"updated_at":"9999-12-31T23:59:59Z"}"#,
        r#"{"id":1,"guid":"g","filename":"f","id":2}"#,
        "[3,1,2,2,\"4\",-5]",
        r#"{"total_entries":3,"asset_ids":[3,2,1],"filters":{"a":[1]}}"#,
        "[1,99999999999999999999,1e300,1.5,null]",
        "[0,[]]",
        r#"{"guid":"j","aasm_state":"pending","error_message":"no"}"#,
        r#"{"id":1,"guid":"u","contribution":{"storage_folder_id":6,"auto_approve":true}}"#,
        r#"{"id":7,"name":"N","organization":{"id":42}}"#,
        r#"{"can_upload":true,"can_create_storage_folders":"false"}"#,
        r#"{"count":12}"#,
        r#"{"errors":{"name":["token s3cr3t-token is odd \u001b[31m"]},"message":"at https://s.example/k?sig=abc"}"#,
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
        "Tue, 06 Jan 2026 10:00:30 GMT\nTue, 06 Jan 2026 10:00:20 GMT",
        "99999999999999999999\nTuesday, 06-Jan-26 10:00:30 GMT",
        "bytes 5-9/10",
        "bytes 0-18446744073709551615/*",
        "<html>oops</html>",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ];
    let readers = 0..u8::try_from(READERS.len()).unwrap_or(u8::MAX);
    readers.flat_map(|reader| bodies.map(|body| [&[reader][..], body.as_bytes()].concat())).collect()
}

fn ignore_files() -> Vec<Vec<u8>> {
    [
        "*.tmp\n!keep.tmp\n/a/b\n\u{1}a/b/c\nkeep.tmp",
        "# a comment\n\\#not one\n\\!nor this\n  \ntrailing \\ \n\u{1}#not one",
        "**/b/**\na/**/c.jpg\n/**\n!/**/\n\u{1}a/b/c.jpg",
        "[\n[a-\n[!a]\n{a,b\n{a,{b,c}}\n\\\n**a**\n***\n\u{1}a/{b",
        "\u{feff}a\r\nb\r\n\0\n\u{1}../x\n/etc\n.damsync/x",
        "*",
        "!*\n!/a",
    ]
    .map(|rules| rules.as_bytes().to_vec())
    .to_vec()
}

fn configurations() -> Vec<Vec<u8>> {
    let whole = r#"state_dir = "~/state"
[remote]
base_url = "https://dam.example.com/"
organization_id = 42
poll_interval = "1m"
max_upload_bytes_per_second = "1MiB"
[[mirror]]
name = "a"
local = "~/a"
storage_folder = "A/B"
max_delete = "2.5%"
ignore = ["*.bak", "[", "{a,b}"]
settle = "1h30m"
trash_max = "10%"
[[mirror]]
name = "b"
local = "/nowhere/b"
storage_folder = 12
"#;
    let password = format!("[remote]\nbase_url = \"https://user:{SECRET}@dam.example\"\norganization_id = 1\n");
    let deep = format!("{} = 1", vec!["a"; 2000].join("."));
    let nested = format!("a = {}", "[".repeat(2000));
    let variables = "[remote]\n\u{1}REMOTE__BASE_URL=http://127.0.0.1:1\nMIRROR__0__LOCAL=/x\n__=\nX=y";
    let overlap =
        "[remote]\norganization_id=1\n[[mirror]]\nname=\"a\"\nlocal=\"/n/a\"\n[[mirror]]\nname=\"b\"\nlocal=\"/n/a/b\"";
    let odd = "[remote]\norganization_id = 9223372036854775807\nconcurrency = 4294967296\n[[mirror]]\nlocal = 7";
    [
        whole,
        &password,
        &deep,
        &nested,
        variables,
        overlap,
        odd,
        "",
        "[[mirror]]",
        "= = =",
        "99999999999999999999d",
        "id:42",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn watcher_paths() -> Vec<Vec<u8>> {
    let paths: [&[u8]; 12] = [
        b"a/b.jpg",
        b"a/b.jpg\nc/d.jpg",
        b"",
        b".damsync",
        b".damsync/partial/7-1\na/b.jpg",
        b".damsync/mirror.json",
        b"a/.damsyncignore",
        b"/srv/studio2/a\n/srv/studio/../x",
        b"a/\xff/b\n\xff\xfe",
        b"../up",
        b"a//b/./c",
        b"/",
    ];
    (0..13_u8).flat_map(|kind| [kind, kind + 128]).flat_map(|kind| paths.map(|path| [&[kind], path].concat())).collect()
}

/// Numbers for mutations: equal seeds give equal ones (SplitMix64).
#[derive(Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }
}

/// What an enemy puts in between.
const SPICES: [&[u8]; 22] = [
    b"/",
    b"..",
    b"\0",
    b"\n",
    b"\x01",
    b"\xff",
    b"%2F",
    b"~",
    b"\"",
    b"null",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    "\u{200b}".as_bytes(),
    "e\u{301}".as_bytes(),
    b".damsync",
    b"\\",
];

/// Another input, made of one or two seeds.
pub fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(4) {
        let (from, to) = (chance.below(bytes.len() + 1), chance.below(bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match chance.below(6) {
            0 => drop(bytes.drain(from..to)),
            1 => drop(bytes.splice(from..from, SPICES[chance.below(SPICES.len())].iter().copied())),
            2 => drop(bytes.splice(from..to.min(from + 8), SPICES[chance.below(SPICES.len())].iter().copied())),
            3 if !bytes.is_empty() => {
                let at = chance.below(bytes.len());
                bytes[at] ^= 1 << chance.below(8);
            }
            4 => {
                let other = &seeds[chance.below(seeds.len())];
                let end = chance.below(other.len() + 1);
                bytes.splice(from..to, other[..end].iter().copied());
            }
            _ => {
                let again = bytes[from..to].to_vec();
                bytes.splice(to..to, again);
            }
        }
    }
    bytes
}
