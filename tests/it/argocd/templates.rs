//! Templates of a services-root's own: they change the form, and none of them gets past the
//! rules of a set that cannot do harm.

use pinrail::domain::applicationset;
use pinrail::domain::config::Config;
use pinrail::domain::registry::Root;
use pinrail::render::argocd::generate;
use pinrail::store::WorkTree;

use super::Folder;
use super::commands::CONFIG;
use crate::support::pinrail::{pinrail, run};

const NAMES: [&str; 5] = ["project", "applicationset", "root", "tenants", "tenant"];

/// The built-in template.
fn built_in(name: &str) -> String {
    let run = run(pinrail(&std::env::temp_dir()).args(["generate", "--template", name]));
    assert_eq!(run.stderr, "");
    run.succeeded().stdout
}

/// What is wrong with what would be generated.
fn told(folder: &Folder) -> Vec<String> {
    let config = Config::parse(folder.read("pinrail.yaml").as_bytes()).expect("a configuration");
    let tree = WorkTree::new(folder.path());
    let generated = generate(&Root { config: &config, main: &tree, pins: &tree });
    let (_, problems) = applicationset::read(&config, &generated.expect("readable").files);
    problems.iter().map(ToString::to_string).collect()
}

/// The example with a change to a built-in template, which must have what is replaced.
#[track_caller]
fn with(name: &str, from: &str, to: &str) -> Folder {
    changed(Folder::example(), name, from, to)
}

/// The same of a small services-root, where nothing is generated yet.
#[track_caller]
fn small_with(name: &str, from: &str, to: &str) -> Folder {
    changed(Folder::with(CONFIG), name, from, to)
}

#[track_caller]
fn changed(folder: Folder, name: &str, from: &str, to: &str) -> Folder {
    let text = built_in(name);
    assert!(text.contains(from), "{name}: {from}");
    folder.write(&format!("templates/{name}.yaml"), &text.replace(from, to));
    folder
}

#[test]
fn a_template_that_is_printed_and_put_back_changes_nothing() {
    let folder = Folder::example();
    let before = folder.generated();
    for name in NAMES {
        folder.write(&format!("templates/{name}.yaml"), &built_in(name));
    }
    assert_eq!(folder.pinrail(&["generate", "--json"]).document()["outcome"], "unchanged");
    assert_eq!(folder.generated(), before);
    assert_eq!(folder.errors(), [""; 0]);
}

#[test]
fn a_template_of_ones_own_changes_what_is_generated_from_it_alone() {
    let folder = with("applicationset", "limit: 4", "limit: 7");
    let before = folder.generated();
    folder.generate();
    for (path, text) in folder.generated() {
        let is_set = path.starts_with("argocd/pinrail-");
        assert_eq!(text.contains("limit: 7"), is_set, "{path}");
        assert_eq!(text != before[&path], is_set, "{path}");
    }
    let applications = folder.expanded().sound();
    assert_eq!(applications["staging-ledger"]["spec"]["syncPolicy"]["retry"]["limit"], 7);
    super::comparison::assert_same(&applications, &folder.expanded_offline());
    assert_eq!(folder.errors(), [""; 0]);
}

#[test]
fn a_template_that_is_taken_away_gives_the_built_in_one_back() {
    let folder = with("tenant", "cpu: 50m", "cpu: 60m");
    let before = folder.generated();
    folder.generate();
    assert_ne!(folder.generated(), before);
    folder.remove("templates");
    folder.generate();
    assert_eq!(folder.generated(), before);
}

