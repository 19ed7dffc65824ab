//! A mirror to measure: its directory, its state, its configuration.

use crate::Broken;
use crate::child::{self, Cost, Watch};
use crate::server::Server;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mirror of one storage folder.
#[derive(Debug)]
pub struct Mirror {
    program: PathBuf,
    config: PathBuf,
    /// The mirrored directory.
    pub root: PathBuf,
}

/// What a pass cost and what it said.
#[derive(Debug)]
pub struct Pass {
    /// The process.
    pub cost: Cost,
    /// Its report.
    pub report: Value,
}

impl Pass {
    /// A number of the report.
    pub fn count(&self, key: &str) -> u64 {
        self.report[key].as_u64().unwrap_or(0)
    }
}

impl Mirror {
    /// Below `place`, for one folder of a server.
    pub fn new(program: &Path, place: &Path, server: &Server, folder: &str) -> Result<Self, Broken> {
        let (root, state, token) = (place.join("root"), place.join("state"), place.join("token"));
        fs::create_dir_all(&root)?;
        fs::write(&token, &server.token)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        let config = place.join("config.toml");
        let text = format!(
            "state_dir = {state:?}\n\
             [remote]\nbase_url = {:?}\norganization_id = {}\ntoken_file = {token:?}\nconcurrency = 8\n\
             max_requests_per_second = 0\n\
             [[mirror]]\nname = \"bench\"\nlocal = {root:?}\nstorage_folder = {folder:?}\nmin_free = \"1MB\"\n",
            server.base_url, server.organization
        );
        fs::write(&config, text)?;
        Ok(Self { program: program.to_owned(), config, root })
    }

    /// The command of one pass.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("reconcile").arg("--json").arg("--config").arg(&self.config);
        command
    }

    /// One pass, which must end well.
    pub fn pass(&self, watch: Watch) -> Result<Pass, Broken> {
        let cost = child::run(&mut self.command(), watch)?;
        let answer: Value = serde_json::from_str(&cost.output).map_err(|_| format!("no report: {}", cost.output))?;
        let report = answer["mirrors"][0].clone();
        if cost.code != Some(0) {
            let text = report.to_string();
            return Err(format!("the pass ended with {:?}: {}", cost.code, text.get(..2000).unwrap_or(&text)).into());
        }
        Ok(Pass { cost, report })
    }

    /// Passes until nothing is left to do or to look at again; says how many it took.
    pub fn settle(&self) -> Result<u32, Broken> {
        let mut requests = 0;
        for number in 1..=10 {
            let pass = self.pass(Watch::Nothing)?;
            let moved = ["pulled", "pushed_new", "pushed_versions", "adopted", "bytes_up", "bytes_down"];
            let idle = moved.iter().all(|key| pass.count(key) == 0);
            if idle && pass.count("requests") == requests {
                return Ok(number);
            }
            requests = pass.count("requests");
        }
        Err("the mirror does not come to rest".into())
    }
}
