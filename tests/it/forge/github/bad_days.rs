//! Limits, outages, redirects and answers of another time.

use pinrail::forge::{Merged, PullRequestState};

use super::*;
use crate::support::tls::TlsFront;

const GET: &str = "GET /repos/{owner}/{repo}/pulls/{pull_number}";

/// F4.
#[test]
fn a_burst_of_bad_gateways_is_outlasted_and_its_html_is_not_shown() {
    let hub = Hub::new();
    let number = hub.opened();
    hub.fake.faults(json!([{"route": GET, "from": 1, "to": 2, "preset": "html-502"}]));
    assert_eq!(hub.github().get(number).expect("it").number, number);
    hub.fake.faults(json!([{"route": GET, "preset": "html-502"}]));
    match hub.github().get(number) {
        Err(ForgeError::Unreachable(words)) => {
            assert!(words.contains("502") && !words.contains('<'), "{words}");
        }
        other => panic!("{other:?}"),
    }
    let page = json!([{"route": GET, "status": 200, "body": "<html>log in</html>"}]);
    hub.fake.faults(page);
    match hub.github().get(number) {
        Err(ForgeError::Unreachable(words)) => assert!(!words.contains('<'), "{words}"),
        other => panic!("{other:?}"),
    }
}

/// F5: a limit is waited for where there is time.
#[test]
fn a_limit_that_ends_soon_is_waited_for() {
    let hub = Hub::new();
    hub.fake.faults(json!([
        {"route": format!("POST {PULLS}"), "nth": 1, "preset": "secondary-limit-soon"},
    ]));
    hub.github().create(&spec()).expect("opened");
    assert_eq!(hub.effects("request"), 1);
}

/// F5: each form of it, where there is no time to wait.
#[test]
fn a_limit_is_told_with_how_long_it_lasts() {
    let hub = Hub::new();
    let number = hub.opened();
    let github = hub.with(&hub.secret, Duration::from_secs(20));
    let minute = Some(Duration::from_secs(60));
    for (preset, expected) in [
        ("secondary-limit", minute),
        ("secondary-limit-429", minute),
        ("secondary-limit-bare", None),
        ("primary-limit", Some(Duration::from_secs(600))),
    ] {
        hub.fake.faults(json!([{"route": GET, "preset": preset}]));
        match github.get(number) {
            Err(ForgeError::RateLimited { wait, words }) => {
                let (wait, expected) =
                    (wait.map_or(0, |it| it.as_secs()), expected.map_or(0, |it| it.as_secs()));
                // The clock of the answer has whole seconds.
                assert!(wait.abs_diff(expected) <= 2, "{preset}: {wait}");
                assert!(words.contains("rate limit"), "{words}");
            }
            other => panic!("{preset}: {other:?}"),
        }
    }
    hub.fake.faults(json!([{"route": "POST /graphql", "preset": "graphql-limit"}]));
    assert!(matches!(github.token(), Err(ForgeError::RateLimited { wait: Some(_), .. })));
    hub.fake.faults(json!([{"route": GET, "status": 403, "json": {"message": "Not yours"}}]));
    let genuine = Err(ForgeError::Forbidden {
        words: "Not yours".to_owned(),
        need: Some("Pull requests: read"),
    });
    assert_eq!(github.get(number), genuine);
}

/// F12: nothing is written under the old name, not even where GraphQL would follow.
#[test]
fn a_renamed_repository_is_told_by_its_new_name() {
    for hub in [Hub::new(), Hub::enterprise()] {
        let number = hub.opened();
        hub.act("rename", json!({"to": "acme/state"}));
        let github = hub.github();
        let moved = ForgeError::Moved { to: Some("acme/state".to_owned()) };
        assert_eq!(github.get(number), Err(moved.clone()));
        assert_eq!(github.create(&spec()), Err(moved.clone()));
        assert_eq!(github.merge(number, &hub.now()), Err(moved.clone()));
        assert_eq!(github.project(), Err(moved.clone()));
        assert_eq!(github.commit(&commit(&hub)), Err(moved));
        assert_eq!(hub.fake.get("/counters")["byKind"], json!({}));
    }
}

/// F12: also by 301 and 302, which clients turn into a GET, and to another server.
#[test]
fn no_redirect_is_followed() {
    let hub = Hub::new();
    for status in [301, 302, 307, 308] {
        hub.fake.faults(json!([{"route": format!("POST {PULLS}"), "status": status,
            "headers": {"location": "https://elsewhere.example.com/repositories/1/pulls"}}]));
        let moved = ForgeError::Moved { to: Some("https://elsewhere.example.com".to_owned()) };
        assert_eq!(hub.github().create(&spec()), Err(moved), "{status}");
    }
    hub.fake.faults(json!([{"route": GET, "status": 302}]));
    assert_eq!(hub.github().get(1), Err(ForgeError::Moved { to: None }));
    assert_eq!(hub.effects("request"), 0);
}

