//! What the DAM answers instead of doing what it was asked.

/// A refusal, by the kind of answer it becomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody, or nobody valid, is calling (401).
    #[error("credentials are missing or not valid")]
    Unauthorized,
    /// The caller may not do this (403).
    #[error("not permitted: {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or the caller may not see it (404).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The request itself makes no sense (400).
    #[error("{0}")]
    BadRequest(String),
    /// The request is understood and refused (422).
    #[error("{0}")]
    Unprocessable(String),
}

impl Refusal {
    /// The HTTP status this refusal becomes.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::BadRequest(_) => 400,
            Self::Unprocessable(_) => 422,
        }
    }

    pub(crate) fn unprocessable(reason: impl Into<String>) -> Self {
        Self::Unprocessable(reason.into())
    }
}
