//! What is live, by the word of an Argo CD that speaks with its own code, of Applications that its
//! own code has made from the example.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use pinrail::argocd::{Liveness, NotLive};
use pinrail::commands::health::Health;
use pinrail::commands::{ArgoCdToken, Ci, CommandError, Context, ErrorKind, Talk, Via, Working};
use pinrail::domain::config::Config;
use pinrail::domain::gate::Missing;
use pinrail::domain::pin::Pin;
use pinrail::store::{Access, Author, Credentials, Meter};
use serde_json::{Value, json};

use super::Folder;
use crate::support::argocd::FakeArgoCd;

const API: &str = "production-eu-invoice-api";

/// The example, its Applications, and an Argo CD that has them.
struct World {
    folder: Folder,
    applications: BTreeMap<String, Value>,
    fake: FakeArgoCd,
}

/// The Applications of `production-eu` that Argo CD makes of a folder.
#[track_caller]
fn expanded(folder: &Folder) -> BTreeMap<String, Value> {
    let mut all = folder.expanded().sound();
    all.retain(|name, _| name.starts_with("production-eu-"));
    all
}

/// Those of the example as it is, made once: it takes a while.
static EXAMPLE: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| expanded(&Folder::example()));

impl World {
    fn new() -> World {
        World::of_applications(Folder::example(), EXAMPLE.clone())
    }

    fn of_applications(folder: Folder, applications: BTreeMap<String, Value>) -> World {
        let world = World { folder, applications, fake: FakeArgoCd::start() };
        world.apply();
        world
    }

    /// The sets write their Applications.
    #[track_caller]
    fn apply(&self) {
        let applications: Vec<_> = self.applications.values().cloned().collect();
        self.fake.apply(&applications);
    }

    /// The sets follow the pins.
    #[track_caller]
    fn follow(&mut self) {
        self.applications = expanded(&self.folder);
        self.apply();
    }

    /// An Application is synced, and its pods run what it tells them to.
    #[track_caller]
    fn sync(&self, name: &str) {
        let spec = &self.applications[name]["spec"];
        let source = if spec["sources"].is_array() { &spec["sources"][0] } else { &spec["source"] };
        let parameters = source["helm"]["parameters"].as_array().expect("parameters");
        let value = |name: &str| {
            let name = format!("global.release.image.{name}");
            let found = parameters.iter().find(|parameter| parameter["name"] == *name);
            found.expect("a parameter")["value"].as_str().expect("a text").to_owned()
        };
        let image = format!("{}:{}", value("repository"), value("tag"));
        self.fake.synced(name, &[image], &[]);
    }

    fn config(&self) -> Config {
        let text = self.folder.read("pinrail.yaml");
        let url = "https://argocd.example.com";
        assert_eq!(text.matches(url).count(), 1);
        Config::parse(text.replace(url, self.fake.url()).as_bytes()).expect("a configuration")
    }

    /// A run that knows the token, and is over after so many seconds.
    fn health(&self, seconds: u64) -> Health {
        Health::new(&context(FakeArgoCd::TOKEN, seconds), &self.config())
    }

    #[track_caller]
    fn pin(&self, domain: &str, service: &str) -> Pin {
        let text = self.folder.read(&format!("envs/production-eu/{domain}/{service}.json"));
        Pin::parse(text.as_bytes()).expect("a pin")
    }

    #[track_caller]
    fn of(&self, health: &Health, domain: &str, service: &str) -> Result<Liveness, Missing> {
        let pin = self.pin(domain, service);
        let environment = "production-eu".parse().expect("a name");
        health.of(&environment, &domain.parse().expect("a name"), &pin)
    }

    /// Whether the API of the invoices is live.
    #[track_caller]
    fn api(&self) -> Result<Liveness, Missing> {
        self.of(&self.health(30), "billing", "invoice-api")
    }

    #[track_caller]
    fn why(&self) -> NotLive {
        match self.api() {
            Ok(Liveness::Not(why)) => why,
            other => panic!("{other:?}"),
        }
    }
}

