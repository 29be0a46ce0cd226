//! Where a services-root is: a URL, an SSH address, or a path.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

/// Where a services-root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `http://` or `https://`, without credentials but for a user name.
    Http(Url),
    Ssh(SshAddress),
    /// A folder on this machine, bare or with a work tree.
    Path(PathBuf),
}

/// An SSH address, from `ssh://user@host:port/path` or `user@host:path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    pub path: String,
}

/// A text that is no place of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("the URL must not carry a password or token: arguments and URLs can be read by others")]
    Secret,
    #[error(
        "`{0}` is no address of a repository: use https://…, ssh://…, user@host:path or a path"
    )]
    Address(String),
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || LocationError::Address(without_login(text));
        if text.is_empty() || text.contains(['\0', '\n']) {
            return Err(bad());
        }
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_| bad())?;
            if url.password().is_some() {
                return Err(LocationError::Secret);
            }
            return match url.scheme() {
                "http" | "https" if url.has_host() => Ok(Self::Http(url)),
                "ssh" | "git+ssh" | "ssh+git" => ssh(&url).map(Self::Ssh).ok_or_else(bad),
                "file" => url.to_file_path().map(Self::Path).map_err(|()| bad()),
                _ => Err(bad()),
            };
        }
        // As git reads it: `host:path` is SSH unless a slash comes before the colon.
        if let Some((host, path)) = text.split_once(':')
            && !host.contains('/')
            && !Path::new(text).exists()
        {
            let (user, host) = match host.rsplit_once('@') {
                Some((user, host)) => (Some(user.to_owned()), host),
                None => (None, host),
            };
            let address =
                SshAddress { user, host: host.to_owned(), port: None, path: path.to_owned() };
            return address.checked().map(Self::Ssh).ok_or_else(bad);
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

/// A text that may be a URL, fit to be shown: what comes before an `@` may be a secret.
fn without_login(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => text.to_owned(),
    }
}

fn ssh(url: &Url) -> Option<SshAddress> {
    let user = (!url.username().is_empty()).then(|| url.username().to_owned());
    // `/~name/…` is relative to a home, as git reads it.
    let path =
        url.path().strip_prefix('/').filter(|path| path.starts_with('~')).unwrap_or(url.path());
    SshAddress { user, host: url.host_str()?.to_owned(), port: url.port(), path: path.to_owned() }
        .checked()
}

impl SshAddress {
    /// Nothing may be read as an option by `ssh` (CVE-2017-1000117).
    fn checked(self) -> Option<Self> {
        let dangerous = |text: &str| text.is_empty() || text.starts_with('-');
        let user_ok = self.user.as_deref().is_none_or(|user| !dangerous(user));
        (user_ok && !dangerous(&self.host) && !dangerous(&self.path)).then_some(self)
    }
}

impl fmt::Display for Location {
    /// Never shows a secret: a location cannot hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => write!(f, "{url}"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Ssh(SshAddress { user, host, port, path }) => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                match port {
                    Some(port) => write!(f, "ssh://{user}{host}:{port}{path}"),
                    None => write!(f, "{user}{host}:{path}"),
                }
            }
        }
    }
}

/// What the repository around `folder` says of itself: the URL of its `origin` with the
/// credentials that stand in it, or else its own path. `None` outside of a repository.
#[must_use]
pub fn origin_of(folder: &Path) -> Option<(String, PathBuf)> {
    let repository = git2::Repository::discover(folder).ok()?;
    let own = repository.workdir().unwrap_or_else(|| repository.path()).to_path_buf();
    let origin = repository.find_remote("origin").ok();
    let url = origin.and_then(|origin| origin.url().ok().map(ToOwned::to_owned));
    let place = match url {
        // A relative path is relative to the repository.
        Some(url) if !url.contains(':') => own.join(url).display().to_string(),
        Some(url) => url,
        None => own.display().to_string(),
    };
    Some((place, own))
}

/// The name and email that git's configuration says to commit with.
#[must_use]
pub fn configured_author() -> (Option<String>, Option<String>) {
    let config = configuration();
    let value = |key: &str| config.as_ref()?.get_str(key).ok().map(ToOwned::to_owned);
    (value("user.name"), value("user.email"))
}

/// git's configuration, with that of the repository one stands in.
pub(super) fn configuration() -> Option<git2::Config> {
    let config = match git2::Repository::discover(".") {
        Ok(repository) => repository.config(),
        Err(_) => git2::Config::open_default(),
    };
    config.and_then(|mut config| config.snapshot()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Location>()
            .map_or_else(|error| error.to_string(), |location| location.to_string())
    }

    #[test]
    fn every_form_that_git_knows_is_read() {
        for (text, expected) in [
            ("https://git.example.com/a/b.git", "https://git.example.com/a/b.git"),
            ("ssh://git@host:2222/a/b.git", "ssh://git@host:2222/a/b.git"),
            ("ssh://git@host/~/b.git", "git@host:~/b.git"),
            ("git@host:a/b.git", "git@host:a/b.git"),
            ("file:///srv/a.git", "/srv/a.git"),
            ("./a:b", "./a:b"),
            ("../root", "../root"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn secrets_options_and_strange_schemes_are_refused() {
        let shown = shown("https://u:hunter2@ho st/a");
        assert!(shown.contains("https://…@ho st/a") && !shown.contains("hunter2"), "{shown}");
        assert_eq!("https://u:hunter2@host/a".parse::<Location>(), Err(LocationError::Secret));
        for bad in [
            "",
            "ftp://host/a",
            "ext::sh -c x://",
            "ssh://-oProxyCommand=x/a",
            "git@-x:a",
            "git@host:-a",
            "https://",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
    }
}
