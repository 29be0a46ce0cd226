//! Asking for a change: the branch of a request, and on a forge the request itself.
//!
//! There is one for each [`RequestName`]. What is there already is adopted, what moved on is
//! brought up to date, and each step may be repeated.

use std::time::Duration;

use super::gate_status;
use super::move_report::{PinMove, RequestRef};
use super::on_forge::Host;
use super::report::DryRun;
use super::request_text::{Story, Telling, is_told};
use super::requests::{self, Open};
use super::state::State;
use super::{CommandError, Context, ErrorKind};
use crate::domain::config::Config;
use crate::domain::environment::{Environment, MergeMethod, Request, Update};
use crate::domain::name::BranchName;
use crate::domain::request::RequestName;
use crate::forge::{ForgeError, PullRequest, PullRequestSpec, PullRequestState, Reviewer, Written};
use crate::render::request::{Page, Templates};
use crate::store::{Edits, Planned, Reading, StateRepo, Write};

/// How often a request may be merged or closed by others under our hands.
const ROUNDS: u32 = 4;
/// How often a forge is looked at for what was just done, as what it shows lags behind.
pub const LOOKS: u32 = 6;

/// A request that is to be, or to be no more.
pub struct Asking<'a> {
    pub context: &'a Context,
    pub main: &'a BranchName,
    pub config: &'a Config,
    pub host: Option<&'a Host>,
    pub name: RequestName,
}

/// What a plan wants of the request.
pub enum Wish {
    Ask(Box<Story>),
    /// It stays as it is, if there is one.
    Leave,
    /// Nothing is left to ask for.
    Close,
}

/// What came of it.
pub struct Asked<T> {
    pub value: T,
    pub request: Option<RequestRef>,
    /// Whether a request was closed, as nothing was left to ask for.
    pub closed: bool,
    pub attempts: u32,
    pub run: DryRun,
    pub warnings: Vec<String>,
}

/// What a plan came to on one state.
struct Decided<T> {
    value: T,
    wish: Wish,
    /// The branch before.
    head: Option<String>,
    /// Whether what is open was approved as it is, so that another takes its place.
    replaces: bool,
    templates: Option<Templates>,
}