/// One change of the built-in set for each rule, and what is said of it.
const BROKEN: [(&str, &str, &str); 34] = [
    ("goTemplate: true", "goTemplate: false", "`goTemplate` must be true"),
    ("[\"missingkey=error\"]", "[]", "`goTemplateOptions` must have `missingkey=error`"),
    (
        "  syncPolicy:\n${%- if",
        "  templatePatch: x\n  syncPolicy:\n${%- if",
        "`templatePatch` must not be there",
    ),
    (
        "  preservedFields:",
        "  strategy: {type: RollingSync}\n  preservedFields:",
        "`strategy` must not be there",
    ),
    (
        "  preservedFields:",
        "  ignoreApplicationDifferences: []\n  preservedFields:",
        "`ignoreApplicationDifferences` must not be there",
    ),
    ("    - git:", "    - clusters: {}\n    - git:", "`generators` must be one `git` generator"),
    (
        "        requeueAfterSeconds: 300",
        "        selector: {}\n        requeueAfterSeconds: 300",
        "`generators[0].git.selector` must not be there",
    ),
    (
        "        files:\n",
        "        files:\n          - path: envs/x/y/*.json\n",
        "`generators.0.git.files` must be one `path`",
    ),
    (
        "${{ folder ~ \"/*.json\" }}",
        "${{ folder ~ \"/**/*.json\" }}",
        "must be `envs/<environment>/<domain>/*.json`",
    ),
    (
        "${{ folder ~ \"/*.json\" }}",
        "\"envs/nowhere/billing/*.json\"",
        "must be `envs/<environment>/<domain>/*.json`",
    ),
    (
        "repoURL: ${{ root.repository }}",
        "repoURL: https://elsewhere.example.com/x.git",
        "`generators.0.git.repoURL` must be",
    ),
    ("revision: ${{ root.revision }}", "revision: HEAD", "`generators.0.git.revision` must be"),
    (
        "        name: ${{ cluster }}",
        "        name: elsewhere",
        "`template.spec.destination.name` must be",
    ),
    (
        "        name: ${{ cluster }}",
        "        name: \"{{ .cluster }}\"",
        "`template.spec.destination.name` must be",
    ),
    (
        "        name: ${{ cluster }}",
        "        name: ${{ cluster }}\n        server: https://k.example.com",
        "`template.spec.destination.server` must not be there",
    ),
    (
        "        namespace: ${{ namespace }}",
        "        namespace: kube-system",
        "`template.spec.destination.namespace` must be",
    ),
    (
        "        namespace: ${{ namespace }}",
        "        namespace: \"{{ .service }}\"",
        "`template.spec.destination.namespace` must be a text without `{{`",
    ),
    (
        "metadata:\n  name: ${{ name }}",
        "metadata:\n  name: ${{ \"x-\" ~ name }}",
        "`metadata.name` must be",
    ),
    ("      project: ${{ name }}", "      project: default", "`template.spec.project` must be"),
    (
        "      project: ${{ name }}",
        "      project: \"{{ .project }}\"",
        "`template.spec.project` must be",
    ),
    (
        "applicationsSync: create-update",
        "applicationsSync: sync",
        "`syncPolicy.applicationsSync` must be \"create-update\"",
    ),
    (
        "applicationsSync: sync",
        "applicationsSync: create-only",
        "`syncPolicy.applicationsSync` must be \"sync\"",
    ),
    (
        "    preserveResourcesOnDeletion: true\n",
        "",
        "`syncPolicy.preserveResourcesOnDeletion` must be true",
    ),
    (
        "  finalizers: [resources-finalizer.argocd.argoproj.io]\n",
        "",
        "`metadata.finalizers` must have Argo CD's finalizer",
    ),
    (
        "    metadata:\n      name:",
        "    metadata:\n      finalizers: [resources-finalizer.argocd.argoproj.io]\n      name:",
        "`template.metadata.finalizers` must not be there",
    ),
    (
        "allowEmpty: false",
        "allowEmpty: true",
        "`template.spec.syncPolicy.automated.allowEmpty` must not be true",
    ),
    ("limit: 4", "limit: -1", "`template.spec.syncPolicy.retry.limit` must be 0 to 10"),
    ("PruneLast=true", "Replace=true", "`syncOptions` must not have \"Replace=true\""),
    (
        "        pinrail.dev/pin:",
        "        argocd.argoproj.io/manifest-generate-paths: .\n        pinrail.dev/pin:",
        "manifest-generate-paths` must not be there",
    ),
    (
        "      revisionHistoryLimit: 10",
        "      sourceHydrator: {}\n      revisionHistoryLimit: 10",
        "`template.spec.sourceHydrator` must not be there",
    ),
    (
        "${{ environment ~ \"-{{ .values.service }}\" }}",
        "\"{{ .values.service }}\"",
        "`template.metadata.name` must begin with",
    ),
    (
        "          ignoreMissingValueFiles: true",
        "          values: |\n            tag: x\n          ignoreMissingValueFiles: true",
        "`template.spec.source.helm.values` must not be there",
    ),
    (
        "        targetRevision: >-\n          {{ if eq .values.pin \"valid\" }}{{ .targetRevision }}\n          {{- else }}refs/pinrail/invalid-pin{{ end }}\n        path:",
        "        path:",
        "`template.spec.source.targetRevision` is not there",
    ),
    (
        "          parameters:${{ parameters | block(12) }}",
        "          parameters: [{name: image.tag, value: \"{{ .imageTag }}\"}]",
        "must have `forceString: true`",
    ),
];

#[test]
fn each_rule_of_a_set_is_kept_by_every_template() {
    for (from, to, expected) in BROKEN {
        let folder = small_with("applicationset", from, to);
        let before = folder.generated();
        let run = folder.pinrail(&["generate"]);
        assert_eq!((run.code, folder.generated() == before), (4, true), "{to}: {run:?}");
        let errors = told(&folder);
        let is_told = |error: &String| error.starts_with("argocd/") && error.contains(expected);
        assert!(errors.iter().any(is_told), "{to}: {errors:?}");
    }
}

