//! `doctor`: what will fail, before it fails. It asks and never writes.

mod branches;
mod finding;
mod project;
mod signing;
#[cfg(test)]
mod tests;
mod token;

use clap::Args;
use jiff::Timestamp;

pub use finding::{DoctorReport, Finding, Verdict};

use super::report::{Body, Outcome, Report, counted};
use super::state::{Opened, State};
use super::{CommandError, Context, ErrorKind, generated, on_forge};
use crate::domain::config::{Config, ForgeKind};
use crate::domain::environment::Mode;
use crate::domain::name::BranchName;
use crate::forge::{BranchFacts, Forge, ForgeError};
use crate::store::{Access, Location, StateRepo, Tips};

/// Find out what will fail, before it fails: the way, the token, how the forge is set up.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail doctor                 # the services-root one stands in
  pinrail --repo URL doctor      # any other
  pinrail doctor --json          # for a scheduled pipeline

It asks the server and the forge and writes nothing, so that what it says of rights is what the
forge tells this token; `unknown` is what the forge does not tell.

Exit codes: 0 no problem, perhaps warnings · 1 something cannot be reached, or takes no token ·
5 a right is missing, or production is not protected")]
pub struct DoctorArgs {}

impl DoctorArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// No place to look at, or a configuration that is not valid.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let location = context.location.clone()?;
        let _progress = context.talk.progress(&format!("examining {location}"));
        let opened = match Opened::new(context) {
            Ok(opened) => opened,
            Err(error) if error.kind.exit_code() == 1 => {
                let credentials = credentials(&context.access, &location);
                let found = vec![Finding::failed("reach", error), credentials];
                return Ok(report(found));
            }
            Err(error) => return Err(error),
        };
        let Opened { mut repo, main, config, access } = opened;
        let mut found = vec![reach(&access, &location), credentials(&access, &location)];
        match repo.tips(&config.branches()) {
            Ok(tips) => {
                found.push(branches_there(&config, &tips));
                found.extend(generated_files(&tips, &main, &location));
                let main = tips.get(&main)?;
                found.push(signing::signing(context, &config, main.as_ref()));
            }
            Err(error) => found.push(Finding::failed("branches", error.into())),
        }
        if !matches!(location, Location::Path(_)) {
            found.push(push(&repo));
        }
        found.extend(of_forge(context, &access, &config, &location));
        Ok(report(found))
    }
}

fn of_forge(
    context: &Context,
    access: &Access,
    config: &Config,
    location: &Location,
) -> Vec<Finding> {
    if config.forge.kind == ForgeKind::Git {
        let message = "plain git protects no branch: who may push may write every environment";
        return vec![Finding::warning("forge", message).hint(
            "its server's hooks may protect branches; `forge.kind` names a forge that does",
        )];
    }
    match on_forge::host(context, access, config, location) {
        Ok(Some(host)) => examined(config, &*host.forge, context.now),
        Ok(None) => vec![
            Finding::unknown("forge", "by a path no forge is asked: requests are branches alone")
                .hint("`--repo URL` names the repository on its forge"),
        ],
        // Without requests there is no need of one.
        Err(error)
            if error.kind == ErrorKind::Authentication && !token::has(config, Mode::Request) =>
        {
            vec![Finding { verdict: Verdict::Unknown, ..Finding::failed("token", error) }]
        }
        Err(error) => vec![Finding::failed("token", error)],
    }
}

type Judge = fn(&Config, &BranchFacts) -> Vec<Finding>;

/// What the forge tells, judged.
fn examined(config: &Config, forge: &dyn Forge, now: Timestamp) -> Vec<Finding> {
    let mut found = match forge.token() {
        Ok(facts) => token::token(config, &facts, now),
        // Nothing else would be told either.
        Err(error @ ForgeError::Auth(_)) => return vec![Finding::untold("token", &error)],
        Err(error) => vec![Finding::untold("token", &error)],
    };
    match forge.project() {
        Ok(facts) => found.extend(project::project(config, &facts)),
        Err(error) => found.push(Finding::untold("project", &error)),
    }
    let branches: [(_, _, Judge); 2] = [
        ("main", config.main_branch(), branches::main),
        ("pins", config.pins_branch(), branches::pins),
    ];
    for (name, branch, judge) in branches {
        match forge.branch(&branch) {
            Ok(facts) if facts.exists => found.extend(judge(config, &facts)),
            // Told already, from the repository itself.
            Ok(_) => {}
            Err(ForgeError::NotFound(words)) => found.push(Finding::unknown(
                name,
                format!("the forge does not tell how `{branch}` is protected: {words}"),
            )),
            Err(error) => found.push(Finding::untold(name, &error)),
        }
    }
    found
}

