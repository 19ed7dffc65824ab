//! The request core: every API request goes through [`Http::send`].
//!
//! - Our credentials are attached here and go to the base address's origin only; no redirect is followed.
//! - One attempt has an end: connecting, waiting for the first byte and each wait for more are bounded, and so is the
//!   size of an unpacked answer. A never-ending answer is an error.
//! - No error holds an address with a query, or a token.

use crate::auth::{Authenticator, Pass, TokenRequest};
use crate::pace::Pace;
use crate::retry::{self, Failure, Outcome, Repeat};
use crate::settings::{self, Settings, SettingsError};
use crate::streams::Bandwidth;
use crate::words;
use backon::Retryable;
use damsync_model::time::UnixMs;
use damsync_ports::{RemoteError, RemoteErrorKind};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest error body that is looked at, in bytes.
const LARGEST_ERROR_BODY: u64 = 64 << 10;

/// An API answer may take this many idle times in all, however it trickles.
const IDLE_TIMES_PER_ANSWER: u32 = 20;

/// One API request, as it is before it is sent.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The attempted act, for people.
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) json: Option<serde_json::Value>,
    pub(crate) repeat: Repeat,
    /// The answer is a list of ids, which may be long.
    pub(crate) long: bool,
}

impl Ask {
    fn new(what: &'static str, method: Method, path: &[&str]) -> Self {
        Self {
            what,
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            json: None,
            repeat: Repeat::Safe,
            long: false,
        }
    }

    pub(crate) fn get(what: &'static str, path: &[&str]) -> Self {
        Self::new(what, Method::GET, path)
    }

    pub(crate) fn delete(what: &'static str, path: &[&str]) -> Self {
        Self::new(what, Method::DELETE, path)
    }

    /// Puts an absolute state: may be repeated.
    pub(crate) fn put(what: &'static str, path: &[&str]) -> Self {
        Self::new(what, Method::PUT, path)
    }

    /// A question that is asked with POST: may be repeated.
    pub(crate) fn question(what: &'static str, path: &[&str], json: serde_json::Value) -> Self {
        Self { json: Some(json), ..Self::new(what, Method::POST, path) }
    }

    /// Makes something new: never repeated after an unknown effect.
    pub(crate) fn make(what: &'static str, path: &[&str], json: serde_json::Value) -> Self {
        Self { json: Some(json), repeat: Repeat::UnlessSent, ..Self::new(what, Method::POST, path) }
    }

    pub(crate) fn json(mut self, json: serde_json::Value) -> Self {
        self.json = Some(json);
        self
    }

    pub(crate) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(crate) const fn long(mut self) -> Self {
        self.long = true;
        self
    }
}

