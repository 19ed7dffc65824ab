//! When a request is sent again, and how long we wait before.
//!
//! - A request whose effect may be repeated ([`Repeat::Safe`]) is sent again after a broken connection, 429 and 5xx.
//! - One that may not ([`Repeat::UnlessSent`]) is sent again only where certainly nothing happened: no connection, or 429.
//! - `Retry-After` is obeyed in both forms. A wait longer than [`LONGEST_WAIT`] is left to the caller.

use backon::ExponentialBuilder;
use damsync_model::time::UnixMs;
use damsync_ports::RemoteErrorKind;
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// Longest wait that is slept through inside; a longer one ends the call with `Busy`.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A wait asked for that is longer than this is a mistake of the server.
const LONGEST_BELIEVED: Duration = Duration::from_secs(24 * 3600);

/// Repetitions after the first try.
const REPETITIONS: usize = 4;

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is like once.
    Safe,
    /// Only if it certainly had no effect.
    UnlessSent,
}

/// How much is known about a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing happened on the server; trying again may help.
    NothingHappened,
    /// Something may have happened; trying again may help.
    Unknown,
    /// Trying again does not help.
    Final,
}

/// A failed try.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: RemoteErrorKind,
    pub(crate) outcome: Outcome,
    pub(crate) wait: Option<Duration>,
}

impl Failure {
    pub(crate) const fn last(kind: RemoteErrorKind) -> Self {
        Self { kind, outcome: Outcome::Final, wait: None }
    }

    pub(crate) const fn unknown(kind: RemoteErrorKind) -> Self {
        Self { kind, outcome: Outcome::Unknown, wait: None }
    }

    pub(crate) const fn nothing_happened(kind: RemoteErrorKind) -> Self {
        Self { kind, outcome: Outcome::NothingHappened, wait: None }
    }

    /// Whether it is worth, and allowed, to try again.
    pub(crate) fn may_repeat(&self, repeat: Repeat) -> bool {
        match self.outcome {
            Outcome::NothingHappened => true,
            Outcome::Unknown => repeat == Repeat::Safe,
            Outcome::Final => false,
        }
    }

    /// The wait before the next try; `None` = give up.
    pub(crate) fn next_wait(&self, planned: Option<Duration>) -> Option<Duration> {
        let planned = planned?;
        match self.wait {
            Some(asked) if asked > LONGEST_WAIT => None,
            Some(asked) => Some(asked.max(planned)),
            None => Some(planned),
        }
    }
}

/// The waits between tries: doubling, with jitter.
pub(crate) fn waits(base: Duration, seed: u64) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(base)
        .with_max_delay(base.saturating_mul(32))
        .with_max_times(REPETITIONS)
        .with_jitter()
        .with_jitter_seed(seed)
}

/// What `Retry-After` asks for. A date is measured against the answer's own `Date` where it has one, because only the
/// server's two clocks are known to be the same.
pub(crate) fn retry_after(headers: &HeaderMap, now: UnixMs) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(text)?;
            let from = server_date(headers).unwrap_or(now);
            Duration::from_millis(u64::try_from(until.0.saturating_sub(from.0)).unwrap_or(0))
        }
    };
    Some(asked.min(LONGEST_BELIEVED))
}

/// The server's clock, by an answer's `Date`.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<UnixMs> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// The three forms of RFC 9110.
fn http_date(text: &str) -> Option<UnixMs> {
    let text = text.trim();
    if let Ok(timestamp) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(UnixMs(timestamp.as_millisecond()));
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|format| {
        let civil = jiff::civil::DateTime::strptime(format, text).ok()?;
        let timestamp = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(UnixMs(timestamp.as_millisecond()))
    })
}

/// Our own clock: for waits only, never for cursors.
pub(crate) fn now() -> UnixMs {
    UnixMs(Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn asked(retry_after_text: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after_text).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        let now = http_date("Tue, 06 Jan 2026 10:00:00 GMT").unwrap();
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        assert_eq!(asked("7", None), Some(7));
        assert_eq!(asked(" 7 ", None), Some(7));
        assert_eq!(asked("Tue, 06 Jan 2026 10:00:30 GMT", None), Some(30));
        assert_eq!(asked("Tuesday, 06-Jan-26 10:00:30 GMT", None), Some(30));
        assert_eq!(asked("Tue Jan  6 10:00:30 2026", None), Some(30));
        assert_eq!(asked("Tue, 06 Jan 2026 09:00:00 GMT", None), Some(0), "a moment that has passed");
        assert_eq!(asked("Tue, 06 Jan 2026 10:00:30 GMT", Some("Tue, 06 Jan 2026 10:00:20 GMT")), Some(10));
        assert_eq!(asked("soon", None), None);
        assert_eq!(asked("-3", None), None);
        assert_eq!(asked("99999999999", None), Some(24 * 3600));
    }

    #[test]
    fn a_wait_longer_than_ours_is_left_to_the_caller() {
        let mut failure = Failure::unknown(RemoteErrorKind::Busy { status: 429, retry_after: None });
        let planned = Some(Duration::from_secs(1));
        assert_eq!(failure.next_wait(planned), planned);
        failure.wait = Some(Duration::from_secs(9));
        assert_eq!(failure.next_wait(planned), Some(Duration::from_secs(9)));
        failure.wait = Some(LONGEST_WAIT + Duration::from_secs(1));
        assert_eq!(failure.next_wait(planned), None);
    }
}