#[test]
fn an_action_that_is_not_implemented_is_an_error_and_never_a_guess() {
    for (from, to, expected) in [
        ("| trunc 12", "| upper", "`upper` is not implemented"),
        (
            "{{ .values.service }}\" }}",
            "{{ range .x }}{{ end }}\" }}",
            "`range` is not implemented",
        ),
        ("valid\n            {{- else -}}", "valid\n            {{- else", "`values.pin`"),
        ("pinrail.dev/pin: \"", "pinrail.dev/pin: \"{{", "`template`: "),
    ] {
        let folder = small_with("applicationset", from, to);
        let run = folder.pinrail(&["generate"]);
        assert_eq!(run.code, 4, "{to}: {run:?}");
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.contains(expected)), "{to}: {errors:?}");
    }
}

#[test]
fn a_project_must_not_be_everybodys() {
    for (from, to, expected) in [
        ("  name: ${{ name }}", "  name: default", "the project `default` is everybody's"),
        (
            "sourceRepos:${{ sourceRepos | block(4) }}",
            "sourceRepos: ['*']",
            "`sourceRepos` permits every repository",
        ),
        (
            "    - name: ${{ cluster }}",
            "    - name: '*'",
            "`destinations` permits every cluster or namespace",
        ),
        (
            "      namespace: ${{ namespace }}",
            "      namespace: '*'",
            "`destinations` permits every cluster or namespace",
        ),
    ] {
        let folder = small_with("project", from, to);
        let before = folder.generated();
        let run = folder.pinrail(&["generate"]);
        assert_eq!((run.code, folder.generated() == before), (4, true), "{to}: {run:?}");
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.contains(expected)), "{to}: {errors:?}");
    }
}

/// What only shows in the Applications, `check` tells before Argo CD does.
#[test]
fn check_foretells_what_argo_cd_would_say_of_the_applications() {
    for (name, from, to, expected) in [
        (
            "project",
            "sourceRepos:${{ sourceRepos | block(4) }}",
            "sourceRepos: [\"https://x.example.com/**\"]",
            "does not permit `https://gitlab.example.com/",
        ),
        (
            "project",
            "    - name: ${{ cluster }}",
            "    - name: elsewhere",
            "does not permit `billing-staging` on `shared`",
        ),
        (
            "applicationset",
            "${{ environment ~ \"-{{ .values.service }}\" }}",
            "${{ environment ~ \"-{{ .values.pin }}\" }}",
            "the Application `staging-valid` also comes from",
        ),
        (
            "applicationset",
            "releaseName: \"{{ .values.service }}\"",
            "releaseName: one",
            "the release `one` in `billing-staging` is also that of",
        ),
        (
            "applicationset",
            "releaseName: \"{{ .values.service }}\"",
            "releaseName: \"{{ .values.service }}-0123456789012345678901234567890123456789\"",
            "has more than 53 characters",
        ),
        (
            "applicationset",
            "${{ environment ~ \"-{{ .values.service }}\" }}",
            "${{ environment ~ \"-{{ .values.service }}_\" }}",
            "has no name that Argo CD takes",
        ),
    ] {
        let folder = with(name, from, to);
        folder.generate();
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.contains(expected)), "{to}: {errors:?}");
    }
}

#[test]
fn a_template_that_does_not_parse_names_its_file_and_line() {
    for (name, from, to, line, expected) in [
        (
            "applicationset",
            "  goTemplate: true",
            "  goTemplate: ${{ 1 + }}",
            15,
            "templates/applicationset.yaml",
        ),
        (
            "tenant",
            "  name: ${{ namespace }}\n  labels:\n",
            "  name: ${{ namespce }}\n  labels:\n",
            4,
            "templates/tenant.yaml",
        ),
        (
            "root",
            "${{ sourceRepos | block(4) }}",
            "${{ sourceRepos | blok(4) }}",
            14,
            "templates/root.yaml",
        ),
    ] {
        let folder = with(name, from, to);
        let before = folder.generated();
        let document = folder.pinrail(&["check", "--json"]).document();
        let problem = document["problems"][0].clone();
        assert_eq!((&problem["path"], &problem["rule"]), (&expected.into(), &"template".into()));
        assert_eq!(problem["line"], line, "{problem}");
        let hint = format!("`pinrail generate --template {name}` shows the built-in one");
        assert_eq!(problem["hint"], hint);
        let run = folder.pinrail(&["generate"]);
        assert_eq!((run.code, folder.generated() == before), (4, true), "{run:?}");
        assert!(run.stderr.contains(&format!("{expected}:{line}: ")), "{run:?}");
    }
}

#[test]
fn a_template_that_gives_no_yaml_is_refused() {
    let folder = with("tenants", "spec:\n  description:", "spec: [\n  description:");
    let run = folder.pinrail(&["generate"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("argocd/tenants-eu-1.yaml:"), "{run:?}");
}
