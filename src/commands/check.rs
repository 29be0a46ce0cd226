//! `check`: every rule, against a work tree or a services-root, and against a change of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::annotations::Annotations;
use super::check_change::{Coming, Verdict, judge, services};
use super::check_report::CheckReport;
pub use super::check_report::text;
use super::check_tree::{Found, judged};
use super::evidence::Inquiry;
use super::folder::{FolderError, in_folder};
use super::pre_receive;
use super::report::{Body, Outcome, Report, counted};
use super::state::{Opened, State};
use super::{CommandError, Context, ErrorKind, signed};
use crate::domain::change::By;
use crate::domain::check;
use crate::domain::config::Signing;
use crate::domain::layout;
use crate::domain::name::BranchName;
use crate::domain::problem::{Problem, Severity};
use crate::store::{Checkout, Reading, Snapshot};

/// Find everything that is wrong, and say what to do about it.
///
/// With `--base`, judge what HEAD has changed since it left that revision, as the required check
/// of a pull or merge request: by the rules, locks and gates of the newest main and pins, which
/// are read from the services-root. What `promote` refuses is refused here.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail check                        # the work tree one stands in, committed or not
  pinrail check examples/services-root # a folder
  pinrail --repo URL check             # what is on the server now
  pinrail check --base origin/main     # what HEAD would change there
  pinrail check --base refs/remotes/origin/main --annotations github

On a server of one's own, hooks/pre-receive: exec pinrail check --pre-receive

Exit codes: 0 in order, perhaps with warnings · 4 something is wrong · 5 a gate, a lock or a
rule of changes refuses it")]
pub struct CheckArgs {
    /// A folder to check [default: the work tree one stands in; with --repo, what is there]
    folder: Option<PathBuf>,
    /// Judge the change from here to HEAD, in this clone
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Print problems for the forge to show beside the lines, and as text on stderr
    #[arg(long, value_name = "FORM")]
    annotations: Option<Annotations>,
    /// Judge a push, in git's hook of that name: lines of old, new and ref on stdin
    #[arg(long, conflicts_with_all = ["folder", "base", "annotations"])]
    pre_receive: bool,
}

impl CheckArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Problems, or a services-root that cannot be read.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        if self.pre_receive {
            return pre_receive::run(context);
        }
        let folder = self.folder.as_deref().or(context.work_tree.as_deref());
        let (verdict, warning) = match (&self.base, folder) {
            (Some(base), folder) => (of_change(context, folder, base)?, None),
            (None, Some(folder)) => {
                let (found, warning) = of_folder(folder, context.until())?;
                (found.into(), warning)
            }
            (None, None) => (of_remote(context)?.into(), None),
        };
        let mut report = self.finished(context, verdict)?;
        report.warnings.extend(warning);
        Ok(report)
    }

    /// Tells what came of it.
    fn finished(&self, context: &Context, mut verdict: Verdict) -> Result<Report, CommandError> {
        let report = &mut verdict.report;
        let place = |problem: &Problem| (problem.path.clone(), problem.line, problem.severity);
        report.problems.sort_by_key(place);
        report.annotations = self.annotations;
        if let Some(annotations) = self.annotations {
            context.talk.say(annotations.beside(&report.text()).trim_end());
        }
        if let Some(error) = verdict.error() {
            return Err(error);
        }
        let report = verdict.report;
        let looked_at =
            [counted(report.services, "service"), counted(report.pins, "pin")].join(" and ");
        let said = match &report.moves {
            None => format!("In order: {looked_at}"),
            Some(moves) => {
                format!("In order: {} changed, {looked_at} looked at", counted(moves.len(), "pin"))
            }
        };
        Ok(Report::new(Outcome::Ok, Body::Check(report)).text(text).say(said))
    }
}

/// Judges what HEAD would change on main, on what is there now.
fn of_change(
    context: &Context,
    folder: Option<&Path>,
    base: &str,
) -> Result<Verdict, CommandError> {
    let checkout = Checkout::around(folder.unwrap_or(Path::new(".")))?;
    let proposal = checkout.proposal(base, "HEAD")?;
    let opened = Opened::new(context)?;
    let location = opened.repo.location().clone();
    let branches = opened.branches();
    let Opened { mut repo, main, access, .. } = opened;
    let _progress = context.talk.progress(&format!("reading the history of {location}"));
    let tips = repo.read(&Reading::whole(&branches))?;
    let state = State::read(&tips, &main, &location.to_string())?;
    // What only the base has, of another repository perhaps, would never be looked at.
    let from = proposal.base.as_deref().unwrap_or_default();
    if !state.main.contains(from)? {
        let message = format!("`{base}` is not on the branch `{main}` of {location}");
        return Err(CommandError::new(ErrorKind::NotFound, message).hint(format!(
            "`git fetch {location} {main}` and `--base FETCH_HEAD`; a mirror may lie behind"
        )));
    }
    let inquiry = Inquiry::new(context, &access, &location);
    let head = checkout.commit(&proposal.head)?;
    let services = services(&proposal).collect();
    let coming = Coming { proposal: &proposal, head: &head, branch: &main, by: By::Request };
    judge(context, &state, &inquiry.on(&state, &services), &coming)
}

fn of_remote(context: &Context) -> Result<Found, CommandError> {
    let opened = Opened::new(context)?;
    let location = opened.repo.location().to_string();
    let branches = opened.branches();
    let until = context.until();
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

impl From<Found> for Verdict {
    fn from(found: Found) -> Self {
        let Found { problems, services, pins, .. } = found;
        let invalid = problems.iter().any(|problem| problem.severity == Severity::Error);
        let report = CheckReport { problems, services, pins, ..CheckReport::default() };
        Self { report, invalid, refused: false }
    }
}
