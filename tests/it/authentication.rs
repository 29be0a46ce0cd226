//! Who we are, to a server over HTTP: which secret goes where, and what is said when none
//! is taken.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::git::git;
use crate::support::git_http::GitHttp;
use crate::support::hooks::executable;
use crate::support::http1::base64;
use crate::support::pinrail::{Run, pinrail, run};
use crate::support::proxy::Proxy;
use crate::support::root::Root;
use crate::support::way::pin;

const SECRET: &str = "s3cret-t0ken";

/// A services-root that opens to one user with [`SECRET`].
fn locked(user: &str) -> (Root, GitHttp) {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), user, SECRET);
    (root, server)
}

/// The server's own address, as a CI tells it.
fn address(server: &GitHttp) -> String {
    server.url("").trim_end_matches('/').to_owned()
}

fn pin_at(server: &GitHttp) -> Command {
    pin(&server.url("root.git"), "api", "1")
}

/// git's configuration with a credential helper that knows one login and keeps a diary.
fn helper(folder: &Path, user: &str, password: &str) -> PathBuf {
    let script = folder.join("helper");
    let (diary, script_shown) = (folder.join("diary"), script.display());
    executable(
        &script,
        &format!(
            "#!/bin/sh\nsed \"s/^/$1: /\" >>'{}'\n\
             [ \"$1\" = get ] && printf 'username={user}\\npassword={password}\\n'\nexit 0\n",
            diary.display()
        ),
    );
    let config = folder.join("gitconfig");
    let text = format!("[credential]\n\thelper = \"!'{script_shown}'\"\n");
    std::fs::write(&config, text).expect("write git's configuration");
    config
}

#[track_caller]
fn assert_secret_is_not_shown(run: &Run) {
    let shown = format!("{}{}", run.stdout, run.stderr);
    assert!(!shown.contains(SECRET), "{run:#?}");
    assert!(!shown.contains(&base64(SECRET)), "{run:#?}");
}

/// What was sent to say who we are, apart from nothing.
fn sent(server: &GitHttp) -> Vec<String> {
    server.log().into_iter().filter_map(|request| request.authorization).collect()
}

#[test]
fn our_own_token_goes_to_the_server_with_the_name_that_is_told() {
    for (name, user) in [(None, "oauth2"), (Some("bot"), "bot")] {
        let (root, server) = locked(user);
        let mut command = pin_at(&server);
        command.env("PINRAIL_TOKEN", SECRET).arg("-v");
        command.envs(name.iter().map(|name| ("PINRAIL_USERNAME", name)));
        let pinned = run(&mut command);
        pinned.assert_pinned_once(&root, "api", "1");
        assert_secret_is_not_shown(&pinned);
        assert!(server.log().iter().all(|request| request.had_authorization), "without a detour");
    }
}

#[test]
fn the_name_in_the_url_is_the_name_that_is_used() {
    let (root, server) = locked("anna");
    let url = server.url("root.git").replace("http://", "http://anna@");
    let pinned = run(pin(&url, "api", "1").env("PINRAIL_TOKEN", SECRET));
    pinned.assert_pinned_once(&root, "api", "1");
}

#[test]
fn the_tokens_of_a_ci_go_to_its_own_server() {
    for (token, server_variable, user) in [
        ("CI_JOB_TOKEN", "CI_SERVER_URL", "gitlab-ci-token"),
        ("GITLAB_TOKEN", "CI_SERVER_URL", "oauth2"),
        ("GITHUB_TOKEN", "GITHUB_SERVER_URL", "x-access-token"),
        ("GH_TOKEN", "GITHUB_SERVER_URL", "x-access-token"),
    ] {
        let (root, server) = locked(user);
        let mut command = pin_at(&server);
        command.env(token, SECRET).env(server_variable, address(&server)).arg("-v");
        let pinned = run(&mut command);
        assert_eq!(pinned.verdict(), "0 pinned", "{token}: {pinned:#?}");
        pinned.assert_pinned_once(&root, "api", "1");
        assert_secret_is_not_shown(&pinned);
    }
}

