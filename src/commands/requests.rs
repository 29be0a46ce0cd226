//! The requests of forge kind `git`: a branch for each, all that it says re-derived from it.

use std::collections::BTreeMap;

use super::evidence::Inquiry;
use super::move_report::{PinMove, RequestItem, RequestState};
use super::on_forge::Host;
use super::state::State;
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::check;
use crate::domain::config::Config;
use crate::domain::environment::{Environment, MergeMethod, Request, Update};
use crate::domain::gate::{Override, Overrides};
use crate::domain::layout::{self, Place};
use crate::domain::name::{BranchName, DomainName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{self, Move, Verdict};
use crate::domain::registry::Root;
use crate::domain::request::{PREFIX, RequestName};
use crate::domain::tree::Files;
use crate::forge::PullRequest;
use crate::store::{CommitId, Edits, Message, Planned, Reading, Snapshot, StateRepo, Tips, Write};

/// An open request.
pub struct Open {
    pub name: RequestName,
    pub head: CommitId,
    /// The commit that it was made on.
    pub made_on: Option<CommitId>,
    /// Whether somebody else's commits are on its branch, or files that no promotion changes.
    pub foreign: bool,
    /// Whether main has other pins by now than those that it was made to replace, so that
    /// git could not merge it.
    pub stale: bool,
    /// What it would still change on the main branch.
    pub moves: Vec<PinMove>,
    pub edits: Edits,
    /// The files that its branch changes: pins, changed on main already or not, and what lets
    /// them past gates.
    pub pins: BTreeMap<String, Vec<u8>>,
    /// What lets its versions past gates, by path.
    pub overrides: BTreeMap<String, Override>,
    pub by: String,
    pub at: jiff::Timestamp,
    /// The request on the forge, where it was looked for.
    pub request: Option<PullRequest>,
}

impl Open {
    /// Reads a request from its branch; none where there is no such branch. The history of
    /// both branches must be at hand.
    pub fn read(
        tips: &Tips<'_>,
        name: &RequestName,
        state: &State<'_>,
    ) -> Result<Option<Self>, CommandError> {
        let Some(head) = tips.get(&name.branch())? else { return Ok(None) };
        let made = head.made()?;
        let mut open = Self {
            name: name.clone(),
            head: head.id(),
            made_on: None,
            foreign: false,
            stale: false,
            moves: Vec::new(),
            edits: Edits::default(),
            pins: BTreeMap::new(),
            overrides: BTreeMap::new(),
            by: made.by,
            at: made.at,
            request: None,
        };
        if state.main.contains(&open.head)? {
            return Ok(Some(open));
        }
        // Ours is one commit, made from one of the main branch.
        let parents = head.parents()?;
        open.foreign = match parents.as_slice() {
            [parent] => !state.main.contains(parent)?,
            _ => true,
        };
        open.made_on = parents.into_iter().next();
        for file in head.own_changes("")? {
            let place = layout::place(&file.path);
            let target = |environment: &str| is_target(&state.config, name, environment);
            match (place, file.after) {
                (Some(Place::Pin { domain, environment, service }), Some(after))
                    if target(environment.as_str()) =>
                {
                    let there = state.main.read(&file.path)?;
                    let pin = |bytes: &[u8]| Pin::parse(bytes).ok();
                    let Some(to) = pin(&after) else {
                        open.foreign = true;
                        continue;
                    };
                    let from = there.as_deref().and_then(pin);
                    // Keys that others gave the pin on the main branch meanwhile stay.
                    let (to, content) = match &from {
                        Some(from) => {
                            let to = to.with_unknown_keys_of(from);
                            let content = to.to_bytes();
                            (to, content)
                        }
                        None => (to, after.clone()),
                    };
                    open.stale |= there != file.before && there.as_ref() != Some(&after);
                    if there.as_ref() != Some(&content) {
                        open.edits.write(file.path.clone(), content);
                        open.moves.push(PinMove { service, domain, environment, from, to });
                    }
                    open.pins.insert(file.path, after);
                }
                (Some(Place::Override { environment, .. }), Some(after))
                    if target(environment.as_str()) =>
                {
                    let Ok(told) = Override::parse(&after) else {
                        open.foreign = true;
                        continue;
                    };
                    if state.main.read(&file.path)?.as_ref() != Some(&after) {
                        open.edits.write(file.path.clone(), after.clone());
                    }
                    open.overrides.insert(file.path.clone(), told);
                    open.pins.insert(file.path, after);
                }
                _ => open.foreign = true,
            }
        }
        Ok(Some(open))
    }

    /// Whether nothing is left to ask for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && !self.foreign
    }

    /// The services that it is about.
    #[must_use]
    pub fn services(&self) -> BTreeMap<ServiceName, DomainName> {
        let of = |step: &PinMove| (step.service.clone(), step.domain.clone());
        self.moves.iter().map(of).collect()
    }

    /// Whether each pin that it asks for has by now what a promotion would bring, so that
    /// merging it would be a way back. Under a lock it may be the way back that is wanted.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn is_superseded(
        &self,
        state: &State<'_>,
        inquiry: &Inquiry<'_>,
    ) -> Result<bool, CommandError> {
        let root = state.root();
        for PinMove { service, environment, .. } in &self.moves {
            let target = root.config.environment(environment.as_str());
            let (Some(target), Some(domain)) = (target, root.domain_of(service)?) else {
                return Ok(false);
            };
            let services = BTreeMap::from([(service.clone(), domain.clone())]);
            let sight = inquiry.on(state, &services);
            let judge = sight.judge(&root);
            let moves = promotion::promote(&judge, &[target], &services, &Overrides::default())?;
            let there = moves.iter().all(|step| step.verdict == Verdict::Unchanged);
            if !there || root.lock(environment, service, judge.evidence.now())? != Ok(None) {
                return Ok(false);
            }
        }
        Ok(!self.foreign)
    }

    /// Its line in a report.
    #[must_use]
    pub fn item(&self) -> RequestItem {
        let state = match () {
            () if self.foreign => RequestState::Foreign,
            () if self.moves.is_empty() => RequestState::Empty,
            () => RequestState::Open,
        };
        RequestItem {
            number: self.request.as_ref().map(|request| request.number),
            url: self.request.as_ref().map(|request| request.url.clone()),
            branch: self.name.branch().to_string(),
            head: self.head.clone(),
            state,
            moves: self.moves.clone(),
            by: self.by.clone(),
            at: self.at,
        }
    }
}

