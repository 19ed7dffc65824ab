//! A mirror of one test: a sandbox, a directory, a state directory and a configuration.

use crate::{Asset, Daemon, Pass, Sandbox, Tree, binary, local_tree, snapshot};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// The mirrored folder of every setup that says nothing else.
const FOLDER: &str = "Studio";

/// What differs from an ordinary setup.
#[derive(Clone, Debug)]
pub struct Options {
    /// More keys of `[remote]`, one per line.
    pub remote: String,
    /// More keys of the mirror, one per line.
    pub mirror: String,
    /// The value of `storage_folder`, as TOML.
    pub storage_folder: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { remote: String::new(), mirror: String::new(), storage_folder: format!("{FOLDER:?}") }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Setup {
    /// The server.
    pub sandbox: Sandbox,
    /// The mirror's directory; made by the first pass.
    pub local: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// The token's file.
    pub token_file: PathBuf,
    /// What else the configuration says.
    pub options: Options,
    /// What the programs said so far.
    said: Mutex<Vec<String>>,
    dir: TempDir,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// An ordinary one.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// One whose mirror has these keys too.
    pub fn with_mirror(keys: &str) -> Self {
        Self::with(Options { mirror: keys.to_owned(), ..Options::default() })
    }

    /// One with options.
    pub fn with(options: Options) -> Self {
        let sandbox = Sandbox::start();
        sandbox.folder(FOLDER);
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let setup = Self {
            local: at("mirror"),
            state: at("state"),
            config: at("config.toml"),
            token_file: at("token"),
            sandbox,
            options,
            said: Mutex::default(),
            dir,
        };
        setup.write_token(&setup.sandbox.token);
        setup.write_config(&setup.config_text());
        setup
    }

    /// The directory that holds everything of this test on this side.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration, with the options as they are now.
    pub fn config_text(&self) -> String {
        let Self { local, options, .. } = self;
        format!("{}\n{}", self.config_head(), Self::mirror_text("studio", local, options))
    }

    /// The configuration without its mirrors.
    pub fn config_head(&self) -> String {
        let Self { sandbox, state, token_file, options, .. } = self;
        format!(
            "state_dir = {state:?}\n\n[remote]\nbase_url = {:?}\norganization_id = {}\ntoken_file = {token_file:?}\n{}\n",
            sandbox.base_url, sandbox.organization_id, options.remote
        )
    }

    /// One mirror of a configuration.
    pub fn mirror_text(name: &str, local: &Path, options: &Options) -> String {
        let settle = if options.mirror.contains("settle =") { "" } else { "settle = \"60ms\"" };
        format!(
            "[[mirror]]\nname = {name:?}\nlocal = {local:?}\nstorage_folder = {}\n{settle}\n{}\n",
            options.storage_folder, options.mirror
        )
    }

    /// Replaces the configuration.
    pub fn write_config(&self, text: &str) {
        fs::write(&self.config, text).unwrap();
    }

    /// Replaces the mirror's additional keys.
    pub fn set_mirror_keys(&mut self, keys: &str) {
        keys.clone_into(&mut self.options.mirror);
        self.write_config(&self.config_text());
    }

    /// Replaces the token.
    pub fn write_token(&self, token: &str) {
        fs::write(&self.token_file, format!("{token}\n")).unwrap();
        fs::set_permissions(&self.token_file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The program with this test's surroundings and nothing of the machine's.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().env("HOME", self.dir.path()).env("DAMSYNC_CONFIG", &self.config).env("TZ", "UTC");
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Pass {
        self.run_to_its_end(self.command(), args)
    }

    fn run_to_its_end(&self, mut command: Command, args: &[&str]) -> Pass {
        let output = command.args(args).output().unwrap();
        let status = output.status;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        self.note(&format!("damsync {} → {code}\n{stdout}{stderr}", args.join(" ")));
        Pass::read(code, stdout, stderr)
    }

    pub(crate) fn note(&self, said: &str) {
        self.said.lock().unwrap().push(said.to_owned());
    }

    /// `reconcile --json` with more arguments.
    pub fn reconcile(&self, args: &[&str]) -> Pass {
        self.run(&[&["reconcile", "--json"], args].concat())
    }

    /// The same with a user's rights: for root, permissions count for nothing.
    pub fn reconcile_as_user(&self, args: &[&str]) -> Pass {
        let mut command = self.command();
        if rustix::process::geteuid().is_root() {
            command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all"]);
            command.arg(binary()).env_clear().env("HOME", self.dir.path()).env("DAMSYNC_CONFIG", &self.config);
            command.env("PATH", "/usr/bin:/bin").current_dir(self.dir.path()).stdin(Stdio::null());
        }
        self.run_to_its_end(command, &[&["reconcile", "--json"], args].concat())
    }

    /// One pass that ends in sync, having done exactly this.
    #[track_caller]
    pub fn sync(&self, did: &[(&'static str, u64)]) -> Pass {
        let pass = self.reconcile(&[]);
        pass.assert(0, "in_sync", did);
        pass
    }

    /// Both sides are equal, and further passes find nothing to do.
    #[track_caller]
    pub fn settled(&self) {
        self.equal();
        self.quiet();
        self.equal();
    }

    /// Further passes find nothing to do, whether or not both sides are equal; when the server has no news either,
    /// they ask little.
    #[track_caller]
    pub fn quiet(&self) -> Pass {
        self.sandbox.processed();
        // What was sent was processed since: that is news to take note of.
        let pass = self.sync(&[]);
        assert_eq!(pass.bytes(), (0, 0), "{pass:#?}");
        self.sandbox.forget_requests();
        let pass = self.sync(&[]);
        assert_eq!(pass.bytes(), (0, 0), "{pass:#?}");
        let counted = usize::try_from(pass.report["requests"].as_u64().unwrap()).unwrap();
        let requests = self.sandbox.requests();
        assert_eq!(counted, requests.0.len(), "requests reported and received: {:#?}", requests.0);
        assert!(counted <= 9, "{counted} requests for a pass in which nothing changed: {:#?}", requests.0);
        pass
    }

    /// Both sides hold the same directories and files with the same bytes, and nothing half-done lies about.
    #[track_caller]
    pub fn equal(&self) {
        let remote = self.sandbox.processed().below(FOLDER);
        assert_eq!(self.tree(), remote, "here and there");
        self.nothing_half_done();
    }

    /// Whether both sides are equal just now, for something that waits for it.
    pub fn is_equal(&self) -> bool {
        let remote = self.sandbox.tree();
        let finished = remote.live().all(|asset| asset.state() == "processed");
        finished && self.tree() == remote.below(FOLDER)
    }

    /// No download is left lying about, and no asset was begun and not finished.
    #[track_caller]
    pub fn nothing_half_done(&self) {
        let partial = snapshot(&self.local.join(".damsync/partial"));
        assert!(partial.is_empty(), "{partial:?}");
        let tree = self.sandbox.tree();
        let pending: Vec<&Asset> = tree.live().filter(|asset| asset.state() == "pending").collect();
        assert!(pending.is_empty(), "{pending:?}");
    }

    /// What a user sees here.
    pub fn tree(&self) -> Tree {
        local_tree(&self.local)
    }

    /// What the local trash holds: path in the mirror to MD5.
    pub fn trash(&self) -> BTreeMap<String, String> {
        let all = snapshot(&self.local.join(".damsync/trash"));
        let files = all.into_iter().filter(|(path, _)| !path.ends_with('/'));
        files.filter_map(|(path, md5)| Some((path.split_once('/')?.1.to_owned(), md5))).collect()
    }

    /// A path in the mirror.
    pub fn path(&self, path: &str) -> PathBuf {
        self.local.join(path)
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Makes a directory.
    pub fn mkdir(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    /// Removes a file, or a directory with everything in it.
    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.symlink_metadata().unwrap().is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            .unwrap();
    }

    /// Renames a file or directory.
    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Whether anything has this path.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// A file's modification time, in seconds.
    pub fn mtime(&self, path: &str) -> i64 {
        let modified = self.path(path).metadata().unwrap().modified().unwrap();
        i64::try_from(modified.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
    }

    /// Sets a file's modification time so far into the past.
    pub fn age(&self, path: &str, by: Duration) {
        let file = fs::File::options().write(true).open(self.path(path)).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }

    /// Where this mirror's live assets are, on the server.
    pub fn there(path: &str) -> String {
        format!("{FOLDER}/{path}")
    }

    /// The live asset of a file.
    #[track_caller]
    pub fn asset(&self, path: &str) -> Asset {
        self.sandbox.tree().at(&Self::there(path)).clone()
    }

    /// The mirror's part of `status --json`.
    pub fn status(&self) -> Value {
        let status = self.run(&["status", "--json"]);
        assert_eq!(status.code, 0, "{status:#?}");
        status.report
    }

    /// Starts the daemon.
    pub fn daemon(&self) -> Daemon<'_> {
        Daemon::start(self)
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for said in self.said.lock().into_iter().flat_map(|said| said.clone()) {
                eprintln!("--- {said}");
            }
        }
    }
}
