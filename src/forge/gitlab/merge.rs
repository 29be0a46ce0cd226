//! The merge. GitLab's answers come in the order 401, 405, 422, 409, so that a head that moved
//! hides behind "not now": after each refusal the request is read again before it is judged.
//! <https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request>

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::client::Call;
use super::gates::{Gate, words};
use super::refusal::Refusal;
use super::shapes::{MergeRequest, ProjectShape};
use crate::domain::environment::MergeMethod;
use crate::forge::{ForgeError, Merge, MergeWhen, Merged, PullRequestState};

/// Merges that GitLab refuses although it calls the request mergeable: its base moved.
const TRIES: u32 = 5;
/// Looks at what GitLab is about to do: to make a pipeline, to show a merge.
const LOOKS: u32 = 4;

/// Waits that grow, up to five seconds.
struct Pace(Duration);

impl Pace {
    fn new() -> Self {
        Self(Duration::from_millis(200))
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_secs(5));
        pause
    }
}

/// A few looks, and the waits between them.
pub(super) struct Looks {
    left: u32,
    pace: Pace,
}

impl Looks {
    pub fn new() -> Self {
        Self { left: LOOKS, pace: Pace::new() }
    }
}

/// What a merge is asked for with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Now,
    Auto,
    Train,
}

/// A place on a merge train: <https://docs.gitlab.com/api/merge_trains/>.
#[derive(Deserialize)]
struct Car {
    status: Option<String>,
}

/// What came of asking.
enum Asked {
    Done(Merged),
    /// GitLab took it and is at it.
    Begun,
    /// GitLab refused for now; the request tells why.
    Refused(Refusal),
}

impl GitLab {
    pub(super) fn merge_merge_request(
        &self,
        number: u64,
        merge: &Merge,
    ) -> Result<Merged, ForgeError> {
        let project = self.own_project()?;
        let squash = squash(&project, merge.method)?;
        let trains = project.merge_trains_enabled == Some(true);
        let mut pipeline = Looks::new();
        let mut pace = Pace::new();
        let mut refusals = 0;
        let mut may_wait = true;
        loop {
            let request = self.settled(number, merge)?;
            let is_set = request.merge_when_pipeline_succeeds == Some(true);
            if is_set && merge.when == MergeWhen::Ready {
                return Ok(Merged::WhenReady);
            }
            let status = status(&request);
            let how = match (Gate::of(&status), merge.when) {
                // Before it has a pipeline, GitLab would merge it without one.
                (Gate::Open | Gate::Shut, MergeWhen::Ready)
                    if request.head_pipeline.is_none()
                        && self.looks_again(&mut pipeline, "the merge request's pipeline")? =>
                {
                    continue;
                }
                (Gate::Open, _) if trains => How::Train,
                (Gate::Open, MergeWhen::Ready) if may_wait && is_running(&request) => How::Auto,
                (Gate::Open, _) => How::Now,
                (Gate::Running | Gate::Shut, MergeWhen::Ready) if may_wait => How::Auto,
                _ => return Err(not_mergeable(&request, &status, None)),
            };
            let refusal = match self.ask_to_merge(number, merge, squash, how)? {
                Asked::Done(merged) => return Ok(merged),
                Asked::Begun => return self.outcome(number),
                Asked::Refused(refusal) => refusal,
            };
            // Merged, closed or moved by somebody: told by reading it again.
            let request = self.settled(number, merge)?;
            if refusal.is(StatusCode::UNAUTHORIZED) {
                return Err(self.may_not_merge(refusal, &request));
            }
            let status = self::status(&request);
            refusals += 1;
            if refusals == TRIES || (how == How::Auto && Gate::of(&status) != Gate::Open) {
                return Err(not_mergeable(&request, &status, Some(&refusal.words)));
            }
            // Nothing to be waited for, says GitLab: then it is merged at once.
            may_wait &= how != How::Auto;
            self.session.wait(pace.next(), "GitLab to merge")?;
        }
    }

    /// A 401 of a token that reads the request: the branch is protected from it.
    pub(super) fn may_not_merge(&self, refusal: Refusal, request: &MergeRequest) -> ForgeError {
        let token = self.client.token();
        if token.is_job_token {
            return refusal.into();
        }
        ForgeError::Forbidden {
            words: format!("{} may not merge into `{}`", token.source, request.target_branch),
            need: Some("to be allowed to merge into the protected branch"),
        }
    }

    /// What came of a merge that GitLab took and had not done when it answered.
    fn outcome(&self, number: u64) -> Result<Merged, ForgeError> {
        let mut looks = Looks::new();
        while self.looks_again(&mut looks, "GitLab to merge")? {
            if let Some(merged) = came_of(&self.merge_request(number)?) {
                return Ok(merged);
            }
        }
        Err(ForgeError::Unknown("GitLab took the merge and shows nothing of it".to_owned()))
    }

    /// The request once GitLab knows about it, still open and at the approved commit.
    fn settled(&self, number: u64, merge: &Merge) -> Result<MergeRequest, ForgeError> {
        let mut pace = Pace::new();
        loop {
            let request = self.merge_request(number)?;
            match request.state() {
                PullRequestState::Merged => return Err(ForgeError::MergedMeanwhile),
                PullRequestState::Closed => return Err(ForgeError::ClosedMeanwhile),
                PullRequestState::Open => {}
            }
            if request.sha.as_ref().is_some_and(|sha| *sha != merge.head) {
                return Err(ForgeError::HeadMoved);
            }
            let is_waited_for = match Gate::of(&status(&request)) {
                Gate::Checking => true,
                Gate::Running => merge.when == MergeWhen::Now,
                _ => request.sha.is_none() || request.state == "locked",
            };
            if !is_waited_for {
                return Ok(request);
            }
            self.session.wait(pace.next(), &format!("merge request !{number}"))?;
        }
    }