/// A good answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The connections, the credentials and the limits.
pub(crate) struct Http {
    pub(crate) base: Url,
    pub(crate) auth: Authenticator,
    api: Client,
    /// Never unpacks a body: size and MD5 are those of the bytes as they are stored.
    pub(crate) transfers: Client,
    pub(crate) pace: Pace,
    pub(crate) up: Arc<Bandwidth>,
    pub(crate) down: Arc<Bandwidth>,
    pub(crate) idle: Duration,
    pub(crate) base_delay: Duration,
    max_answer: u64,
    max_id_list: u64,
    seed: u64,
    calls: AtomicU64,
    sent: AtomicU64,
    server_time: AtomicI64,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let base = settings::address("base_url", &settings.base_url)?;
        let agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| SettingsError::Unsendable("user_agent"))?;
        let builder = || {
            let builder = Client::builder()
                .user_agent(agent.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT.min(settings.idle_timeout));
            // A proxy of the environment must not see what is meant for this computer.
            if settings::is_loopback(&base) { builder.no_proxy() } else { builder }
        };
        let api = builder().gzip(true).build().map_err(|error| SettingsError::Client(error.without_url()))?;
        let transfers = builder().gzip(false).build().map_err(|error| SettingsError::Client(error.without_url()))?;
        Ok(Self {
            auth: Authenticator::new(settings.auth)?,
            base,
            api,
            transfers,
            pace: Pace::new(settings.concurrency, settings.max_requests_per_second),
            up: Bandwidth::new(settings.max_upload_bytes_per_second),
            down: Bandwidth::new(settings.max_download_bytes_per_second),
            idle: settings.idle_timeout,
            base_delay: settings.retry_base_delay,
            max_answer: settings.max_answer_bytes,
            max_id_list: settings.max_id_list_bytes,
            seed: settings.jitter_seed,
            calls: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            server_time: AtomicI64::new(i64::MIN),
        })
    }

    /// Requests sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The latest time that an answer's `Date` named.
    pub(crate) fn server_time(&self) -> Option<UnixMs> {
        match self.server_time.load(Ordering::Relaxed) {
            i64::MIN => None,
            time => Some(UnixMs(time)),
        }
    }

    /// Repeats `attempt` as far as that is safe.
    pub(crate) async fn repeat<T, F>(
        &self,
        what: &'static str,
        repeat: Repeat,
        attempt: impl FnMut() -> F,
    ) -> Result<T, RemoteError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        attempt
            .retry(retry::waits(self.base_delay, self.seed.wrapping_add(nth)))
            .when(|failure: &Failure| failure.may_repeat(repeat))
            .adjust(|failure, planned| failure.next_wait(planned))
            .notify(|failure, wait| {
                tracing::debug!(what, error = %failure.kind, wait_ms = wait.as_millis(), "asking again");
            })
            .await
            .map_err(|failure| RemoteError { what, kind: failure.kind })
    }

    /// Sends a request, again where that is safe, and reads the answer; any status but 2xx is an error.
    pub(crate) async fn send(&self, ask: Ask) -> Result<Reply, RemoteError> {
        self.repeat(ask.what, ask.repeat, || self.attempt(&ask)).await
    }

    async fn attempt(&self, ask: &Ask) -> Result<Reply, Failure> {
        let turn = self.pace.turn().await?;
        let mut url = self.url(&ask.path);
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let build = |headers: HeaderMap| {
            let request =
                self.api.request(ask.method.clone(), url.clone()).headers(headers).header(ACCEPT, "application/json");
            match &ask.json {
                Some(json) => request.json(json),
                None => request,
            }
        };
        let response = self.with_credentials(build).await?;
        let limit = if ask.long { self.max_id_list } else { self.max_answer };
        match self.judge(response).await {
            Ok(response) => {
                self.pace.went_well();
                let headers = response.headers().clone();
                let body = self.read(response, limit).await?;
                Ok(Reply { headers, body })
            }
            Err(failure) => {
                if let RemoteErrorKind::Busy { status: 429, .. } = failure.kind {
                    self.pace.too_much(&turn, failure.wait);
                }
                Err(failure)
            }
        }
    }

    /// Sends a request to our own origin with our credentials, renewed where they must be: before, or once on a 401.
    pub(crate) async fn with_credentials(
        &self,
        build: impl Fn(HeaderMap) -> reqwest::RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut pass = self.fresh_pass().await?;
        let response = self.execute(build(pass.headers)).await?;
        if response.status() != StatusCode::UNAUTHORIZED || matches!(self.auth, Authenticator::Personal { .. }) {
            return Ok(response);
        }
        drop(response);
        self.renew(pass.era).await?;
        (pass, _) = self.auth.pass();
        self.execute(build(pass.headers)).await
    }

    async fn fresh_pass(&self) -> Result<Pass, Failure> {
        let (pass, due) = self.auth.pass();
        if !due {
            return Ok(pass);
        }
        self.renew(pass.era).await?;
        Ok(self.auth.pass().0)
    }

    async fn renew(&self, era: u64) -> Result<(), Failure> {
        self.auth.renew(era, |request| self.fetch_token(request)).await.map_err(|failure| match failure.kind {
            RemoteErrorKind::Unauthorized => failure,
            // The token endpoint's answers, its 404 above all, say nothing about what we were going to ask.
            kind => Failure {
                kind: RemoteErrorKind::NoAnswer(format!("the token could not be renewed: {kind}")),
                outcome: if failure.outcome == Outcome::Final { Outcome::Final } else { Outcome::NothingHappened },
                wait: failure.wait,
            },
        })
    }

    async fn fetch_token(&self, request: TokenRequest) -> Result<Vec<u8>, Failure> {
        let request = self
            .api
            .post(request.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(request.form);
        let response = self.execute(request).await?;
        if matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Failure::last(RemoteErrorKind::Unauthorized));
        }
        let response = self.judge(response).await?;
        self.read(response, LARGEST_ERROR_BODY).await
    }

    /// Below our base address.
    pub(crate) fn url(&self, path: &[String]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends one request and waits for the head of its answer.
    pub(crate) async fn execute(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        self.count();
        let Ok(response) = tokio::time::timeout(self.idle + CONNECT_TIMEOUT.min(self.idle), request.send()).await
        else {
            return Err(self.too_slow());
        };
        let response = response.map_err(no_answer)?;
        self.note_date(&response);
        Ok(response)
    }

    pub(crate) fn note_date(&self, response: &Response) {
        if let Some(date) = retry::server_date(response.headers()) {
            self.server_time.fetch_max(date.0, Ordering::Relaxed);
        }
    }

    pub(crate) fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn too_slow(&self) -> Failure {
        Failure::unknown(RemoteErrorKind::NoAnswer(format!("nothing came for {} s", self.idle.as_secs_f32())))
    }

    /// Lets a good answer through; any other becomes a failure with the server's words.
    pub(crate) async fn judge(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wait = retry::retry_after(response.headers(), retry::now());
        let words = self.words_of(response).await;
        Err(refusal(status, words, wait))
    }

    /// The server's words in an error body.
    async fn words_of(&self, response: Response) -> String {
        words::reason(&self.error_body(response).await, &self.auth.secrets())
    }

    /// An error body, as far as it comes.
    pub(crate) async fn error_body(&self, response: Response) -> Vec<u8> {
        self.read(response, LARGEST_ERROR_BODY).await.unwrap_or_default()
    }

    /// Reads an answer's body, at most `limit` bytes of it.
    pub(crate) async fn read(&self, mut response: Response, limit: u64) -> Result<Vec<u8>, Failure> {
        let deadline = tokio::time::Instant::now() + self.idle.saturating_mul(IDLE_TIMES_PER_ANSWER);
        let mut body = Vec::new();
        loop {
            let next_end = deadline.min(tokio::time::Instant::now() + self.idle);
            let Ok(chunk) = tokio::time::timeout_at(next_end, response.chunk()).await else {
                return Err(self.too_slow());
            };
            let Some(chunk) = chunk.map_err(no_answer)? else {
                return Ok(body);
            };
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(Failure::last(RemoteErrorKind::Nonsense(format!("an answer of more than {limit} bytes"))));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// What an answer's status means.
pub(crate) fn refusal(status: StatusCode, words: String, wait: Option<Duration>) -> Failure {
    let busy = RemoteErrorKind::Busy { status: status.as_u16(), retry_after: wait };
    match status.as_u16() {
        401 => Failure::last(RemoteErrorKind::Unauthorized),
        403 => Failure::last(RemoteErrorKind::Forbidden(words)),
        404 => Failure::last(RemoteErrorKind::NotFound),
        429 => Failure { wait, ..Failure::nothing_happened(busy) },
        408 | 500..=599 => Failure { wait, ..Failure::unknown(busy) },
        code @ 400..=499 => Failure::last(RemoteErrorKind::Refused { status: code, message: words }),
        code => Failure::last(RemoteErrorKind::Nonsense(format!("an unexpected status {code}"))),
    }
}

/// A request that got no whole answer.
pub(crate) fn no_answer(error: reqwest::Error) -> Failure {
    let unsent = error.is_connect() || error.is_builder();
    let undecodable = error.is_decode();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    let kind = RemoteErrorKind::NoAnswer(text);
    if unsent && !undecodable { Failure::nothing_happened(kind) } else { Failure::unknown(kind) }
}
