//! `check`: every rule, against a work tree or a services-root.

use std::path::{Path, PathBuf};

use clap::Args;

use super::report::{Body, CheckReport, Outcome, Page, Report, counted};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::check::check;
use crate::domain::config::{Branches, Config};
use crate::domain::layout;
use crate::domain::problem::{Problem, Severity};
use crate::domain::registry::Root;
use crate::domain::tree::{Files, files_below};
use crate::store::{Checkout, WorkTree};

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
        let (problems, services, pins, warning) = match (&self.folder, &context.work_tree) {
            (Some(folder), _) => of_folder(folder)?,
            (None, Some(work_tree)) => of_folder(work_tree)?,
            _ => of_remote(context)?,
        };
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

type Found = (Vec<Problem>, usize, usize, Option<String>);

fn of_remote(context: &Context) -> Result<Found, CommandError> {
    let opened = match Opened::new(context) {
        // A configuration that does not parse is a problem like any other.
        Err(error) if error.kind == ErrorKind::Invalid => return Err(error),
        other => other?,
    };
    let location = opened.repo.location().to_string();
    let branches = opened.branches();
    let Opened { mut repo, main, .. } = opened;
    let tips = repo.tips(&branches)?;
    let state = State::read(&tips, &main, &location)?;
    judged(&state.root(), None)
}

fn of_folder(folder: &Path) -> Result<Found, CommandError> {
    let tree = WorkTree::new(folder);
    let checkout = Checkout::at(folder);
    // A branch that holds pins alone has its configuration on another one.
    let elsewhere = || checkout.as_ref().and_then(|checkout| checkout.anywhere(layout::CONFIG));
    let Some(text) = tree.read(layout::CONFIG)?.or_else(elsewhere) else {
        let message =
            format!("{} is no services-root: it has no {}", folder.display(), layout::CONFIG);
        return Err(
            CommandError::new(ErrorKind::NotFound, message).hint("`pinrail init DIR` makes one")
        );
    };
    let config = match Config::parse(&text) {
        Ok(config) => config,
        Err(error) => return Ok((vec![Problem::config(error)], 0, 0, None)),
    };
    let (main, pins) = (config.main_branch(), config.pins_branch());
    if main == pins {
        return judged(&Root { config: &config, main: &tree, pins: &tree }, None);
    }
    let Some(checkout) = checkout else {
        // No repository: the folder is taken as the files of all branches at once.
        let merged =
            Config { branches: Branches { pins: Some(main), ..config.branches.clone() }, ..config };
        return judged(&Root { config: &merged, main: &tree, pins: &tree }, None);
    };
    let on_pins = checkout.branch().as_ref() == Some(&pins);
    let other = if on_pins { &main } else { &pins };
    match checkout.snapshot(other)? {
        Some(snapshot) if on_pins => {
            // What lies on this branch is an old copy.
            let config = state::config_of(&snapshot)?.unwrap_or(config);
            judged(&Root { config: &config, main: &snapshot, pins: &tree }, None)
        }
        Some(snapshot) => judged(&Root { config: &config, main: &tree, pins: &snapshot }, None),
        None => {
            let warning = format!(
                "the branch `{other}` is not here and was not checked: `git fetch origin {other}`"
            );
            let nothing = WorkTree::new(Path::new("/nonexistent"));
            judged(&Root { config: &config, main: &tree, pins: &nothing }, Some(warning))
        }
    }
}

fn judged(root: &Root<'_>, warning: Option<String>) -> Result<Found, CommandError> {
    let problems = check(root)?;
    let mut pins = files_below(root.main, layout::ENVS)?.len();
    if root.config.pins_branch() != root.config.main_branch() {
        pins += files_below(root.pins, layout::ENVS)?.len();
    }
    Ok((problems, root.services()?.len(), pins, warning))
}

/// The problems, as compilers print them.
pub fn text(body: &Body, _: &Page) -> String {
    let Body::Check(report) = body else {
        return String::new();
    };
    let mut lines = String::new();
    for problem in &report.problems {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        lines.push_str(&format!("{}{line}: {severity}: {}\n", problem.path, problem.message));
        if let Some(hint) = &problem.hint {
            lines.push_str(&format!("  hint: {hint}\n"));
        }
    }
    lines
}
