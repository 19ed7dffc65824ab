//! Who we are, in headers.
//!
//! - Headers that carry a secret are marked sensitive, and only [`crate::http`] attaches them, to our own origin only.
//! - OAuth: renewed shortly before the end and once on a 401; one renewal at a time, and all who wait share it.
//! - New tokens are stored by the caller's hook before they are used. If that fails they are kept, unused, and the
//!   next request tries to store them again: the server may have made the old ones worthless.

use crate::loose::Loose;
use crate::retry::Failure;
use crate::settings::{OAuth, OnNewTokens, SettingsError, Tokens};
use crate::shapes::Object;
use crate::{retry, settings};
use damsync_ports::RemoteErrorKind;
use data_encoding::BASE64;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How long before the end a token is renewed, at most.
const AHEAD: Duration = Duration::from_secs(60);

/// The headers to send now, and which tokens they are made from.
pub(crate) struct Pass {
    pub(crate) headers: HeaderMap,
    /// Counts the renewals.
    pub(crate) era: u64,
}

/// The answer of a token endpoint, fetched by [`crate::http`].
pub(crate) struct TokenRequest {
    pub(crate) url: Url,
    pub(crate) form: String,
}

pub(crate) enum Authenticator {
    Personal { headers: HeaderMap, secrets: Vec<String> },
    OAuth(Box<Renewable>),
}

pub(crate) struct Renewable {
    url: Url,
    client_id: String,
    client_secret: Option<SecretString>,
    on_new_tokens: OnNewTokens,
    current: RwLock<Current>,
    /// Held while renewing; holds tokens that came but could not be stored.
    renewing: tokio::sync::Mutex<Option<(Tokens, Option<Instant>)>>,
}

#[derive(Clone)]
struct Current {
    tokens: Tokens,
    headers: HeaderMap,
    renew_at: Option<Instant>,
    era: u64,
}

fn secret_header(name: &'static str, text: &str) -> Result<HeaderValue, SettingsError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SettingsError::Unsendable(name))?;
    value.set_sensitive(true);
    Ok(value)
}

