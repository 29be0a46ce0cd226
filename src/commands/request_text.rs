//! What people are told in a request: the facts behind its title and body.

use std::collections::BTreeMap;

use super::diff::between;
use super::move_report::PinMove;
use super::on_forge::Host;
use super::{CommandError, Context, ErrorKind};
use crate::domain::artifact::Revision;
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::name::{DomainName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{Move, Verdict as Judged};
use crate::domain::request::RequestName;
use crate::forge::{CommitStatus, Comparison, ForgeError, PullRequest};
use crate::render::request::{
    Commit, Facts, History, Intent, Link, Page, PinChange, Stay, Templates, Verdict, Way,
    came_with, head_of, merged, room,
};

/// The commits of more services than this would make a train wait.
const COMPARED: usize = 40;

/// What a request asks for, and what people are told about it.
pub struct Story {
    pub subject: String,
    /// The pins to be, by path.
    pub pins: BTreeMap<String, Vec<u8>>,
    pub moves: Vec<PinMove>,
    /// What was wanted as well and may not go.
    pub held: Vec<Move>,
    /// What the gates say of what it asks for.
    pub verdicts: Vec<Verdict>,
    /// What is said of it beside its head, so that nobody has to wait for that.
    pub status: CommitStatus,
    pub intent: Intent,
}

/// Whether a request's text tells of this head already.
pub fn is_told(open: &PullRequest, head: &str) -> bool {
    head_of(&open.body).is_some_and(|told| told.as_str() == head)
}

/// The facts of one request.
pub struct Telling<'a> {
    facts: Facts,
    host: &'a Host,
}

impl<'a> Telling<'a> {
    /// Gathers the facts; commits that cannot be read are told as such and cost nothing else.
    pub fn new(
        context: &Context,
        config: &Config,
        host: &'a Host,
        name: &RequestName,
        head: &str,
        story: &Story,
    ) -> Result<Self, CommandError> {
        let head: Revision = head
            .parse()
            .map_err(|_| CommandError::new(ErrorKind::Bug, "a commit without an id"))?;
        let stays = story.held.iter().filter_map(|step| match &step.verdict {
            Judged::Refused(cause) | Judged::Waits(cause) => Some(Stay {
                service: step.service.clone(),
                environment: step.environment.clone(),
                sentence: cause.sentence(),
            }),
            _ => None,
        });
        let facts = Facts {
            intent: story.intent,
            request: name.clone(),
            head,
            project: Some(host.address.project.clone()),
            run: context.ci.run_url.clone(),
            asked_by: Some(context.author.name.clone()),
            pins: story.moves.iter().map(|step| change(config, step)).collect(),
            ways: ways(context, config, host, &story.moves),
            verdicts: story.verdicts.clone(),
            stays: stays.collect(),
        };
        Ok(Self { facts, host })
    }

    /// The text of a new request.
    pub fn page(&self, templates: &Templates) -> Result<Page, CommandError> {
        Ok(templates.page(&self.facts, self.host.forge.body_limit())?)
    }

    /// The text of an open request, with what people have written around ours.
    pub fn again(&self, open: &PullRequest, templates: &Templates) -> Result<Page, CommandError> {
        let room = room(&open.body, self.host.forge.body_limit());
        let Page { title, body } = templates.page(&self.facts, room)?;
        Ok(Page { title, body: merged(&open.body, &body) })
    }
}

fn change(config: &Config, step: &PinMove) -> PinChange {
    let PinMove { service, domain, environment, from, to } = step;
    let (host, links) = match config.environment(environment.as_str()) {
        Some(place) => (host(place, domain, service), links(config, place, domain, service)),
        None => (None, Vec::new()),
    };
    PinChange {
        domain: domain.clone(),
        environment: environment.clone(),
        host,
        from: from.clone(),
        to: to.clone(),
        links,
    }
}

/// Where a service is to be seen.
pub fn host(
    environment: &Environment,
    domain: &DomainName,
    service: &ServiceName,
) -> Option<String> {
    let values = [
        ("service", service.as_str()),
        ("domain", domain.as_str()),
        ("environment", environment.name.as_str()),
    ];
    let host = environment.host.as_ref()?.expand(&values).ok()?;
    Some(format!("https://{host}"))
}

