//! Looking after the open requests: each is judged again as things are now, shown as that, and
//! kept from merging by itself where it may not.
//!
//! Each step may be repeated, and two runs at once do no harm: what is so already is not
//! written, and what another run was faster with is left to it.

use std::collections::BTreeMap;

use super::asking::Asking;
use super::evidence::Inquiry;
use super::gate_status;
use super::on_forge::Host;
use super::requests::{self, Open};
use super::state::State;
use super::tend_report::{Deed, GateState, TendItem, reason};
use super::verdict::{Proposed, Verdict};
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::config::Config;
use crate::domain::name::{BranchName, EnvironmentName};
use crate::domain::request::RequestName;
use crate::forge::{ForgeError, PullRequest};
use crate::store::{Reading, StateRepo, Tips};

/// What is older is known to whoever looked after the requests then: a request that changes no
/// pin gets its word while its head is new, and no call is spent on it later.
const NEW: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What looks after the requests.
pub struct Tending<'a> {
    pub context: &'a Context,
    pub main: &'a BranchName,
    pub config: &'a Config,
    pub host: Option<&'a Host>,
    pub inquiry: &'a Inquiry<'a>,
    /// Only what is about these environments; all where none are told.
    pub scope: Option<&'a [EnvironmentName]>,
    /// Only the request with this number.
    pub only: Option<u64>,
}

/// A branch that asks to be merged, or once did.
struct Asker {
    /// None where its branch cannot be read.
    branch: Option<BranchName>,
    /// Its name, where it is one of ours.
    name: Option<RequestName>,
    /// None where nothing is open on the forge, or there is none.
    request: Option<PullRequest>,
}

/// A request as it was judged.
struct Judged {
    asker: Asker,
    head: String,
    /// What is to be done about it.
    due: Due,
    /// Why it could not be judged, where it could not.
    verdict: Result<Verdict, CommandError>,
}

/// What is due.
enum Due {
    /// It has nothing left to ask for.
    Close(RequestName),
    /// It is a train that somebody has to leave.
    Shorten(RequestName),
    Show,
    /// Nobody can read it.
    Pend,
}