struct Silent;

impl Working for Silent {}

impl Talk for Silent {
    fn progress(&self, _: &str) -> Box<dyn Working> {
        Box::new(Silent)
    }
    fn say(&self, _: &str) {}
    fn tell(&self, _: &str) {}
}

fn context(token: &str, seconds: u64) -> Context {
    let token = (!token.is_empty())
        .then(|| ArgoCdToken { secret: token.to_owned().into(), source: "PINRAIL_ARGOCD_TOKEN" });
    Context {
        location: Err(CommandError::new(ErrorKind::Usage, "nowhere")),
        work_tree: None,
        hook: None,
        access: Access {
            meter: Meter::default(),
            credentials: Credentials { tokens: Vec::new() },
            ca_file: None,
            proxied: false,
            proxies: Vec::new(),
            ssh_key: None,
            ssh_command: None,
            home: None,
        },
        author: Author {
            name: "ann".to_owned(),
            email: "ann@example.com".to_owned(),
            signer: None,
        },
        ci: Ci::default(),
        endpoints: Vec::new(),
        app: Ok(None),
        argocd_token: token,
        via: Via::Git,
        timeout: Duration::from_secs(seconds),
        dry_run: false,
        now: jiff::Timestamp::now(),
        talk: Rc::new(Silent),
    }
}

/// The pins of the example in `production-eu`.
const PINS: [(&str, &str); 7] = [
    ("services", "go-example"),
    ("services", "python-example"),
    ("services", "node-example"),
    ("services", "java-example"),
    ("billing", "invoice-worker"),
    ("billing", "invoice-api"),
    ("billing", "ledger"),
];

#[track_caller]
fn assert_each_is_live_once_it_is_synced(world: &World) {
    assert_eq!(world.applications.len(), PINS.len());
    let health = world.health(30);
    for (domain, service) in PINS {
        let before = world.of(&health, domain, service).expect("a word");
        assert_eq!(before, Liveness::Not(NotLive::NotCompared), "{service}");
        world.sync(&format!("production-eu-{service}"));
        assert_eq!(
            world.of(&health, domain, service).expect("a word"),
            Liveness::Live,
            "{service}"
        );
    }
}

#[test]
fn each_pin_of_the_example_is_live_once_argo_cd_has_synced_it() {
    assert_each_is_live_once_it_is_synced(&World::new());
}

#[test]
fn the_same_with_the_chart_from_a_registry() {
    let folder = Folder::example();
    let chart = "chart: oci, chartRepository: \"oci://registry.example.com/platform/pinrail-app\", chartVersion: 1.2.3";
    folder.replace("pinrail.yaml", "chart: wrapper", chart);
    folder.generate();
    let applications = expanded(&folder);
    let world = World::of_applications(folder, applications);
    assert!(world.applications[API]["spec"]["sources"].is_array());
    assert_each_is_live_once_it_is_synced(&world);
}

#[test]
fn a_new_tag_is_not_live_until_it_was_compared_and_its_pods_run() {
    let mut world = World::new();
    world.sync(API);
    assert_eq!(world.api(), Ok(Liveness::Live));
    let path = "envs/production-eu/billing/invoice-api.json";
    let old = world.pin("billing", "invoice-api").image_tag.to_string();
    world.folder.replace(path, &format!("\"imageTag\": \"{old}\""), "\"imageTag\": \"2.0\"");
    let why = world.why().to_string();
    assert_eq!(why, format!("it shows the image tag `{old}`, and `2.0` is pinned"));
    // The set has followed; the revision is the same, so that the status looks synced to it.
    world.follow();
    assert_eq!(world.why(), NotLive::NotCompared);
    world.fake.synced(API, &[format!("registry.example.com/billing/invoice-api:{old}")], &[]);
    assert!(matches!(world.why(), NotLive::OtherImage { .. }));
    world.sync(API);
    assert_eq!(world.api(), Ok(Liveness::Live));
}

