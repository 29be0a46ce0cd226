//! HTTPS with a private authority, and proxies named by the usual variables.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::git_http::GitHttp;
use crate::support::pinrail::{Run, run};
use crate::support::proxy::Proxy;
use crate::support::root::Root;
use crate::support::tls::{HOST, TlsFront};
use crate::support::way::pin;

/// A services-root behind HTTPS.
struct Secure {
    front: TlsFront,
    folder: TempDir,
    server: GitHttp,
    root: Root,
}

impl Secure {
    fn new() -> Secure {
        let root = Root::new(&["api"]);
        let server = GitHttp::serve(&root.served());
        let folder = tempfile::tempdir().expect("create a directory");
        let front = TlsFront::to(port(&server), folder.path());
        Secure { front, folder, server, root }
    }

    fn pin(&self) -> Command {
        pin(&self.front.url("root.git"), "api", "1")
    }

    fn pin_with_ca(&self, file: &str) -> Run {
        run(self.pin().arg("--ca-file").arg(self.folder.path().join(file)))
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(self.root.pinned("api"), None);
        assert!(self.server.log().is_empty(), "{:?}", self.server.log());
    }
}

fn port(server: &GitHttp) -> u16 {
    let url = server.url("");
    let port = url.trim_end_matches('/').rsplit(':').next().expect("a URL has a port");
    port.parse().expect("a port is a number")
}

#[test]
fn a_certificate_of_a_private_authority_is_taken_with_its_ca_file() {
    let secure = Secure::new();
    let ca = secure.front.ca_file();
    let pinned = run(secure.pin().arg("--ca-file").arg(&ca));
    pinned.assert_pinned_once(&secure.root, "api", "1");
    // The variables that say the same, ours and GitLab's.
    for variable in ["PINRAIL_CA_FILE", "CI_SERVER_TLS_CA_FILE"] {
        run(secure.pin().env(variable, &ca)).assert_verdict("0 unchanged");
    }
}

#[test]
fn a_certificate_of_an_authority_that_nobody_named_is_refused_and_called_so() {
    let secure = Secure::new();
    let others = secure.front.other_ca_file();
    let bare = run(&mut secure.pin());
    let with_others = run(secure.pin().arg("--ca-file").arg(others));
    for failed in [bare, with_others] {
        failed.assert_verdict("1 failed network");
        assert!(failed.message().contains(&secure.front.url("root.git")), "{failed:#?}");
        assert!(failed.message().contains("certificate"), "{failed:#?}");
        assert!(failed.message().contains("--ca-file"), "{failed:#?}");
    }
    secure.assert_untouched();
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let secure = Secure::new();
    let url = secure.front.url("root.git").replace("127.0.0.1", "localhost");
    let failed = run(pin(&url, "api", "1").arg("--ca-file").arg(secure.front.ca_file()));
    failed.assert_verdict("1 failed network");
    assert!(failed.message().contains("certificate"), "{failed:#?}");
    secure.assert_untouched();
}

#[test]
fn a_ca_file_that_cannot_be_used_is_named_with_the_reason() {
    let secure = Secure::new();
    let write = |name: &str, text: &str| {
        std::fs::write(secure.folder.path().join(name), text).expect("write a file");
    };
    write("empty.pem", "");
    write("words.pem", "not a certificate\n");
    write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (name, reason) in [
        ("missing.pem", "No such file"),
        (".", "Is a directory"),
        ("empty.pem", "no certificate"),
        ("words.pem", "no certificate"),
        ("server.key", "no certificate"),
        ("broken.pem", ""),
    ] {
        let failed = secure.pin_with_ca(name);
        assert_eq!(failed.verdict(), "1 failed local", "{name}: {failed:#?}");
        assert!(failed.message().contains(name), "{name}: {failed:#?}");
        assert!(failed.message().contains(reason), "{name}: {failed:#?}");
    }
    secure.assert_untouched();
}

#[test]
fn the_proxy_of_an_http_url_is_the_one_that_the_variable_names() {
    for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        let root = Root::new(&["api"]);
        let server = GitHttp::serve(&root.served());
        let proxy = Proxy::to(port(&server));
        // A host that only the proxy can reach.
        let url = format!("http://{HOST}/root.git");
        let pinned = run(pin(&url, "api", "1").env(variable, proxy.url()));
        pinned.assert_pinned_once(&root, "api", "1");
        let log = proxy.log();
        assert!(log.iter().all(|line| line.contains(&url)), "{variable}: {log:?}");
        assert_eq!(log.len(), server.log().len(), "{variable}: nothing went past the proxy");
    }
}

#[test]
fn the_proxy_of_an_https_url_tunnels_and_sees_no_more_than_the_host() {
    for variable in ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        let secure = Secure::new();
        let proxy = Proxy::to(secure.front.port());
        let mut command = pin(&format!("https://{HOST}/root.git"), "api", "1");
        command.env(variable, proxy.url()).arg("--ca-file").arg(secure.front.ca_file());
        run(&mut command).assert_pinned_once(&secure.root, "api", "1");
        let connect = format!("CONNECT {HOST}:443 HTTP/1.1");
        let log = proxy.log();
        assert!(!log.is_empty() && log.iter().all(|line| *line == connect), "{log:?}");
    }
}

#[test]
fn a_host_named_by_no_proxy_is_reached_directly() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    let proxy = Proxy::to(port(&server));
    let url = server.url("root.git");
    run(pin(&url, "api", "1").env("http_proxy", proxy.url())).assert_verdict("0 pinned");
    let through_the_proxy = proxy.log().len();
    assert!(through_the_proxy > 0);
    for variable in ["no_proxy", "NO_PROXY"] {
        for hosts in ["127.0.0.1", "example.com, 127.0.0.1", "127.0.0.0/8"] {
            let mut command = pin(&url, "api", "1");
            command.env("http_proxy", proxy.url()).env(variable, hosts);
            run(&mut command).assert_verdict("0 unchanged");
            assert_eq!(proxy.log().len(), through_the_proxy, "{variable}={hosts}");
        }
    }
}

#[test]
fn a_proxy_that_is_not_there_is_a_network_failure_that_does_not_show_its_password() {
    let root = Root::new(&["api"]);
    let server = GitHttp::serve(&root.served());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let proxy = format!("http://me:hunter2@{}", closed.expect("a port that was free"));
    let failed = run(pin(&server.url("root.git"), "api", "1").env("http_proxy", proxy).arg("-v"));
    failed.assert_verdict("1 failed network");
    assert!(!format!("{failed:?}").contains("hunter2"), "{failed:#?}");
    assert!(server.log().is_empty());
}

#[test]
fn a_ca_file_is_found_from_where_one_stands() {
    let secure = Secure::new();
    let relative = PathBuf::from("ca.pem");
    let mut command = secure.pin();
    command.current_dir(secure.folder.path()).arg("--ca-file").arg(relative);
    run(&mut command).assert_pinned_once(&secure.root, "api", "1");
}
