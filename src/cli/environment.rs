//! What the environment says: the CI's variables, tokens, the author, the place.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::commands::{App, ArgoCdToken, Ci, CommandError, Endpoints, ErrorKind, Hook};
use crate::store::{
    Access, Author, Credentials, Location, LocationError, Meter, Signer, SignerSettings, Token,
    TokenScope, configured_author, origin_of,
};

/// The environment's variables; an empty one counts as not set.
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    pub fn read() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).filter(|(_, value)| !value.is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name)).map(ToOwned::to_owned)
    }

    /// How the services-root is reached.
    pub fn access(&self, ca_file: Option<PathBuf>, login: Option<Token>) -> Access {
        Access {
            meter: Meter::default(),
            credentials: Credentials { tokens: self.tokens().into_iter().chain(login).collect() },
            ca_file: ca_file.or_else(|| self.get("CI_SERVER_TLS_CA_FILE").map(PathBuf::from)),
            proxied: ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
                .iter()
                .any(|name| self.get(name).is_some()),
            proxies: [
                "https_proxy",
                "HTTPS_PROXY",
                "http_proxy",
                "HTTP_PROXY",
                "all_proxy",
                "ALL_PROXY",
            ]
            .into_iter()
            .filter(|name| self.get(name).is_some())
            .collect(),
            ssh_key: self.get("PINRAIL_SSH_KEY").map(PathBuf::from),
            ssh_command: self.get("GIT_SSH_COMMAND").map(ToOwned::to_owned),
            home: self.get("HOME").map(PathBuf::from),
        }
    }

    /// The tokens at hand, ours first, each with the only server that it may go to.
    fn tokens(&self) -> Vec<Token> {
        let github = self.get("GITHUB_SERVER_URL").unwrap_or("https://github.com");
        let gitlab = self.get("CI_SERVER_URL").unwrap_or("https://gitlab.com");
        let known = [
            ("PINRAIL_TOKEN", self.get("PINRAIL_USERNAME").unwrap_or("oauth2"), None),
            ("GH_TOKEN", "x-access-token", Some(github)),
            ("GITHUB_TOKEN", "x-access-token", Some(github)),
            ("GITLAB_TOKEN", "oauth2", Some(gitlab)),
            ("CI_JOB_TOKEN", "gitlab-ci-token", Some(gitlab)),
        ];
        let token = |(source, user, server): (&'static str, &str, Option<&str>)| {
            let scope = match server {
                None => TokenScope::Anywhere,
                Some(server) => TokenScope::Server(server.parse().ok()?),
            };
            let secret = self.get(source)?.to_owned().into();
            Some(Token { source, user: user.to_owned(), secret, scope })
        };
        known.into_iter().filter_map(token).collect()
    }

    /// Who commits: git's own variables, the person behind the pipeline, git's
    /// configuration, or ourselves.
    pub fn author(&self) -> Author {
        let actor = self.get("GITHUB_ACTOR");
        let configured = configured_author();
        let name = self.first(&["GIT_AUTHOR_NAME", "GITLAB_USER_NAME", "GITHUB_ACTOR"]);
        let email = self.first(&["GIT_AUTHOR_EMAIL", "GITLAB_USER_EMAIL"]);
        let email =
            email.or_else(|| actor.map(|actor| format!("{actor}@users.noreply.github.com")));
        Author {
            name: name.or(configured.0).unwrap_or_else(|| "pinrail".to_owned()),
            email: email.or(configured.1).unwrap_or_else(|| "pinrail@localhost".to_owned()),
            signer: Signer::set_up(&self.signing()),
        }
    }

    /// What commits are to be signed with.
    fn signing(&self) -> SignerSettings {
        SignerSettings {
            key: self.get("PINRAIL_SIGNING_KEY").map(ToOwned::to_owned),
            format: self.get("PINRAIL_SIGNING_FORMAT").map(ToOwned::to_owned),
            home: self.get("HOME").map(PathBuf::from),
            may_ask: std::io::stdin().is_terminal(),
        }
    }

    /// The servers whose API the CI tells.
    pub fn endpoints(&self) -> Vec<Endpoints> {
        let url = |name: &str| self.get(name)?.parse().ok();
        let server = |server: &str, api: &str, graphql: &str| {
            Some(Endpoints { server: url(server)?, api: url(api)?, graphql: url(graphql) })
        };
        let github = server("GITHUB_SERVER_URL", "GITHUB_API_URL", "GITHUB_GRAPHQL_URL");
        let gitlab = server("CI_SERVER_URL", "CI_API_V4_URL", "CI_API_GRAPHQL_URL");
        github.into_iter().chain(gitlab).collect()
    }

    /// The GitHub App to act as.
    pub fn app(&self) -> Result<Option<App>, CommandError> {
        const ID: &str = "PINRAIL_GITHUB_APP_ID";
        const KEY: &str = "PINRAIL_GITHUB_APP_PRIVATE_KEY";
        const FILE: &str = "PINRAIL_GITHUB_APP_PRIVATE_KEY_FILE";
        let usage = |problem: String| CommandError::new(ErrorKind::Usage, problem);
        let number = |name: &str| match self.get(name).map(str::parse) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(usage(format!("{name} is no number"))),
        };
        let Some(id) = number(ID)? else { return Ok(None) };
        let key = match (self.get(KEY), self.get(FILE)) {
            (Some(key), _) => key.to_owned(),
            (None, Some(file)) => std::fs::read_to_string(file)
                .map_err(|error| usage(format!("{FILE}: cannot read {file}: {error}")))?,
            (None, None) => {
                return Err(usage(format!("{ID} is set, and neither {KEY} nor {FILE} is")));
            }
        };
        let installation = number("PINRAIL_GITHUB_APP_INSTALLATION_ID")?;
        Ok(Some(App { id, installation, key: key.into() }))
    }

    /// Where git runs a hook: what was pushed lies apart until the hook agrees.
    /// <https://git-scm.com/docs/git-receive-pack#_quarantine_environment>
    pub fn hook(&self) -> Option<Hook> {
        let folder = PathBuf::from(self.get("GIT_DIR")?);
        let places = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"];
        let listed = places.iter().filter_map(|name| self.get(name));
        let objects = listed.flat_map(|list| std::env::split_paths(list).collect::<Vec<_>>());
        Some(Hook { folder, objects: objects.collect() })
    }

    /// The token for Argo CD's API: ours, or the one of its own command line.
    pub fn argocd_token(&self) -> Option<ArgoCdToken> {
        ["PINRAIL_ARGOCD_TOKEN", "ARGOCD_AUTH_TOKEN"].into_iter().find_map(|source| {
            Some(ArgoCdToken { secret: self.get(source)?.to_owned().into(), source })
        })
    }

    /// What the CI says of the run.
    pub fn ci(&self) -> Ci {
        let github_repository = || {
            Some(format!("{}/{}", self.get("GITHUB_SERVER_URL")?, self.get("GITHUB_REPOSITORY")?))
        };
        let github_run = || {
            Some(format!("{}/actions/runs/{}", github_repository()?, self.get("GITHUB_RUN_ID")?))
        };
        Ci {
            revision: self.first(&["CI_COMMIT_SHA", "GITHUB_SHA"]),
            sequence: self
                .first(&["CI_PIPELINE_ID", "GITHUB_RUN_ID"])
                .and_then(|number| number.parse().ok()),
            run_url: self.first(&["CI_JOB_URL", "CI_PIPELINE_URL"]).or_else(github_run),
            repository: self.first(&["CI_PROJECT_URL"]).or_else(github_repository),
        }
    }
}

