//! A merge that was to come by itself is taken back. A place on a merge train is one of the
//! strategies of auto-merge, shown and cancelled as such:
//! <https://docs.gitlab.com/ci/pipelines/merge_trains/#remove-a-merge-request-from-a-merge-train>.

use http::StatusCode;
use serde_json::{Value, json};

use super::GitLab;
use super::client::Call;
use super::merge::Looks;
use crate::forge::{ForgeError, PullRequestState};

const CANCEL: &str = "cancel_merge_when_pipeline_succeeds";

impl GitLab {
    /// <https://docs.gitlab.com/api/merge_requests/#cancel-merge-when-pipeline-succeeds>. Its
    /// answer is not relied on: GitLab says "created" where there was nothing to cancel as well.
    pub(super) fn withdraw(&self, number: u64) -> Result<bool, ForgeError> {
        let path = self.below(&format!("merge_requests/{number}/{CANCEL}"));
        let call = Call::post(path, json!({}));
        let mut looks = Looks::new();
        let mut asked = false;
        loop {
            let request = self.merge_request(number)?;
            match request.state() {
                PullRequestState::Merged => return Err(ForgeError::MergedMeanwhile),
                PullRequestState::Open if request.state == "locked" => {
                    if !self.looks_again(&mut looks, "GitLab, which is merging it")? {
                        return Err(ForgeError::Unknown("GitLab is merging it".to_owned()));
                    }
                    continue;
                }
                PullRequestState::Open if request.merge_when_pipeline_succeeds == Some(true) => {}
                _ => return Ok(asked),
            }
            if asked && !self.looks_again(&mut looks, "GitLab to take the merge back")? {
                let words = "GitLab was told to take the merge back, and shows it all the same";
                return Err(ForgeError::Unknown(words.to_owned()));
            }
            let refusal = self.write(
                async || match self.client.ask::<Value, _>(&call).await {
                    Ok(_) => Ok(None),
                    Err(refusal) if refusal.is(StatusCode::UNAUTHORIZED) => Ok(Some(refusal)),
                    // There is nothing to cancel, as the documentation has it.
                    Err(refusal) if refusal.is(StatusCode::NOT_ACCEPTABLE) => Ok(None),
                    Err(refusal) => Err(refusal.into()),
                },
                // What came of it the next look tells.
                async || Ok(Some(None)),
            )?;
            if let Some(refusal) = refusal {
                return Err(self.may_not_merge(refusal, &request));
            }
            asked = true;
        }
    }
}
