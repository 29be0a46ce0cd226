//! Labels, assignees and reviewers: whom a request is shown to. None of them stops it.
//! <https://docs.github.com/en/rest/issues/labels>,
//! <https://docs.github.com/en/rest/pulls/review-requests>

use reqwest::Method;
use serde_json::{Value, json};

use super::GitHub;
use super::pulls::{Pull, WRITE};
use crate::forge::{ForgeError, PullRequestSpec, Reviewer};

impl GitHub {
    /// Adds what a request lacks; what is not taken is a warning, whatever the reason is.
    pub(super) fn ask_people(&self, pull: &Pull, spec: &PullRequestSpec) -> Vec<String> {
        let mut warnings = Vec::new();
        let asked = self
            .label_and_assign(pull, spec, &mut warnings)
            .and_then(|()| self.ask_for_reviews(pull, spec, &mut warnings));
        if let Err(error) = asked {
            warnings.push(format!("perhaps not everybody was asked: {error}"));
        }
        warnings
    }

    fn label_and_assign(
        &self,
        pull: &Pull,
        spec: &PullRequestSpec,
        warnings: &mut Vec<String>,
    ) -> Result<(), ForgeError> {
        let number = pull.number.to_string();
        let labels = missing(&spec.labels, pull.labels.iter().map(|label| &label.name));
        let url = self.url(&["issues", &number, "labels"]);
        let has = |pull: &Pull, name: &str| pull.labels.iter().any(|it| is(&it.name, name));
        self.add_each((&url, "labels"), pull, &labels, has, warnings);

        let assignees = missing(&spec.assignees, pull.assignees.iter().map(|it| &it.login));
        let url = self.url(&["issues", &number, "assignees"]);
        let has = |pull: &Pull, name: &str| pull.assignees.iter().any(|it| is(&it.login, name));
        self.add_each((&url, "assignees"), pull, &assignees, has, warnings);
        if !assignees.is_empty() {
            // GitHub leaves out without a word whom it cannot assign.
            let now = self.pull(pull.number)?;
            let left_out = assignees.iter().filter(|name| !has(&now, name));
            warnings.extend(left_out.map(|name| {
                format!("`{name}` is not assigned: GitHub assigns only who can read the repository")
            }));
        }
        Ok(())
    }

    fn ask_for_reviews(
        &self,
        pull: &Pull,
        spec: &PullRequestSpec,
        warnings: &mut Vec<String>,
    ) -> Result<(), ForgeError> {
        let (mut users, mut teams) = (Vec::new(), Vec::new());
        for reviewer in &spec.reviewers {
            match reviewer {
                Reviewer::User(login) => users.push(login.clone()),
                Reviewer::Team(path) => {
                    teams.push(path.rsplit('/').next().unwrap_or(path).to_owned());
                }
            }
        }
        if let Some(author) = &pull.user
            && let Some(at) = users.iter().position(|login| is(login, &author.login))
        {
            let login = users.remove(at);
            warnings.push(format!("`{login}` opened the request and so cannot review it"));
        }
        let mut users = missing(&users, pull.requested_reviewers.iter().map(|it| &it.login));
        if !users.is_empty() {
            // Who has had a say is no longer asked, and to ask again would be an errand.
            let reviews = self.reviews(pull.number)?;
            users.retain(|login| !reviews.iter().any(|it| is(it.login(), login)));
        }
        let teams = missing(&teams, pull.requested_teams.iter().map(|it| &it.slug));
        let url = self.url(&["pulls", &pull.number.to_string(), "requested_reviewers"]);
        let has =
            |pull: &Pull, name: &str| pull.requested_reviewers.iter().any(|it| is(&it.login, name));
        self.add_each((&url, "reviewers"), pull, &users, has, warnings);
        let has =
            |pull: &Pull, name: &str| pull.requested_teams.iter().any(|it| is(&it.slug, name));
        self.add_each((&url, "team_reviewers"), pull, &teams, has, warnings);
        Ok(())
    }

    /// Adds all of them, or where GitHub refuses that, each that it takes.
    fn add_each(
        &self,
        (url, field): (&url::Url, &str),
        pull: &Pull,
        names: &[String],
        has: impl Fn(&Pull, &str) -> bool,
        warnings: &mut Vec<String>,
    ) {
        let add = |names: &[String]| {
            let body = Value::Object([(field.to_owned(), json!(names))].into_iter().collect());
            self.put((Method::POST, url, WRITE), &body, async || {
                let now = self.pull_now(pull.number).await?;
                Ok(names.iter().all(|name| has(&now, name)))
            })
        };
        let mut warn = |names: &[String], error: ForgeError| {
            let what = field.replace('_', " ");
            warnings.push(format!("{what}: {} not added: {error}", names.join(", ")));
        };
        if names.is_empty() {
            return;
        }
        match add(names) {
            Ok(()) => {}
            Err(ForgeError::Invalid(_) | ForgeError::NotFound(_)) if names.len() > 1 => {
                for name in names {
                    let name = std::slice::from_ref(name);
                    if let Err(error) = add(name) {
                        warn(name, error);
                    }
                }
            }
            Err(error) => warn(names, error),
        }
    }
}

/// Those wanted that are not among those there are.
fn missing<'a>(wanted: &[String], there: impl Iterator<Item = &'a String>) -> Vec<String> {
    let there: Vec<_> = there.collect();
    let mut missing: Vec<String> = Vec::new();
    for name in wanted {
        if !there.iter().any(|it| is(it, name)) && !missing.iter().any(|it| is(it, name)) {
            missing.push(name.clone());
        }
    }
    missing
}

/// Logins, slugs and labels are the same in either case.
fn is(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
