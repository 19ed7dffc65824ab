//! What a [`crate::Mediagraph`] is made from, checked before anything is sent.
//!
//! - `http://` is accepted for loopback hosts only.
//! - An address never carries a user name, a password, a query or a fragment.
//! - Secrets are [`SecretString`]s: no `Debug` here prints one.

use damsync_model::time::UnixMs;
use reqwest::Url;
use secrecy::SecretString;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Everything a client needs to know. [`Settings::new`] fills in what most callers want.
#[derive(Debug)]
pub struct Settings {
    /// Where the API is: scheme and host, perhaps a port and a path.
    pub base_url: String,
    /// Who we are.
    pub auth: Auth,
    /// API requests per second; 0 = no limit of ours.
    pub max_requests_per_second: u32,
    /// API requests under way at once; at least 1.
    pub concurrency: u32,
    /// Bytes per second that all uploads together send; 0 = no limit.
    pub max_upload_bytes_per_second: u64,
    /// Bytes per second that all downloads together receive; 0 = no limit.
    pub max_download_bytes_per_second: u64,
    /// How we name ourselves.
    pub user_agent: String,
    /// Seeds the jitter of the waits between tries, so that a run can be repeated.
    pub jitter_seed: u64,
    /// How long a connection may make no progress.
    pub idle_timeout: Duration,
    /// The wait before the first repetition; it doubles with each.
    pub retry_base_delay: Duration,
    /// Largest answer that is read, unpacked, in bytes.
    pub max_answer_bytes: u64,
    /// Largest list of ids that is read, unpacked, in bytes.
    pub max_id_list_bytes: u64,
}

impl Settings {
    /// Settings with the usual limits.
    pub fn new(base_url: impl Into<String>, auth: Auth) -> Self {
        Self {
            base_url: base_url.into(),
            auth,
            max_requests_per_second: 0,
            concurrency: 8,
            max_upload_bytes_per_second: 0,
            max_download_bytes_per_second: 0,
            user_agent: concat!("damsync/", env!("CARGO_PKG_VERSION")).into(),
            jitter_seed: 0,
            idle_timeout: Duration::from_secs(30),
            retry_base_delay: Duration::from_millis(500),
            max_answer_bytes: 64 << 20,
            max_id_list_bytes: 256 << 20,
        }
    }
}

/// The two ways to say who we are.
#[derive(Debug)]
pub enum Auth {
    /// A personal access token and the organization it is used in.
    Personal {
        /// The token.
        token: SecretString,
        /// The organization's number.
        organization_id: u64,
    },
    /// OAuth tokens; the organization is implied.
    OAuth(OAuth),
}

/// OAuth tokens and what is needed to renew them.
pub struct OAuth {
    /// The tokens we have now.
    pub tokens: Tokens,
    /// Where `/oauth/token` is.
    pub oauth_base_url: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret, where it has one.
    pub client_secret: Option<SecretString>,
    /// Stores new tokens durably. Called before they are used; may block.
    pub on_new_tokens: OnNewTokens,
}

/// Stores new tokens durably.
pub type OnNewTokens = Arc<dyn Fn(&Tokens) -> io::Result<()> + Send + Sync>;

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("tokens", &self.tokens)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// A pair of OAuth tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Goes with every request.
    pub access: SecretString,
    /// Gets the next pair. Without one an aged token is the end.
    pub refresh: Option<SecretString>,
    /// When `access` ages, by our clock; `None` = not told.
    pub expires_at: Option<UnixMs>,
}

/// What is wrong with the settings. None of these texts holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not an address we can use.
    #[error("{name}: `{shown}` is not a usable address ({why})")]
    Address {
        /// Which setting.
        name: &'static str,
        /// The address without its secrets.
        shown: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A secret that cannot stand in a header.
    #[error("{0} holds characters that cannot be sent")]
    Unsendable(&'static str),
    /// The TLS set-up of this computer.
    #[error("cannot set up HTTPS: {0}")]
    Client(#[source] reqwest::Error),
}

/// Whether an address leads to this very computer.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>()
        .map_or_else(|_| bare == "localhost" || bare.ends_with(".localhost"), |address| address.is_loopback())
}

/// Whether bytes may go there at all: HTTPS, or HTTP on this computer.
pub(crate) fn is_safe_channel(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Reads an address of the settings.
pub(crate) fn address(name: &'static str, text: &str) -> Result<Url, SettingsError> {
    let shown = || {
        let plain = text.split(['?', '#']).next().unwrap_or_default();
        plain.rsplit_once('@').map_or_else(|| plain.to_owned(), |(_, rest)| format!("…@{rest}"))
    };
    let wrong = |why| SettingsError::Address { name, shown: shown(), why };
    let url = Url::parse(text.trim()).map_err(|_| wrong("it must look like https://host"))?;
    if !url.has_host() {
        return Err(wrong("it has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it must not hold a user name or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must not hold a query or a fragment"));
    }
    if !is_safe_channel(&url) {
        return Err(wrong("only https:// is safe; http:// is for this computer alone"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "https://dam.example",
            "http://127.0.0.1:80",
            "http://localhost:3000/x",
            "http://[::1]:9",
            "http://127.9.9.9",
        ] {
            assert!(address("base_url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://dam.example",
            "ftp://127.0.0.1",
            "dam.example",
            "http://localhost.example",
            "https://u:p@dam.example",
            "https://dam.example/?a=b",
            "",
        ] {
            assert!(address("base_url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_address_is_shown_without_its_secrets() {
        let text = address("base_url", "https://user:hush@dam.example/?sig=hush").unwrap_err().to_string();
        assert!(!text.contains("hush"), "{text}");
    }
}
