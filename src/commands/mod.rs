//! What each command does: arguments in, one report out.
//!
//! A command file is its arguments and a `run`. It neither prints nor reads the
//! environment: what it needs comes in a [`Context`], what it has to say goes out in a
//! [`Report`] or a [`CommandError`].

pub mod check;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod domain;
pub mod generate;
pub mod history;
pub mod init;
pub mod lock;
pub mod pin;
pub mod pin_file;
mod pin_place;
mod pin_plan;
pub mod promote;
pub mod promotions;
pub mod render;
pub mod rollback;
pub mod schema;
pub mod service;
mod service_remove;
pub mod status;
mod status_text;
pub mod tend;
mod tend_look;
mod tend_report;
mod tending;
mod traffic;
pub mod unlock;
pub mod values;
mod via_api;

mod annotations;
mod approval;
mod asking;
mod check_change;
mod check_report;
mod check_tree;
mod deployments;
mod error;
mod evidence;
mod folder;
mod gate_status;
mod gate_text;
mod generated;
pub mod health;
mod judging;
mod manifests;
mod merging;
mod move_report;
mod on_forge;
mod pre_receive;
mod promote_parts;
mod report;
mod request_text;
mod requests;
mod rollback_plan;
mod shortening;
mod signed;
mod state;

pub use crate::forge::{Endpoints, github::App};
pub use error::{CommandError, ErrorKind};
pub use health::ArgoCdToken;
pub use report::{Body, Document, FileChange, Outcome, Page, PinItem, Report};
pub use traffic::TrafficReport;
pub use via_api::Via;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::store::{Access, Author, Location, Message};

/// What a command is given beside its arguments.
pub struct Context {
    /// The services-root, or why none could be told.
    pub location: Result<Location, CommandError>,
    /// The folder of the work tree one stands in, where `check` looks by default.
    pub work_tree: Option<PathBuf>,
    /// The repository that git runs a hook for.
    pub hook: Option<Hook>,
    pub access: Access,
    pub author: Author,
    pub ci: Ci,
    /// The servers whose API the CI tells.
    pub endpoints: Vec<Endpoints>,
    /// The GitHub App to act as.
    pub app: Result<Option<App>, CommandError>,
    pub argocd_token: Option<ArgoCdToken>,
    pub via: Via,
    pub timeout: Duration,
    pub dry_run: bool,
    pub now: Timestamp,
    pub talk: Rc<dyn Talk>,
}

/// Where git runs a hook, as it tells by its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The repository.
    pub folder: PathBuf,
    /// Where its objects are, those of a push that is not taken yet first.
    pub objects: Vec<PathBuf>,
}

/// What the CI says of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ci {
    /// The commit that is being built.
    pub revision: Option<String>,
    /// The pipeline's number.
    pub sequence: Option<u64>,
    /// The page of the run.
    pub run_url: Option<String>,
    /// The page of the repository that is being built.
    pub repository: Option<String>,
}

/// How a command speaks while it works; the terminal is elsewhere.
pub trait Talk {
    /// Says what takes time now; the line is gone when the value is dropped.
    fn progress(&self, message: &str) -> Box<dyn Working>;
    /// Says, on the side, what the caller should know at once.
    fn say(&self, sentence: &str);
    /// Prints a text that is data, at once; with `--json`, nothing.
    fn tell(&self, text: &str);
}

/// A line that says what takes time now.
pub trait Working {}

impl Context {
    /// When it is given up.
    #[must_use]
    pub fn until(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// A commit's message with the trailers that say where it came from.
    #[must_use]
    pub fn message(&self, subject: impl Into<String>) -> Message {
        let mut trailers = Vec::new();
        if let Some(url) = &self.ci.run_url {
            trailers.push(("Run".to_owned(), url.clone()));
        }
        // Two writers with the same edit in the same second must not make one commit.
        trailers.push(("Pinrail-Id".to_owned(), format!("{:016x}", fastrand::u64(..))));
        Message { subject: subject.into(), body: Vec::new(), trailers }
    }
}
