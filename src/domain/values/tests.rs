use super::*;
use crate::domain::tree::testing::MemoryFiles;

const LEAST: &str = "global: {domain: services, service: shop}\n";

/// What `pinrail values check` says of a file, one line a problem.
fn said(text: &str) -> Vec<String> {
    let problems = check_file("values.yaml", text.as_bytes());
    problems
        .iter()
        .map(|problem| match &problem.hint {
            Some(hint) => format!("{problem}; {hint}"),
            None => problem.to_string(),
        })
        .collect()
}

/// The same of what stands under `pinrail-service`, from line 3 on.
fn service(text: &str) -> Vec<String> {
    let text = text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    said(&format!("{LEAST}pinrail-service:\n{text}"))
}

#[test]
fn the_least_a_service_says_is_whose_it_is() {
    assert_eq!(said(LEAST), Vec::<String>::new());
    assert_eq!(said(&format!("{LEAST}pinrail-service: {{}}\n")), Vec::<String>::new());
    assert_eq!(
        said("global: {domain: services}\n"),
        [
            "values.yaml: `global.service` is missing; it says whose values these are, so that a copied file is noticed"
        ]
    );
    assert_eq!(said("").len(), 2);
    assert!(check_file("helm/values-staging.yaml", b"pinrail-service: {port: 0}\n").is_empty());
}

#[test]
fn an_unknown_key_has_its_line_and_the_nearest_key() {
    for (text, expected) in [
        (
            "pinrail-servce:\n  port: 1\n",
            "values.yaml:2: unknown key `pinrail-servce`; did you mean `pinrail-service`?",
        ),
        (
            "pinrail-service:\n  prot: 8080\n",
            "values.yaml:3: unknown key `pinrail-service.prot`; did you mean `port`?",
        ),
        (
            "pinrail-service:\n  postgres:\n    enabled: true\n    storge: 10\n",
            "values.yaml:5: unknown key `pinrail-service.postgres.storge`; did you mean `storage`?",
        ),
        (
            "pinrail-service: {dashboard: {colour: red}}\n",
            "values.yaml:2: unknown key `pinrail-service.dashboard.colour`; valid here: enabled",
        ),
        (
            "pinrail-service:\n  workers:\n    mailer: {command: [a], comand: [b]}\n",
            "values.yaml:4: unknown key `pinrail-service.workers.mailer.comand`; did you mean `command`?",
        ),
        (
            "redis:\n  enabled: true\n",
            "values.yaml:2: `redis` does not stand at the top; it stands under `pinrail-service`",
        ),
        (
            "nginx: {a: b}\n",
            "values.yaml:2: unknown key `nginx`; valid here: global, pinrail-service",
        ),
        (
            "pinrail-service: {global: {}}\n",
            "values.yaml:2: `pinrail-service.global` is not read; `global` stands at the top of the file",
        ),
    ] {
        assert_eq!(said(&format!("{LEAST}{text}")), [expected], "{text}");
    }
}

