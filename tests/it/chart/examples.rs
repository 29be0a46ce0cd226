//! The worked example from end to end: from the registry and the pins, through `pinrail render`,
//! the services' repositories and the chart, to objects that a cluster takes.

use std::fs;
use std::path::{Path, PathBuf};

use super::helm::{CHART, copy, each, folder, objects};
use super::judge;
use crate::support::git::git;
use crate::support::pinrail::{pinrail_at, run};
use crate::support::tools;

/// Where each service's repository is on the forge, and its folder among the examples.
const REPOSITORIES: [&str; 7] = [
    "services/python-example",
    "services/go-example",
    "services/java-example",
    "services/node-example",
    "services/rust-example",
    "billing/ledger",
    "billing/invoices",
];

/// Commits everything in a folder, and returns the commit.
fn commit_all(folder: &Path) -> String {
    git(folder, &["init", "--quiet", "-b", "main"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "-m", "everything"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// The chart beside each wrapper below a folder, as `helm dependency build` would put it.
fn with_chart(place: &Path) {
    for entry in fs::read_dir(place).expect("list a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            with_chart(&path);
        } else if path.ends_with("Chart.yaml") {
            let chart = Path::new(CHART).join("pinrail-service");
            copy(&chart, &place.join("charts/pinrail-service"));
            return;
        }
    }
}

/// The example with its services' repositories on a forge that is a folder; its pins point at
/// the commits there.
fn services_root() -> PathBuf {
    let place = folder("worked-example");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let root = place.join("services-root");
    copy(&examples.join("services-root"), &root);
    let mut commits = Vec::new();
    for repository in REPOSITORIES {
        let (_, name) = repository.split_once('/').expect("a domain and a name");
        let at = place.join(format!("{repository}.git"));
        copy(&examples.join("services").join(name), &at);
        with_chart(&at);
        commits.push((repository, commit_all(&at)));
    }
    let forge = format!("file://{}", place.display());
    let edit = |path: &Path, change: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(path).expect("read a file");
        let text = text.replace("https://gitlab.example.com", &forge);
        fs::write(path, change(text)).expect("write a file");
    };
    // Every branch at once.
    edit(&root.join("pinrail.yaml"), &|text| text.replace("pins: pins", "pins: main"));
    for file in files(&root.join("services")) {
        edit(&file, &|text| text);
    }
    for file in files(&root.join("envs")) {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let repository = if name.starts_with("invoice-") { "invoices" } else { &name };
        let (_, commit) = commits
            .iter()
            .find(|(path, _)| path.ends_with(&format!("/{repository}")))
            .expect("the repository of the pin");
        edit(&file, &|text| {
            let line = text.lines().find(|line| line.contains("\"targetRevision\""));
            let line = line.expect("a revision");
            let comma = if line.ends_with(',') { "," } else { "" };
            text.replace(line, &format!("  \"targetRevision\": \"{commit}\"{comma}"))
        });
    }
    commit_all(&root);
    root
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("list a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_service_renders_in_every_environment_as_it_is_pinned() {
    let root = services_root();
    let pins = files(&root.join("envs"));
    assert_eq!(pins.len(), 22);
    let judged = folder("judged");
    let helm = tools::path("helm");
    let own = std::env::var_os("PATH").unwrap_or_default();
    let programs =
        helm.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&own));
    let path = std::env::join_paths(programs).expect("a PATH");
    each(&pins, |file| {
        let pin = fs::read_to_string(file).expect("read a pin");
        let pin: serde_json::Value = serde_json::from_str(&pin).expect("JSON");
        let service = file.file_stem().expect("a name").to_str().expect("UTF-8");
        let domain = file.parent().expect("a folder");
        let environment = domain.parent().and_then(Path::file_name).expect("an environment");
        let environment = environment.to_str().expect("UTF-8");
        let mut command =
            pinrail_at(&root.display().to_string(), &["render", service, "-e", environment]);
        let rendered = run(command.env("PATH", &path)).succeeded().stdout;
        let tag = pin["imageTag"].as_str().expect("a tag");
        let domain = domain.file_name().expect("a name").to_str().expect("UTF-8");
        let image = format!("registry.example.com/{domain}/{service}:{tag}");
        assert!(rendered.contains(&image), "{environment}: {service}: {image}");
        let workloads = objects(&rendered);
        let workloads = workloads.iter().filter(|object| object["kind"] == "Deployment").count();
        assert!(workloads > 0, "{environment}: {service}");
        fs::write(judged.join(format!("{environment}-{service}.yaml")), rendered).expect("write");
    });
    judge::nothing_found("kube-validate", &judged, &["."]);
    judge::nothing_found("pod-security", &judged, &["restricted", "."]);
}