/// Refuses what would go by a request that has commits of somebody else.
pub fn refuse_foreign<'a>(name: &RequestName, moves: impl IntoIterator<Item = &'a mut Move>) {
    for step in moves.into_iter().filter(|step| step.verdict == Verdict::Go) {
        step.verdict =
            Verdict::Refused(Cause::ForeignCommits { branch: name.branch().to_string() });
    }
}

/// The environments that a name stands for: one, or those of a group.
#[must_use]
pub fn targets<'a>(config: &'a Config, name: &str) -> Vec<&'a Environment> {
    let of = |environment: &&Environment| is_in(environment, name);
    config.environments.iter().filter(of).collect()
}

fn is_in(environment: &Environment, name: &str) -> bool {
    environment.name.as_str() == name
        || environment.group.as_ref().is_some_and(|group| group.as_str() == name)
}

fn is_target(config: &Config, name: &RequestName, environment: &str) -> bool {
    config
        .environment(environment)
        .is_some_and(|environment| is_in(environment, name.target().as_str()))
}

/// Whether an open request for these environments follows `from`.
#[must_use]
pub fn update_of(environments: &[&Environment]) -> Update {
    let frozen = rules(environments).any(|rule| rule.update == Update::Frozen);
    if frozen { Update::Frozen } else { Update::Living }
}

/// How a request for these environments is merged, as the first of them that says so tells.
#[must_use]
pub fn method_of(environments: &[&Environment]) -> MergeMethod {
    rules(environments).next().map_or_else(MergeMethod::default, |rule| rule.merge_method)
}

/// Whether the forge merges a request for these environments by itself.
#[must_use]
pub fn is_auto(environments: &[&Environment]) -> bool {
    let mut rules = rules(environments).peekable();
    rules.peek().is_some() && rules.all(|rule| rule.auto_merge)
}

fn rules<'a>(environments: &[&'a Environment]) -> impl Iterator<Item = &'a Request> {
    environments.iter().filter_map(|environment| environment.request.as_ref())
}