#[test]
fn the_tokens_of_a_ci_go_to_no_other_server() {
    let (root, server) = locked("gitlab-ci-token");
    let elsewhere = GitHttp::serve(&root.served());
    for (token, server_variable) in [
        ("CI_JOB_TOKEN", "CI_SERVER_URL"),
        ("GITLAB_TOKEN", "CI_SERVER_URL"),
        ("GITHUB_TOKEN", "GITHUB_SERVER_URL"),
        ("GH_TOKEN", "GITHUB_SERVER_URL"),
    ] {
        // The same host, another port; another host; and the forge's public one.
        let addresses =
            [Some(address(&elsewhere)), Some("https://git.example.com".to_owned()), None];
        for address in addresses {
            let mut command = pin_at(&server);
            command.env(token, SECRET);
            command.envs(address.iter().map(|address| (server_variable, address)));
            let failed = run(&mut command);
            assert_eq!(failed.verdict(), "1 failed authentication", "{token}: {failed:#?}");
            assert_eq!(sent(&server), [""; 0], "{token} for {address:?}");
        }
    }
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn our_own_token_wins_over_the_ones_of_a_ci() {
    let (root, server) = locked("oauth2");
    let mut command = pin_at(&server);
    command.env("PINRAIL_TOKEN", SECRET).env("CI_JOB_TOKEN", "another");
    command.env("CI_SERVER_URL", address(&server));
    run(&mut command).assert_pinned_once(&root, "api", "1");
}

#[test]
fn a_credential_helper_of_git_is_asked_and_told_that_it_was_right() {
    let (root, server) = locked("anna");
    let mut command = pin_at(&server);
    command.env("GIT_CONFIG_GLOBAL", helper(root.path(), "anna", SECRET)).arg("-v");
    let pinned = run(&mut command);
    pinned.assert_pinned_once(&root, "api", "1");
    assert_secret_is_not_shown(&pinned);
    let diary = std::fs::read_to_string(root.path().join("diary")).expect("the helper was asked");
    let host = address(&server).replace("http://", "");
    assert!(diary.contains(&format!("get: host={host}")), "{diary}");
    assert_eq!(diary.matches("store: username=anna").count(), 1, "{diary}");
    assert!(!diary.contains("erase:"), "{diary}");
}

#[test]
fn a_credential_helper_that_is_wrong_is_told_so() {
    let (root, server) = locked("anna");
    let mut command = pin_at(&server);
    command.env("GIT_CONFIG_GLOBAL", helper(root.path(), "anna", "stale"));
    let failed = run(&mut command);
    failed.assert_verdict("1 failed authentication");
    assert!(failed.message().contains("credential helper"), "{failed:#?}");
    let diary = std::fs::read_to_string(root.path().join("diary")).expect("the helper was asked");
    assert!(diary.contains("erase: username=anna"), "{diary}");
    assert!(!diary.contains("store:"), "{diary}");
}

#[test]
fn a_wrong_token_fails_with_the_variable_that_it_came_from() {
    let (root, server) = locked("oauth2");
    let failed = run(pin_at(&server).env("PINRAIL_TOKEN", "wr0ng-t0ken").arg("-v"));
    failed.assert_verdict("1 failed authentication");
    assert!(failed.message().contains("PINRAIL_TOKEN"), "{failed:#?}");
    assert!(failed.hints().contains("PINRAIL_TOKEN"), "{failed:#?}");
    assert!(!format!("{failed:?}").contains("wr0ng-t0ken"), "{failed:#?}");
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn no_token_at_all_fails_with_what_was_looked_for() {
    let (root, server) = locked("oauth2");
    let failed = run(&mut pin_at(&server));
    failed.assert_verdict("1 failed authentication");
    for place in ["PINRAIL_TOKEN", "CI", "credential helper"] {
        assert!(failed.message().contains(place), "{place}: {failed:#?}");
    }
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn a_token_that_may_only_read_is_refused_and_nothing_is_written() {
    let root = Root::new(&["api"]);
    let before = root.tip();
    let server = GitHttp::read_only_token(&root.served(), "oauth2", SECRET);
    let refused = run(pin_at(&server).env("PINRAIL_TOKEN", SECRET).arg("-v"));
    refused.assert_verdict("5 refused refused");
    assert!(refused.message().contains("not allowed to push"), "{refused:#?}");
    assert!(refused.hints().contains("token"), "{refused:#?}");
    assert_secret_is_not_shown(&refused);
    assert_eq!(root.tip(), before);
}

#[test]
fn a_url_with_a_password_is_a_usage_error_that_does_not_show_it() {
    let (root, server) = locked("anna");
    let url = server.url("root.git").replace("http://", &format!("http://anna:{SECRET}@"));
    let by_argument = run(pin(&url, "api", "1").arg("-v"));
    let mut command = pinrail(root.path());
    command.env("PINRAIL_REPO", &url).args(["--json", "status"]);
    let by_variable = run(&mut command);
    for failed in [by_argument, by_variable] {
        failed.assert_verdict("2 failed usage");
        assert!(failed.hints().contains("PINRAIL_TOKEN"), "{failed:#?}");
        assert_secret_is_not_shown(&failed);
    }
    assert!(server.log().is_empty());
}

#[test]
fn a_password_in_the_url_of_a_clone_is_used_and_not_shown() {
    for (password, verdict) in [(SECRET, "0 pinned"), ("wr0ng-t0ken", "1 failed authentication")] {
        let (root, server) = locked("anna");
        let url = server.url("root.git").replace("http://", &format!("http://anna:{password}@"));
        let (source, clone) = (root.repo(), root.path().join("clone"));
        git(root.path(), &["clone", "--quiet", source.to_str().expect("UTF-8"), "clone"]);
        git(&clone, &["remote", "set-url", "origin", &url]);
        let mut command = pinrail(&clone);
        command.args(["--json", "-v", "pin", "api", "-e", "staging", "--image-tag", "1"]);
        command.args(["--revision", &"a".repeat(40)]);
        let run = run(&mut command);
        run.assert_verdict(verdict);
        assert!(!format!("{run:?}").contains(password), "{run:#?}");
    }
}

#[test]
fn no_token_goes_over_plain_http_to_another_machine() {
    let (root, server) = locked("oauth2");
    let port = address(&server).rsplit(':').next().and_then(|port| port.parse().ok());
    let proxy = Proxy::to(port.expect("a port"));
    // The proxy would bring it to our server, where it could be seen.
    let mut command = pin("http://git.example.com/root.git", "api", "1");
    command.env("http_proxy", proxy.url()).env("PINRAIL_TOKEN", SECRET);
    let failed = run(&mut command);
    failed.assert_verdict("1 failed local");
    assert!(failed.message().contains("PINRAIL_TOKEN"), "{failed:#?}");
    assert!(failed.message().contains("https"), "{failed:#?}");
    assert_secret_is_not_shown(&failed);
    assert_eq!(sent(&server), [""; 0]);
    assert!(proxy.log().is_empty());
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn a_redirect_to_another_server_is_not_followed_with_a_token() {
    let (root, server) = locked("oauth2");
    let elsewhere = GitHttp::serve(&root.served());
    elsewhere.redirect_from("/root.git", &server.url("root.git"));
    let failed = run(pin_at(&elsewhere).env("PINRAIL_TOKEN", SECRET));
    assert_eq!((failed.code, failed.document()["outcome"].as_str()), (1, Some("failed")));
    assert!(server.log().is_empty(), "{:?}", server.log());
    assert_eq!(root.pinned("api"), None);
}

#[test]
fn a_moved_repository_on_the_same_server_is_found_with_the_token() {
    let (root, server) = locked("oauth2");
    server.redirect_from("/old.git", "/root.git");
    let mut command = pin(&server.url("old.git"), "api", "1");
    run(command.env("PINRAIL_TOKEN", SECRET)).assert_pinned_once(&root, "api", "1");
}
