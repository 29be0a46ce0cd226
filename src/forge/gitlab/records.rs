//! What is live. Environments and deployments are told with a job token too, in the project
//! that the job runs in: <https://docs.gitlab.com/ci/jobs/ci_job_token/>.

use gitlab::api::common::{SortOrder, path_escaped};
use gitlab::api::projects::deployments::{
    CreateDeployment, DeploymentOrderBy, DeploymentStatus, DeploymentStatusFilter, Deployments,
};
use gitlab::api::projects::environments::Environments;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::client::Call;
use super::refusal::Refusal;
use super::{GitLab, unbuilt};
use crate::forge::{Deployment, ForgeError};

#[derive(Deserialize)]
struct Environment {
    id: u64,
    name: String,
    external_url: Option<String>,
    tier: Option<String>,
}

#[derive(Deserialize)]
struct Deployed {
    sha: String,
}

impl GitLab {
    pub(super) fn record_deployment(&self, deployment: &Deployment) -> Result<(), ForgeError> {
        let Deployment { project, revision, environment, .. } = deployment;
        let newest = Deployments::builder()
            .project(project.as_str())
            .environment(environment.as_str())
            .status(DeploymentStatusFilter::Success)
            .order_by(DeploymentOrderBy::Id)
            .sort(SortOrder::Descending)
            .build()
            .map_err(unbuilt)?;
        let is_live = |found: &[Deployed]| found.first().is_some_and(|one| one.sha == *revision);
        if is_live(&self.read::<Vec<Deployed>>(&newest)?) {
            return Ok(());
        }
        self.set_up(deployment)?;
        let create = CreateDeployment::builder()
            .project(project.as_str())
            .environment(environment.as_str())
            .sha(revision.as_str())
            // A commit is a reference that is surely there, whatever its branch is called.
            .ref_(revision.as_str())
            .tag(false)
            .status(DeploymentStatus::Success)
            .build()
            .map_err(unbuilt)?;
        self.write(
            async || match self.client.ask::<Deployed, _>(&create).await {
                Ok(_) => Ok(()),
                Err(refusal) => Err(of_environment(refusal, deployment)),
            },
            async || {
                let found: Vec<Deployed> = self.client.ask(&newest).await?;
                Ok(is_live(&found).then_some(()))
            },
        )
    }

    /// Makes the environment, or brings its address and tier up to date.
    fn set_up(&self, deployment: &Deployment) -> Result<(), ForgeError> {
        let Deployment { project, environment, .. } = deployment;
        let tier = tier(deployment);
        let url = deployment.url.as_ref().map(Url::as_str);
        let list = Environments::builder()
            .project(project.as_str())
            .name(environment.as_str())
            .build()
            .map_err(unbuilt)?;
        let named =
            |found: Vec<Environment>| found.into_iter().find(|one| one.name == *environment);
        let is_right = |one: &Environment| {
            one.tier.as_deref().is_none_or(|it| it == tier)
                && url.is_none_or(|url| one.external_url.as_deref() == Some(url))
        };
        let path = format!("projects/{}/environments", path_escaped(project));
        let mut body = json!({"tier": tier});
        if let Some(url) = url {
            body["external_url"] = url.into();
        }
        let call = match named(self.read(&list)?) {
            Some(one) if is_right(&one) => return Ok(()),
            Some(one) => Call::put(format!("{path}/{}", one.id), body),
            None => {
                body["name"] = environment.as_str().into();
                Call::post(path, body)
            }
        };
        self.write(
            async || match self.client.ask::<Value, _>(&call).await {
                Ok(_) => Ok(()),
                // Another job was faster.
                Err(refusal) if refusal.words.contains("has already been taken") => Ok(()),
                Err(refusal) => Err(of_environment(refusal, deployment)),
            },
            async || Ok(named(self.client.ask(&list).await?).filter(is_right).map(|_| ())),
        )
    }
}

/// <https://docs.gitlab.com/ci/environments/#deployment-tier-of-environments>
fn tier(deployment: &Deployment) -> &'static str {
    match deployment.production {
        true => "production",
        false if deployment.environment.starts_with("dev") => "development",
        false => "staging",
    }
}

/// <https://docs.gitlab.com/ci/environments/protected_environments/>
fn of_environment(refusal: Refusal, deployment: &Deployment) -> ForgeError {
    match refusal.error {
        ForgeError::Forbidden { words, need: Some("the scope `api`") } => {
            ForgeError::Forbidden { words, need: Some("the scope `api`") }
        }
        ForgeError::Forbidden { words, .. } => ForgeError::Forbidden {
            words: format!(
                "the environment `{}` of {} may be protected: {words}",
                deployment.environment, deployment.project
            ),
            need: Some("to be allowed to deploy to the protected environment"),
        },
        other => other,
    }
}
