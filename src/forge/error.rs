//! What a forge can refuse, in words that both forges share.

use std::time::Duration;

/// Why a forge did not do what it was asked. Each variant is a decision of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// No token, or one that the forge does not take (any more).
    #[error("{0}")]
    Auth(String),
    /// The token is known and may not do this; `need` says what it lacks, where that is known.
    #[error("{words}")]
    Forbidden { words: String, need: Option<&'static str> },
    /// Not there, or hidden from this token: forges do not tell the two apart.
    #[error("{0}")]
    NotFound(String),
    /// The project has another name by now. Nothing is written under the old one.
    #[error("the project was moved{}", to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default())]
    Moved { to: Option<String> },
    /// There is an open request for this branch.
    #[error("there is an open request for this branch already")]
    AlreadyExists,
    /// The branch has nothing that its base lacks.
    #[error("the branch has nothing that its base lacks")]
    NothingToAsk,
    /// The request's branch is not at the commit that was approved.
    #[error("the request has other commits by now")]
    HeadMoved,
    /// It was merged by somebody else.
    #[error("it was merged by somebody else")]
    MergedMeanwhile,
    /// It was closed by somebody else.
    #[error("it was closed by somebody else")]
    ClosedMeanwhile,
    /// The forge will not merge it as things are; the words say why.
    #[error("{0}")]
    NotMergeable(String),
    /// The branch is protected, or a rule forbids the write.
    #[error("{0}")]
    Protected(String),
    /// The forge cannot make sense of the request: a mistake of ours or of the configuration.
    #[error("{0}")]
    Invalid(String),
    /// Too many requests. Nothing was done; `wait` is the forge's word, where it gave one.
    #[error("{words}")]
    RateLimited { words: String, wait: Option<Duration> },
    /// It could not be reached or failed; what was asked may have happened.
    #[error("{0}")]
    Unreachable(String),
    /// A write without an answer, and no way to find out what became of it.
    #[error("{0}")]
    Unknown(String),
    /// Time was up.
    #[error("{0}")]
    Timeout(String),
    /// An answer that is not of the form that the forge documents.
    #[error("{0}")]
    Protocol(String),
    /// This forge has nothing of the kind.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
}
