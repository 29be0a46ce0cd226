//! What a change may hold, each rule from both sides.

use super::*;
use crate::domain::config::Config;
use crate::domain::layout::PLATFORM_OVERRIDE;
use crate::domain::tree::testing::MemoryFiles;

const CONFIG: &str = "\
version: 1
forge: {kind: gitlab}
maxRemovals: 2
domains: [{name: services}]
environments:
  - {name: staging, cluster: shared, mode: direct}
  - {name: eu, group: production, cluster: eu-1, from: staging, mode: request, protected: true,
     gates: {soak: 30m, override: [\"@acme/release\"]}}
  - {name: us, group: production, cluster: us-1, from: staging, mode: request}
  - {name: lab, cluster: lab-1, mode: request}
";
const PINS: [&str; 4] = ["eu", "us", "lab", "staging"];

fn cluster(environment: &str) -> &str {
    match environment {
        "staging" => "shared",
        "eu" => "eu-1",
        "us" => "us-1",
        _ => "lab-1",
    }
}

fn pin(environment: &str, service: &str, tag: &str) -> String {
    let (cluster, revision) = (cluster(environment), "a".repeat(40));
    format!(
        "{{\n  \"cluster\": \"{cluster}\",\n  \"service\": \"{service}\",\n  \"imageTag\": \"{tag}\",\n  \"targetRevision\": \"{revision}\"\n}}\n"
    )
}

fn path(environment: &str, service: &str) -> String {
    format!("envs/{environment}/services/{service}.json")
}

fn told(tag: &str) -> String {
    let revision = "a".repeat(40);
    format!(
        "{{\"gates\": [\"soak\"], \"reason\": \"urgent\", \"owner\": \"@anna\", \"at\": \"2026-11-21T12:00:00Z\", \"imageTag\": \"{tag}\", \"targetRevision\": \"{revision}\"}}"
    )
}

/// A services-root, a branch of it, and a change of files there.
struct Case {
    main: MemoryFiles,
    pins: MemoryFiles,
    config: String,
    branch: &'static str,
    by: By,
    files: Vec<Touched>,
    /// Whether every pin goes back under a lock.
    back: bool,
}

impl Case {
    fn new() -> Self {
        let mut main = MemoryFiles::default().with("services/services/api.yaml", "{}");
        let mut pins = MemoryFiles::default().with("locks/eu/web.json", LOCK);
        for environment in PINS {
            let to = if environment == "staging" { &mut pins } else { &mut main };
            for service in ["api", "web", "worker"] {
                *to = to.clone().with(&path(environment, service), &pin(environment, service, "1"));
            }
        }
        let (config, files) = (CONFIG.to_owned(), Vec::new());
        let (branch, by, back) = ("main", By::Request, false);
        Self { main, pins, config, branch, by, files, back }.having_config()
    }

    fn having_config(mut self) -> Self {
        self.main = self.main.with("pinrail.yaml", &self.config);
        self
    }

    /// All on one branch, as without a forge.
    fn on_one_branch() -> Self {
        let mut case = Self::new();
        case.config = CONFIG.replace("gitlab", "git");
        case.main.0.extend(case.pins.0.clone());
        case.pins = case.main.clone();
        case.having_config()
    }

    fn here(&self) -> &MemoryFiles {
        if self.branch == "main" { &self.main } else { &self.pins }
    }

    fn touch(mut self, path: &str, after: Option<Content>) -> Self {
        let before = self.here().0.get(path).cloned().map(Content::File);
        self.files.push(Touched { path: path.to_owned(), before, after });
        self
    }

    fn write(self, path: &str, text: &str) -> Self {
        self.touch(path, Some(Content::File(text.as_bytes().to_vec())))
    }

    fn remove(self, path: &str) -> Self {
        self.touch(path, None)
    }

    /// Another version of services of an environment.
    fn moves(self, environment: &str, service: &str) -> Self {
        self.write(&path(environment, service), &pin(environment, service, "2"))
    }

    fn pushed(self, branch: &'static str) -> Self {
        Self { branch, by: By::Push, ..self }
    }

    fn with_change<T>(&self, look: impl FnOnce(&Change<'_>) -> T) -> T {
        let config = Config::parse(self.config.as_bytes()).expect("config");
        let mut edited = self.here().clone();
        for Touched { path, after, .. } in &self.files {
            match after {
                Some(Content::File(bytes)) => edited.0.insert(path.clone(), bytes.clone()),
                _ => edited.0.remove(path),
            };
        }
        let is_one = config.pins_branch() == config.main_branch();
        let main = if self.branch == "main" { &edited } else { &self.main };
        let pins = if self.branch == "pins" || is_one { &edited } else { &self.pins };
        let text = main.0.get("pinrail.yaml").expect("a configuration");
        let brought = Config::parse(text).unwrap_or_else(|_| config.clone());
        let branch = self.branch.parse().expect("a branch");
        let tip = Root { config: &config, main: &self.main, pins: &self.pins };
        let after = Root { config: &brought, main, pins };
        let change = Change::new((tip, after), (&branch, "0123456789"), self.by, &self.files);
        look(&change.expect("readable"))
    }

    /// What is found, each as `path: message`, with `!` before what is not valid.
    fn found(&self) -> Vec<String> {
        self.with_change(|change| {
            let pins = change.pins().expect("readable");
            let findings = change.findings(&pins, |_| self.back).expect("readable");
            let line = |finding: &Finding| {
                let mark = if finding.fault == Fault::Invalid { "!" } else { "" };
                format!("{mark}{}", finding.problem)
            };
            findings.iter().map(line).collect()
        })
    }

    fn passes(&self) {
        assert_eq!(self.found(), Vec::<String>::new(), "{:#?}", self.files);
    }

    /// The only finding begins so.
    fn finds(&self, beginning: &str) {
        let found = self.found();
        assert!(found.len() == 1 && found[0].starts_with(beginning), "{beginning}: {found:#?}");
    }
}

const LOCK: &str = r#"{"reason": "incident 7", "owner": "@anna"}"#;

#[test]
fn versions_of_one_environment_or_group_come_together() {
    Case::new().moves("eu", "api").moves("us", "api").moves("us", "web").passes();
    Case::new()
        .moves("eu", "api")
        .moves("lab", "api")
        .finds("envs/lab/services/api.json: new versions come to `eu` and to `lab` at once");
}

#[test]
fn a_pipeline_pushes_to_several_environments_that_change_directly() {
    let case = || {
        let mut case = Case::on_one_branch();
        case.config =
            case.config.replace("cluster: lab-1, mode: request", "cluster: lab-1, mode: direct");
        case.having_config().moves("staging", "api").moves("lab", "api")
    };
    case().pushed("main").passes();
    case().finds("envs/lab/services/api.json: new versions come to");
    let mixed = Case::on_one_branch().moves("eu", "api").moves("lab", "api");
    mixed.pushed("main").finds("envs/lab/services/api.json: new versions come to");
}

#[test]
fn rules_do_not_come_with_new_versions() {
    for rule in [
        "pinrail.yaml",
        "platform-values.yaml",
        "platform-values/eu.yaml",
        "services/services/web.yaml",
        "argocd/root.yaml",
        "tenants/eu-1/services.yaml",
        "templates/request-body.md",
        ".gitlab-ci.yml",
        ".github/workflows/pinrail.yml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".pinrail/settings.md",
        ".gitattributes",
    ] {
        let text =
            if rule == "pinrail.yaml" { format!("{CONFIG}# more\n") } else { "{}".to_owned() };
        let case = Case::new().write(rule, &text);
        case.passes();
        case.moves("lab", "api").finds(&format!("{rule}: a rule does not come with a pin"));
    }
    Case::new().write("README.md", "more").moves("lab", "api").passes();
}

#[test]
fn a_pin_written_in_another_way_comes_with_the_rule_that_asks_for_it() {
    let config = CONFIG.replace("cluster: lab-1", "cluster: lab-2");
    let rewritten = pin("lab", "api", "1").replace("lab-1", "lab-2");
    let case = Case::new().write("pinrail.yaml", &config).write(&path("lab", "api"), &rewritten);
    case.passes();
    case.with_change(|change| {
        let pins = change.pins().expect("readable");
        assert_eq!(pins[0].kind, Kind::Unchanged);
    });
}

#[test]
fn a_service_goes_with_its_file_in_the_registry_and_what_is_generated() {
    let gone = || Case::new().remove(&path("lab", "api")).remove("services/services/api.yaml");
    gone().passes();
    gone().write("CODEOWNERS", "").write("argocd/root.yaml", "").passes();
    let config = format!("{CONFIG}# more\n");
    gone().write("pinrail.yaml", &config).finds("pinrail.yaml: a rule does not come");
    // Another service's file is no part of it, nor one that stays.
    let other = Case::new().remove(&path("lab", "web")).remove("services/services/api.yaml");
    other.finds("services/services/api.yaml: a rule does not come");
    let stays = Case::new().remove(&path("lab", "api")).write("services/services/api.yaml", "# 2");
    stays.finds("services/services/api.yaml: a rule does not come");
}

#[test]
fn a_pin_stands_on_the_branch_of_its_environment() {
    Case::new().moves("staging", "api").finds(
        "!envs/staging/services/api.json: the pins of `staging` belong on the branch `pins`",
    );
    Case::new().pushed("pins").moves("staging", "api").passes();
    Case::new()
        .pushed("pins")
        .moves("eu", "api")
        .finds("!envs/eu/services/api.json: the pins of `eu` belong on the branch `main`");
    // An old copy may go.
    let mut case = Case::new();
    case.main = case.main.with(&path("staging", "api"), &pin("staging", "api", "0"));
    case.remove(&path("staging", "api")).passes();
}

#[test]
fn pins_of_an_environment_that_the_change_itself_brings_are_refused() {
    let config = format!("{CONFIG}  - {{name: demo, cluster: demo-1, mode: request}}\n");
    let case = Case::new().write("pinrail.yaml", &config);
    case.passes();
    let case = case.write(&path("demo", "api"), &pin("demo", "api", "1"));
    case.finds("envs/demo/services/api.json: `demo` is no environment yet");
    Case::new().write("envs/eu/api.json", "{}").finds("!envs/eu/api.json: not `envs/");
}

#[test]
fn locks_are_not_touched_by_a_request_beside_that_of_a_way_back() {
    let lock = "locks/eu/api.json";
    let refused = "locks/eu/api.json: a change does not set or take away a lock";
    Case::new().write(lock, LOCK).finds(refused);
    Case::on_one_branch().write(lock, LOCK).finds(refused);
    Case::on_one_branch().write(lock, LOCK).pushed("main").passes();
    Case::new().pushed("pins").write(lock, LOCK).passes();
    Case::new().pushed("pins").remove("locks/eu/web.json").passes();
    // One that is taken away on the side, and one for the whole environment.
    let removed = Case::on_one_branch().moves("eu", "web").remove("locks/eu/web.json");
    removed.finds("locks/eu/web.json: a change does not set");
    let mut back = Case::on_one_branch().moves("eu", "api").write(lock, LOCK);
    back.finds(refused);
    back.back = true;
    back.passes();
    let mut whole = Case::on_one_branch().moves("eu", "api").write("locks/eu.json", LOCK);
    whole.back = true;
    whole.finds("locks/eu.json: a change does not set");
    let mut broken = Case::on_one_branch().moves("eu", "api").write(lock, "{}");
    broken.back = true;
    broken.finds(refused);
    let mut other = Case::on_one_branch().moves("eu", "api").write("locks/us/api.json", LOCK);
    other.back = true;
    other.finds("locks/us/api.json: a change does not set");
}

#[test]
fn an_override_comes_with_the_version_that_it_is_for() {
    let file = "overrides/eu/api.json";
    let case = Case::new().moves("eu", "api").write(file, &told("2"));
    case.passes();
    assert_eq!(case.with_change(|change| change.overrides().len()), 1);
    let refused = "overrides/eu/api.json: the change does not bring the version";
    Case::new().moves("eu", "api").write(file, &told("3")).finds(refused);
    Case::new().moves("us", "api").write(file, &told("2")).finds(refused);
    Case::new().write(file, &told("1")).finds(refused);
    // What is there already was written by another change.
    let mut old = Case::new().moves("eu", "api");
    old.main = old.main.with(file, &told("2"));
    let old = old.write(file, &told("2"));
    assert!(old.with_change(|change| change.overrides().is_empty()));
    old.passes();
    let gone = Case { main: old.main.clone(), ..Case::new() }.remove(file).moves("eu", "api");
    gone.passes();
}

#[test]
fn what_is_no_plain_file_stands_nowhere_that_counts() {
    for path in [
        "envs/eu/services/api.json",
        "envs",
        "locks/eu.json",
        "overrides/eu/api.json",
        "pinrail.yaml",
        "services/services/api.yaml",
        "platform-values",
    ] {
        for what in ["a symbolic link", "a submodule", "an executable file"] {
            // A link in the place of the configuration takes it away as well.
            let case = Case::new().touch(path, Some(Content::Odd(what)));
            if path == "pinrail.yaml" {
                continue;
            }
            let found = case.found();
            let expected = format!("!{path}: it is {what}, and no plain file");
            assert!(found.contains(&expected), "{path}: {found:?}");
        }
    }
    Case::new().touch("run.sh", Some(Content::Odd("an executable file"))).passes();
}

#[test]
fn a_file_that_others_have_changed_is_made_anew() {
    let mut case = Case::new().moves("eu", "api");
    case.main = case.main.with(&path("eu", "api"), &pin("eu", "api", "3"));
    case.finds("envs/eu/services/api.json: `main` has another version of it");
    // What is so already is no change.
    case.main = case.main.with(&path("eu", "api"), &pin("eu", "api", "2"));
    case.passes();
    case.with_change(|change| assert_eq!(change.pins().expect("readable"), []));
    let mut rules = Case::new().write("platform-values.yaml", "global: {}");
    rules.main = rules.main.with("platform-values.yaml", "global:\n");
    rules.finds("platform-values.yaml: `main` has another version of it");
    let mut other = Case::new().write("README.md", "mine");
    other.main = other.main.with("README.md", "theirs");
    other.passes();
}

#[test]
fn so_many_pins_go_at_once_and_no_more() {
    let gone = |services: &[&str]| {
        services.iter().fold(Case::new(), |case, service| case.remove(&path("us", service)))
    };
    gone(&["api", "web"]).passes();
    gone(&["api", "web", "worker"])
        .finds("envs: the change takes away 3 pins, and `maxRemovals` is 2");
    // Of whichever environment they are.
    gone(&["api", "web"]).remove(&path("lab", "api")).finds("envs: the change takes away 3 pins");
}

#[test]
fn a_protected_environment_keeps_a_pin() {
    let mut case = Case::new();
    case.main.0.remove(&path("eu", "web"));
    case.main.0.remove(&path("eu", "worker"));
    case.remove(&path("eu", "api"))
        .finds("!envs/eu: `eu` is protected, and all of its pins are gone");
}

#[test]
fn an_environment_goes_after_its_pins() {
    let without = |name: &str| {
        let lines = CONFIG.lines().filter(|line| !line.contains(&format!("name: {name},")));
        lines.collect::<Vec<_>>().join("\n")
    };
    let case = Case::new().write("pinrail.yaml", &without("lab"));
    case.finds("pinrail.yaml: `lab` is taken out, and 3 of its files are in envs/lab");
    // Not even together with them: they are many, and what runs there is gone at once.
    let both = case.remove(&path("lab", "api"));
    let found = both.found();
    assert!(found.iter().any(|line| line.contains("`lab` is taken out")), "{found:?}");
    let mut empty = Case::new().write("pinrail.yaml", &without("lab"));
    empty.main.0.retain(|path, _| !path.starts_with("envs/lab/"));
    empty.passes();
}

#[test]
fn locks_and_pins_are_not_left_on_a_branch_that_counts_no_more() {
    let config = format!("{CONFIG}branches: {{pins: elsewhere}}\n");
    Case::new()
        .write("pinrail.yaml", &config)
        .finds("pinrail.yaml: what is on `pins` would count no more");
}

#[test]
fn platform_values_are_promoted_step_by_step() {
    let value = "global: {platform: {own: 2}}\n";
    Case::new().write("platform-values/staging.yaml", value).passes();
    let both = || {
        let one = Case::new().write("platform-values/staging.yaml", value);
        one.write("platform-values/us.yaml", value)
    };
    let refused =
        "platform-values/staging.yaml: `staging` and `us` would get other platform values at once";
    both().finds(refused);
    // The file for all reaches every step, unless each has its own already.
    Case::new().write("platform-values.yaml", value).finds("platform-values.yaml: `staging` and");
    let mut own = Case::new().write("platform-values.yaml", value);
    own.main = own.main.with("platform-values/staging.yaml", value);
    own.passes();
    // Two of one step are no order.
    let one = Case::new().write("platform-values/eu.yaml", value);
    one.write("platform-values/us.yaml", value).passes();

    let word = r#"{"reason": "a CVE", "owner": "@anna"}"#;
    both().write(PLATFORM_OVERRIDE, word).passes();
    let found = both().write(PLATFORM_OVERRIDE, r#"{"reason": "", "owner": "@anna"}"#).found();
    assert_eq!(found.len(), 2, "{found:?}");
    // A word of another change does not count.
    let mut old = both();
    old.main = old.main.with(PLATFORM_OVERRIDE, word);
    old.write(PLATFORM_OVERRIDE, word).finds(refused);
}

#[test]
fn each_pin_is_read_as_what_happens_to_it() {
    let case = Case::new()
        .moves("eu", "api")
        .write(&path("us", "api"), "[]")
        .write(&path("us", "web"), &pin("us", "api", "2"))
        .remove(&path("us", "worker"))
        .moves("staging", "api")
        .write(&path("eu", "new"), &pin("eu", "new", "1"));
    case.with_change(|change| {
        let pins = change.pins().expect("readable");
        let told: Vec<_> = pins.iter().map(|pin| (pin.path.as_str(), &pin.kind)).collect();
        assert_eq!(pins.len(), 5, "{told:?}");
        assert_eq!((&pins[0].kind, pins[0].line), (&Kind::Moved, 4));
        assert!(matches!(&pins[1].kind, Kind::Broken(why) if why.is_invalid()), "{told:?}");
        assert!(matches!(pins[2].kind, Kind::Broken(_)), "{told:?}");
        assert_eq!(pins[3].kind, Kind::Removed);
        assert_eq!((&pins[4].kind, &pins[4].from), (&Kind::Moved, &None));
    });
}