fn links(
    config: &Config,
    environment: &Environment,
    domain: &DomainName,
    service: &ServiceName,
) -> Vec<Link> {
    let namespace = config.namespace(domain, &environment.name).unwrap_or_default();
    let values = [
        ("namespace", namespace.as_str()),
        ("service", service.as_str()),
        ("domain", domain.as_str()),
        ("environment", environment.name.as_str()),
        ("cluster", environment.cluster.as_str()),
    ];
    let told = config.links.iter().filter_map(|(name, template)| {
        Some(Link { name: name.clone(), url: template.expand(&values).ok()? })
    });
    let argocd = config.argocd.url.iter().map(|url| {
        let namespace = config.argocd.namespace.as_deref().unwrap_or("argocd");
        let page = format!("applications/{namespace}/{}-{service}", environment.name);
        Link { name: "Argo CD".to_owned(), url: format!("{}/{page}", url.trim_end_matches('/')) }
    });
    argocd.chain(told).collect()
}

/// One way for each two revisions of a service.
fn ways(context: &Context, config: &Config, host: &Host, moves: &[PinMove]) -> Vec<Way> {
    let mut grouped: BTreeMap<(&ServiceName, &str, &str), Vec<&PinMove>> = BTreeMap::new();
    for step in moves {
        let Some(from) = &step.from else { continue };
        let (from, to) = (from.target_revision.as_str(), step.to.target_revision.as_str());
        if from != to {
            grouped.entry((&step.service, from, to)).or_default().push(step);
        }
    }
    let mut ways = Vec::new();
    for ((service, from, to), steps) in grouped {
        let environments = steps.iter().map(|step| step.environment.clone()).collect();
        let (compare, history) = if ways.len() < COMPARED {
            history(context, config, host, steps[0], from, to)
        } else {
            (None, unknown(&format!("only the commits of the first {COMPARED} services are read")))
        };
        ways.push(Way { service: service.clone(), environments, compare, history });
    }
    ways
}

fn unknown(why: &str) -> History {
    History::Unknown { why: why.to_owned() }
}

/// The repository of a pin's service, as its pin or the defaults tell.
pub fn repository(config: &Config, domain: &DomainName, pin: &Pin) -> Option<String> {
    let values = [("domain", domain.as_str()), ("service", pin.service.as_str())];
    let default = || config.services.repository.as_ref()?.expand(&values).ok();
    pin.repo_url.as_ref().map(ToString::to_string).or_else(default)
}

/// The commits between, by the forge where the service is on it as well, otherwise by git.
fn history(
    context: &Context,
    config: &Config,
    host: &Host,
    step: &PinMove,
    from: &str,
    to: &str,
) -> (Option<String>, History) {
    let Some(repository) = repository(config, &step.domain, &step.to) else {
        return (None, unknown("its repository is not told (`services.repository`)"));
    };
    let project = repository.parse().ok().and_then(|url| host.address.project_of(&url));
    if let Some(project) = &project {
        match host.at(project, |forge| forge.compare(project, from, to)) {
            Ok(Some(found)) => return known(host, project, found),
            Ok(None) | Err(ForgeError::NotFound(_)) => {}
            Err(error) => return (None, unknown(&error.to_string())),
        }
    }
    let Some(old) = &step.from else { return (None, unknown("it is new there")) };
    match between(context, &repository, old, &step.to) {
        Err(error) => (None, unknown(&error.to_string())),
        Ok(found) => {
            let (new, gone): (Vec<_>, Vec<_>) = found.into_iter().partition(|commit| commit.added);
            let commits = new.into_iter().map(|commit| Commit {
                id: commit.id,
                subject: commit.subject,
                author: commit.by,
                url: None,
                requests: Vec::new(),
            });
            let commits: Vec<_> = commits.collect();
            (None, History::Known { total: commits.len(), commits, behind: gone.len() })
        }
    }
}

fn known(host: &Host, project: &str, found: Comparison) -> (Option<String>, History) {
    let Comparison { url, commits, total, behind } = found;
    let server = host.address.page("");
    let commit = |commit: crate::forge::ComparedCommit| Commit {
        requests: came_with(&commit.message, host.kind, &server, project),
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        id: commit.id,
        author: commit.author,
        url: commit.url,
    };
    (url, History::Known { commits: commits.into_iter().map(commit).collect(), total, behind })
}