/// F16.
#[test]
fn an_answer_with_fields_missing_or_unknown_is_read_as_far_as_it_goes() {
    let hub = Hub::new();
    let number = hub.opened();
    let gone = json!({"$delete": true});
    hub.fake.faults(json!([{"route": GET, "patch": {
        "/mergeable_state": "sideways", "/user": null, "/body": null, "/draft": gone,
        "/auto_merge": gone, "/requested_teams": gone, "/merge_commit_sha": gone, "/labels": gone,
    }}]));
    let request: PullRequest = hub.github().get(number).expect("it");
    assert_eq!((request.author.as_str(), request.body.as_str()), ("ghost", ""));
    assert_eq!(request.state, PullRequestState::Open);
    hub.fake.faults(json!([{"route": GET, "patch": {"/number": gone}}]));
    assert!(matches!(hub.github().get(number), Err(ForgeError::Protocol(_))));
}

/// F20: time is up in a call that hangs, and nobody knows what became of the write.
#[test]
fn a_forge_that_hangs_costs_no_more_than_the_time_there_is() {
    let hub = Hub::new();
    hub.fake.faults(json!([{"route": GET, "hang": true}]));
    let github = hub.with(&hub.secret, Duration::from_secs(1));
    assert!(matches!(github.get(1), Err(ForgeError::Timeout(_))));
    hub.fake.faults(json!([{"route": format!("POST {PULLS}"), "hang": true}]));
    let github = hub.with(&hub.secret, Duration::from_secs(1));
    assert!(matches!(github.create(&spec()), Err(ForgeError::Unknown(_))));
    hub.fake.faults(json!([{"route": GET, "trickle": 50}]));
    let github = hub.with(&hub.secret, Duration::from_secs(1));
    let number = hub.opened();
    assert!(matches!(github.get(number), Err(ForgeError::Timeout(_))));
}

/// F20: a private authority is trusted where it is named.
#[test]
fn a_certificate_that_nobody_vouches_for_is_told_with_what_to_do() {
    let hub = Hub::new();
    let folder = tempfile::tempdir().expect("a folder");
    let web: url::Url = hub.fake.web().parse().expect("a URL");
    let front = TlsFront::to(web.port().expect("a port"), folder.path());
    let mut address = hub.address(ROOT);
    for url in [&mut address.server, &mut address.api, &mut address.graphql] {
        url.set_port(Some(front.port())).expect("a port");
        *url = url.as_str().replace("http://", "https://").parse().expect("a URL");
    }
    let ask = |ca_file: &std::path::Path| {
        let session = Session::new(Some(ca_file), Duration::from_secs(5), Box::new(|_| {}));
        let token = ApiToken {
            secret: hub.secret.as_str().into(),
            source: "X".to_owned(),
            is_job_token: false,
        };
        let session = session.expect("a session");
        GitHub::new(address.clone(), token, session).expect("a client").token()
    };
    assert_eq!(ask(&front.ca_file()).expect("facts").login, "bob");
    match ask(&front.other_ca_file()) {
        Err(ForgeError::Unreachable(words)) => assert!(words.contains("--ca-file"), "{words}"),
        other => panic!("{other:?}"),
    }
}

/// F22.
#[test]
fn a_name_in_other_letters_is_the_same_repository() {
    let hub = Hub::new();
    let github = hub.named("ACME/Root", &hub.secret, Duration::from_secs(60));
    let request = github.create(&spec()).expect("opened").request;
    let found = github.find_open(&branch("pin/a"), &branch("main")).expect("asked");
    assert_eq!(found.map(|it| it.number), Some(request.number));
}

/// The whole way on Enterprise Server 3.17, whose API and GraphQL are below `/api`.
#[test]
fn the_enterprise_layout_is_served_as_well() {
    let hub = Hub::enterprise();
    let github = hub.github();
    let request = github.create(&spec()).expect("opened").request;
    github.comment(request.number, "Please look.").expect("said");
    hub.act("seed", json!({"requests": 150, "head": "load/{n}"}));
    assert_eq!(github.list_open("load/").expect("listed").len(), 150);
    let merged = github.merge(request.number, &hub.now());
    assert!(matches!(merged, Ok(Merged::Now { commit: Some(_) })), "{merged:?}");
    assert_eq!(github.get(request.number).expect("it").state, PullRequestState::Merged);
    assert_eq!(github.token().expect("facts").login, "bob");
    assert!(github.branch(&branch("main")).expect("facts").exists);
    let new = ApiCommit { branch: branch("pin/new"), from: None, ..commit(&hub) };
    let id = github.commit(&new).expect("made");
    assert_eq!(hub.fake.state(ROOT)["branches"]["pin/new"], json!(id));
    hub.fake.assert_nothing_repeated();
}