/// How the services-root was reached.
fn reach(access: &Access, location: &Location) -> Finding {
    let way = match location {
        Location::Http(_) => "over HTTP",
        // An unknown or changed host key would have been refused.
        Location::Ssh(_) => "over SSH, its host key known",
        Location::Path(_) => return Finding::ok("reach", format!("{location}, on this machine")),
    };
    let traffic = access.meter.traffic();
    let each = traffic.reading.as_millis() / u128::from(traffic.requests.max(1));
    let mut message = format!("{location} answers {way}, {each} ms a request");
    if matches!(location, Location::Http(_)) {
        if let Some(file) = &access.ca_file {
            message.push_str(&format!("; certificates of {} are trusted too", file.display()));
        }
        if !access.proxies.is_empty() {
            message.push_str(&format!("; a proxy is set by {}", access.proxies.join(", ")));
        }
    }
    Finding::ok("reach", message)
}

/// What the server was shown, by the name of its source and never by its value.
fn credentials(access: &Access, location: &Location) -> Finding {
    const NAME: &str = "credentials";
    let Location::Http(url) = location else {
        return Finding::ok(NAME, "no token is sent to it");
    };
    match access.credentials.token(url) {
        Ok(Some(token)) => Finding::ok(NAME, format!("{} is for this server", token.source)),
        Ok(None) => Finding::ok(
            NAME,
            "no variable holds a token for this server: git's credential helpers are asked",
        ),
        Err(sentence) => {
            Finding::problem(NAME, sentence).kind(ErrorKind::Authentication).hint("use https")
        }
    }
}

/// Whether we may write, before anything is written.
fn push(repo: &StateRepo) -> Finding {
    const NAME: &str = "push";
    match repo.may_not_push() {
        Ok(None) => Finding::ok(NAME, "the server takes pushes from us"),
        Ok(Some(words)) => {
            Finding::problem(NAME, format!("the server takes no pushes from us: {words}"))
                .hint("give the token, or its user, the right to write the repository")
        }
        Err(error) => Finding::failed(NAME, error.into()),
    }
}

fn branches_there(config: &Config, tips: &Tips<'_>) -> Finding {
    const NAME: &str = "branches";
    let names = |branches: &[BranchName]| {
        branches.iter().map(|branch| format!("`{branch}`")).collect::<Vec<_>>().join(" and ")
    };
    let wanted = config.branches();
    let missing: Vec<BranchName> =
        wanted.iter().filter(|branch| !tips.names().contains(branch)).cloned().collect();
    let Some(first) = missing.first() else {
        return Finding::ok(NAME, format!("there: {}", names(&wanted)));
    };
    let main = config.main_branch();
    Finding::problem(NAME, format!("there is no branch {}", names(&missing)))
        .kind(ErrorKind::NotFound)
        .hint(format!("`git push origin {main}:{first}` makes it"))
}

/// Whether what is generated is up to date; nothing where nothing is.
fn generated_files(tips: &Tips<'_>, main: &BranchName, location: &Location) -> Option<Finding> {
    const NAME: &str = "generated";
    let state = State::read(tips, main, &location.to_string()).ok()?;
    let problems = match generated::problems(&state.root()) {
        Ok(problems) => problems,
        Err(error) => return Some(Finding::unknown(NAME, error.message)),
    };
    Some(match problems.len() {
        0 => Finding::ok(NAME, "what is generated is up to date, and sound"),
        count => Finding::warning(
            NAME,
            format!("what is generated has {}", counted(count, "problem")),
        )
        .hint("`pinrail generate --check` lists them; `pinrail generate` brings it up to date"),
    })
}

fn report(checks: Vec<Finding>) -> Report {
    let count = |verdict| checks.iter().filter(|one| one.verdict == verdict).count();
    let problems = count(Verdict::Problem);
    let sentence = format!(
        "Looked at {}: {}, {}, {} unknown",
        counted(checks.len(), "thing"),
        counted(problems, "problem"),
        counted(count(Verdict::Warning), "warning"),
        count(Verdict::Unknown)
    );
    // What could not be reached comes first: the rest rests on it.
    let mut kinds: Vec<ErrorKind> =
        checks.iter().filter(|one| one.verdict == Verdict::Problem).map(|one| one.kind).collect();
    kinds.sort_by_key(|kind| kind.exit_code());
    let kind = kinds.first().copied();
    let outcome = kind.map_or(Outcome::Ok, ErrorKind::outcome);
    let mut report = Report::new(outcome, Body::Doctor(DoctorReport { checks }))
        .text(finding::text)
        .say(sentence);
    report.shortfall = kind.map(|kind| CommandError::new(kind, counted(problems, "problem")));
    report
}
