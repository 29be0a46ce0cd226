//! Which requests are open, and what the judge of changes says of each as things are now.

use std::collections::BTreeMap;

use super::CommandError;
use super::check_change::{self, Coming, Verdict};
use super::requests::{self, Open};
use super::state::State;
use super::tending::{Tending, leaves};
use crate::domain::change::By;
use crate::domain::name::BranchName;
use crate::domain::request::RequestName;
use crate::forge::{PullRequest, PullRequestState};
use crate::store::{Proposal, Reading, Snapshot, StateRepo, Tips};

/// What is older is known to whoever looked after the requests then: a request that changes no
/// pin gets its word while its head is new, and no call is spent on it later.
const NEW: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A branch that asks to be merged, or once did.
pub struct Asker {
    /// None where its branch cannot be read.
    pub branch: Option<BranchName>,
    /// Its name, where it is one of ours.
    pub name: Option<RequestName>,
    /// None where nothing is open on the forge, or there is none.
    pub request: Option<PullRequest>,
}

/// A request as it was judged.
pub struct Judged {
    pub asker: Asker,
    pub head: String,
    /// What is to be done about it.
    pub due: Due,
    /// Why it could not be judged, where it could not.
    pub verdict: Result<Verdict, CommandError>,
}

/// A request that is to be judged.
struct Meant<'r> {
    asker: Asker,
    head: Snapshot<'r>,
    proposal: Proposal,
    /// As one of ours, where it is one.
    open: Option<Open>,
    /// Whether nothing of it is left to ask for.
    is_over: bool,
}

/// What is due.
pub enum Due {
    /// It has nothing left to ask for.
    Close(RequestName),
    /// It is a train that somebody has to leave.
    Shorten(RequestName),
    Show,
    /// Nobody can read it.
    Pend,
}

impl Tending<'_> {
    /// The requests that are open, and with them the branches that are left of others.
    fn askers(&self, repo: &mut StateRepo) -> Result<Vec<Asker>, CommandError> {
        let mut listed = match (self.host, self.only) {
            (Some(host), Some(number)) => vec![host.forge.get(number)?],
            (Some(host), None) => host.forge.list_open("")?,
            (None, _) => Vec::new(),
        };
        listed.retain(|request| {
            request.base == self.main.as_str() && request.state == PullRequestState::Open
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

    /// Judges every request that is meant, on the newest state.
    ///
    /// # Errors
    /// A services-root or a list of requests that cannot be read.
    pub(super) fn look(&self, repo: &mut StateRepo) -> Result<Vec<Judged>, CommandError> {
        let location = repo.location().to_string();
        let askers = self.askers(repo)?;
        let mut branches = self.config.branches();
        branches.extend(askers.iter().filter_map(|asker| asker.branch.clone()));
        let tips = repo.read(&Reading::whole(&branches))?;
        let state = State::read(&tips, self.main, &location)?;
        let mut judged = Vec::new();
        let mut meant = Vec::new();
        let mut services = BTreeMap::new();
        for asker in askers {
            let Some(branch) = &asker.branch else {
                judged.extend(self.unread(asker));
                continue;
            };
            let Some(head) = tips.get(branch)? else { continue };
            match self.read(&tips, &state, &asker, branch, &head) {
                Ok(Some((proposal, open, is_over))) => {
                    services.extend(check_change::services(&proposal));
                    meant.push(Meant { asker, head, proposal, open, is_over });
                }
                Ok(None) => {}
                Err(error) => {
                    let (head, verdict) = (head.id(), Err(error));
                    judged.push(Judged { asker, head, due: Due::Show, verdict });
                }
            }
        }
        let sight = self.inquiry.on(&state, &services);
        for Meant { asker, head, proposal, open, is_over } in meant {
            let (by, branch) = (By::Request, self.main);
            let coming = Coming { proposal: &proposal, head: &head, branch, by };
            let verdict = check_change::judge(self.context, &state, &sight, &coming);
            let due = match (open, &verdict) {
                (Some(open), Ok(_)) if is_over => Due::Close(open.name),
                (Some(open), Ok(verdict)) if is_to_shorten(&open, verdict) => {
                    Due::Shorten(open.name)
                }
                _ => Due::Show,
            };
            judged.push(Judged { asker, head: head.id(), due, verdict });
        }
        Ok(judged)
    }

    /// Reads a request that is meant: what it would change, as one of ours where it is one, and
    /// whether nothing of it is left to ask for.
    fn read(
        &self,
        tips: &Tips<'_>,
        state: &State<'_>,
        asker: &Asker,
        branch: &BranchName,
        head: &Snapshot<'_>,
    ) -> Result<Option<(Proposal, Option<Open>, bool)>, CommandError> {
        // First, as it refuses what is made to take all memory.
        let proposal = Proposal::of((self.main.as_str(), &state.main), (branch.as_str(), head))?;
        let open = asker.name.as_ref().map(|name| Open::read(tips, name, state));
        let open = open.transpose()?.flatten();
        let is_over = match &open {
            Some(open) => open.is_empty() || open.is_superseded(state, self.inquiry)?,
            None => false,
        };
        let is_meant = self.is_meant(asker, &proposal, is_over, head.made()?.at);
        Ok(is_meant.then_some((proposal, open, is_over)))
    }

    /// A request whose branch cannot be read, where it is meant.
    fn unread(&self, asker: Asker) -> Option<Judged> {
        let request = asker.request.as_ref()?;
        let is_new = self.only.is_some() || request.created_at > self.lately();
        let is_meant = is_new && self.scope.is_none();
        let head = request.head.clone();
        let verdict = Ok(Verdict::default());
        is_meant.then_some(Judged { asker, head, due: Due::Pend, verdict })
    }

    fn lately(&self) -> jiff::Timestamp {
        self.context.now.saturating_sub(NEW).unwrap_or(jiff::Timestamp::MIN)
    }

    /// Whether a request is to be looked after in this run: what it asks for, whether nothing of
    /// it is left, and when its head was made.
    fn is_meant(
        &self,
        asker: &Asker,
        proposal: &Proposal,
        is_over: bool,
        at: jiff::Timestamp,
    ) -> bool {
        let environments = check_change::environments(proposal);
        if let Some(scope) = self.scope {
            let of_target = |name: &RequestName| {
                let targets = requests::targets(self.config, name.target().as_str());
                targets.iter().any(|target| scope.contains(&target.name))
            };
            let is_about = scope.iter().any(|name| environments.contains(name));
            return is_about || asker.name.as_ref().is_some_and(of_target);
        }
        match &asker.request {
            _ if is_over || self.only.is_some() => true,
            // Closed by people on the forge, who left its branch.
            None => self.host.is_none(),
            Some(request) => !environments.is_empty() || request.created_at.max(at) > self.lately(),
        }
    }
}

/// Whether a train is to go on without some of its pins.
fn is_to_shorten(open: &Open, verdict: &Verdict) -> bool {
    let moves = verdict.report.moves.as_deref().unwrap_or_default();
    let leave = moves.iter().filter(|step| step.cause.as_ref().is_some_and(leaves)).count();
    let is_train = matches!(open.name, RequestName::Train { .. });
    is_train && !open.foreign && leave > 0 && leave < moves.len()
}
