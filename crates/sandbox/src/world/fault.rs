//! Faults: what the network and the server may do to a request, and which request they are done to.
//!
//! The world only decides; whoever carries requests (the HTTP layer, a simulator) plays the fault.

use serde::{Deserialize, Serialize};

/// Which of the two hosts a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// The API.
    Api,
    /// The storage.
    Storage,
}

/// The body of a faulty answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultBody {
    /// `{"error": …}`.
    #[default]
    Json,
    /// A page for people.
    Html,
    /// Nothing.
    Empty,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Another status, before the effect.
    Status {
        /// The status.
        code: u16,
        /// The body.
        #[serde(default)]
        body: FaultBody,
        /// `Retry-After` in seconds.
        #[serde(default)]
        retry_after_s: Option<i64>,
        /// `Retry-After` as a date instead of seconds.
        #[serde(default)]
        retry_after_as_date: bool,
    },
    /// The same, but the effect has happened.
    StatusAfter {
        /// The status.
        code: u16,
    },
    /// The connection drops before the effect.
    ResetBefore,
    /// The connection drops after the effect; the answer is lost.
    ResetAfter,
    /// The body ends early, under its true length.
    Truncate,
    /// The body ends early, under a length that fits.
    HalfJson,
    /// The body is complete, its announced length is greater.
    WrongLength,
    /// The answer begins so much later.
    Slow {
        /// How much later.
        ms: u64,
    },
    /// The body comes in pieces with pauses.
    SlowBody {
        /// The pause between two of ten pieces.
        ms: u64,
    },
    /// One byte of the body is another.
    Corrupt,
    /// A redirect to somewhere.
    Redirect {
        /// Where to.
        url: String,
    },
    /// 200, with a page for people.
    HtmlOk,
    /// Nothing ever comes.
    StallForever,
}

/// A fault and the requests it is done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path; any when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// A part of the query; any when absent.
    #[serde(default)]
    pub query: Option<String>,
    /// The host; any when absent.
    #[serde(default)]
    pub host: Option<Host>,
    /// So many matching requests go through first.
    #[serde(default)]
    pub skip: u32,
    /// So many are hit after that; absent = once, 0 = for ever.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    pub what: What,
}

fn once() -> u32 {
    1
}

/// A request, as far as faults look at it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The host.
    pub host: Host,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, without its `?`.
    pub query: &'a str,
}

impl Fault {
    fn matches(&self, target: Target<'_>) -> bool {
        self.host.is_none_or(|host| host == target.host)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(target.method))
            && self.path.as_ref().is_none_or(|path| target.path.contains(path.as_str()))
            && self.query.as_ref().is_none_or(|query| target.query.contains(query.as_str()))
    }
}

/// The faults waiting to happen, in order.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one behind the others.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Those that wait.
    #[must_use]
    pub fn waiting(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that hits this request, if any; counts it.
    pub fn hit(&mut self, target: Target<'_>) -> Option<What> {
        for index in 0..self.0.len() {
            let fault = &mut self.0[index];
            if !fault.matches(target) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            let what = fault.what.clone();
            match fault.times {
                0 => {}
                1 => drop(self.0.remove(index)),
                _ => fault.times -= 1,
            }
            return Some(what);
        }
        None
    }
}