impl Asking<'_> {
    /// Lands what `plan` wants, planning again whenever others were faster.
    pub fn run<T>(
        &self,
        repo: &mut StateRepo,
        mut plan: impl FnMut(&State<'_>, Option<&Open>) -> Result<(T, Wish), CommandError>,
    ) -> Result<Asked<T>, CommandError> {
        if let Some(host) = self.host {
            host.may_ask()?;
        }
        let mut attempts = 0;
        for _ in 0..ROUNDS {
            // Asked before anything is written, so that a token that is too small writes nothing.
            let standing = self.standing()?;
            let approved = self.is_frozen_now(standing.as_ref())?;
            let behind = !approved && self.is_behind(standing.as_ref())?;
            let landed = self.land(repo, (approved, behind), &mut plan)?;
            attempts += landed.attempts;
            let Decided { value, wish, head, replaces, templates } = landed.value;
            let is_new = head.is_none() && landed.commit.is_some();
            let mut asked = Asked {
                value,
                request: None,
                closed: false,
                attempts,
                run: DryRun::of(self.context.dry_run, &landed.changes),
                warnings: Vec::new(),
            };
            match (wish, standing) {
                (Wish::Leave, _) => {}
                (Wish::Close, _) => {
                    asked.closed = head.is_some();
                    if let (Some(head), false) = (head, self.context.dry_run) {
                        let word = "nothing is left to ask for: every pin is there";
                        // With plain git the branch is gone with what was landed.
                        asked.closed =
                            self.withdraw(repo, Some(&head), word)? || self.host.is_none();
                    }
                }
                (Wish::Ask(_), Some(old)) if replaces && !self.context.dry_run => {
                    let word = "it was approved as it is, and another version is asked for by now: a new request takes its place";
                    match self.close(&old, word) {
                        Ok(()) | Err(ForgeError::MergedMeanwhile) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                (Wish::Ask(story), standing) => {
                    let head = landed.commit.or(head);
                    match (self.host.zip(templates.as_ref()), &head) {
                        (Some((host, templates)), Some(head)) if !self.context.dry_run => {
                            let brought = self.bring(repo, host, head, &story, templates);
                            if is_new && brought.as_ref().is_err_and(is_meant) {
                                requests::delete(self.context, repo, &self.name, Some(head))?;
                            }
                            let Some((request, warnings)) = brought? else { continue };
                            asked.request = Some(self.reference(Some(&request), Some(head)));
                            asked.warnings = warnings;
                        }
                        _ => {
                            asked.request =
                                Some(self.reference(standing.as_ref(), head.as_deref()));
                        }
                    }
                }
            }
            return Ok(asked);
        }
        let message = format!("{} was merged or closed by others again and again", self.branch());
        Err(CommandError::new(ErrorKind::Contention, message).hint("run it again"))
    }

    fn branch(&self) -> BranchName {
        self.name.branch()
    }

    /// Whether an open request stays as it was opened: nobody can tell whether it is approved.
    pub fn keeps(&self, open: &Open) -> bool {
        let frozen = requests::update_of(&self.environments()) == Update::Frozen;
        self.host.is_none() && frozen && !open.is_empty()
    }

    fn environments(&self) -> Vec<&Environment> {
        requests::targets(self.config, self.name.target().as_str())
    }

    /// The request that is open on the forge.
    fn standing(&self) -> Result<Option<PullRequest>, CommandError> {
        let find = |host: &Host| host.forge.find_open(&self.branch(), self.main);
        Ok(self.host.map(find).transpose()?.flatten())
    }

    /// Whether what is open must stay as it is: with `update: frozen`, once it is approved.
    fn is_frozen_now(&self, standing: Option<&PullRequest>) -> Result<bool, CommandError> {
        let (Some(host), Some(standing)) = (self.host, standing) else { return Ok(false) };
        let is_living = requests::update_of(&self.environments()) == Update::Living;
        Ok(!is_living && !host.forge.approvals(standing.number)?.is_empty())
    }

    /// Whether the forge would merge what is open only if it were made on the newest main.
    fn is_behind(&self, standing: Option<&PullRequest>) -> Result<bool, CommandError> {
        let (Some(host), Some(standing)) = (self.host, standing) else { return Ok(false) };
        Ok(host.forge.get(standing.number)?.behind)
    }

    fn land<T>(
        &self,
        repo: &mut StateRepo,
        (approved, behind): (bool, bool),
        plan: &mut impl FnMut(&State<'_>, Option<&Open>) -> Result<(T, Wish), CommandError>,
    ) -> Result<crate::store::Committed<Decided<T>>, CommandError> {
        let location = repo.location().to_string();
        let branch = self.branch();
        let mut branches = self.config.branches();
        branches.push(branch.clone());
        let landed = repo.transact(&Reading::whole(&branches), &self.context.author, |tips| {
            let state = State::read(tips, self.main, &location)?;
            let open = Open::read(tips, &self.name, &state)?;
            let (value, wish) = plan(&state, open.as_ref())?;
            let mut replaces = false;
            let is_right = |open: &Open, story: &Story| {
                let is_old = behind && open.made_on.as_ref() != Some(&state.main.id());
                open.pins == story.pins && !open.stale && !is_old
            };
            let write = match (&wish, &open) {
                (Wish::Ask(story), Some(open)) if is_right(open, story) => None,
                (Wish::Ask(_), Some(open)) if self.keeps(open) => None,
                (Wish::Ask(_), Some(_)) if approved => {
                    replaces = true;
                    None
                }
                (Wish::Ask(story), _) => {
                    let mut message = self.context.message(&story.subject);
                    message.body = story.moves.iter().map(PinMove::line).collect();
                    let (parents, edits) = (vec![state.main.id()], Edits::of(&story.pins));
                    Some(Write::Commit { branch: branch.clone(), parents, edits, message })
                }
                (Wish::Close, Some(_)) if self.host.is_none() => {
                    Some(Write::Delete { branch: branch.clone() })
                }
                _ => None,
            };
            let head = open.map(|open| open.head);
            let templates = self.host.map(|_| Templates::read(&state.main)).transpose()?;
            let value = Decided { value, wish, head, replaces, templates };
            Ok::<_, CommandError>(Planned { value, write })
        })?;
        Ok(landed)
    }

    /// Where the request's branch is now.
    fn tip(&self, repo: &mut StateRepo) -> Result<Option<String>, CommandError> {
        let branch = self.branch();
        let tip = repo.tips(std::slice::from_ref(&branch))?.get(&branch)?;
        Ok(tip.map(|tip| tip.id()))
    }

    /// Opens the request of a branch, or brings the open one up to date. None where it was
    /// merged or closed meanwhile, or where its branch has moved on.
    fn bring(
        &self,
        repo: &mut StateRepo,
        host: &Host,
        head: &str,
        story: &Story,
        templates: &Templates,
    ) -> Result<Option<(PullRequest, Vec<String>)>, CommandError> {
        let find = || host.forge.find_open(&self.branch(), self.main);
        let mut found = find()?;
        if found.as_ref().is_some_and(|open| is_told(open, head)) {
            return Ok(found.map(|open| (open, Vec::new())));
        }
        let telling = Telling::new(self.context, self.config, host, &self.name, head, story)?;
        for look in 0..LOOKS {
            let written = match &found {
                Some(open) => host.forge.update(open, &self.spec(telling.again(open, templates)?)),
                None => host.forge.create(&self.spec(telling.page(templates)?)),
            };
            match written {
                // Whoever writes last has to tell of what the branch is at.
                Ok(written) if written.request.state == PullRequestState::Open => {
                    let Written { request, mut warnings } = written;
                    warnings.extend(gate_status::show(host, &request, head, &story.status));
                    let stands = self.tip(repo)?.as_deref() == Some(head);
                    return Ok(stands.then_some((request, warnings)));
                }
                Ok(_)
                | Err(
                    ForgeError::NothingToAsk
                    | ForgeError::MergedMeanwhile
                    | ForgeError::ClosedMeanwhile,
                ) => return Ok(None),
                Err(ForgeError::AlreadyExists) => {}
                Err(error) => return Err(error.into()),
            }
            // Another run was faster, or the forge's list has yet to hear of ours.
            found = find()?;
            if found.is_none() {
                std::thread::sleep(Duration::from_millis(250) * 2_u32.pow(look));
            }
        }
        Err(ForgeError::AlreadyExists.into())
    }

    fn spec(&self, Page { title, body }: Page) -> PullRequestSpec {
        let rules: Vec<_> =
            self.environments().into_iter().filter_map(|it| it.request.as_ref()).collect();
        let all = |of: fn(&Request) -> &Vec<String>| {
            let mut all: Vec<String> = Vec::new();
            for told in rules.iter().flat_map(|rule| of(rule)) {
                if !all.contains(told) {
                    all.push(told.clone());
                }
            }
            all
        };
        let reviewer = |told: String| match told.split_once(':') {
            Some(("team", team)) => Reviewer::Team(team.to_owned()),
            Some(("user", user)) => Reviewer::User(user.to_owned()),
            _ => Reviewer::User(told),
        };
        PullRequestSpec {
            branch: self.branch(),
            base: self.main.clone(),
            title,
            body,
            labels: all(|rule| &rule.labels),
            reviewers: all(|rule| &rule.reviewers).into_iter().map(reviewer).collect(),
            assignees: all(|rule| &rule.assignees),
            draft: rules.iter().any(|rule| rule.draft),
            squash: requests::method_of(&self.environments()) == MergeMethod::Squash,
        }
    }

    /// Closes the request with a word, and removes its branch if it is still at `head`; true
    /// where there was one. Without a head, one that is merged meanwhile is an error; with one,
    /// it is over as well.
    pub fn withdraw(
        &self,
        repo: &mut StateRepo,
        head: Option<&str>,
        word: &str,
    ) -> Result<bool, CommandError> {
        if let Some(open) = self.standing()? {
            // Another run asks for something else by now, and with the same request.
            if let Some(head) = head
                && self.tip(repo)?.is_some_and(|tip| tip != head)
            {
                return Ok(false);
            }
            match self.close(&open, word) {
                Err(ForgeError::MergedMeanwhile) if head.is_some() => {}
                closed => closed?,
            }
        }
        requests::delete(self.context, repo, &self.name, head)
    }

    fn close(&self, open: &PullRequest, word: &str) -> Result<(), ForgeError> {
        if let Some(Host { forge, .. }) = self.host {
            forge.comment(open.number, &format!("Closed by Pinrail: {word}."))?;
            forge.close(open.number)?;
        }
        Ok(())
    }

    fn reference(&self, open: Option<&PullRequest>, head: Option<&str>) -> RequestRef {
        RequestRef {
            number: open.map(|open| open.number),
            url: open.map(|open| open.url.clone()),
            branch: self.branch().to_string(),
            head: head.map(ToOwned::to_owned),
        }
    }
}

/// Whether the forge will not have the request, as opposed to a bad moment.
fn is_meant(error: &CommandError) -> bool {
    matches!(error.kind, ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Authentication)
}
