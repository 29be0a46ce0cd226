//! Where Argo CD's API is.

use std::net::IpAddr;

use url::{Host, Url};

/// The address of an Argo CD, fit to be sent a token: `https`, or this very machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// Why a token is sent to no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("`argocd.url` is no address such as https://argocd.example.com")]
    NoUrl,
    #[error("`argocd.url` must not hold a user, a password, `?` or `#`")]
    MoreThanAnAddress,
    #[error("`argocd.url` must begin with https://, or the token could be read on its way")]
    Insecure,
}

impl Address {
    /// Reads `argocd.url`; a path is what Argo CD's `server.rootpath` says.
    ///
    /// # Errors
    /// What is no URL, holds more than a place, or would carry the token in clear text to
    /// another machine.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url: Url = text.parse().map_err(|_| AddressError::NoUrl)?;
        let is_local = match url.host() {
            None => return Err(AddressError::NoUrl),
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        };
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            "http" | "https" if has_more => Err(AddressError::MoreThanAnAddress),
            "https" => Ok(Self(url)),
            "http" if is_local => Ok(Self(url)),
            "http" => Err(AddressError::Insecure),
            _ => Err(AddressError::NoUrl),
        }
    }

    /// The host and port, for messages.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// An address of the API; each part is one segment, whatever is in it.
    pub(super) fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        // An address with a host has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_over_tls_or_nowhere() {
        for good in [
            "https://argocd.example.com",
            "https://argocd.example.com:8443/argo/",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/",
        ] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://argocd.example.com", AddressError::Insecure),
            ("http://argocd-server.argocd.svc", AddressError::Insecure),
            ("http://localhost.example.com", AddressError::Insecure),
            ("http://10.0.0.1", AddressError::Insecure),
            ("ftp://argocd.example.com", AddressError::NoUrl),
            ("argocd.example.com", AddressError::NoUrl),
            ("", AddressError::NoUrl),
            ("https://anna@argocd.example.com", AddressError::MoreThanAnAddress),
            ("https://argocd.example.com/?x=1", AddressError::MoreThanAnAddress),
            ("https://argocd.example.com/#x", AddressError::MoreThanAnAddress),
        ] {
            assert_eq!(Address::parse(bad), Err(why), "{bad}");
        }
        let told = Address::parse("https://u:hunter2@h").expect_err("a password").to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn the_api_is_below_the_root_path_and_a_name_is_one_segment() {
        let api = |base: &str, name: &str| {
            Address::parse(base).expect("an address").api(&["applications", name]).to_string()
        };
        assert_eq!(
            api("https://a.example.com/argo/", "x"),
            "https://a.example.com/argo/api/v1/applications/x"
        );
        assert_eq!(
            api("https://a.example.com", "../x?y"),
            "https://a.example.com/api/v1/applications/..%2Fx%3Fy"
        );
    }
}
