//! The server: whether it answers, takes the token, and what it lets us do.

use super::check::Check;
use crate::config::{Auth, Config, Surroundings};
use crate::engine::{EngineError, Server};
use crate::exit::Exit;
use damsync_model::policy::Direction;
use damsync_ports::RemoteFolder;
use damsync_remote::{Account, Rights};
use jiff::Timestamp;
use std::time::Instant;

const TOKEN: &str = "token";
const SERVER: &str = "server";
const USER: &str = "user";
const RIGHTS: &str = "rights";
const CLOCK: &str = "clock";
const FOLDERS: &str = "storage_folders";

/// Names of the checks here, for when none can be made.
pub const NAMES: [&str; 5] = [TOKEN, SERVER, USER, RIGHTS, CLOCK];

/// Beyond so much the times that files get from the server and from here do not fit together.
const MOST_SKEW_S: i64 = 60;

/// What the server told, as far as it told anything.
#[derive(Debug)]
pub struct Asked {
    /// The server itself, if there is a token to ask it with.
    pub server: Option<Server>,
    /// Who we are; `None` where nothing more can be asked.
    pub account: Option<Account>,
    /// What we may do.
    pub rights: Option<Rights>,
    /// The storage folders that we see; else the check that came out badly.
    pub folders: Result<Vec<RemoteFolder>, &'static str>,
}

impl Asked {
    /// Nothing was told, because of this check.
    pub const fn nothing(because: &'static str) -> Self {
        Self { server: None, account: None, rights: None, folders: Err(because) }
    }
}

/// Asks everything that can be asked.
pub async fn ask(config: &Config, here: &Surroundings) -> (Vec<Check>, Asked) {
    let mut asked = Asked::nothing(TOKEN);
    let credentials = match config.credentials(here) {
        Ok(credentials) => credentials,
        Err(error) => {
            let token = Check::failed(TOKEN, Exit::Usage, error.to_string(), error.remedy());
            return (with_rest(vec![token], TOKEN), asked);
        }
    };
    let source = source(config);
    let server = match Server::configured(config, &credentials) {
        Ok(server) => asked.server.insert(server),
        Err(error) => {
            let remedy = "write a new token into it, on one line";
            let token = Check::failed(TOKEN, error.exit(), error.to_string(), remedy);
            return (with_rest(vec![token], TOKEN), asked);
        }
    };
    let begun = (Instant::now(), Timestamp::now());
    let account = match server.account().await {
        Ok(account) => account,
        Err(error) => {
            let (token, server) = refusal(&error, &source, server.base_url());
            let mends = if token.exit == Exit::Done { SERVER } else { TOKEN };
            asked.folders = Err(mends);
            return (with_rest(vec![token, server], mends), asked);
        }
    };
    let took = begun.0.elapsed();
    let mut checks = vec![
        Check::ok(TOKEN, format!("{source}; the server accepts it")),
        Check::ok(SERVER, format!("{} answers in {} ms", server.base_url(), took.as_millis())),
        Check::ok(USER, account.to_string()),
    ];
    let rights = server.rights().await;
    checks.push(match &rights {
        Ok(rights) => may(config, *rights),
        Err(error) => explained(RIGHTS, error),
    });
    // The server's clock stood so at some moment in between; the middle is nearest.
    let now_ms = begun.1.as_millisecond() + i64::try_from(took.as_millis() / 2).unwrap_or(0);
    checks.push(clock((now_ms - account.identity.server_time.0) / 1000));
    asked.folders = match server.folders().await {
        Ok(folders) => Ok(folders),
        Err(error) => {
            checks.push(explained(FOLDERS, &error));
            Err(FOLDERS)
        }
    };
    asked.account = Some(account);
    asked.rights = rights.ok();
    (checks, asked)
}

fn with_rest(mut checks: Vec<Check>, because: &'static str) -> Vec<Check> {
    let missing: Vec<&'static str> =
        NAMES.into_iter().filter(|name| checks.iter().all(|check| check.name != *name)).collect();
    checks.extend(missing.into_iter().map(|name| Check::waits_for(name, because)));
    checks
}

fn source(config: &Config) -> String {
    match &config.remote.auth {
        Auth::Personal { token, .. } => format!("read from {token}"),
        Auth::OAuth { tokens_file, .. } => format!("OAuth, with tokens in {}", tokens_file.display()),
    }
}

/// The token's check and the server's, of an answer that was none.
fn refusal(error: &EngineError, source: &str, base_url: &str) -> (Check, Check) {
    match error {
        EngineError::NotAuthenticated { .. } | EngineError::NotAllowed { .. } => {
            (explained(TOKEN, error), Check::ok(SERVER, format!("{base_url} answers")))
        }
        _ => {
            let unasked = format!("{source}; whether it is accepted could not be asked");
            let remedy = format!("mend `{SERVER}` first, and run `damsync doctor` again");
            (Check::skipped(TOKEN, unasked, remedy), explained(SERVER, error))
        }
    }
}

fn explained(name: &'static str, error: &EngineError) -> Check {
    let remedy = error.remedy().unwrap_or_else(|| "run `damsync doctor` again".to_owned());
    Check::failed(name, error.exit(), error.to_string(), remedy)
}

fn may(config: &Config, rights: Rights) -> Check {
    let pushes = config.mirrors.iter().any(|mirror| mirror.policy.direction != Direction::PullOnly);
    if rights.see_folders == Some(false) {
        return Check::failed(
            RIGHTS,
            Exit::NotAllowed,
            "this user may not see storage folders",
            "let this user see storage folders on the server, or use another user's token",
        );
    }
    if rights.upload == Some(false) && pushes {
        return Check::failed(
            RIGHTS,
            Exit::NotAllowed,
            "this user may not upload, so changes here do not reach the server",
            "let this user upload on the server, or set direction = \"pull-only\" in each mirror",
        );
    }
    if rights.make_folders == Some(false) && pushes {
        return Check::warning(
            RIGHTS,
            "this user may not make storage folders, so new directories here and what is in them are not uploaded",
            "let this user make storage folders on the server",
        );
    }
    let word = |right: Option<bool>, what: &str| match right {
        Some(true) => format!("may {what}"),
        Some(false) => format!("may not {what}"),
        None => format!("is not told whether it may {what}"),
    };
    let all = [
        word(rights.upload, "upload"),
        word(rights.make_folders, "make storage folders"),
        word(rights.see_folders, "see them"),
    ];
    Check::ok(RIGHTS, format!("this user {}", all.join(", ")))
}

fn clock(ahead_s: i64) -> Check {
    let by = format!("{} s {} the server's", ahead_s.abs(), if ahead_s < 0 { "behind" } else { "ahead of" });
    if ahead_s.abs() <= MOST_SKEW_S {
        return Check::ok(CLOCK, format!("this machine's clock is {by}"));
    }
    Check::warning(
        CLOCK,
        format!("this machine's clock is {by}"),
        "set this machine's clock by the network with `sudo timedatectl set-ntp true` (systemd-timesyncd, or chrony)",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_clock_is_warned_about_when_it_is_more_than_a_minute_off() {
        for (ahead_s, state) in
            [(0, State::Ok), (60, State::Ok), (-60, State::Ok), (61, State::Warning), (-61, State::Warning)]
        {
            let check = clock(ahead_s);
            assert_eq!(check.state, state, "{ahead_s}");
            assert_eq!(check.remedy.is_some_and(|remedy| remedy.contains("timesync")), state == State::Warning);
        }
        assert!(clock(-90).seen.contains("90 s behind"));
    }
}