fn bearer(tokens: &Tokens) -> Result<HeaderMap, SettingsError> {
    let value = secret_header("the OAuth token", &format!("Bearer {}", tokens.access.expose_secret()))?;
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// When to renew a token that lives for `left` more.
fn renew_at(left: Duration) -> Instant {
    Instant::now() + left.saturating_sub(AHEAD.min(left / 10))
}

impl Authenticator {
    pub(crate) fn new(auth: settings::Auth) -> Result<Self, SettingsError> {
        match auth {
            settings::Auth::Personal { token, organization_id } => {
                let encoded = BASE64.encode(format!(":{}", token.expose_secret()).as_bytes());
                let headers = HeaderMap::from_iter([
                    (AUTHORIZATION, secret_header("the token", &format!("Basic {encoded}"))?),
                    (HeaderName::from_static("organizationid"), HeaderValue::from(organization_id)),
                ]);
                if token.expose_secret().is_empty() || token.expose_secret().chars().any(char::is_control) {
                    return Err(SettingsError::Unsendable("the token"));
                }
                Ok(Self::Personal { headers, secrets: vec![token.expose_secret().to_owned(), encoded] })
            }
            settings::Auth::OAuth(oauth) => Self::renewable(oauth),
        }
    }

    fn renewable(oauth: OAuth) -> Result<Self, SettingsError> {
        let mut url = settings::address("oauth_base_url", &oauth.oauth_base_url)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["oauth", "token"]);
        }
        let renew_at = oauth.tokens.expires_at.map(|end| {
            let left = end.0.saturating_sub(retry::now().0);
            renew_at(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
        });
        let headers = bearer(&oauth.tokens)?;
        Ok(Self::OAuth(Box::new(Renewable {
            url,
            client_id: oauth.client_id,
            client_secret: oauth.client_secret,
            on_new_tokens: oauth.on_new_tokens,
            current: RwLock::new(Current { tokens: oauth.tokens, headers, renew_at, era: 0 }),
            renewing: tokio::sync::Mutex::new(None),
        })))
    }

    /// The organization that the settings name.
    pub(crate) fn organization(&self) -> Option<String> {
        match self {
            Self::Personal { headers, .. } => {
                headers.get("organizationid").and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
            Self::OAuth(_) => None,
        }
    }

    /// Texts that must never be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Personal { secrets, .. } => secrets.clone(),
            Self::OAuth(renewable) => {
                let tokens = renewable.current().tokens;
                [Some(&tokens.access), tokens.refresh.as_ref(), renewable.client_secret.as_ref()]
                    .into_iter()
                    .flatten()
                    .map(|secret| secret.expose_secret().to_owned())
                    .collect()
            }
        }
    }

    /// What to send now, and whether it is time to renew first.
    pub(crate) fn pass(&self) -> (Pass, bool) {
        match self {
            Self::Personal { headers, .. } => (Pass { headers: headers.clone(), era: 0 }, false),
            Self::OAuth(renewable) => {
                let current = renewable.current();
                let due = current.tokens.refresh.is_some() && current.renew_at.is_some_and(|at| at <= Instant::now());
                (Pass { headers: current.headers, era: current.era }, due)
            }
        }
    }

    /// Renews the tokens of `era`, unless somebody else just did. `fetch` asks the token endpoint.
    pub(crate) async fn renew<F>(&self, era: u64, fetch: impl Fn(TokenRequest) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<Vec<u8>, Failure>>,
    {
        match self {
            Self::Personal { .. } => Err(Failure::last(RemoteErrorKind::Unauthorized)),
            Self::OAuth(renewable) => renewable.renew(era, fetch).await,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    access_token: Loose,
    refresh_token: Loose,
    expires_in: Loose,
}

impl Renewable {
    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn renew<F>(&self, era: u64, fetch: impl Fn(TokenRequest) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<Vec<u8>, Failure>>,
    {
        let mut unstored = self.renewing.lock().await;
        let current = self.current();
        if current.era != era {
            return Ok(());
        }
        if unstored.is_none() {
            let Some(refresh) = &current.tokens.refresh else {
                return Err(Failure::last(RemoteErrorKind::Unauthorized));
            };
            let body = fetch(TokenRequest { url: self.url.clone(), form: self.form(refresh) }).await?;
            *unstored = Some(Self::read(&body, refresh)?);
        }
        let Some((tokens, renew_at)) = unstored.clone() else {
            return Ok(());
        };
        let headers = bearer(&tokens)
            .map_err(|_| Failure::last(RemoteErrorKind::Nonsense("a token that cannot be sent".into())))?;
        self.store(tokens.clone()).await?;
        *unstored = None;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Current { tokens, headers, renew_at, era: current.era + 1 };
        tracing::info!("renewed the OAuth token");
        Ok(())
    }

    fn form(&self, refresh: &SecretString) -> String {
        let mut form = self.url.clone();
        {
            let mut pairs = form.query_pairs_mut();
            pairs
                .clear()
                .append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", refresh.expose_secret())
                .append_pair("client_id", &self.client_id);
            if let Some(secret) = &self.client_secret {
                pairs.append_pair("client_secret", secret.expose_secret());
            }
        }
        form.query().unwrap_or_default().to_owned()
    }

    fn read(body: &[u8], refresh: &SecretString) -> Result<(Tokens, Option<Instant>), Failure> {
        // The parser's message could quote the answer, and with it a token.
        let nonsense =
            || Failure::last(RemoteErrorKind::Nonsense("the token endpoint did not answer with a token".into()));
        let Object(answer): Object<TokenAnswer> = serde_json::from_slice(body).map_err(|_| nonsense())?;
        let access = SecretString::from(answer.access_token.word().ok_or_else(nonsense)?);
        let lives = answer.expires_in.int().and_then(|seconds| u64::try_from(seconds).ok());
        let expires_at =
            lives.map(|seconds| retry::now().plus_ms(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)));
        let renewed = answer.refresh_token.word().map(SecretString::from);
        let tokens = Tokens { access, refresh: Some(renewed.unwrap_or_else(|| refresh.clone())), expires_at };
        Ok((tokens, lives.map(|seconds| renew_at(Duration::from_secs(seconds.min(10 * 365 * 86_400))))))
    }

    async fn store(&self, tokens: Tokens) -> Result<(), Failure> {
        let hook = Arc::clone(&self.on_new_tokens);
        let stored = tokio::task::spawn_blocking(move || hook(&tokens)).await;
        let problem = match stored {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the program that stores it broke".to_owned(),
        };
        Err(Failure::last(RemoteErrorKind::NoAnswer(format!("the new token could not be stored: {problem}"))))
    }
}
