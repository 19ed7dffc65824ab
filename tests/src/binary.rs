//! The built program: `DAMSYNC_BIN`, or what `cargo build` makes, once per process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Its path.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("DAMSYNC_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

/// Builds it beside the tests: same target directory, same profile.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // <target>/<profile>/deps/<test>
    let profile_dir = test.ancestors().nth(2).unwrap();
    let profile = match profile_dir.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "damsync", "--profile", profile, "--target-dir"]);
    cargo.arg(profile_dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "the program cannot be built:\n{}", String::from_utf8_lossy(&built.stderr));
    profile_dir.join("damsync")
}
