//! What is live, on a service's own repository.
//! <https://docs.github.com/en/rest/deployments/deployments>

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::GitHub;
use super::statuses::short;
use crate::forge::{Deployment, ForgeError};

const WRITE: &str = "Deployments: write";
const READ: &str = "Deployments: read";

#[derive(Debug, Deserialize)]
struct Recorded {
    id: u64,
    sha: String,
}

#[derive(Debug, Deserialize)]
struct Status {
    state: String,
    #[serde(default)]
    environment_url: Option<String>,
}

impl GitHub {
    pub(super) fn record(&self, wanted: &Deployment) -> Result<(), ForgeError> {
        let list = self.list_of(wanted);
        // Newest first.
        let recorded: Vec<Recorded> = self.read(&list, READ)?;
        let newest = recorded.first().filter(|it| it.sha == wanted.revision);
        let id = match newest {
            Some(newest) => newest.id,
            None => self.create_deployment(wanted, &list)?,
        };
        self.set_live(wanted, id)?;
        for old in recorded.iter().filter(|it| it.id != id) {
            // Those before it were retired with it.
            if !self.retire(wanted, old.id)? {
                break;
            }
        }
        Ok(())
    }

    fn list_of(&self, wanted: &Deployment) -> Url {
        let mut url = self.url_of(&wanted.project, &["deployments"]);
        url.query_pairs_mut().append_pair("environment", &wanted.environment);
        url
    }

    fn statuses_of(&self, wanted: &Deployment, id: u64) -> Url {
        self.url_of(&wanted.project, &["deployments", &id.to_string(), "statuses"])
    }

    fn create_deployment(&self, wanted: &Deployment, list: &Url) -> Result<u64, ForgeError> {
        let url = self.url_of(&wanted.project, &["deployments"]);
        let body = json!({
            "ref": wanted.revision,
            "environment": wanted.environment,
            "description": short(&wanted.description),
            "production_environment": wanted.production,
            // Otherwise GitHub merges the default branch into the ref, and answers 202.
            "auto_merge": false,
            // Otherwise a red check refuses the record of what is live already.
            "required_contexts": [],
        });
        self.session.write(
            async || {
                let answer = self.client.send(&Method::POST, &url, Some(&body)).await?;
                match answer.status.as_u16() {
                    202 | 409 => Err(ForgeError::Invalid(format!(
                        "GitHub does not record the deployment: {}",
                        answer.words()
                    ))),
                    _ => answer.ok::<Recorded>(WRITE).map(|made| made.id),
                }
            },
            async || {
                let found: Vec<Recorded> = self.client.get(list).await?.ok(READ)?;
                let newest = found.into_iter().next();
                Ok(newest.filter(|it| it.sha == wanted.revision).map(|it| it.id))
            },
        )
    }

    fn set_live(&self, wanted: &Deployment, id: u64) -> Result<(), ForgeError> {
        let address = wanted.url.as_ref().map(Url::as_str).unwrap_or_default();
        let is_live = |status: &Status| {
            status.state == "success"
                && status.environment_url.as_deref().unwrap_or_default() == address
        };
        // Retiring is done below: `auto_inactive` leaves production out.
        let body = json!({
            "state": "success", "environment_url": address, "auto_inactive": false,
            "description": short(&wanted.description),
        });
        self.set_state(&self.statuses_of(wanted, id), &body, is_live).map(drop)
    }

    /// Whether there was something to retire.
    fn retire(&self, wanted: &Deployment, id: u64) -> Result<bool, ForgeError> {
        let body = json!({"state": "inactive", "auto_inactive": false});
        let is_over = |status: &Status| status.state == "inactive";
        self.set_state(&self.statuses_of(wanted, id), &body, is_over)
    }

    /// Sets a deployment's state unless it is that already; whether it had to be.
    fn set_state(
        &self,
        url: &Url,
        body: &Value,
        is_it: impl Fn(&Status) -> bool,
    ) -> Result<bool, ForgeError> {
        let is_set = async || {
            let found: Vec<Status> = self.client.get(url).await?.ok(READ)?;
            Ok(found.first().is_some_and(&is_it))
        };
        if self.session.read(is_set)? {
            return Ok(false);
        }
        self.put((Method::POST, url, WRITE), body, is_set)?;
        Ok(true)
    }
}
