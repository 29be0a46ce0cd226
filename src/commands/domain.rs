//! `domain add|list`: the teams or tenants.

use clap::{Args, Subcommand};

use super::report::{Body, DomainsReport, Outcome, Page, Report};
use super::state::Opened;
use super::status_text::{finished, table};
use super::{CommandError, Context, ErrorKind, service};
use crate::domain::config::{Domain, Registration};
use crate::domain::config_edit::add_domain;
use crate::domain::layout;
use crate::domain::name::DomainName;
use crate::domain::owner::Owner;
use crate::domain::tree::Files;
use crate::store::Edits;

/// The domains: teams or tenants.
#[derive(Subcommand, Debug)]
pub enum DomainCommand {
    Add(AddArgs),
    List(ListArgs),
}

/// Add a domain to the configuration, comments and order kept.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  pinrail domain add billing --owner @acme/billing --group billing-dev --registration request")]
pub struct AddArgs {
    /// The domain's name
    name: DomainName,
    /// Who owns its files, as the forge's CODEOWNERS names them; may be repeated
    #[arg(long = "owner", value_name = "OWNER")]
    owners: Vec<Owner>,
    /// The group that may look into its namespaces
    #[arg(long)]
    group: Option<String>,
    /// One of the configuration's `sizes`
    #[arg(long)]
    size: Option<String>,
    /// Whether a first pin may bring a service that is not registered
    #[arg(long, default_value = "open")]
    registration: Registration,
}

/// List the domains.
#[derive(Args, Debug)]
pub struct ListArgs {}

impl DomainCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// What the configuration does not allow, or a services-root that cannot be read or
    /// written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        match self {
            Self::Add(args) => args.run(context),
            Self::List(ListArgs {}) => {
                let domains = Opened::new(context)?.config.domains;
                Ok(Report::new(Outcome::Ok, Body::Domains(DomainsReport { domains })).text(list))
            }
        }
    }

    /// The command's name in the document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "domain add",
            Self::List(_) => "domain list",
        }
    }
}

impl AddArgs {
    fn run(self, context: &Context) -> Result<Report, CommandError> {
        let Self { name, owners, group, size, registration } = self;
        let domain = Domain { name, owners, group, size, registration };
        let name = &domain.name;
        service::change(context, &format!("add domain {name}"), Outcome::Added, |state| {
            let mut edits = Edits::default();
            match state.config.domain(name.as_str()) {
                Some(there) if *there == domain => {}
                Some(_) => {
                    let message =
                        format!("the domain `{name}` is there already, with other values");
                    return Err(CommandError::new(ErrorKind::Conflict, message)
                        .hint(format!("edit {}", layout::CONFIG)));
                }
                None => {
                    let text = state.main.read(layout::CONFIG)?.unwrap_or_default();
                    let text = String::from_utf8_lossy(&text);
                    let edited = add_domain(&text, &domain).map_err(|line| {
                        let message = format!(
                            "{} is not written so that a line can be added to it",
                            layout::CONFIG
                        );
                        CommandError::new(ErrorKind::Invalid, message)
                            .hint(format!("add to its `domains`: {line}"))
                    })?;
                    edits.write(layout::CONFIG, edited.into_bytes());
                }
            }
            Ok((edits, format!("Added the domain {name}")))
        })
    }
}

fn list(body: &Body, page: &Page) -> String {
    let Body::Domains(report) = body else {
        return String::new();
    };
    let mut table = table(page);
    table.set_header(["DOMAIN", "REGISTRATION", "SIZE", "GROUP", "OWNERS"]);
    for domain in &report.domains {
        let registration = match domain.registration {
            Registration::Open => "open",
            Registration::Request => "request",
        };
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        let owners: Vec<_> = domain.owners.iter().map(Owner::as_str).collect();
        let owners = if owners.is_empty() { "–".to_owned() } else { owners.join(" ") };
        table.add_row([
            domain.name.to_string(),
            registration.to_owned(),
            told(&domain.size),
            told(&domain.group),
            owners,
        ]);
    }
    finished(&table)
}