impl Tending<'_> {
    /// Looks after each request; what went wrong with one is told in its item.
    ///
    /// # Errors
    /// A services-root or a list of requests that cannot be read.
    pub fn run(&self, repo: &mut StateRepo) -> Result<Vec<TendItem>, CommandError> {
        let judged = self.look(repo)?;
        Ok(judged.into_iter().map(|judged| self.tend(repo, judged)).collect())
    }

    /// The requests that are open, and with them the branches that are left of others.
    fn askers(&self, repo: &mut StateRepo) -> Result<Vec<Asker>, CommandError> {
        let mut listed = match (self.host, self.only) {
            (Some(host), Some(number)) => vec![host.forge.get(number)?],
            (Some(host), None) => host.forge.list_open("")?,
            (None, _) => Vec::new(),
        };
        listed.retain(|request| {
            request.base == self.main.as_str()
                && request.state == crate::forge::PullRequestState::Open
        });
        let tips = repo.tips(&[])?;
        let mut names = requests::names(&tips);
        let mut askers: Vec<_> =
            tips.names().iter().filter_map(|branch| self.queued(branch, &listed)).collect();
        for request in listed {
            let branch: Option<BranchName> = request.branch.parse().ok();
            let branch = branch.filter(|branch| tips.names().contains(branch));
            let name = RequestName::parse(&request.branch).filter(|_| !request.from_fork);
            match (request.from_fork, branch) {
                (true, _) => askers.push(Asker { branch: None, name, request: Some(request) }),
                (false, Some(branch)) => {
                    names.retain(|known| Some(known) != name.as_ref());
                    askers.push(Asker { branch: Some(branch), name, request: Some(request) });
                }
                // What has no branch by now is about to be closed by the forge.
                (false, None) => {}
            }
        }
        if self.only.is_none() {
            let left = |name: RequestName| Asker {
                branch: Some(name.branch()),
                name: Some(name),
                request: None,
            };
            askers.extend(names.into_iter().map(left));
        }
        Ok(askers)
    }

    /// The branch that GitHub's merge queue has made to try a request, and those before it: a
    /// status that is required is waited for there as well.
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#merge_group>
    fn queued(&self, branch: &BranchName, listed: &[PullRequest]) -> Option<Asker> {
        let entry =
            branch.as_str().strip_prefix(&format!("gh-readonly-queue/{}/pr-", self.main))?;
        let number: u64 = entry.split_once('-')?.0.parse().ok()?;
        let request = listed.iter().find(|request| request.number == number)?.clone();
        let request = PullRequest { branch: branch.to_string(), ..request };
        Some(Asker { branch: Some(branch.clone()), name: None, request: Some(request) })
    }

    /// Judges every request on the newest state.
    fn look(&self, repo: &mut StateRepo) -> Result<Vec<Judged>, CommandError> {
        let location = repo.location().to_string();
        let askers = self.askers(repo)?;
        let mut branches = self.config.branches();
        branches.extend(askers.iter().filter_map(|asker| asker.branch.clone()));
        let tips = repo.read(&Reading::whole(&branches))?;
        let state = State::read(&tips, self.main, &location)?;
        let mut found = Vec::new();
        let mut services = BTreeMap::new();
        for asker in askers {
            let Some(branch) = &asker.branch else {
                found.push((asker, None));
                continue;
            };
            let Some(head) = tips.get(branch)? else { continue };
            let proposed = Proposed::of(&state, &head);
            services.extend(proposed.iter().flat_map(Proposed::services));
            found.push((asker, Some((head, proposed))));
        }
        let (root, sight) = (state.root(), self.inquiry.on(&state, &services));
        let judge = sight.judge(&root);
        let mut judged = Vec::new();
        for (asker, read) in found {
            let Some((head, proposed)) = read else {
                let Some(head) = asker.request.as_ref().map(|request| request.head.clone()) else {
                    continue;
                };
                judged.push(Judged {
                    asker,
                    head,
                    due: Due::Pend,
                    verdict: Ok(Verdict::default()),
                });
                continue;
            };
            let at = head.made()?.at;
            let verdict = proposed.and_then(|it| it.verdict(self.context, &state, &judge));
            let due = match (&asker.name, &verdict) {
                (Some(name), Ok(verdict)) => self.due(&tips, &state, name, verdict)?,
                _ => Due::Show,
            };
            let one = Judged { asker, head: head.id(), due, verdict };
            judged.extend(self.is_meant(&one, at).then_some(one));
        }
        judged.retain(|one| !matches!(one.due, Due::Pend) || self.is_meant(one, self.context.now));
        Ok(judged)
    }

    /// What is to be done about one of our own.
    fn due(
        &self,
        tips: &Tips<'_>,
        state: &State<'_>,
        name: &RequestName,
        verdict: &Verdict,
    ) -> Result<Due, CommandError> {
        let Some(open) = Open::read(tips, name, state)? else { return Ok(Due::Show) };
        if open.is_empty() || open.is_superseded(state, self.inquiry)? {
            return Ok(Due::Close(name.clone()));
        }
        let is_train = matches!(name, RequestName::Train { .. });
        let leaves = verdict.items.iter().filter(|item| item.cause.as_ref().is_some_and(leaves));
        let count = leaves.count();
        let shortens = is_train && !open.foreign && count > 0 && count < verdict.items.len();
        Ok(if shortens { Due::Shorten(name.clone()) } else { Due::Show })
    }

    /// Whether it is to be looked after in this run, as its head was made at this time.
    fn is_meant(&self, one: &Judged, at: jiff::Timestamp) -> bool {
        let pins = one.verdict.as_ref().map(|verdict| verdict.items.len());
        let of_target = |name: &RequestName, scope: &[EnvironmentName]| {
            let targets = requests::targets(self.config, name.target().as_str());
            targets.iter().any(|target| scope.contains(&target.name))
        };
        if let Some(scope) = self.scope {
            return one.verdict.as_ref().map_or(true, |verdict| verdict.is_about(scope))
                || one.asker.name.as_ref().is_some_and(|name| of_target(name, scope));
        }
        let since = self.context.now.saturating_sub(NEW).unwrap_or(jiff::Timestamp::MIN);
        match (&one.due, &one.asker.request) {
            (Due::Close(_), _) => true,
            // Closed by people on the forge, who left its branch.
            (_, None) => self.host.is_none(),
            (Due::Pend, Some(request)) => self.only.is_some() || request.created_at > since,
            (_, Some(request)) => {
                !matches!(pins, Ok(0))
                    || self.only.is_some()
                    || request.created_at > since
                    || at > since
            }
        }
    }

    /// Does what is due.
    fn tend(&self, repo: &mut StateRepo, judged: Judged) -> TendItem {
        let Judged { asker, head, due, verdict } = judged;
        let mut item = item(&asker, head, &due, &verdict);
        let Ok(verdict) = verdict else { return item };
        let done = match due {
            Due::Close(name) => self.close(repo, name, &mut item),
            Due::Shorten(name) => self.shorten(repo, name, asker.request.as_ref(), &mut item),
            Due::Show | Due::Pend => Ok(()),
        };
        if let Err(error) = done {
            item.problem = Some(error.to_string());
        }
        let is_done = item.done.iter().any(|deed| matches!(deed, Deed::Closed | Deed::Rebuilt));
        if let (Some(host), Some(request), false, false) =
            (self.host, &asker.request, is_done, self.context.dry_run)
        {
            let status = match asker.branch {
                Some(_) => verdict.status(),
                None => gate_status::unread(UNREAD),
            };
            let request = PullRequest { head: item.head.clone(), ..request.clone() };
            // First, as GitLab drops it without a word where the status turns red.
            if let Some(refusal) = verdict.refusal() {
                withdraw(host, &request, &reason(refusal), &mut item);
            }
            show(host, &request, &status, &mut item);
        }
        item
    }

    pub(super) fn asking(&self, name: RequestName) -> Asking<'_> {
        let Self { context, main, config, host, .. } = *self;
        Asking { context, main, config, host, name }
    }

    fn close(
        &self,
        repo: &mut StateRepo,
        name: RequestName,
        item: &mut TendItem,
    ) -> Result<(), CommandError> {
        let word = "every pin that it asks for is there, or a newer one";
        let asking = self.asking(name);
        if self.context.dry_run || asking.withdraw(repo, Some(&item.head), word)? {
            item.done.push(Deed::Closed);
        }
        Ok(())
    }
}