/// Which services-root is meant.
pub struct Place {
    pub location: Result<Location, CommandError>,
    /// The work tree one stands in, where no other place was named.
    pub work_tree: Option<PathBuf>,
    /// Credentials that stood in the clone's own URL.
    pub login: Option<Token>,
}

/// The place that was told, or the clone one stands in.
pub fn place(told: Option<&str>) -> Place {
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        let location = told.parse().map_err(|error: LocationError| {
            let hint = match error {
                LocationError::Secret => "put it into PINRAIL_TOKEN (and PINRAIL_USERNAME)",
                LocationError::Address(_) => "`pinrail --help` says what `--repo` takes",
            };
            CommandError::new(ErrorKind::Usage, error.to_string()).hint(hint)
        });
        return Place { location, work_tree: None, login: None };
    }
    let Some((url, own)) = origin_of(Path::new(".")) else {
        let error =
            CommandError::new(ErrorKind::Usage, "which services-root is meant must be said")
                .hint("`--repo URL|PATH` or PINRAIL_REPO, or stand in a clone of it");
        return Place { location: Err(error), work_tree: None, login: None };
    };
    let (url, login) = without_login(&url);
    let location = url
        .parse()
        .map_err(|error: LocationError| CommandError::new(ErrorKind::Usage, error.to_string()));
    Place { location, work_tree: Some(own), login }
}

