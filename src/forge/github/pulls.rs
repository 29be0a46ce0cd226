//! Pull requests: found, opened, brought up to date, closed.
//! <https://docs.github.com/en/rest/pulls/pulls>

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::GitHub;
use super::answer::Answer;
use crate::domain::name::BranchName;
use crate::forge::{ForgeError, PullRequest, PullRequestSpec, PullRequestState, Written};

pub(super) const READ: &str = "Pull requests: read";
pub(super) const WRITE: &str = "Pull requests: write";

/// What is read of a pull request; a list has less of it, and an older server too.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pull {
    pub number: u64,
    #[serde(default)]
    pub node_id: String,
    pub html_url: String,
    pub head: Side,
    pub base: Side,
    pub title: String,
    #[serde(default)]
    pub body: Option<String>,
    pub state: String,
    #[serde(default)]
    pub draft: Option<bool>,
    #[serde(default)]
    pub auto_merge: Option<Value>,
    /// None for an account that is gone.
    #[serde(default)]
    pub user: Option<Account>,
    pub created_at: Timestamp,
    #[serde(default)]
    pub merged_at: Option<Timestamp>,
    /// Before the merge that of a trial.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    /// None as long as GitHub tries.
    #[serde(default)]
    pub mergeable: Option<bool>,
    #[serde(default)]
    pub mergeable_state: Option<String>,
    #[serde(default)]
    pub labels: Vec<Label>,
    #[serde(default)]
    pub assignees: Vec<Account>,
    #[serde(default)]
    pub requested_reviewers: Vec<Account>,
    #[serde(default)]
    pub requested_teams: Vec<Team>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    /// None where a fork is gone.
    #[serde(default)]
    repo: Option<Repository>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    pub login: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Team {
    pub slug: String,
}

impl Pull {
    pub fn state(&self) -> PullRequestState {
        match () {
            () if self.merged_at.is_some() => PullRequestState::Merged,
            () if self.state == "open" => PullRequestState::Open,
            () => PullRequestState::Closed,
        }
    }

    /// Whether its branch is of this repository and not of a fork, where it may have any name.
    fn is_ours(&self) -> bool {
        self.head.repo.is_some() && self.head.repo == self.base.repo
    }

    /// The commit that it was merged with.
    pub fn merged_with(&self) -> Option<String> {
        self.merged_at.and(self.merge_commit_sha.clone())
    }

    fn has_text(&self, spec: &PullRequestSpec) -> bool {
        same(&self.title, &spec.title) && same(self.body.as_deref().unwrap_or_default(), &spec.body)
    }
}

impl From<Pull> for PullRequest {
    fn from(pull: Pull) -> Self {
        Self {
            state: pull.state(),
            merged_with: pull.merged_with(),
            from_fork: !pull.is_ours(),
            number: pull.number,
            url: pull.html_url,
            branch: pull.head.name,
            base: pull.base.name,
            head: pull.head.sha,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            draft: pull.draft.unwrap_or_default(),
            behind: pull.mergeable_state.as_deref() == Some("behind"),
            auto_merge: pull.auto_merge.is_some(),
            author: pull.user.map_or_else(|| "ghost".to_owned(), |user| user.login),
            created_at: pull.created_at,
        }
    }
}

impl GitHub {
    pub(super) fn pull(&self, number: u64) -> Result<Pull, ForgeError> {
        self.session.read(async || self.pull_now(number).await)
    }

    pub(super) async fn pull_now(&self, number: u64) -> Result<Pull, ForgeError> {
        let url = self.url(&["pulls", &number.to_string()]);
        self.client.get(&url).await?.ok(READ)
    }