#[test]
fn what_argo_cd_writes_of_an_application_in_trouble_is_understood() {
    let world = World::new();
    for (patch, words, is_failure) in [
        (json!({"operation": {"sync": {}}}), "an operation of it is about to begin", false),
        (
            json!({"status": {"operationState": {"phase": "Running"}}}),
            "an operation of it is running",
            false,
        ),
        (
            json!({"status": {"operationState": {"phase": "Failed", "message": "one hook failed"}}}),
            "the operation that brought it failed: one hook failed",
            true,
        ),
        (
            json!({"status": {"sync": {"status": "OutOfSync"}}}),
            "its sync status is OutOfSync",
            false,
        ),
        (json!({"status": {"health": {"status": "Missing"}}}), "its health is Missing", false),
        (
            json!({"status": {"conditions": [{"type": "ComparisonError", "message": "no such revision"}]}}),
            "it has the condition ComparisonError: no such revision",
            true,
        ),
        (
            json!({"metadata": {"deletionTimestamp": "2026-10-02T10:00:00Z"}}),
            "it is being deleted",
            false,
        ),
        (
            json!({"status": {"operationState": {"finishedAt": "2199-01-01T00:00:00Z"}}}),
            "Argo CD has not looked at it again since its last operation ended",
            false,
        ),
    ] {
        world.fake.delete(API);
        world.apply();
        world.sync(API);
        assert_eq!(world.api(), Ok(Liveness::Live));
        world.fake.patch(API, patch.clone());
        let why = world.why();
        assert_eq!((why.to_string().as_str(), why.is_failure()), (words, is_failure), "{patch}");
    }
}

#[test]
fn health_is_what_argo_cd_makes_of_the_objects() {
    let deployment = |ready: u32, reason: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api", "generation": 1},
            "spec": {"replicas": 2},
            "status": {
                "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
                "availableReplicas": ready,
                "conditions": [{"type": "Progressing", "status": "False", "reason": reason}],
            },
        })
    };
    let world = World::new();
    let tag = world.pin("billing", "invoice-api").image_tag;
    let images = [format!("registry.example.com/billing/invoice-api:{tag}")];
    for (objects, health) in [
        ([deployment(1, "ReplicaSetUpdated")], "its health is Progressing"),
        ([deployment(1, "ProgressDeadlineExceeded")], "its health is Degraded"),
    ] {
        world.fake.synced(API, &images, &objects);
        assert_eq!(world.why().to_string(), health);
    }
    world.fake.synced(API, &images, &[deployment(2, "NewReplicaSetAvailable")]);
    assert_eq!(world.api(), Ok(Liveness::Live));
}

#[test]
fn the_call_names_the_project_and_asks_for_a_refresh_with_the_token() {
    let world = World::new();
    world.sync(API);
    assert_eq!(world.api(), Ok(Liveness::Live));
    let query = "project=pinrail-production-eu-billing&appNamespace=argocd&refresh=normal";
    let path = format!("/api/v1/applications/{API}");
    assert_eq!(world.fake.log(), [json!({"path": path, "query": query, "authorized": true})]);
}

#[test]
fn an_application_that_is_not_there_is_not_live_and_one_that_is_hidden_is_not_known() {
    let world = World::new();
    world.fake.delete(API);
    assert_eq!(world.why(), NotLive::NoApplication);

    world.fake.policy(&FakeArgoCd::POLICY.replace("*/*", "pinrail-production-eu-services/*"));
    world.sync("production-eu-go-example");
    let health = world.health(30);
    let missing = world.of(&health, "billing", "ledger").expect_err("it is hidden");
    assert!(missing.what.ends_with("the token may not read it: permission denied"), "{missing:?}");
    let need = "`applications, get` on pinrail-production-eu-billing/* for the token in PINRAIL_ARGOCD_TOKEN";
    assert_eq!(missing.need, need);
    // What one project hides another may show.
    assert_eq!(world.of(&health, "services", "go-example"), Ok(Liveness::Live));
}

