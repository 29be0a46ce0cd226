//! `generate`: what Argo CD and the clusters get, made from the configuration.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::check_report::CheckReport;
use super::folder::{FolderError, in_folder};
use super::generated::{self, Fresh};
use super::report::{Body, DryRun, GenerateReport, Outcome, Report, counted};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind, check};
use crate::domain::layout;
use crate::domain::problem::Severity;
use crate::domain::registry::Root;
use crate::render::{argocd, request};
use crate::store::{Planned, Reading, WorkTree, Write};

/// Generate Argo CD's projects and ApplicationSets, and the tenants' guardrails.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail generate                     # into the work tree one stands in
  pinrail generate --check             # whether what is there is up to date
  pinrail --repo URL generate          # as a commit on the main branch
  pinrail generate --template applicationset > templates/applicationset.yaml

A file in `templates/` replaces the built-in template of its name, and what it makes passes the
same rules; templates/request-title.txt and templates/request-body.md are what an approver reads
when a forge is asked. Files in `argocd/` and `tenants/` that Pinrail did not make are left alone,
and so is a CODEOWNERS without its mark; one that `init` made is brought up to date too.

Exit codes: 0 generated, or so already · 4 something is wrong, or with --check not up to date")]
pub struct GenerateArgs {
    /// A services-root's folder [default: the work tree one stands in; with --repo, a commit there]
    folder: Option<PathBuf>,
    /// Write nothing: only say whether what is there is up to date, and sound
    #[arg(long)]
    check: bool,
    /// Print a built-in template, to be changed and put into `templates/`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["check", "folder"])]
    template: Option<BuiltIn>,
}

/// A template that is built in.
#[derive(Clone, Copy, Debug)]
enum BuiltIn {
    Argocd(argocd::Template),
    Request(request::Template),
}

impl BuiltIn {
    fn text(self) -> &'static str {
        match self {
            Self::Argocd(template) => template.text(),
            Self::Request(template) => template.text(),
        }
    }
}

impl ValueEnum for BuiltIn {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
            let argocd = argocd::Template::value_variants().iter().copied().map(BuiltIn::Argocd);
            let request = request::Template::value_variants().iter().copied().map(BuiltIn::Request);
            argocd.chain(request).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Argocd(template) => template.to_possible_value(),
            Self::Request(template) => template.to_possible_value(),
        }
    }
}

impl GenerateArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A configuration that nothing can be generated from, sets that would not be safe, files
    /// that cannot be written, and with `--check` files that are not up to date.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        if let Some(template) = self.template {
            return Ok(Report::of_text(template.text().to_owned()));
        }
        let folder = self.folder.as_deref().or(context.work_tree.as_deref());
        match folder {
            Some(folder) => self.in_folder(context, folder),
            None => self.in_repository(context),
        }
    }

    fn in_folder(&self, context: &Context, folder: &Path) -> Result<Report, CommandError> {
        if self.check {
            let found = in_folder(folder, |_, root| judged(root));
            let (report, warning) = found.map_err(|error| match error {
                FolderError::Config(problem) => CommandError::from(*problem),
                FolderError::Other(error) => error,
            })?;
            return Ok(Report { warnings: warning.into_iter().collect(), ..report });
        }
        let tree = WorkTree::new(folder);
        let Some(config) = state::config_of(&tree)? else {
            let message =
                format!("{} is no services-root: it has no {}", folder.display(), layout::CONFIG);
            return Err(CommandError::new(ErrorKind::NotFound, message)
                .hint("stand on the branch that has the configuration, or name a folder"));
        };
        let root = Root { config: &config, main: &tree, pins: &tree };
        let fresh = generated::fresh(&root)?;
        if !context.dry_run {
            tree.write(&fresh.edits)?;
        }
        Ok(report(context, &fresh, None))
    }

    fn in_repository(&self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, .. } = Opened::new(context)?;
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("generating for {location}"));
        if self.check {
            let tips = repo.tips(&config.branches())?;
            let state = State::read(&tips, &main, &location)?;
            return judged(&state.root());
        }
        let reading = Reading::tips(&config.branches());
        let landed = repo.transact(&reading, &context.author, |tips| {
            let state = State::read(tips, &main, &location)?;
            let fresh = generated::fresh(&state.root())?;
            let write =
                Write::on(&main, &state.main, fresh.edits.clone(), context.message("generate"));
            Ok::<_, CommandError>(Planned { value: fresh, write: Some(write) })
        })?;
        Ok(report(context, &landed.value, landed.commit))
    }
}

fn report(context: &Context, fresh: &Fresh, commit: Option<String>) -> Report {
    let run = DryRun::of(context.dry_run, &fresh.changes);
    let (written, removed) = fresh.paths();
    let outcome = if fresh.changes.is_empty() { Outcome::Unchanged } else { Outcome::Generated };
    let mut said = run.shown();
    if run.dry_run && !fresh.changes.is_empty() {
        said.push("Dry run: nothing was written".to_owned());
    } else {
        said.extend(written.iter().map(|path| format!("Wrote {path}")));
        said.extend(removed.iter().map(|path| format!("Removed {path}")));
    }
    if fresh.changes.is_empty() {
        said.push(format!("Nothing to do: {} are up to date", counted(fresh.total, "file")));
    }
    said.extend(commit.iter().map(|commit| format!("Commit {}", &commit[..7])));
    let body = Body::Generate(GenerateReport { written, removed, commit, run });
    Report { said, ..Report::new(outcome, body) }
}

/// What `--check` has to say.
fn judged(root: &Root<'_>) -> Result<Report, CommandError> {
    let problems = generated::all_problems(root)?;
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let body = Body::Check(CheckReport { problems, ..CheckReport::default() });
    if errors > 0 {
        return Err(CommandError::new(ErrorKind::Invalid, counted(errors, "problem")).with(body));
    }
    Ok(Report::new(Outcome::Ok, body).text(check::text).say("Up to date, and sound"))
}
