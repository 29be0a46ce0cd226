//! `init`: a new services-root, ready to push.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::report::{Body, InitReport, Outcome, Report};
use super::schema::SchemaName;
use super::{CommandError, Context, ErrorKind, generated, state};
use crate::domain::check::registry;
use crate::domain::config::{Config, ForgeKind};
use crate::domain::layout;
use crate::domain::owner::Owner;
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::template::Template;
use crate::render;
use crate::store::{Edits, WorkTree, init};

/// Make a new services-root: a Git repository with a first commit.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail init services-root
  pinrail init services-root --forge gitlab \\
    --repository https://gitlab.example.com/platform/services-root.git --owner @platform/team

For a forge it also writes the pipeline that runs `pinrail check`, CODEOWNERS, and the list of
settings to make there (.pinrail/settings.md).")]
pub struct InitArgs {
    /// Where to make it: a folder that is empty or not there
    dir: PathBuf,
    /// The forge that will host it; with `git`, all is on one branch
    #[arg(long, value_name = "KIND", default_value = "git")]
    forge: ForgeKind,
    /// Where it will be hosted, as Argo CD will read it
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// Where the services' repositories are; may use ${{ domain }} and ${{ service }}
    #[arg(long, value_name = "URL")]
    services: Option<Template>,
    /// Who approves changes of the rules, as CODEOWNERS names them; may be repeated
    #[arg(long = "owner", value_name = "OWNER")]
    owners: Vec<Owner>,
}

impl InitArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A folder that is not empty or cannot be written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let bug = |error: String| CommandError::new(ErrorKind::Bug, error);
        let repository = self.repository.as_deref().map(state::repository_url).transpose()?;
        let (repository, services) = (repository.as_ref(), self.services.as_ref());
        let files = render::services_root(self.forge, repository, services, &self.owners)
            .map_err(|error| bug(error.to_string()))?;
        let mut edits = Edits::default();
        for (path, content) in files {
            edits.write(path, content.into_bytes());
        }
        for schema in [SchemaName::Config, SchemaName::Service, SchemaName::Pin, SchemaName::Lock] {
            edits.write(
                format!(".pinrail/schemas/{}", schema.file_name()),
                schema.text().into_bytes(),
            );
        }
        let nothing = WorkTree::new(std::path::Path::new("/nonexistent"));
        let written = edits.clone();
        let tree = written.over(&nothing);
        let config = crate::domain::tree::Files::read(&tree, layout::CONFIG)?.unwrap_or_default();
        let config =
            Config::parse(&config).map_err(|error| bug(Problem::config(error).to_string()))?;
        if config.forge.kind != ForgeKind::Git {
            edits.write(layout::CODEOWNERS, render::codeowners(&config).into_bytes());
        }
        let root = Root { config: &config, main: &tree, pins: &tree };
        if let Some(problem) = registry(&root)?.first() {
            return Err(bug(problem.to_string()));
        }
        if config.repository.is_some() {
            let fresh = generated::fresh(&root)?;
            edits.extend(fresh.edits);
        }
        let branches = config.branches();
        let shown = self.dir.display().to_string();
        let names: Vec<String> = branches.iter().map(ToString::to_string).collect();
        if context.dry_run {
            let body =
                InitReport { directory: shown.clone(), commit: String::new(), branches: names };
            return Ok(Report::new(Outcome::Created, Body::Init(body))
                .say(format!("Would make a services-root in {shown}")));
        }
        let message = context.message("pinrail init");
        let until = Instant::now() + context.timeout;
        let commit = init(&self.dir, &branches, &edits, &context.author, &message, until);
        let commit = commit.map_err(|error| match CommandError::from(error) {
            error if error.hints.is_empty() => {
                error.hint("name a folder that is empty or not there")
            }
            error => error,
        })?;
        let body = InitReport { directory: shown.clone(), commit, branches: names.clone() };
        let mut report = Report::new(Outcome::Created, Body::Init(body))
            .say(format!("Made a services-root in {shown}, on {}", names.join(" and ")));
        report.said.extend(self.next(&shown, &names));
        Ok(report)
    }

    /// What comes next, in order.
    fn next(&self, folder: &str, branches: &[String]) -> Vec<String> {
        let first =
            format!("Next: cd {folder} && pinrail service add NAME, or edit {}", layout::CONFIG);
        if self.forge == ForgeKind::Git {
            return vec![first];
        }
        let url = self.repository.as_deref().unwrap_or("URL");
        let push = format!(
            "Then: git remote add origin {url} && git push -u origin {}",
            branches.join(" ")
        );
        let settings = format!(
            "Then: make the settings that {} lists, the variable PINRAIL_IMAGE among them",
            render::SETTINGS
        );
        let owners = format!("Also: `owners` in {} says who approves what", layout::CONFIG);
        let owners = self.owners.is_empty().then_some(owners);
        [first, push, settings].into_iter().chain(owners).collect()
    }
}
