//! `status`: what runs where, since when, by whom.

use std::collections::BTreeMap;

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::report::{Body, Outcome, Report, StatusCell, StatusReport, StatusRow};
use super::state::{self, Opened};
use super::{CommandError, Context, ErrorKind};
use crate::domain::config::Config;
use crate::domain::environment::{Environment, Period};
use crate::domain::layout;
use crate::domain::name::{BranchName, DomainName, ServiceName};
use crate::domain::registry::{Root, RootError};
use crate::store::{LastChange, Moment, Reading, Snapshot, StoreError, Tips};

/// Show what runs where, since when, and by whom.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail status                          # every service in every environment
  pinrail status python-example           # one service
  pinrail status -e production            # one environment, or one group
  pinrail status --at 2026-11-01T12:00Z   # as it was then; also `2h`, `2026-11-01`, a commit")]
pub struct StatusArgs {
    /// Only this service
    service: Option<ServiceName>,
    /// Only this environment, or this group
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// As it was at a time (RFC 3339, a date, or so long ago: `2h`), or at a commit
    #[arg(long, value_name = "TIME|COMMIT")]
    at: Option<String>,
}

impl StatusArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A service or environment that is not there, or a services-root that cannot be read.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let moment = self.at.as_deref().map(|text| moment(text, context.now)).transpose()?;
        let opened = Opened::new(context)?;
        let location = opened.repo.location().to_string();
        let branches = opened.branches();
        let Opened { mut repo, main, .. } = opened;
        let _progress = context.talk.progress(&format!("reading the history of {location}"));
        let tips = repo.read(&Reading::whole(&branches))?;
        let look = |branch: &BranchName| at(&tips, branch, moment.as_ref(), &location);
        let main = look(&main)?;
        let text = crate::domain::tree::Files::read(&main, layout::CONFIG)?.unwrap_or_default();
        let config = Config::parse(&text).map_err(crate::domain::problem::Problem::config)?;
        let (pins_branch, same) =
            (config.pins_branch(), config.pins_branch() == config.main_branch());
        let pins = if same { main.clone() } else { look(&pins_branch)? };
        let root = Root { config: &config, main: &main, pins: &pins };
        let environments = chosen(&config, self.environment.as_deref())?;
        if let Some(service) = &self.service {
            state::domain_of(&root, service)?;
        }
        let mut changes = main.last_changes(layout::ENVS)?;
        if !same {
            changes.extend(pins.last_changes(layout::ENVS)?);
        }
        let mut services = Vec::new();
        for (service, domain) in root.services()? {
            if self.service.as_ref().is_none_or(|only| *only == service) {
                services.push(row(&root, &environments, service, domain, &changes)?);
            }
        }
        services.sort_by(|a, b| (&a.domain, &a.service).cmp(&(&b.domain, &b.service)));
        let environments =
            environments.iter().map(|environment| environment.name.clone()).collect();
        let empty = services.is_empty();
        let report =
            Report::new(Outcome::Ok, Body::Status(StatusReport { environments, services }))
                .text(super::status_text::text);
        Ok(if empty {
            report.say("There is no service yet: `pinrail service add NAME`, or `pinrail pin NAME --create …`")
        } else {
            report
        })
    }
}

fn at<'r>(
    tips: &Tips<'r>,
    branch: &BranchName,
    moment: Option<&Moment>,
    location: &str,
) -> Result<Snapshot<'r>, CommandError> {
    let found = match moment {
        None => tips.get(branch)?,
        Some(moment) => tips.get_at(branch, moment)?,
    };
    found.ok_or_else(|| match moment {
        None => {
            StoreError::NoBranch { location: location.to_owned(), branch: branch.clone() }.into()
        }
        Some(Moment::Commit(commit)) => CommandError::new(
            ErrorKind::NotFound,
            format!("{location} has no commit `{commit}` on `{branch}`"),
        )
        .hint("give a commit that `git log` shows for a branch that holds pins"),
        Some(Moment::Time(time)) => CommandError::new(
            ErrorKind::NotFound,
            format!("`{branch}` has no history as old as {time}"),
        )
        .hint("give a later time, or a commit"),
    })
}

/// All environments, or those of one name or group.
fn chosen<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<Vec<&'a Environment>, CommandError> {
    let Some(name) = name else {
        return Ok(config.environments.iter().collect());
    };
    let group: Vec<_> = config
        .environments
        .iter()
        .filter(|environment| {
            environment.group.as_ref().is_some_and(|group| group.as_str() == name)
        })
        .collect();
    if group.is_empty() { Ok(vec![state::environment(config, name)?]) } else { Ok(group) }
}

fn row(
    root: &Root<'_>,
    environments: &[&Environment],
    service: ServiceName,
    domain: DomainName,
    changes: &BTreeMap<String, LastChange>,
) -> Result<StatusRow, CommandError> {
    let mut cells = BTreeMap::new();
    for environment in environments {
        let (pin, problem) = match root.pin(environment, &domain, &service) {
            Ok(None) => continue,
            Ok(Some(pin)) => (Some(pin), None),
            Err(RootError::Invalid(problem)) => (None, Some(problem.message)),
            Err(RootError::Read(error)) => return Err(error.into()),
        };
        let change = changes.get(&layout::pin(&environment.name, &domain, &service));
        let cell = StatusCell {
            pin,
            commit: change.map(|change| change.commit.clone()),
            at: change.map(|change| change.at),
            by: change.map(|change| change.by.clone()),
            problem,
        };
        cells.insert(environment.name.clone(), cell);
    }
    Ok(StatusRow { service, domain, environments: cells })
}

/// A time, a date (its beginning in UTC), so long ago, or a commit.
fn moment(text: &str, now: Timestamp) -> Result<Moment, CommandError> {
    let ago = |period: Period| now.checked_sub(period.duration()).ok();
    let short = text.len() <= 6;
    let time = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| {
            text.parse::<Date>()
                .ok()
                .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
                .map(|zoned| zoned.timestamp())
        })
        .or_else(|| text.parse::<Period>().ok().filter(|_| short).and_then(ago));
    if let Some(time) = time {
        return Ok(Moment::Time(time));
    }
    let is_commit =
        (4..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        return Ok(Moment::Commit(text.to_ascii_lowercase()));
    }
    Err(CommandError::new(ErrorKind::Usage, format!("`{text}` is neither a time nor a commit"))
        .hint("such as 2026-11-01T12:00Z, 2026-11-01, 2h, or a commit id of at least four digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_a_while_ago_or_a_commit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("time");
        for (text, expected) in [
            ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
            ("2026-11-01T12:00Z", "2026-11-01T12:00:00Z"),
            ("2026-11-01T14:00+02:00", "2026-11-01T12:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2h", "2026-11-21T10:00:00Z"),
            ("1d", "2026-11-20T12:00:00Z"),
        ] {
            assert_eq!(
                moment(text, now).expect(text),
                Moment::Time(expected.parse().expect("time")),
                "{text}"
            );
        }
        assert_eq!(moment("ABCD12", now).expect("commit"), Moment::Commit("abcd12".to_owned()));
        assert_eq!(moment("yesterday", now).expect_err("neither").kind, ErrorKind::Usage);
    }
}
