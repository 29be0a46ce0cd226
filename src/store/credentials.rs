//! Which token goes to which server.
//!
//! A token is sent only where it belongs: a CI's own token to that CI's server, the
//! caller's `PINRAIL_TOKEN` to the services-root, and none of them over plain HTTP, unless
//! to this machine or to the very address that the CI gave.

use secrecy::SecretString;
use url::Url;

/// A token and where it may go.
#[derive(Clone, Debug)]
pub struct Token {
    /// The variable that it came from, for messages.
    pub source: &'static str,
    pub user: String,
    pub secret: SecretString,
    pub scope: TokenScope,
}

impl Token {
    /// Whether the caller gave it for the services-root, rather than a CI for its own server.
    #[must_use]
    pub fn is_told(&self) -> bool {
        matches!(self.scope, TokenScope::Anywhere)
    }
}

/// Where a token may go.
#[derive(Clone, Debug)]
pub enum TokenScope {
    /// To whatever server the services-root is on.
    Anywhere,
    /// To the server with this address only.
    Server(Url),
}

/// The tokens at hand, the first that fits is used; git's credential helpers come after.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub tokens: Vec<Token>,
}

/// What to do for one server.
#[derive(Debug)]
enum Choice<'a> {
    Token(&'a Token),
    /// A token is at hand, but the connection is not encrypted.
    PlainHttp(&'a Token),
    None,
}

impl Credentials {
    /// The same with the tokens first that a CI makes for the project that it builds.
    #[must_use]
    pub fn as_the_pipeline(&self) -> Self {
        let is_own = |token: &Token| matches!(token.source, "CI_JOB_TOKEN" | "GITHUB_TOKEN");
        let (own, others): (Vec<_>, Vec<_>) = self.tokens.iter().cloned().partition(is_own);
        Self { tokens: own.into_iter().chain(others).collect() }
    }

    fn choose(&self, url: &Url) -> Choice<'_> {
        let Some(token) = self.tokens.iter().find(|token| token.scope.covers(url)) else {
            return Choice::None;
        };
        let told_so =
            matches!(&token.scope, TokenScope::Server(server) if server.scheme() == "http");
        if url.scheme() == "https" || told_so || is_this_machine(url) {
            Choice::Token(token)
        } else {
            Choice::PlainHttp(token)
        }
    }

    /// The token for `url`, if there is one.
    ///
    /// # Errors
    /// A sentence, where there is one that must not be sent there.
    pub fn token(&self, url: &Url) -> Result<Option<&Token>, String> {
        match self.choose(url) {
            Choice::None => Ok(None),
            Choice::Token(token) => Ok(Some(token)),
            Choice::PlainHttp(token) => {
                let host = url.host_str().unwrap_or_default();
                Err(format!("{} is not sent over plain http to {host}: use https", token.source))
            }
        }
    }
}

impl TokenScope {
    fn covers(&self, url: &Url) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Server(server) => {
                let same_host = server.host_str() == url.host_str();
                let same_port = server.port_or_known_default() == url.port_or_known_default();
                same_host
                    && same_port
                    && (url.scheme() == server.scheme() || url.scheme() == "https")
            }
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(source: &'static str, scope: TokenScope) -> Token {
        Token { source, user: "u".to_owned(), secret: "s".to_owned().into(), scope }
    }

    fn server(url: &str) -> TokenScope {
        TokenScope::Server(url.parse().expect("url"))
    }

    fn chosen(credentials: &Credentials, url: &str) -> String {
        match credentials.choose(&url.parse().expect("url")) {
            Choice::Token(token) => token.source.to_owned(),
            Choice::PlainHttp(token) => format!("{} in plain", token.source),
            Choice::None => "none".to_owned(),
        }
    }

    #[test]
    fn a_ci_token_goes_to_its_own_server_only() {
        let credentials = Credentials {
            tokens: vec![token("CI_JOB_TOKEN", server("https://gitlab.example.com"))],
        };
        assert_eq!(chosen(&credentials, "https://gitlab.example.com/a/b.git"), "CI_JOB_TOKEN");
        for other in [
            "https://gitlab.example.org/a",
            "https://gitlab.example.com:8443/a",
            "http://gitlab.example.com/a",
            "https://gitlab.example.com.evil.org/a",
        ] {
            assert_eq!(chosen(&credentials, other), "none", "{other}");
        }
    }

    #[test]
    fn no_token_goes_over_plain_http_but_to_this_machine_or_as_the_ci_says() {
        let own = Credentials { tokens: vec![token("PINRAIL_TOKEN", TokenScope::Anywhere)] };
        assert_eq!(chosen(&own, "http://git.example.com/a"), "PINRAIL_TOKEN in plain");
        assert_eq!(chosen(&own, "http://127.0.0.1:8000/a"), "PINRAIL_TOKEN");
        assert_eq!(chosen(&own, "http://[::1]:8000/a"), "PINRAIL_TOKEN");
        let ci =
            Credentials { tokens: vec![token("CI_JOB_TOKEN", server("http://gitlab.internal"))] };
        assert_eq!(chosen(&ci, "http://gitlab.internal/a"), "CI_JOB_TOKEN");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let token = Token {
            secret: "hunter2".to_owned().into(),
            ..token("PINRAIL_TOKEN", TokenScope::Anywhere)
        };
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