    /// Waits a little, and then a little longer; false where that was enough.
    pub(super) fn looks_again(&self, looks: &mut Looks, what: &str) -> Result<bool, ForgeError> {
        if looks.left == 0 {
            return Ok(false);
        }
        looks.left -= 1;
        self.session.wait(looks.pace.next(), what)?;
        Ok(true)
    }

    fn ask_to_merge(
        &self,
        number: u64,
        merge: &Merge,
        squash: Option<bool>,
        how: How,
    ) -> Result<Asked, ForgeError> {
        let mut body = json!({"sha": merge.head});
        if let Some(squash) = squash {
            body["squash"] = squash.into();
        }
        if how == How::Train {
            return self.board(number, body);
        }
        if how == How::Auto {
            body["auto_merge"] = true.into();
        }
        let call = Call::put(self.below(&format!("merge_requests/{number}/merge")), body);
        let one = self.one(number)?;
        self.write(
            async || match self.client.ask::<MergeRequest, _>(&call).await {
                Ok(request) => Ok(came_of(&request).map_or(Asked::Begun, Asked::Done)),
                Err(refusal) => refused(refusal),
            },
            async || {
                let request: MergeRequest = self.client.ask(&one).await?;
                match request.state.as_str() {
                    // GitLab is at it, although the answer was lost.
                    "locked" => Err(ForgeError::Unreachable("GitLab is still merging".to_owned())),
                    _ => Ok(came_of(&request).map(Asked::Done)),
                }
            },
        )
    }

    /// Puts a request on the merge train, where it is not on it yet.
    fn board(&self, number: u64, body: Value) -> Result<Asked, ForgeError> {
        let path = self.below(&format!("merge_trains/merge_requests/{number}"));
        let (car, call) = (Call::get(path.clone()), Call::post(path, body));
        let aboard = async || match self.client.ask::<Car, _>(&car).await {
            Ok(car) => Ok(car.on_its_way().then_some(Asked::Done(Merged::Queued))),
            Err(refusal) if refusal.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        };
        if let Some(done) = self.session.read(aboard)? {
            return Ok(done);
        }
        self.write(
            async || match self.client.ask::<Value, _>(&call).await {
                Ok(_) => Ok(Asked::Done(Merged::Queued)),
                Err(refusal) => refused(refusal),
            },
            aboard,
        )
    }
}

impl Car {
    /// <https://docs.gitlab.com/api/merge_trains/>
    fn on_its_way(&self) -> bool {
        !matches!(self.status.as_deref(), Some("merged" | "skip_merged"))
    }
}

/// A refusal that the request itself explains is told apart from all others.
fn refused(refusal: Refusal) -> Result<Asked, ForgeError> {
    let by_status = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::CONFLICT,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    let of_the_request = by_status.iter().any(|status| refusal.is(*status));
    match of_the_request && !matches!(refusal.error, ForgeError::Moved { .. }) {
        true => Ok(Asked::Refused(refusal)),
        false => Err(refusal.into()),
    }
}

/// What a request shows of a merge that was asked for; none where there is nothing of it.
fn came_of(request: &MergeRequest) -> Option<Merged> {
    match request.state() {
        PullRequestState::Merged => Some(Merged::Now { commit: request.merged_with() }),
        _ if request.merge_when_pipeline_succeeds == Some(true) => Some(Merged::WhenReady),
        _ => None,
    }
}

fn status(request: &MergeRequest) -> String {
    // Before GitLab 15.6 there is only the older word.
    request
        .detailed_merge_status
        .clone()
        .or_else(|| request.merge_status.clone())
        .unwrap_or_default()
}

fn is_running(request: &MergeRequest) -> bool {
    let status = request.head_pipeline.as_ref().map(|pipeline| pipeline.status.as_str());
    matches!(
        status,
        Some(
            "created" | "waiting_for_resource" | "preparing" | "pending" | "running" | "scheduled"
        )
    )
}

fn not_mergeable(request: &MergeRequest, status: &str, refusal: Option<&str>) -> ForgeError {
    let why = words(status);
    let more =
        request.merge_error.as_deref().or(refusal.filter(|_| Gate::of(status) == Gate::Open));
    let pipeline = match (status, &request.head_pipeline) {
        ("ci_must_pass", None) => " and it has none yet",
        _ => "",
    };
    ForgeError::NotMergeable(match (more, Gate::of(status)) {
        (Some(more), Gate::Open) => format!("GitLab does not merge it: {more}"),
        (Some(more), _) => format!("{why}{pipeline} ({more})"),
        (None, _) => format!("{why}{pipeline}"),
    })
}

/// Whether to ask for a squash. The project's own method decides all else.
/// <https://docs.gitlab.com/user/project/merge_requests/squash_and_merge/>
fn squash(project: &ProjectShape, method: MergeMethod) -> Result<Option<bool>, ForgeError> {
    match (project.squash_option.as_deref(), method) {
        (Some("never"), MergeMethod::Squash) => Err(ForgeError::NotMergeable(
            "the project does not allow squashing (Settings > Merge requests > Squash commits when merging)"
                .to_owned(),
        )),
        (Some("always" | "never"), _) => Ok(None),
        (_, method) => Ok(Some(method == MergeMethod::Squash)),
    }
}