    /// The filter is not trusted: one that GitHub does not understand it leaves out.
    pub(super) async fn open_pull(
        &self,
        branch: &BranchName,
        base: &BranchName,
    ) -> Result<Option<Pull>, ForgeError> {
        let mut url = self.url(&["pulls"]);
        let head = format!("{}:{branch}", self.owner_and_name().0);
        url.query_pairs_mut()
            .extend_pairs([("state", "open"), ("head", &head), ("base", base.as_ref())])
            .append_pair("per_page", "100");
        let mut next = Some(url);
        while let Some(url) = next {
            let answer = self.client.get(&url).await?;
            next = answer.link("next");
            let pulls: Vec<Pull> = answer.ok(READ)?;
            let fits = |pull: &Pull| {
                pull.is_ours()
                    && pull.head.name == branch.as_str()
                    && pull.base.name == base.as_str()
            };
            if let Some(found) = pulls.into_iter().find(fits) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) fn open_pulls(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let mut url = self.url(&["pulls"]);
        url.query_pairs_mut().extend_pairs([
            ("state", "open"),
            ("sort", "created"),
            ("direction", "asc"),
        ]);
        let mut pulls: Vec<Pull> = self.list(&url, READ)?;
        pulls.retain(|pull| {
            prefix.is_empty() || (pull.is_ours() && pull.head.name.starts_with(prefix))
        });
        Ok(pulls.into_iter().map(Into::into).collect())
    }

    pub(super) fn open(&self, spec: &PullRequestSpec) -> Result<Written, ForgeError> {
        let mut warnings = Vec::new();
        let opened = match self.try_to_open(spec, spec.draft) {
            // Private repositories of a free plan have no drafts.
            Err(ForgeError::Invalid(words)) if spec.draft && words.contains("Draft") => {
                warnings.push(format!("it is not a draft: {words}"));
                self.try_to_open(spec, false)
            }
            opened => opened,
        }?;
        warnings.extend(self.ask_people(&opened, spec));
        Ok(Written { request: opened.into(), warnings })
    }

    fn try_to_open(&self, spec: &PullRequestSpec, draft: bool) -> Result<Pull, ForgeError> {
        let url = self.url(&["pulls"]);
        let body = json!({
            "title": spec.title, "body": spec.body, "draft": draft,
            "head": spec.branch, "base": spec.base,
        });
        let opened = self.session.write(
            async || {
                let answer = self.client.send(&Method::POST, &url, Some(&body)).await?;
                match refused(&answer) {
                    Some(error) => Err(error),
                    None => answer.ok(WRITE).map(Some),
                }
            },
            async || {
                let found = self.open_pull(&spec.branch, &spec.base).await?;
                // One with other words is somebody else's, and was there before.
                Ok(found.map(|pull| pull.has_text(spec).then_some(pull)))
            },
        )?;
        opened.ok_or(ForgeError::AlreadyExists)
    }

    pub(super) fn bring_up_to_date(
        &self,
        request: &PullRequest,
        spec: &PullRequestSpec,
    ) -> Result<Written, ForgeError> {
        let mut pull = self.pull(request.number)?;
        match pull.state() {
            PullRequestState::Open => {}
            PullRequestState::Merged => return Err(ForgeError::MergedMeanwhile),
            PullRequestState::Closed => return Err(ForgeError::ClosedMeanwhile),
        }
        let mut changes = Map::new();
        if !same(&pull.title, &spec.title) {
            changes.insert("title".to_owned(), json!(spec.title));
        }
        if !same(pull.body.as_deref().unwrap_or_default(), &spec.body) {
            changes.insert("body".to_owned(), json!(spec.body));
        }
        if !changes.is_empty() {
            let url = self.url(&["pulls", &pull.number.to_string()]);
            let changes = Value::Object(changes);
            pull = self.session.write(
                async || {
                    let answer = self.client.send(&Method::PATCH, &url, Some(&changes)).await?;
                    answer.ok(WRITE)
                },
                async || Ok(Some(self.pull_now(pull.number).await?).filter(|it| it.has_text(spec))),
            )?;
        }
        let warnings = self.ask_people(&pull, spec);
        Ok(Written { request: pull.into(), warnings })
    }

    pub(super) fn close_pull(&self, number: u64) -> Result<(), ForgeError> {
        let is_closed = |pull: &Pull| match pull.state() {
            PullRequestState::Open => Ok(false),
            PullRequestState::Closed => Ok(true),
            PullRequestState::Merged => Err(ForgeError::MergedMeanwhile),
        };
        if is_closed(&self.pull(number)?)? {
            return Ok(());
        }
        let url = self.url(&["pulls", &number.to_string()]);
        self.put((Method::PATCH, &url, WRITE), &json!({"state": "closed"}), async || {
            is_closed(&self.pull_now(number).await?)
        })
    }
}

/// Why a pull request was not opened, where the reason has no code of its own.
fn refused(answer: &Answer) -> Option<ForgeError> {
    let words = answer.words();
    match () {
        () if answer.status.as_u16() == 403 && words.contains("not permitted to create") => {
            let setting = "Settings > Actions > General > “Allow GitHub Actions to create and \
                           approve pull requests”";
            Some(ForgeError::Forbidden { words: format!("{words} ({setting})"), need: None })
        }
        () if answer.status.as_u16() != 422 => None,
        () if answer.complains("PullRequest", "A pull request already exists") => {
            Some(ForgeError::AlreadyExists)
        }
        () if answer.complains("PullRequest", "No commits between") => {
            Some(ForgeError::NothingToAsk)
        }
        () => None,
    }
}

/// Whether two texts are the same but for how their lines end, which GitHub's pages change.
fn same(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    lines(one) == lines(other)
}
