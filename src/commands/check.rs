//! `check`: every rule, against a work tree or a services-root.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::folder::{FolderError, in_folder};
use super::report::{Body, CheckReport, Outcome, Page, Report, counted};
use super::state::{Opened, State};
use super::{CommandError, Context, ErrorKind, generated, signed};
use crate::domain::check;
use crate::domain::config::Signing;
use crate::domain::layout;
use crate::domain::name::{BranchName, EnvironmentName};
use crate::domain::problem::{Problem, Severity, listed};
use crate::domain::registry::Root;
use crate::domain::tree::{Remembered, files_below};
use crate::store::{Checkout, Reading, Snapshot};

/// Find everything that is wrong, and say what to do about it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail check                        # the work tree one stands in, committed or not
  pinrail check examples/services-root # a folder
  pinrail --repo URL check             # what is on the server now

Exit codes: 0 in order, perhaps with warnings · 4 something is wrong")]
pub struct CheckArgs {
    /// A folder to check [default: the work tree one stands in; with --repo, what is there]
    folder: Option<PathBuf>,
}

impl CheckArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Problems, or a services-root that cannot be read.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let folder = self.folder.as_deref().or(context.work_tree.as_deref());
        let (found, warning) = match folder {
            Some(folder) => of_folder(folder, Instant::now() + context.timeout)?,
            None => (of_remote(context)?, None),
        };
        let Found { mut problems, services, pins, .. } = found;
        problems.sort_by(|a, b| (&a.path, a.line, a.severity).cmp(&(&b.path, b.line, b.severity)));
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        let body = Body::Check(CheckReport { problems, services, pins });
        if errors > 0 {
            let message = counted(errors, "problem");
            return Err(CommandError::new(ErrorKind::Invalid, message).with(body));
        }
        let mut report = Report::new(Outcome::Ok, body).text(text).say(format!(
            "In order: {} and {}",
            counted(services, "service"),
            counted(pins, "pin")
        ));
        report.warnings.extend(warning);
        Ok(report)
    }
}

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    services: usize,
    pins: usize,
    /// Protected environments that nothing is pinned in, and their branches.
    bare: Vec<(EnvironmentName, BranchName)>,
    /// The branches that hold pins, main first.
    branches: Vec<BranchName>,
}

fn of_remote(context: &Context) -> Result<Found, CommandError> {
    let opened = Opened::new(context)?;
    let location = opened.repo.location().to_string();
    let branches = opened.branches();
    let until = Instant::now() + context.timeout;
    let Opened { mut repo, main, config, .. } = opened;
    let found = {
        let tips = repo.tips(&branches)?;
        let state = State::read(&tips, &main, &location)?;
        judged(&state.root(), &state.root())?
    };
    if found.bare.is_empty() && config.signing == Signing::Optional {
        return Ok(found);
    }
    let tips = repo.read(&Reading::whole(&branches))?;
    found.with_history(|branch| Ok(tips.get(branch)?), until)
}

fn of_folder(folder: &Path, until: Instant) -> Result<(Found, Option<String>), CommandError> {
    let (found, warning) = match in_folder(folder, judged) {
        Ok(found) => found,
        Err(FolderError::Config(problem)) => {
            return Ok((Found { problems: vec![*problem], ..Found::default() }, None));
        }
        Err(FolderError::Other(error)) => return Err(error),
    };
    let Some(checkout) = Checkout::at(folder) else { return Ok((found, warning)) };
    Ok((found.with_history(|branch| Ok(checkout.snapshot(branch)?), until)?, warning))
}

impl Found {
    /// With the protected environments that had pins once, as far as history is at hand, and
    /// the newest commits that somebody who may should have signed.
    fn with_history<'r>(
        mut self,
        tip: impl Fn(&BranchName) -> Result<Option<Snapshot<'r>>, CommandError>,
        until: Instant,
    ) -> Result<Self, CommandError> {
        for (environment, branch) in &self.bare {
            let Some(tip) = tip(branch)? else { continue };
            if let Some(last) = tip.last_with(&format!("{}/{environment}", layout::ENVS))? {
                self.problems.push(check::emptied(environment, &last));
            }
        }
        self.problems.extend(signed::tips(&self.branches, tip, until)?);
        Ok(self)
    }
}

fn judged(root: &Root<'_>, configured: &Root<'_>) -> Result<Found, CommandError> {
    let (main, pins) = (Remembered::new(root.main), Remembered::new(root.pins));
    let root = &Root { main: &main, pins: &pins, ..*root };
    let configured = &Root { main: &main, pins: &pins, ..*configured };
    let mut problems = check::check(root)?;
    let generated = generated::problems(configured)?;
    // What nothing can be generated from is a problem of the configuration, too.
    let new = generated.into_iter().filter(|problem| !problems.contains(problem));
    problems.extend(new.collect::<Vec<_>>());
    let mut pins = files_below(root.main, layout::ENVS)?.len();
    if root.config.pins_branch() != root.config.main_branch() {
        pins += files_below(root.pins, layout::ENVS)?.len();
    }
    let bare = check::bare(root)?.into_iter();
    let bare = bare.map(|one| (one.name.clone(), configured.config.branch_of(one))).collect();
    let branches = configured.config.branches();
    Ok(Found { problems, services: root.services()?.len(), pins, bare, branches })
}

/// The problems, as compilers print them.
pub fn text(body: &Body, _: &Page) -> String {
    match body {
        Body::Check(report) => listed(&report.problems),
        _ => String::new(),
    }
}
