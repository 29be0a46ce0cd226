//! `service remove`: the pins first, then the registry, and what Argo CD takes down between.

use clap::Args;

use super::report::{Body, DryRun, Outcome, RemoveReport, Report};
use super::service::pinned_in;
use super::state::{self, Opened, State};
use super::{CommandError, Context, ErrorKind, generated};
use crate::domain::config::{Config, ForgeKind};
use crate::domain::environment::Mode;
use crate::domain::layout;
use crate::domain::name::{BranchName, EnvironmentName, ServiceName};
use crate::domain::tree::Files;
use crate::store::{Edits, Planned, Reading, StateRepo, Write};

/// Take a service out of every environment, and then out of the registry.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail service remove python-example --dry-run   # what would go
  pinrail service remove python-example

Argo CD deletes the Applications of the pins that go; what they run is gone with them. An
environment that changes by request on a forge must be left by a request first.")]
pub struct RemoveArgs {
    name: ServiceName,
}

impl RemoveArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service that is not there, or that an environment keeps from going.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Opened { mut repo, main, config, .. } = Opened::new(context)?;
        let location = repo.location().to_string();
        let _progress = context.talk.progress(&format!("writing to {location}"));
        let removal = Removal { context, name: &self.name, main: &main, location: &location };
        let mut report = RemoveReport {
            applications: Vec::new(),
            commits: Vec::new(),
            run: DryRun::of(context.dry_run, &[]),
        };
        for branch in config.branches().iter().rev() {
            removal.pins(&mut repo, &config, branch, &mut report)?;
        }
        removal.registry(&mut repo, &config, &mut report)?;
        let mut said = report.run.shown();
        let would = if context.dry_run { "would delete" } else { "deletes" };
        said.extend(
            report
                .applications
                .iter()
                .map(|application| format!("Argo CD {would} the Application {application}")),
        );
        said.extend(report.commits.iter().map(|commit| format!("Commit {}", &commit[..7])));
        let nothing = report.commits.is_empty() && !context.dry_run;
        let outcome = if nothing { Outcome::Unchanged } else { Outcome::Removed };
        said.push(if context.dry_run {
            format!("Would remove {}", self.name)
        } else {
            format!("Removed {}", self.name)
        });
        Ok(Report { said, ..Report::new(outcome, Body::Remove(report)) })
    }
}

struct Removal<'a> {
    context: &'a Context,
    name: &'a ServiceName,
    main: &'a BranchName,
    location: &'a str,
}

impl Removal<'_> {
    /// Removes the pins and locks that are on one branch.
    fn pins(
        &self,
        repo: &mut StateRepo,
        config: &Config,
        branch: &BranchName,
        report: &mut RemoveReport,
    ) -> Result<(), CommandError> {
        let name = self.name;
        let landed =
            repo.transact(&Reading::tips(&config.branches()), &self.context.author, |tips| {
                let state = State::read(tips, self.main, self.location)?;
                let root = state.root();
                let domain = state::domain_of(&root, name)?;
                let pinned = pinned_in(&root, &domain, name)?;
                self.may_leave(&state.config, &pinned)?;
                let mut edits = Edits::default();
                let mut applications = Vec::new();
                for environment in &pinned {
                    let configured = state::environment(&state.config, environment.as_str())?;
                    if state.config.branch_of(configured) == *branch {
                        edits.remove(layout::pin(environment, &domain, name));
                        applications.push(format!("{environment}-{name}"));
                    }
                }
                if *branch == state.config.pins_branch() {
                    for environment in &state.config.environments {
                        let lock = layout::service_lock(&environment.name, name);
                        if state.pins.read(&lock)?.is_some() {
                            edits.remove(lock);
                        }
                    }
                }
                let tip =
                    if *branch == state.config.main_branch() { &state.main } else { &state.pins };
                let message = self.context.message(format!("remove the pins of {name}"));
                Ok::<_, CommandError>(Planned {
                    value: applications,
                    write: Some(Write::on(branch, tip, edits, message)),
                })
            })?;
        report.applications.extend(landed.value);
        report.commits.extend(landed.commit);
        report.run.changes.append(&mut DryRun::of(self.context.dry_run, &landed.changes).changes);
        Ok(())
    }

    /// A forge keeps the main branch from us: what changes by request is left by request.
    fn may_leave(&self, config: &Config, pinned: &[EnvironmentName]) -> Result<(), CommandError> {
        let held = pinned.iter().find(|name| {
            let mode = config.environment(name.as_str()).map(|environment| environment.mode);
            config.forge.kind != ForgeKind::Git && mode == Some(Mode::Request)
        });
        let Some(held) = held else { return Ok(()) };
        let message = format!("`{}` is pinned in `{held}`, which changes by request", self.name);
        Err(CommandError::new(ErrorKind::Refused, message)
            .hint(format!("open a request that removes its pin under envs/{held}/, and come back when it is merged")))
    }

    /// Removes the registry's file, once no pin needs it.
    fn registry(
        &self,
        repo: &mut StateRepo,
        config: &Config,
        report: &mut RemoveReport,
    ) -> Result<(), CommandError> {
        let landed =
            repo.transact(&Reading::tips(&config.branches()), &self.context.author, |tips| {
                let state = State::read(tips, self.main, self.location)?;
                let root = state.root();
                let mut edits = Edits::default();
                // Without a pin and without a file there is no service any more, and all is done.
                if let Some(domain) = root.domain_of(self.name)? {
                    if !self.context.dry_run && !pinned_in(&root, domain, self.name)?.is_empty() {
                        let message = format!("`{}` was pinned again meanwhile", self.name);
                        return Err(CommandError::new(ErrorKind::Conflict, message)
                            .hint("stop its pipelines, and run it again"));
                    }
                    let path = layout::service(domain, self.name);
                    if state.main.read(&path)?.is_some() {
                        edits.remove(path);
                        generated::follow(&state.main, &mut edits)?;
                    }
                }
                let message = self.context.message(format!("remove service {}", self.name));
                Ok(Planned {
                    value: (),
                    write: Some(Write::on(self.main, &state.main, edits, message)),
                })
            })?;
        report.commits.extend(landed.commit);
        report.run.changes.append(&mut DryRun::of(self.context.dry_run, &landed.changes).changes);
        Ok(())
    }
}
