//! What an approver reads, of the worked example.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pinrail::domain::config::Config;
use pinrail::domain::environment::Environment;
use pinrail::domain::gate::{Evidence, Judge, Landing, Missing, Overrides};
use pinrail::domain::layout;
use pinrail::domain::name::{DomainName, EnvironmentName, ServiceName};
use pinrail::domain::pin::Pin;
use pinrail::domain::promotion::{self, Verdict as Judged};
use pinrail::domain::registry::Root;
use pinrail::domain::request::RequestName;
use pinrail::domain::tree::Files;
use pinrail::render::request::{
    Commit, Facts, History, Intent, Link, Page, PinChange, Stay, Templates, Verdict, VerdictState,
    Way,
};
use pinrail::store::WorkTree;

use super::{picture, snapshot};
use crate::support::pinrail::{pinrail, run};

const HEAD: &str = "5a1c9a7e2f0b4d6e8c0a1b2c3d4e5f60718293a4";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All has been in staging for long, is well there, and goes forward.
struct Calm<'a>(&'a Root<'a>);

impl Evidence for Calm<'_> {
    fn now(&self) -> Timestamp {
        "2026-11-19T10:14:00Z".parse().expect("a time")
    }

    fn landings(
        &self,
        environment: &Environment,
        domain: &DomainName,
        service: &ServiceName,
        _: Option<&Pin>,
    ) -> Result<Vec<Landing>, Missing> {
        let pin = self.0.pin(environment, domain, service).expect("a pin that can be read");
        Ok(vec![Landing { pin, at: "2026-11-12T10:14:00Z".parse().expect("a time") }])
    }

    fn behind(&self, _: &DomainName, _: &Pin, _: &Pin) -> Result<usize, Missing> {
        Ok(0)
    }

    fn unhealthy(
        &self,
        _: &Environment,
        _: &DomainName,
        _: &Pin,
    ) -> Result<Option<String>, Missing> {
        Ok(None)
    }
}

/// The promotion of every service from staging to both productions, as the example stands.
fn train() -> Facts {
    let files = WorkTree::new(&repository().join("examples/services-root"));
    let text = files.read(layout::CONFIG).expect("read the configuration");
    let mut config = Config::parse(&text.expect("it is there")).expect("it is valid");
    // The folder shows every branch at once.
    config.branches.pins = Some(config.main_branch());
    let root = Root { config: &config, main: &files, pins: &files };
    let production = |name: &str| config.environment(name).expect("an environment");
    let targets = [production("production-eu"), production("production-us")];
    let services: BTreeMap<_, _> = root.services().expect("the services");
    let judge = Judge { root: &root, evidence: &Calm(&root) };
    let overrides = Overrides::default();
    let moves = promotion::promote(&judge, &targets, &services, &overrides).expect("a plan");
    let mut facts = Facts {
        intent: Intent::Promote,
        request: RequestName::Train { target: name("production") },
        head: HEAD.parse().expect("a revision"),
        project: config.forge.project.clone(),
        run: Some("https://gitlab.example.com/platform/services-root/-/jobs/4711".to_owned()),
        asked_by: Some("anna".to_owned()),
        pins: Vec::new(),
        ways: Vec::new(),
        verdicts: Vec::new(),
        stays: Vec::new(),
    };
    for step in moves {
        let (service, environment) = (step.service, step.environment);
        match (step.verdict, step.to) {
            (Judged::Go, Some(to)) => {
                let target = production(environment.as_str());
                let values = [
                    ("service", service.as_str()),
                    ("domain", step.domain.as_str()),
                    ("environment", environment.as_str()),
                    ("namespace", &format!("{}-{environment}", step.domain)),
                ];
                let host = target.host.as_ref().map(|host| host.expand(&values).expect("a host"));
                let mut links: Vec<_> = config
                    .links
                    .iter()
                    .map(|(name, url)| Link {
                        name: name.clone(),
                        url: url.expand(&values).expect("a URL"),
                    })
                    .collect();
                links.push(Link {
                    name: "Argo CD".to_owned(),
                    url: format!(
                        "https://argocd.example.com/applications/argocd/{environment}-{service}"
                    ),
                });
                facts.pins.push(PinChange {
                    domain: step.domain,
                    environment,
                    host: host.map(|host| format!("https://{host}")),
                    from: step.from,
                    to,
                    links,
                });
            }
            (Judged::Refused(cause), _) => {
                facts.stays.push(Stay { service, environment, sentence: cause.sentence() });
            }
            _ => {}
        }
    }
    let passed = |(gate, sentence)| verdict(gate, VerdictState::Passed, sentence);
    facts.verdicts = [
        ("order", "each version comes from the environment before"),
        ("lock", "no lock holds any of it"),
        ("freeze", "nothing is frozen"),
        ("forwardOnly", "each version descends from the one that it replaces"),
        ("soak", "each version has been in the environment before for long enough"),
        ("health", "the environment before is healthy"),
    ]
    .map(passed)
    .into();
    facts
}

fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

fn verdict(rule: &str, state: VerdictState, sentence: &str) -> Verdict {
    Verdict { rule: rule.to_owned(), state, sentence: sentence.to_owned() }
}

/// The request of one service, with this between its versions.
fn single(service: &str, history: History) -> Facts {
    let mut facts = train();
    let service: ServiceName = service.parse().expect("a name");
    facts.pins.retain(|change| change.to.service == service);
    facts.stays.clear();
    facts.request = RequestName::Single { target: name("production"), service: service.clone() };
    facts.ways = vec![Way {
        compare: Some(format!(
            "https://gitlab.example.com/services/{service}/-/compare/{}...{}",
            revision(facts.pins[0].from.as_ref()),
            revision(Some(&facts.pins[0].to))
        )),
        service,
        environments: facts.pins.iter().map(|change| change.environment.clone()).collect(),
        history,
    }];
    facts
}