/// Every request's name, from the branches that are there.
#[must_use]
pub fn names(tips: &Tips<'_>) -> Vec<RequestName> {
    let mut names: Vec<_> =
        tips.names().iter().filter_map(|branch| RequestName::parse(branch.as_str())).collect();
    names.sort();
    names
}

/// The requests that are there, and the state that they were read against.
pub fn all<'r>(
    repo: &'r mut StateRepo,
    config: &Config,
    main: &BranchName,
) -> Result<(State<'r>, Vec<Open>), CommandError> {
    let location = repo.location().to_string();
    let names = names(&repo.tips(&[])?);
    let mut branches = config.branches();
    branches.extend(names.iter().map(RequestName::branch));
    let tips = repo.read(&Reading::whole(&branches))?;
    let state = State::read(&tips, main, &location)?;
    let mut open = Vec::new();
    for name in &names {
        open.extend(Open::read(&tips, name, &state)?);
    }
    Ok((state, open))
}

/// The requests that are open on the forge as well, with their number and page.
pub fn on_forge(
    host: &Host,
    main: &BranchName,
    branches: Vec<Open>,
) -> Result<Vec<Open>, CommandError> {
    /// Above this, one list is shorter than looking for each.
    const FEW: usize = 10;
    let listed = match branches.len() {
        0..=FEW => None,
        _ => Some(host.forge.list_open(PREFIX)?),
    };
    let mut open = Vec::new();
    for mut branch in branches {
        let name = branch.name.branch();
        branch.request = match &listed {
            None => host.forge.find_open(&name, main)?,
            Some(listed) => {
                let is_it = |request: &&PullRequest| {
                    request.branch == name.as_str() && request.base == main.as_str()
                };
                listed.iter().find(is_it).cloned()
            }
        };
        open.extend(branch.request.is_some().then_some(branch));
    }
    Ok(open)
}

/// Removes a request's branch if it is still at `head`; true when this run removed it.
pub fn delete(
    context: &Context,
    repo: &mut StateRepo,
    name: &RequestName,
    head: Option<&str>,
) -> Result<bool, CommandError> {
    let branch = name.branch();
    let reading = Reading::tips(std::slice::from_ref(&branch));
    let landed = repo.transact(&reading, &context.author, |tips| {
        let there = tips.get(&branch)?.map(|snapshot| snapshot.id());
        let wanted = there.is_some() && head.is_none_or(|head| there.as_deref() == Some(head));
        let write = wanted.then(|| Write::Delete { branch: branch.clone() });
        Ok::<_, CommandError>(Planned { value: wanted, write })
    })?;
    Ok(landed.value)
}

/// A request's name as people write it: its branch, with or without what all begin with.
#[must_use]
pub fn named(text: &str) -> Option<RequestName> {
    let candidates = [
        text.to_owned(),
        format!("{PREFIX}{text}"),
        format!("{PREFIX}promote/{text}"),
        format!("{PREFIX}train/{text}"),
    ];
    candidates.iter().find_map(|branch| RequestName::parse(branch))
}

/// A request's commit: what it asks for, in its subject and below it.
#[must_use]
pub fn message(context: &Context, name: &RequestName, moves: &[PinMove]) -> Message {
    let what = match name {
        RequestName::Single { service, .. } => service.to_string(),
        RequestName::Train { .. } => super::report::counted(moves.len(), "pin"),
    };
    let mut message = context.message(format!("promote {what} to {}", name.target()));
    message.body = moves.iter().map(PinMove::line).collect();
    message
}

/// Refuses what would bring a problem that `check` does not find now.
pub fn judge(state: &State<'_>, edits: &Edits) -> Result<(), CommandError> {
    let root = state.root();
    let before = check::check(&root)?;
    let main = edits.over(&state.main);
    let pins = edits.over(&state.pins);
    let same = state.config.pins_branch() == state.config.main_branch();
    let pins: &dyn Files = if same { &pins } else { &state.pins };
    let after = check::check(&Root { config: root.config, main: &main, pins })?;
    match after.into_iter().find(|problem| !before.contains(problem)) {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// The commit of main that a request was merged with, if it was.
pub fn merged_with(main: &Snapshot<'_>, head: &str) -> Result<bool, CommandError> {
    Ok(main.contains(head)?)
}