#[test]
fn without_a_token_or_a_safe_address_nothing_is_sent_and_what_lacks_is_named() {
    let world = World::new();
    let missing = |context: &Context, config: &Config| {
        let health = Health::new(context, config);
        world.of(&health, "billing", "ledger").expect_err("nothing can be asked")
    };
    let config = world.config();
    let without = missing(&context("", 30), &config);
    assert!(without.need.starts_with("PINRAIL_ARGOCD_TOKEN (a token of"), "{without:?}");
    for (url, need) in [
        (None, "`argocd: {url: https://…}` in pinrail.yaml"),
        (Some("http://argocd.example.com"), "another `argocd.url` in pinrail.yaml"),
        (Some("https://u:p@argocd.example.com"), "another `argocd.url` in pinrail.yaml"),
    ] {
        let mut config = config.clone();
        config.argocd.url = url.map(str::to_owned);
        assert_eq!(missing(&context(FakeArgoCd::TOKEN, 30), &config).need, need);
    }
    let no_token = missing(&context("s3cret with\nlines", 30), &config);
    assert_eq!(no_token.what, "PINRAIL_ARGOCD_TOKEN: it does not take the token: it is no token");
    assert_eq!(world.fake.log(), Vec::<Value>::new());
}

#[test]
fn a_token_that_is_not_taken_is_named_by_its_variable_and_never_shown() {
    let world = World::new();
    world.fake.tokens(json!({"another": "pinrail"}));
    let missing = world.api().expect_err("the token is not known");
    assert!(missing.what.contains("it does not take the token: invalid session"), "{missing:?}");
    assert!(missing.need.contains("another token in PINRAIL_ARGOCD_TOKEN"), "{missing:?}");
    assert!(!format!("{missing:?}").contains(FakeArgoCd::TOKEN), "{missing:?}");
}

#[test]
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let world = World::new();
    world.sync(API);
    world.fake.faults(json!([
        {"status": 502, "body": "<html>"},
        {"status": 503, "header": {"Retry-After": "0"}},
        {"status": 429, "header": {"Retry-After": "0"}},
    ]));
    assert_eq!(world.api(), Ok(Liveness::Live));
    assert_eq!(world.fake.log().len(), 4);
}

#[test]
fn what_is_no_api_of_argo_cd_is_not_believed_and_nobody_is_followed() {
    for (fault, words) in [
        (json!({"status": 200, "body": "<html>Log in</html>"}), "no Application of Argo CD"),
        (json!({"status": 200, "body": "{}"}), "no Application of Argo CD"),
        (json!({"status": 307, "header": {"Location": "/elsewhere"}}), "it leads elsewhere"),
        (json!({"status": 403, "body": "<html>"}), "it answered 403 Forbidden"),
        (json!({"status": 404, "body": "not here"}), "it answered 404 Not Found"),
    ] {
        let world = World::new();
        world.fake.faults(json!([fault]));
        let missing = world.api().expect_err(words);
        assert!(missing.what.contains(words), "{missing:?}");
        assert_eq!(missing.need, "`argocd.url` to be the address of Argo CD's API");
        assert_eq!(world.fake.log().len(), 1);
    }
}

#[test]
fn a_controller_that_stands_still_is_met_once_in_a_run() {
    let world = World::new();
    for (_, service) in PINS {
        world.sync(&format!("production-eu-{service}"));
    }
    world.fake.stuck(true);
    let health = world.health(1);
    let missing = PINS.map(|(domain, service)| {
        world.of(&health, domain, service).expect_err("it does not answer")
    });
    assert!(missing[0].what.contains("no answer before time was up"), "{missing:?}");
    assert!(missing.iter().all(|other| *other == missing[0]), "{missing:?}");
    assert_eq!(world.fake.log().len(), 1);
    world.fake.stuck(false);
    assert_eq!(world.api(), Ok(Liveness::Live));
}
