//! Commits that GitHub makes and signs, each on a branch that must be where it is expected.
//! <https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::client::Graph;
use crate::forge::{ApiCommit, ForgeError};

const NEED: &str = "Contents: write";
const NOWHERE: &str = "0000000000000000000000000000000000000000";

const CREATE_COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } } }";
const UPDATE_REFS: &str = "mutation($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId } }";

#[derive(Deserialize)]
struct Ref {
    object: Target,
}

#[derive(Deserialize)]
struct Target {
    sha: String,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    parents: Vec<Target>,
    commit: Message,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[derive(Deserialize)]
struct Repository {
    node_id: String,
}

impl GitHub {
    pub(super) fn make_commit(&self, commit: &ApiCommit) -> Result<String, ForgeError> {
        let branch = commit.branch.as_str();
        // GraphQL follows a renamed repository without a word; this call does not.
        if self.tip(branch)? != commit.from {
            return Err(ForgeError::HeadMoved);
        }
        match &commit.from {
            Some(from) if *from == commit.parent => self.commit_on(branch, commit),
            Some(from) => self.rebuild(branch, from, commit),
            None => {
                self.create_branch(branch, &commit.parent)?;
                self.commit_on(branch, commit).inspect_err(|error| {
                    if !matches!(error, ForgeError::Unknown(_) | ForgeError::HeadMoved) {
                        // Nothing of ours stays behind; what the commit met is the error to tell.
                        let _ = self.move_ref(branch, &commit.parent, NOWHERE);
                    }
                })
            }
        }
    }

    /// Replaces a branch by a commit on another parent. Set back to the parent first, its open
    /// request would be closed by GitHub; so the commit is made beside it, and the branch moved
    /// once, if it is still where it was.
    fn rebuild(&self, branch: &str, from: &str, commit: &ApiCommit) -> Result<String, ForgeError> {
        let scratch = format!("pinrail/scratch/{:016x}", fastrand::u64(..));
        self.create_branch(&scratch, &commit.parent)?;
        let made = self.commit_on(&scratch, commit);
        let moved = made.and_then(|id| self.move_ref(branch, from, &id).map(|()| id));
        let url = self.ref_url("refs", &scratch);
        // One that stays is clutter and does no harm.
        let _ = self.session.write(
            async || self.client.send(&Method::DELETE, &url, None).await.map(drop),
            async || Ok(self.tip_now(&scratch).await?.is_none().then_some(())),
        );
        moved
    }

    fn tip(&self, branch: &str) -> Result<Option<String>, ForgeError> {
        self.session.read(async || self.tip_now(branch).await)
    }