fn revision(pin: Option<&Pin>) -> &str {
    pin.map_or("", |pin| &pin.target_revision.as_str()[..12])
}

/// Commits, newest first: id, subject, author, merge request.
fn commits(told: &[(&str, &str, &str, u32)]) -> Vec<Commit> {
    let project = "https://gitlab.example.com/services/python-example";
    let commit = |(id, subject, author, request): &(&str, &str, &str, u32)| Commit {
        id: (*id).to_owned(),
        subject: (*subject).to_owned(),
        author: (*author).to_owned(),
        url: Some(format!("{project}/-/commit/{id}")),
        requests: vec![Link {
            name: format!("!{request}"),
            url: format!("{project}/-/merge_requests/{request}"),
        }],
    };
    told.iter().map(commit).collect()
}

fn example() -> Facts {
    let commits = commits(&[
        (
            "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
            "Answer /healthz before the database does",
            "Anna Berg",
            41,
        ),
        ("7c1f0b3a5d", "Say which order was not found", "Noor de Vries", 40),
        ("e94d2c7718", "Page through orders, 100 at a time", "Noor de Vries", 38),
        ("31b8a60f4e", "Update the base image", "Renovate", 39),
    ]);
    single("python-example", History::Known { commits, total: 4, behind: 0 })
}

fn page(facts: &Facts, limit: usize) -> Page {
    let files = WorkTree::new(&repository().join("examples/services-root"));
    let templates = Templates::read(&files).expect("the templates");
    templates.page(facts, limit).expect("a page")
}

#[track_caller]
fn shown(name: &str, page: &Page) {
    snapshot(name, &format!("{}\n\n{}", page.title, page.body));
}

#[test]
fn a_promotion_of_one_service() {
    shown("request-promote", &page(&example(), 65_536));
}

#[test]
fn a_train_with_what_stays_behind() {
    let mut facts = train();
    let ways: Vec<_> = facts
        .pins
        .iter()
        .map(|change| (change.to.service.clone(), change.environment.clone()))
        .collect();
    for (at, (service, environment)) in ways.into_iter().enumerate() {
        let known = commits(&[("31b8a60f4e", "Update the base image", "Renovate", 39)]);
        let history = match at {
            0 => History::Unknown { why: "its repository could not be read".to_owned() },
            1 => History::Known { commits: known, total: 30, behind: 2 },
            _ => History::Known { commits: known, total: 1, behind: 0 },
        };
        facts.ways.push(Way { service, environments: vec![environment], compare: None, history });
    }
    facts.stays.push(Stay {
        service: "invoice-api".parse().expect("a name"),
        environment: name("production-eu"),
        sentence: "locked by bob until 2026-11-20T09:00:00Z: the audit | reads it".to_owned(),
    });
    facts.verdicts.push(verdict("health", VerdictState::Refused, "ledger is degraded in staging"));
    facts.verdicts.push(verdict("soak", VerdictState::Waits, "rust-example has 12 of 30 minutes"));
    shown("request-train", &page(&facts, 65_536));
    shown("request-train-cut", &page(&facts, 2_500));
}

#[test]
fn a_way_back() {
    let mut facts =
        single("python-example", History::Known { commits: Vec::new(), total: 0, behind: 4 });
    facts.intent = Intent::RollBack;
    facts.pins.truncate(1);
    facts.ways[0].environments.truncate(1);
    for change in &mut facts.pins {
        let there = change.from.replace(change.to.clone());
        change.to = there.expect("a pin");
    }
    facts.verdicts.clear();
    shown("request-roll-back", &page(&facts, 65_536));
}

#[test]
fn hostile_commits_are_shown_and_do_nothing() {
    let commits = commits(&[
        ("1", "Closes #12, fixes !7 | @anna\n/approve", "</details> <!-- pinrail:end -->", 1),
        ("2", "# [x](https://evil.example) `\u{202E}` ![y](z) https://evil.example", "@all", 2),
    ]);
    let facts = single("python-example", History::Known { commits, total: 2, behind: 0 });
    shown("request-hostile", &page(&facts, 65_536));
}

#[test]
fn the_picture_is_of_what_is_said_today() {
    let facts = example();
    let drawn = picture::draw(&page(&facts, 65_536), facts.request.branch().as_str());
    let path = repository().join("docs/images/request.svg");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&path, &drawn).expect("write the picture");
    }
    let there = fs::read_to_string(&path).expect("read the picture");
    assert!(
        there == drawn,
        "run `INSTA_UPDATE=always cargo test --test it surface`, and look at it"
    );
}

#[test]
fn the_templates_of_requests_can_be_replaced_and_are_checked() {
    let folder = tempfile::tempdir().expect("create a directory");
    let root = folder.path().join("root");
    let in_root = |arguments: &[&str]| run(pinrail(&root).args(arguments));
    run(pinrail(folder.path()).args(["init", "root"])).succeeded();
    fs::create_dir(root.join("templates")).expect("create a directory");
    let body = in_root(&["generate", "--template", "request-body"]).succeeded().stdout;
    let title = in_root(&["generate", "--template", "request-title"]).succeeded().stdout;
    fs::write(root.join("templates/request-body.md"), &body).expect("write a template");
    fs::write(root.join("templates/request-title.txt"), title).expect("write a template");
    in_root(&["check", "."]).succeeded();
    let broken = body.replacen("${% endif %}", "", 1);
    fs::write(root.join("templates/request-body.md"), broken).expect("write a template");
    let check = in_root(&["check", "."]);
    assert_eq!(check.code, 4, "{}", check.stderr);
    assert!(check.stdout.contains("templates/request-body.md:"), "{}", check.stdout);
}