#[test]
fn what_others_say_has_no_place_in_a_developers_file() {
    for (key, expected) in [
        ("platform", "is the platform team's"),
        ("release", "is Pinrail's"),
        ("domian", "did you mean `domain`?"),
    ] {
        let found = said(&format!("global:\n  domain: services\n  service: shop\n  {key}: {{}}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("values.yaml:4: ") && found[0].contains(expected),
            "{found:?}"
        );
    }
}

#[test]
fn a_wrong_value_is_told_with_what_would_be_right() {
    for (text, expected) in [
        (
            "port: '8080'",
            "values.yaml:3: `pinrail-service.port` is the text `8080`, and must be a whole number",
        ),
        (
            "port: 70000",
            "values.yaml:3: `pinrail-service.port` is 70000, and must be at most 65535",
        ),
        (
            "postgres:\n  storage: 10Gi",
            "values.yaml:4: `pinrail-service.postgres.storage` is the text `10Gi`, and must be a whole number",
        ),
        (
            "postgres:\n  storage: 0",
            "values.yaml:4: `pinrail-service.postgres.storage` is 0, and must be at least 1",
        ),
        (
            "secrets:",
            "values.yaml:3: `pinrail-service.secrets` has no value, and must be a map; give it one, or leave the key out",
        ),
        (
            "scale: two",
            "values.yaml:3: `pinrail-service.scale` is the text `two`, and must be a whole number or a map; A number of pods, or a range that follows the use of CPU.",
        ),
        (
            "scale: {min: 2}",
            "values.yaml:3: `pinrail-service.scale` lacks `max`; `max`: The most pods.",
        ),
        (
            "size: {cpu: 1, memory: '256'}",
            "values.yaml:3: `pinrail-service.size.memory` cannot be `256`; Memory with its unit, such as `256Mi`.",
        ),
        (
            "envVars: {A: {valeu: b}}",
            "values.yaml:3: `pinrail-service.envVars.A` lacks `value`; `value`: A text, a number or a truth value; a process gets it as text.",
        ),
        (
            "envVars:\n  A-B: c",
            "values.yaml:4: `pinrail-service.envVars.A-B`: `A-B` is no name that may stand here; it must match ^[A-Za-z_][A-Za-z0-9_]*$",
        ),
        (
            "postgres: {env: {URL: ulr}}",
            "values.yaml:3: `pinrail-service.postgres.env.URL` cannot be `ulr`; valid here: uri, jdbc-uri, host, port, dbname, username, password",
        ),
        (
            "workers:\n  mailer: {}",
            "values.yaml:4: `pinrail-service.workers.mailer` lacks `command`; `command`: What to run.",
        ),
        (
            "args: [a, 1]",
            "values.yaml:3: `pinrail-service.args.1` is the number 1, and must be a text",
        ),
        (
            "security: {runAsUser: root}",
            "values.yaml:3: `pinrail-service.security.runAsUser` cannot be `root`; valid here: image, platform",
        ),
        (
            "security: {runAsUser: 0}",
            "values.yaml:3: `pinrail-service.security.runAsUser` is 0, and must be at least 1",
        ),
    ] {
        let found = service(text);
        assert!(found.contains(&expected.to_owned()), "{text}: {found:#?}");
    }
}

#[test]
fn what_yaml_finds_has_its_line() {
    for (text, expected) in [
        ("port: 1\nport: 2", "values.yaml:4: the key `port` is there twice"),
        ("port: [1", "values.yaml:"),
        ("1: a", "values.yaml:3: "),
    ] {
        let found = service(text);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn a_variable_that_yaml_would_change_must_be_quoted() {
    for (written, changes) in [
        ("1.10", true),
        ("0755", true),
        ("1e3", true),
        ("0x1F", true),
        ("1_000", true),
        ("2026-11-21", true),
        ("True", true),
        ("12345678901234567890123", true),
        ("'1.10'", false),
        ("{value: \"0755\"}", false),
        ("1.5", false),
        ("1000000", false),
        ("-7", false),
        ("true", false),
        ("1.2.3", false),
        ("10.0.0.1", false),
        ("8080:80", false),
        ("info", false),
        ("cafe", false),
    ] {
        let found = service(&format!("envVars:\n  A: {written}"));
        assert_eq!(!found.is_empty(), changes, "{written}: {found:?}");
        if changes {
            let expected = format!(
                "values.yaml:4: `pinrail-service.envVars.A`: `{written}` would reach the process as another text; quote it: \"{written}\""
            );
            assert_eq!(found, [expected]);
        }
    }
}

#[test]
fn values_that_do_not_fit_together_are_found() {
    for (text, expected) in [
        ("envVars: {A: b}\nsecrets:\n  envVarsFromVault: {A: B}", "values.yaml:5: `A` is in both"),
        (
            "files: {/data: x}\nvolumes: {a: {mountPath: /data}}",
            "values.yaml:3: `/data` is mounted by both `volumes.a` and `files`",
        ),
        ("scale: {min: 3, max: 2}", "`max` (2) is below `min` (3)"),
        ("workers: {a: {command: [b], scale: {min: 3, max: 2}}}", "workers.a.scale"),
        (
            "scale: 2\nvolumes:\n  a: {mountPath: /data, storage: 5}",
            "values.yaml:5: `pinrail-service.volumes.a` is a disk",
        ),
        ("port: 0\nmetrics: {enabled: true}", "`pinrail-service.metrics.port` is missing"),
    ] {
        let found = service(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
    assert!(
        service("secrets: {enabled: false, envVarsFromVault: {A: B}}\nenvVars: {A: b}").is_empty()
    );
    assert!(
        service("scale: 1\nvolumes: {a: {mountPath: /data, storage: 5}, b: {mountPath: /b}}")
            .is_empty()
    );
}

fn folder(files: &[(&str, &str)]) -> Vec<String> {
    let wrapper = "name: shop\ndependencies:\n  - name: pinrail-service\n    version: 0.1.0\n";
    let mut all =
        MemoryFiles::default().with("helm/Chart.yaml", wrapper).with("helm/values.yaml", LEAST);
    for (path, text) in files {
        all = all.with(&format!("helm/{path}"), text);
    }
    let judged = check_folder(&all, "helm").expect("read the folder");
    judged.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_folder_holds_the_wrapper_and_its_values_and_nothing_else() {
    assert_eq!(folder(&[]), Vec::<String>::new());
    let dependency = |more: &str| format!("dependencies:\n  - name: pinrail-service\n{more}");
    for (path, text, expected) in [
        (
            "templates/secret.yaml",
            "kind: Secret",
            "helm/templates/secret.yaml: a service brings no objects of its own",
        ),
        ("crds/a.yaml", "", "helm/crds/a.yaml: a service brings no objects of its own"),
        (
            "charts/redis-1.0.0.tgz",
            "",
            "helm/charts/redis-1.0.0.tgz: no chart but `pinrail-service`",
        ),
        (
            "Chart.yaml",
            "name: shop\n",
            "helm/Chart.yaml:1: the chart does not depend on `pinrail-service`",
        ),
        (
            "Chart.yaml",
            &dependency("  - name: redis\n"),
            "helm/Chart.yaml:3: the chart depends on `redis`",
        ),
        (
            "Chart.yaml",
            &dependency("    alias: app\n"),
            "helm/Chart.yaml:3: `alias` of a dependency is not supported",
        ),
        ("Chart.yaml", &dependency("    condition: a.b\n"), "`condition` of a dependency"),
        ("values.yml", "", "helm/values.yml: nobody reads this file"),
        ("values-Staging.yaml", "", "`Staging` is no environment name"),
        (
            "values-staging.yaml",
            "pinrail-service: {prot: 1}",
            "helm/values-staging.yaml:1: unknown key `pinrail-service.prot`",
        ),
    ] {
        let found = folder(&[(path, text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{path}: {found:?}");
    }
    for fine in [
        "charts/pinrail-service-0.1.0.tgz",
        "charts/pinrail-service/Chart.yaml",
        "Chart.lock",
        "values-staging.yaml",
    ] {
        assert_eq!(folder(&[(fine, "")]), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn an_environments_values_are_judged_over_those_of_all() {
    let base =
        format!("{LEAST}pinrail-service:\n  volumes:\n    a: {{mountPath: /data, storage: 5}}\n");
    let over = |text: &str| folder(&[("values.yaml", &base), ("values-staging.yaml", text)]);
    let found = over("pinrail-service: {scale: 2}\n");
    assert!(
        found.len() == 1
            && found[0].starts_with("helm/values.yaml:4: `pinrail-service.volumes.a` is a disk"),
        "{found:?}"
    );
    assert!(
        over("pinrail-service: {scale: 2, volumes: {a: {mountPath: /data, storage: null}}}\n")
            .len()
            == 1
    );
    assert!(over("pinrail-service: {scale: 1}\n").is_empty());
    let missing = check_folder(&MemoryFiles::default(), "helm").expect("read");
    assert_eq!(missing.problems[0].to_string(), "helm/values.yaml: the file is not there");
}

#[test]
fn the_platforms_values_are_closed_and_do_not_say_their_version() {
    let said = |text: &str| -> Vec<String> {
        check_platform("platform-values.yaml", text.as_bytes())
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(said("global: {platform: {routing: {api: ingress}}}\n"), Vec::<String>::new());
    for nothing in [
        "",
        "global:\n",
        "global: {platform: }\n",
        "global: {platform: {routing: null}}\n",
        "global: {platform: {}}\n",
    ] {
        assert_eq!(said(nothing), Vec::<String>::new(), "{nothing}");
    }
    for (text, expected) in [
        (
            "global:\n  platform:\n    routng: {}\n",
            "platform-values.yaml:3: unknown key `global.platform.routng`",
        ),
        ("global: {platform: {version: 2}}\n", "unknown key `global.platform.version`"),
        (
            "global: {platform: {routing: {api: gatway}}}\n",
            "`global.platform.routing.api` cannot be `gatway`",
        ),
        ("pinrail-service: {}\n", "unknown key `pinrail-service`"),
    ] {
        let found = said(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
}

#[test]
fn a_key_that_would_move_the_cursor_is_shown_harmless() {
    let found = said(&format!("{LEAST}\"a\\e[31m\": 1\n"));
    assert!(found[0].contains("a\\u{1b}[31m") && !found[0].contains('\u{1b}'), "{found:?}");
}
