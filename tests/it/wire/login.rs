//! Servers that want to know who asks: no request too many, and no secret too early.

use std::path::{Path, PathBuf};

use super::many::traffic;
use crate::support::git_http::GitHttp;
use crate::support::hooks::executable;
use crate::support::http1::{Answer, Reply, base64};
use crate::support::pinrail::run;
use crate::support::root::Root;
use crate::support::way::pin;

const SECRET: &str = "s3cret-t0ken";

fn authorization(user: &str) -> String {
    format!("Basic {}", base64(&format!("{user}:{SECRET}")))
}

/// A server that everybody may read from, and one user push to.
fn open_for_reading(root: &Root, user: &str) -> GitHttp {
    let server = GitHttp::serve(&root.served());
    let expected = authorization(user);
    server.stand_in(move |message, forward| {
        let known = message.request.authorization.as_ref() == Some(&expected);
        let refused = message.request.is_push() && !known;
        Answer::Whole(if refused { Reply::text(401, "Who are you?\n") } else { forward() })
    });
    server
}

/// git's configuration with a credential helper that writes down what it is asked.
fn helper(folder: &Path, user: &str) -> PathBuf {
    let (script, diary) = (folder.join("helper"), folder.join("diary"));
    let text = format!(
        "#!/bin/sh\necho \"$1\" >>'{}'\ncat >/dev/null\n\
         [ \"$1\" = get ] && printf 'username={user}\\npassword={SECRET}\\n'\nexit 0\n",
        diary.display()
    );
    executable(&script, &text);
    let config = folder.join("gitconfig");
    let text = format!("[credential]\n\thelper = \"!'{}'\"\n", script.display());
    std::fs::write(&config, text).expect("write git's configuration");
    config
}

/// What the helper was asked for, in order.
fn diary(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("diary")).expect("the helper was asked");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_helper_is_asked_once_where_pushes_alone_want_a_login() {
    let root = Root::new(&["api"]);
    let server = open_for_reading(&root, "anna");
    let mut command = pin(&server.url("root.git"), "api", "1");
    let pinned = run(command.env("GIT_CONFIG_GLOBAL", helper(root.path(), "anna")));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(diary(root.path()), ["get", "store"]);
    assert_eq!(traffic(&pinned, "attempts"), 1, "{pinned:#?}");
    let known: Vec<bool> =
        server.log().iter().filter(|one| one.is_push()).map(|one| one.had_authorization).collect();
    assert_eq!(known, [false, true]);
}

#[test]
fn a_push_without_a_login_that_is_wanted_fails_and_says_so() {
    let root = Root::new(&["api"]);
    let before = root.refs();
    let server = open_for_reading(&root, "anna");
    let failed = run(&mut pin(&server.url("root.git"), "api", "1"));
    failed.assert_verdict("1 failed authentication");
    assert_eq!(root.refs(), before);
}

#[test]
fn a_token_goes_with_every_request_from_the_first_on() {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), "oauth2", SECRET);
    let pinned = run(pin(&server.url("root.git"), "api", "1").env("PINRAIL_TOKEN", SECRET));
    pinned.assert_pinned_once(&root, "api", "1");
    let log = server.log();
    assert!(log.iter().all(|request| request.had_authorization), "{log:#?}");
    assert_eq!(traffic(&pinned, "requests"), log.len() as u64);
    // As many as a server asks for that lets everybody in.
    let open = GitHttp::serve(&root.served());
    let pinned = run(&mut pin(&open.url("root.git"), "api", "2"));
    assert_eq!(traffic(&pinned, "requests"), log.len() as u64, "{pinned:#?}");
}

#[test]
fn a_helper_is_asked_once_where_everything_wants_a_login() {
    let root = Root::new(&["api"]);
    let server = GitHttp::with_basic_auth(&root.served(), "anna", SECRET);
    let mut command = pin(&server.url("root.git"), "api", "1");
    let pinned = run(command.env("GIT_CONFIG_GLOBAL", helper(root.path(), "anna")));
    pinned.assert_pinned_once(&root, "api", "1");
    assert_eq!(diary(root.path()), ["get", "store"]);
    let log = server.log();
    let strangers = log.iter().filter(|request| !request.had_authorization).count();
    assert_eq!(strangers, 1, "{log:#?}");
}
