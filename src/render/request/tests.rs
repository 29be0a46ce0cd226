//! What requests say.

use super::*;
use crate::domain::pin::Pin;
use crate::domain::request::RequestName;
use crate::domain::tree::testing::MemoryFiles;
use crate::render::request::Intent::{Pin as Set, Promote, RollBack};

pub const HEAD: &str = "5a1c9a7e2f0b4d6e8c0a1b2c3d4e5f60718293a4";
const OLD: &str = "0a8d322f15be29c39cb14273722c16df883ba199";
const NEW: &str = "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514";

pub fn pin(cluster: &str, service: &str, tag: &str, revision: &str) -> Pin {
    let name = |text: &str| text.parse().expect("a name");
    Pin::new(
        name(cluster),
        service.parse().expect("a name"),
        tag.parse().expect("a tag"),
        revision.parse().expect("a revision"),
    )
}

fn change(environment: &str, service: &str, from: Option<&str>, to: &str) -> PinChange {
    let cluster = environment.trim_start_matches("production-");
    PinChange {
        domain: "services".parse().expect("a name"),
        environment: environment.parse().expect("a name"),
        host: Some(format!("https://{service}.{cluster}.example.com")),
        from: from.map(|tag| pin(cluster, service, tag, OLD)),
        to: pin(cluster, service, to, NEW),
        links: vec![Link {
            name: "logs".to_owned(),
            url: format!("https://grafana.example.com/explore?ns=services&app={service}"),
        }],
    }
}

pub fn facts(intent: Intent, service: Option<&str>) -> Facts {
    let target = "production".parse().expect("a name");
    Facts {
        intent,
        request: match service {
            Some(service) => {
                RequestName::Single { target, service: service.parse().expect("a name") }
            }
            None => RequestName::Train { target },
        },
        head: HEAD.parse().expect("a revision"),
        project: Some("platform/services-root".to_owned()),
        run: Some("https://gitlab.example.com/services/python-example/-/pipelines/7".to_owned()),
        asked_by: Some("anna".to_owned()),
        pins: Vec::new(),
        ways: Vec::new(),
        verdicts: Vec::new(),
        stays: Vec::new(),
    }
}

fn page(facts: &Facts, limit: usize) -> Page {
    let templates = Templates::read(&MemoryFiles::default()).expect("templates");
    templates.page(facts, limit).expect("a page")
}

#[test]
fn scratch() {
    let mut facts = facts(Promote, Some("python-example"));
    facts.pins = vec![
        change("production-eu", "python-example", Some("1.3.0"), "1.4.0"),
        change("production-us", "python-example", None, NEW),
    ];
    facts.ways = vec![Way {
        service: "python-example".parse().expect("a name"),
        environments: vec!["production-eu".parse().expect("a name")],
        compare: Some("https://gitlab.example.com/x/-/compare/a...b".into()),
        history: History::Known {
            commits: (0..12)
                .map(|n| Commit {
                    id: NEW.into(),
                    subject: format!(
                        "feat: Fixes #{n} for @anna | <b>*x* [a](b) see https://a.b www.x.y GH-12"
                    ),
                    author: "Anna".into(),
                    url: Some("https://gitlab.example.com/x/-/commit/a".into()),
                    requests: vec![Link {
                        name: "!12".into(),
                        url: "https://gitlab.example.com/x".into(),
                    }],
                })
                .collect(),
            total: 20,
            behind: 3,
        },
    }];
    facts.verdicts = vec![
        Verdict {
            rule: "soak".into(),
            state: VerdictState::Passed,
            sentence: "30m in staging".into(),
        },
        Verdict {
            rule: "freeze".into(),
            state: VerdictState::Waits,
            sentence: "until Mon 07:00 (weekend)".into(),
        },
    ];
    facts.stays = vec![Stay {
        service: "ledger".parse().expect("a"),
        environment: "production-eu".parse().expect("a"),
        sentence: "locked by anna: incident".into(),
    }];
    let it = page(&facts, 60_000);
    println!("{}\n{}", it.title, it.body);
    facts.intent = RollBack;
    println!("{}\n{}", page(&facts, 2200).title, page(&facts, 2200).body);
    facts.intent = Set;
    println!("{}", page(&facts, 3200).title);
}