/// Whether a cause makes a service leave its train, which then goes without it: one that passes
/// by itself is waited for.
pub fn leaves(cause: &Cause) -> bool {
    !cause.passes()
}

const UNREAD: &str = "the branch of a fork is not read: push it to this project to have it judged";

/// What is told of a request before anything is done about it.
fn item(
    asker: &Asker,
    head: String,
    due: &Due,
    verdict: &Result<Verdict, CommandError>,
) -> TendItem {
    let request = asker.request.as_ref();
    let branch = request.map(|request| request.branch.clone());
    let (state, told) = match (due, verdict) {
        (Due::Pend, _) => (GateState::Pending, Some(UNREAD.to_owned())),
        (_, Err(error)) => (GateState::Pending, Some(error.to_string())),
        (_, Ok(verdict)) => match verdict.refusal() {
            Some(refusal) => (GateState::Red, Some(reason(refusal))),
            None => (GateState::Green, None),
        },
    };
    TendItem {
        number: request.map(|request| request.number),
        url: request.map(|request| request.url.clone()),
        branch: branch
            .or_else(|| asker.branch.as_ref().map(ToString::to_string))
            .unwrap_or_default(),
        head,
        state,
        reason: told,
        moves: verdict.as_ref().map(|verdict| verdict.items.clone()).unwrap_or_default(),
        done: Vec::new(),
        unstopped: None,
        problem: verdict.as_ref().err().map(ToString::to_string),
    }
}

/// Shows what the gates say.
fn show(
    host: &Host,
    request: &PullRequest,
    status: &crate::forge::CommitStatus,
    item: &mut TendItem,
) {
    match host.forge.set_status(request, status) {
        Ok(true) => item.done.push(Deed::Status),
        Ok(false) => {}
        // The new head has no word yet, and the next run judges it.
        Err(ForgeError::HeadMoved) => item.escapes("it has other commits by now".to_owned()),
        Err(error) => {
            let words = gate_status::unset(&error);
            item.problem = Some(words.clone());
            item.escapes(words);
        }
    }
}

/// Takes back the merge that was to come by itself, as the gates forbid it now.
fn withdraw(host: &Host, request: &PullRequest, why: &str, item: &mut TendItem) {
    match host.forge.cancel_auto_merge(request.number) {
        Ok(false) => {}
        Ok(true) => {
            item.done.push(Deed::Withdrawn);
            let text = format!(
                "Pinrail has taken back the merge of `{}` that was to come by itself: {why}. Ask for it again once `{}` is green.",
                &request.head[..7],
                gate_status::CONTEXT
            );
            if let Err(error) = host.forge.comment(request.number, &text) {
                item.problem = Some(format!("that its merge was taken back is not said: {error}"));
            }
        }
        Err(ForgeError::MergedMeanwhile) => item.escapes("it was merged meanwhile".to_owned()),
        Err(error) => {
            let words = format!("it may still be merged by itself: {error}");
            item.problem = Some(words.clone());
            item.escapes(words);
        }
    }
}
