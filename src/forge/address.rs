//! Where a project's pages and its API are.

use url::Url;

use super::ForgeError;
use crate::domain::config::ForgeKind;

/// A server whose API is told by the CI that runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Its pages, such as `https://gitlab.example.com/gitlab`.
    pub server: Url,
    /// Its REST API, such as `https://gitlab.example.com/gitlab/api/v4`.
    pub api: Url,
    pub graphql: Option<Url>,
}

/// Where a project is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The server's pages, without a slash at the end.
    pub server: Url,
    /// Its REST API, without a slash at the end.
    pub api: Url,
    /// GitHub's GraphQL.
    pub graphql: Url,
    /// The project's path, such as `platform/services-root`.
    pub project: String,
}

impl Address {
    /// The address of a project, from the URL of its repository. `told` are the servers that
    /// are known otherwise; one of them is taken where the host is the same.
    ///
    /// # Errors
    /// A URL that names no project.
    pub fn of(
        kind: ForgeKind,
        repository: &Url,
        project: Option<&str>,
        told: &[Endpoints],
    ) -> Result<Self, ForgeError> {
        let same_server = |known: &&Endpoints| {
            known.server.host_str() == repository.host_str()
                && known.server.port_or_known_default() == repository.port_or_known_default()
        };
        let known = told.iter().find(same_server);
        let path = repository.path().trim_matches('/').trim_end_matches(".git");
        let (root, found) = match (known, project) {
            (Some(known), _) => split_root(path, known.server.path()),
            (None, Some(project)) => match path.strip_suffix(project) {
                Some(root) if root.is_empty() || root.ends_with('/') => {
                    (root.trim_end_matches('/').to_owned(), project)
                }
                // Renamed or read from a mirror: what is told counts.
                _ => (String::new(), path),
            },
            (None, None) => (String::new(), path),
        };
        let project = project.unwrap_or(found).to_owned();
        if project.split('/').count() < 2 || project.split('/').any(str::is_empty) {
            let message = format!(
                "`{project}` is no project: `forge.project` in pinrail.yaml names it, such as platform/services-root"
            );
            return Err(ForgeError::Local(message));
        }
        let mut server = repository.clone();
        let _ = (server.set_username(""), server.set_password(None));
        server.set_path(&root);
        server.set_query(None);
        let at = |path: &str| {
            let mut url = server.clone();
            url.set_path(&format!("{}/{path}", root.trim_end_matches('/')));
            url
        };
        let (api, graphql) = match (known, kind) {
            (Some(known), _) => {
                let graphql = known.graphql.clone().unwrap_or_else(|| at("api/graphql"));
                (known.api.clone(), graphql)
            }
            (None, ForgeKind::Github) if repository.host_str() == Some("github.com") => {
                let url = |text: &str| text.parse().map_err(|_| ForgeError::Local(text.to_owned()));
                (url("https://api.github.com/")?, url("https://api.github.com/graphql")?)
            }
            (None, ForgeKind::Github) => (at("api/v3"), at("api/graphql")),
            (None, _) => (at("api/v4"), at("api/graphql")),
        };
        Ok(Self { server, api, graphql, project })
    }

    /// The project that a service's repository is, where it is on this server.
    #[must_use]
    pub fn project_of(&self, repository: &Url) -> Option<String> {
        let same = repository.host_str() == self.server.host_str();
        let path = repository.path().trim_matches('/').trim_end_matches(".git");
        let (_, project) = split_root(path, self.server.path());
        (same && project.contains('/')).then(|| project.to_owned())
    }

    /// The page of something of a project, such as `platform/services-root/-/tree/main`.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.server.as_str().trim_end_matches('/'))
    }
}

/// A path without the root that the server is under, and that root.
fn split_root<'a>(path: &'a str, root: &str) -> (String, &'a str) {
    let root = root.trim_matches('/');
    match path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) {
        Some(below) if !root.is_empty() => (root.to_owned(), below),
        _ => (String::new(), path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(kind: ForgeKind, url: &str, project: Option<&str>, told: &[Endpoints]) -> String {
        let url = url.parse().expect("a URL");
        match Address::of(kind, &url, project, told) {
            Ok(it) => format!("{} {} {}", it.api, it.graphql, it.project),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_api_follows_from_the_address_of_the_repository() {
        use ForgeKind::{Github, Gitlab};
        for (kind, url, project, expected) in [
            (
                Github,
                "https://github.com/acme/root.git",
                None,
                "https://api.github.com/ https://api.github.com/graphql acme/root",
            ),
            (
                Github,
                "https://ghe.example.com/acme/root",
                None,
                "https://ghe.example.com/api/v3 https://ghe.example.com/api/graphql acme/root",
            ),
            (
                Gitlab,
                "https://gitlab.example.com/a/b/root.git",
                None,
                "https://gitlab.example.com/api/v4 https://gitlab.example.com/api/graphql a/b/root",
            ),
            (
                Gitlab,
                "https://example.com/gitlab/a/root.git",
                Some("a/root"),
                "https://example.com/gitlab/api/v4 https://example.com/gitlab/api/graphql a/root",
            ),
            (
                Gitlab,
                "https://u@example.com:8443/a/old.git",
                Some("a/root"),
                "https://example.com:8443/api/v4 https://example.com:8443/api/graphql a/root",
            ),
            (
                Gitlab,
                "https://example.com/extra/root.git",
                Some("a/root"),
                "https://example.com/api/v4 https://example.com/api/graphql a/root",
            ),
        ] {
            assert_eq!(address(kind, url, project, &[]), expected);
        }
        assert!(address(Gitlab, "https://example.com/root", None, &[]).contains("forge.project"));
    }

    #[test]
    fn what_the_ci_tells_of_its_own_server_comes_first() {
        let url = |text: &str| text.parse::<Url>().expect("a URL");
        let told = Endpoints {
            server: url("https://example.com/gitlab"),
            api: url("https://example.com/gitlab/api/v4"),
            graphql: None,
        };
        let root = "https://example.com/gitlab/a/root.git";
        let expected =
            "https://example.com/gitlab/api/v4 https://example.com/gitlab/api/graphql a/root";
        assert_eq!(address(ForgeKind::Gitlab, root, None, std::slice::from_ref(&told)), expected);
        let elsewhere =
            address(ForgeKind::Gitlab, "https://other.com/a/b", None, std::slice::from_ref(&told));
        assert_eq!(elsewhere, "https://other.com/api/v4 https://other.com/api/graphql a/b");
        let address = Address::of(ForgeKind::Gitlab, &url(root), None, &[told]).expect("address");
        let service = url("https://example.com/gitlab/services/api.git");
        assert_eq!(address.project_of(&service).as_deref(), Some("services/api"));
        let beside = url("https://example.com/gitlab-mirror/api");
        assert_eq!(address.project_of(&beside).as_deref(), Some("gitlab-mirror/api"));
        assert_eq!(address.project_of(&url("https://other.com/services/api.git")), None);
        assert_eq!(address.page("a/root"), "https://example.com/gitlab/a/root");
    }
}
