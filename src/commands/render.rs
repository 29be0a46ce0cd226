//! `render`: what Argo CD would apply for a service.

use std::path::{Path, PathBuf};

use clap::Args;

use super::manifests::{self, Place};
use super::report::{Body, Outcome, Page, RenderReport, Report, counted};
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind};
use crate::domain::name::{EnvironmentName, ServiceName};

/// Render a service's manifests as Argo CD would apply them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail render python-example -e staging
  pinrail render python-example -e production --out manifests/

Reads the service's repository at the pinned revision and runs `helm template` with exactly the
values of its Application: the service's own, the platform's, and the release's. Needs `helm`
on the PATH.

Exit codes: 0 rendered · 1 something cannot be read · 4 a pin, or a chart that Helm refuses")]
pub struct RenderArgs {
    /// The service
    service: ServiceName,
    /// The environment
    #[arg(short, long, value_name = "ENV")]
    environment: EnvironmentName,
    /// Write a file for each object into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl RenderArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service that is not pinned there, a repository that cannot be read, no `helm`.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, .. } = Opened::new(context)?;
        let location = repo.location().to_string();
        let tips = repo.tips(&config.branches())?;
        let state = State::read(&tips, &main, &location)?;
        let root = state.root();
        let environment = state::environment(root.config, self.environment.as_str())?;
        let domain = state::domain_of(&root, &self.service)?;
        let Some(pin) = root.pin(environment, &domain, &self.service)? else {
            let message = format!("{} is not pinned in {}", self.service, self.environment);
            return Err(CommandError::new(ErrorKind::NotFound, message)
                .hint(format!("`pinrail status {}` shows where it is", self.service)));
        };
        let place = Place { domain: &domain, service: &self.service, environment };
        let manifests = manifests::of(context, &root, &place, &pin)?;
        let mut files = Vec::new();
        if let Some(folder) = self.out.as_deref().filter(|_| !context.dry_run) {
            files = written(folder, &manifests)?;
        }
        let report = RenderReport {
            service: self.service,
            environment: self.environment,
            pin,
            manifests,
            files,
        };
        let count = report.files.len();
        let report = Report::new(Outcome::Ok, Body::Render(report));
        Ok(match &self.out {
            Some(folder) => {
                report.say(format!("Wrote {} into {}", counted(count, "file"), folder.display()))
            }
            None => report.text(text),
        })
    }
}

/// Writes each object into a file of its own; their names.
fn written(folder: &Path, manifests: &str) -> Result<Vec<String>, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::new(ErrorKind::Local, format!("cannot write {}: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut files = Vec::new();
    for (name, text) in manifests::objects(manifests) {
        std::fs::write(folder.join(&name), text).map_err(failed)?;
        files.push(name);
    }
    Ok(files)
}

fn text(body: &Body, _: &Page) -> String {
    let Body::Render(report) = body else { return String::new() };
    report.manifests.clone()
}