/// A clone's URL may hold a login, put there by whoever cloned; it is used, and not shown.
fn without_login(text: &str) -> (String, Option<Token>) {
    let Ok(mut url) = text.parse::<url::Url>() else {
        return (text.to_owned(), None);
    };
    let Some(secret) = url.password().map(ToOwned::to_owned) else {
        return (text.to_owned(), None);
    };
    let user = url.username().to_owned();
    let _ = (url.set_password(None), url.set_username(""));
    let source = "the clone's own URL";
    let token =
        Token { source, user, secret: secret.into(), scope: TokenScope::Server(url.clone()) };
    (url.to_string(), Some(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        Variables(
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn gitlab_and_github_tell_the_run() {
        let gitlab = variables(&[
            ("CI_COMMIT_SHA", "abc"),
            ("CI_PIPELINE_ID", "7"),
            ("CI_JOB_URL", "https://g/j/1"),
        ]);
        let expected = Ci {
            revision: Some("abc".to_owned()),
            sequence: Some(7),
            run_url: Some("https://g/j/1".to_owned()),
            repository: None,
        };
        assert_eq!(gitlab.ci(), expected);
        let github = variables(&[
            ("GITHUB_SHA", "def"),
            ("GITHUB_RUN_ID", "9"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_ACTOR", "anna"),
        ]);
        assert_eq!(github.ci().run_url.as_deref(), Some("https://github.com/o/r/actions/runs/9"));
        let Author { name, email, .. } = github.author();
        assert_eq!((&*name, &*email), ("anna", "anna@users.noreply.github.com"));
    }

    #[test]
    fn our_own_token_comes_first_and_a_job_token_keeps_its_user() {
        let all = variables(&[
            ("CI_JOB_TOKEN", "j"),
            ("PINRAIL_TOKEN", "p"),
            ("CI_SERVER_URL", "https://git.example.com"),
        ]);
        let tokens = all.tokens();
        assert_eq!(
            tokens.iter().map(|token| token.source).collect::<Vec<_>>(),
            ["PINRAIL_TOKEN", "CI_JOB_TOKEN"]
        );
        assert_eq!(tokens[1].user, "gitlab-ci-token");
    }

    #[test]
    fn argo_cd_has_a_token_of_its_own_and_ours_comes_first() {
        let source = |pairs: &[(&str, &str)]| {
            let token = variables(pairs).argocd_token()?;
            Some((token.source, token.secret.expose_secret().to_owned()))
        };
        let (ours, theirs) = (("PINRAIL_ARGOCD_TOKEN", "p"), ("ARGOCD_AUTH_TOKEN", "a"));
        assert_eq!(source(&[theirs, ours]), Some((ours.0, "p".to_owned())));
        assert_eq!(source(&[theirs]), Some((theirs.0, "a".to_owned())));
        assert_eq!(source(&[("PINRAIL_TOKEN", "x")]), None);
    }

    #[test]
    fn a_login_in_the_clones_url_is_taken_out_of_it() {
        let (url, login) = without_login("https://anna:hunter2@git.example.com/a.git");
        let login = login.expect("a login");
        assert_eq!((url.as_str(), login.user.as_str()), ("https://git.example.com/a.git", "anna"));
        assert_eq!(login.secret.expose_secret(), "hunter2");
        assert_eq!(without_login("git@host:a.git").0, "git@host:a.git");
    }
}
