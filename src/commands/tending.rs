//! Looking after the open requests: each is judged again as things are now, shown as that, and
//! kept from merging by itself where it may not.
//!
//! Each step may be repeated, and two runs at once do no harm: what is so already is not
//! written, and what another run was faster with is left to it.

use super::asking::Asking;
use super::check_change::Verdict;
use super::evidence::Inquiry;
use super::gate_status;
use super::on_forge::Host;
use super::tend_look::{Asker, Due, Judged};
use super::tend_report::{Deed, GateState, TendItem};
use super::{CommandError, Context};
use crate::domain::cause::Cause;
use crate::domain::config::Config;
use crate::domain::name::{BranchName, EnvironmentName};
use crate::domain::request::RequestName;
use crate::forge::{ForgeError, PullRequest};
use crate::store::StateRepo;

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

impl Tending<'_> {
    /// Looks after each request; what went wrong with one is told in its item.
    ///
    /// # Errors
    /// A services-root or a list of requests that cannot be read.
    pub fn run(&self, repo: &mut StateRepo) -> Result<Vec<TendItem>, CommandError> {
        let judged = self.look(repo)?;
        Ok(judged.into_iter().map(|judged| self.tend(repo, judged)).collect())
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
            let refusal = verdict.refusal();
            let status = match (&asker.branch, &refusal) {
                (Some(_), Some(why)) => gate_status::red(why),
                (Some(_), None) => gate_status::green(),
                (None, _) => gate_status::unread(UNREAD),
            };
            let request = PullRequest { head: item.head.clone(), ..request.clone() };
            // First, as GitLab drops it without a word where the status turns red.
            if let Some(why) = refusal {
                withdraw(host, &request, &why, &mut item);
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
    let report = verdict.as_ref().ok().map(|verdict| &verdict.report);
    let (state, told) = match (due, verdict) {
        (Due::Pend, _) => (GateState::Pending, Some(UNREAD.to_owned())),
        (_, Err(error)) => (GateState::Pending, Some(error.to_string())),
        (_, Ok(verdict)) => match verdict.refusal() {
            Some(why) => (GateState::Red, Some(why)),
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
        moves: report.and_then(|report| report.moves.clone()).unwrap_or_default(),
        problems: report.map(|report| report.problems.clone()).unwrap_or_default(),
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