    async fn tip_now(&self, branch: &str) -> Result<Option<String>, ForgeError> {
        let answer = self.client.get(&self.ref_url("ref", branch)).await?;
        match answer.ok::<Ref>("Contents: read") {
            Ok(found) => Ok(Some(found.object.sha)),
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create_branch(&self, branch: &str, at: &str) -> Result<(), ForgeError> {
        let url = self.url(&["git", "refs"]);
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": at});
        let made = self.put((Method::POST, &url, NEED), &body, async || {
            Ok(self.tip_now(branch).await?.is_some_and(|tip| tip == at))
        });
        match made {
            // It is there, or it may not be made.
            Err(ForgeError::Invalid(words)) => match self.tip(branch)? {
                Some(_) => Err(ForgeError::HeadMoved),
                None => Err(refused(words)),
            },
            made => made,
        }
    }

    fn commit_on(&self, branch: &str, commit: &ApiCommit) -> Result<String, ForgeError> {
        let additions = commit.files.iter().filter_map(|(path, content)| {
            let contents = BASE64_STANDARD.encode(content.as_ref()?);
            Some(json!({"path": path, "contents": contents}))
        });
        let deletions = commit.files.iter().filter(|(_, content)| content.is_none());
        let variables = json!({"input": {
            "branch": {"repositoryNameWithOwner": self.address.project, "branchName": branch},
            "expectedHeadOid": commit.parent,
            "message": {"headline": commit.subject, "body": commit.body},
            "fileChanges": {
                "additions": additions.collect::<Vec<_>>(),
                "deletions": deletions.map(|(path, _)| json!({"path": path})).collect::<Vec<_>>(),
            },
        }});
        let made = self.session.write(
            async || {
                let graph = self.client.graphql(CREATE_COMMIT, variables.clone()).await?;
                let id = graph.at::<String>("/createCommitOnBranch/commit/oid");
                id.ok_or_else(|| mutation_error(&graph))
            },
            async || self.find_commit(branch, commit).await,
        );
        match made {
            Err(ForgeError::NotFound(_)) if self.tip(branch)?.is_none() => {
                Err(ForgeError::HeadMoved)
            }
            made => made,
        }
    }

    /// The commit with our parent and our words, if it came in after all; others may have
    /// built on it.
    async fn find_commit(
        &self,
        branch: &str,
        wanted: &ApiCommit,
    ) -> Result<Option<String>, ForgeError> {
        let mut url = self.url(&["commits"]);
        url.query_pairs_mut().append_pair("sha", branch).append_pair("per_page", "50");
        let answer = self.client.get(&url).await?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        let commits: Vec<Listed> = answer.ok("Contents: read")?;
        let message = format!("{}\n\n{}", wanted.subject, wanted.body);
        let found = commits.into_iter().find(|it| {
            let is_on_parent = it.parents.len() == 1 && it.parents[0].sha == wanted.parent;
            is_on_parent && it.commit.message.trim_end() == message.trim_end()
        });
        Ok(found.map(|it| it.sha))
    }

    /// Moves a branch if it is at `from`; to [`NOWHERE`] removes it.
    fn move_ref(&self, branch: &str, from: &str, to: &str) -> Result<(), ForgeError> {
        let repository: Repository = self.read(&self.url(&[]), "Metadata: read")?;
        let input = json!({"repositoryId": repository.node_id, "refUpdates": [{
            "name": format!("refs/heads/{branch}"),
            "beforeOid": from, "afterOid": to, "force": true,
        }]});
        let moved = self.session.write(
            async || {
                let graph = self.client.graphql(UPDATE_REFS, json!({"input": input})).await?;
                match graph.at::<Value>("/updateRefs").is_some_and(|done| !done.is_null()) {
                    true => Ok(()),
                    false => Err(mutation_error(&graph)),
                }
            },
            async || {
                let tip = self.tip_now(branch).await?;
                Ok((tip.as_deref().unwrap_or(NOWHERE) == to).then_some(()))
            },
        );
        match moved {
            // The types of `updateRefs` are nowhere told: where the branch is decides.
            Err(ForgeError::Protected(_) | ForgeError::Invalid(_) | ForgeError::NotFound(_))
                if self.tip(branch)?.as_deref() != Some(from) =>
            {
                Err(ForgeError::HeadMoved)
            }
            moved => moved,
        }
    }
}

/// What a mutation of refs was refused for. The type of a classic protection is known, that of
/// a ruleset is not; what is neither is not tried again.
fn mutation_error(graph: &Graph) -> ForgeError {
    if graph.is("BRANCH_PROTECTION_RULE_VIOLATION") {
        return ForgeError::Protected(graph.words());
    }
    match graph.error(NEED) {
        ForgeError::Invalid(words) => refused(words),
        error => error,
    }
}

/// By words alone, for want of anything else, and only for the caller's message.
fn refused(words: String) -> ForgeError {
    let signs = ["rule", "protected", "pull request", "merge queue", "not authorized", "locked"];
    let lower = words.to_lowercase();
    match signs.iter().any(|sign| lower.contains(sign)) {
        true => ForgeError::Protected(words),
        false => ForgeError::Invalid(words),
    }
}
