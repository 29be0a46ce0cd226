//! What `pinrail generate` makes, held against Argo CD's own code and Kubernetes' own judges.

mod bad_pins;
mod commands;
mod comparison;
mod golden;
mod health;
mod injection;
mod templates;
mod tenants;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pinrail::domain::applicationset::{self, Sets};
use pinrail::domain::config::Config;
use pinrail::domain::problem::Problem;
use pinrail::domain::tree::Files;
use pinrail::render::argocd::Template;
use pinrail::store::WorkTree;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::support::pinrail::{Run, pinrail, run};
use crate::support::tools::Expanded;

/// The worked example.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services-root")
}

/// A services-root as a folder that shows the files of all branches at once.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn with(config: &str) -> Folder {
        let folder = Folder { folder: tempfile::tempdir().expect("create a directory") };
        folder.write("pinrail.yaml", config);
        folder
    }

    /// A copy of the worked example.
    fn example() -> Folder {
        let folder = Folder { folder: tempfile::tempdir().expect("create a directory") };
        for (path, text) in read_all(&example(), "") {
            folder.write(&path, &text);
        }
        folder
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create folders");
        fs::write(path, text).expect("write a file");
    }

    fn remove(&self, path: &str) {
        let path = self.path().join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            .expect("remove it");
    }

    #[track_caller]
    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Changes the one place in a file that says so.
    #[track_caller]
    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "{from}");
        self.write(path, &text.replace(from, to));
    }

    /// All that is generated, by path.
    fn generated(&self) -> BTreeMap<String, String> {
        let mut files = read_all(self.path(), "argocd");
        files.extend(read_all(self.path(), "tenants"));
        files
    }

    /// The program, with this folder as its last argument.
    fn pinrail(&self, arguments: &[&str]) -> Run {
        run(pinrail(&std::env::temp_dir()).args(arguments).arg(self.path()))
    }

    #[track_caller]
    fn generate(&self) -> Run {
        self.pinrail(&["generate"]).succeeded()
    }

    /// What `check` finds wrong, each as `path: message`.
    #[track_caller]
    fn errors(&self) -> Vec<String> {
        let run = self.pinrail(&["check", "--json"]);
        let document = run.document();
        let problems = document["problems"].as_array().expect("a list");
        let errors = problems.iter().filter(|problem| problem["severity"] == "error");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let errors: Vec<_> = errors
            .map(|problem| format!("{}: {}", text(&problem["path"]), text(&problem["message"])))
            .collect();
        assert_eq!(run.code, if errors.is_empty() { 0 } else { 4 }, "{run:?}");
        errors
    }

    /// What Argo CD makes of the generated sets and the pins.
    #[track_caller]
    fn expanded(&self) -> Expanded {
        let branches = [("main", self.path()), ("pins", self.path())];
        Expanded::of(&self.path().join("argocd"), &branches)
    }

    /// What Pinrail makes of them.
    #[track_caller]
    fn expanded_offline(&self) -> BTreeMap<String, Value> {
        let config = Config::parse(self.read("pinrail.yaml").as_bytes()).expect("a configuration");
        let files = self.generated();
        let files = files.into_iter().filter(|(path, _)| path.ends_with(".yaml")).collect();
        let (Sets { sets, .. }, problems) = applicationset::read(&config, &files);
        assert_eq!(problems, Vec::<Problem>::new());
        let tree = WorkTree::new(self.path());
        let mut found = BTreeMap::new();
        for set in &sets {
            for entry in tree.list(&set.folder).expect("list the pins") {
                if entry.folder || !entry.name.ends_with(".json") {
                    continue;
                }
                let path = format!("{}/{}", set.folder, entry.name);
                let text = tree.read(&path).expect("read it").expect("it is there");
                let pin: Map<String, Value> = match text.as_slice() {
                    [] => Map::new(),
                    text => serde_json::from_slice(text).expect("a JSON object"),
                };
                let application = set.expand(&path, pin).expect("an Application");
                let mut object = application.object().expect("an object");
                object["apiVersion"] = "argoproj.io/v1alpha1".into();
                object["kind"] = "Application".into();
                let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                found.insert(name, as_go_writes(object));
            }
        }
        found
    }
}

/// Takes away what Go's `omitempty` leaves out of Argo CD's types: texts, lists and maps with
/// nothing in them. `valuesObject` has no type and stays as it is. (`false` would go too where
/// Argo CD does not ask whether it is set; no template of ours says `false` there.)
fn as_go_writes(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| match key.as_str() {
                "valuesObject" => (key, value),
                _ => (key, as_go_writes(value)),
            })
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(list) => list.into_iter().map(as_go_writes).collect(),
        other => other,
    }
}

/// The template of sets without the platform's values, for tests of what else there is: the
/// values would only take time, Argo CD's most of all.
fn set_without_values() -> String {
    let text = Template::Applicationset.text();
    let without = text.lines().filter(|line| !line.trim_start().starts_with("valuesObject:"));
    let without = without.collect::<Vec<_>>();
    assert_eq!(without.len(), text.lines().count() - 2);
    without.join("\n")
}

/// Every file below a folder of `root`, by its path in it.
fn read_all(root: &Path, folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("list a folder");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.is_file() {
            let below = path.strip_prefix(root).expect("below the root");
            let below = below.to_str().expect("the path is UTF-8").to_owned();
            found.insert(below, fs::read_to_string(&path).expect("read a file"));
        }
    }
    found
}
