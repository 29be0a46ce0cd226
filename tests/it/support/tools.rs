//! The programs that judge what is generated, with the code of Argo CD and Kubernetes
//! (`tests/tools`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::git::hermetic;

/// A program of `tests/tools`, as the test command has built it.
pub fn tool(name: &str) -> Command {
    hermetic(path(name))
}

/// Beside the folder that holds the program under test, or above that one.
pub fn path(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_pinrail"));
    let built = program.ancestors().map(|folder| folder.join("tools").join(name));
    built
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run tests/run"))
}

/// The problems that a judge finds in files and folders, one line each.
#[track_caller]
pub fn problems(judge: &str, paths: &[&Path]) -> Vec<String> {
    let output = tool(judge).args(paths).output().expect("start the judge");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", told(&output));
    let lines = String::from_utf8(output.stdout).expect("the judge prints UTF-8");
    lines.lines().map(str::to_owned).collect()
}

/// Asks a program by its standard input; it answers with JSON.
#[track_caller]
pub fn ask(command: &mut Command, question: &Value) -> Value {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("start the program");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    write!(stdin, "{question}").expect("ask");
    drop(stdin);
    answer(&child.wait_with_output().expect("wait for the program"))
}

#[track_caller]
fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", told(output));
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}

fn told(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// What Argo CD makes of ApplicationSets.
pub struct Expanded {
    sets: BTreeMap<String, Value>,
}

impl Expanded {
    /// Expands the sets of `manifests` over the files of `branches`.
    #[track_caller]
    pub fn of(manifests: &Path, branches: &[(&str, &Path)]) -> Expanded {
        Expanded::with(manifests, branches, &[])
    }

    /// The same with more flags.
    #[track_caller]
    pub fn with(manifests: &Path, branches: &[(&str, &Path)], flags: &[&str]) -> Expanded {
        let mut command = tool("argocd-expand");
        command.arg("--manifests").arg(manifests).args(flags);
        for (name, folder) in branches {
            command.arg("--branch").arg(format!("{name}={}", folder.display()));
        }
        let mut answer = answer(&command.output().expect("start argocd-expand"));
        let sets = serde_json::from_value(answer["sets"].take()).expect("the sets by name");
        Expanded { sets }
    }

    /// What stops a set; nothing of it is made, changed or deleted then.
    #[track_caller]
    pub fn error(&self, set: &str) -> Option<&str> {
        self.set(set)["error"].as_str()
    }

    /// Names that the ApplicationSet controller does not create.
    pub fn refused(&self) -> Vec<String> {
        self.names("refused")
    }

    /// What the application controller has to say against Applications.
    pub fn conditions(&self) -> Vec<String> {
        self.names("conditions")
    }

    /// Every Application by its name, where Argo CD has nothing to say against any of them.
    #[track_caller]
    pub fn sound(&self) -> BTreeMap<String, Value> {
        assert_eq!(self.names("refused"), Vec::<String>::new());
        assert_eq!(self.names("conditions"), Vec::<String>::new());
        let mut found = BTreeMap::new();
        for (name, set) in &self.sets {
            assert_eq!(set["error"], Value::Null, "{name}");
            for application in self.applications(name) {
                let name = application["metadata"]["name"].as_str().expect("a name").to_owned();
                assert!(found.insert(name.clone(), application).is_none(), "{name} is there twice");
            }
        }
        found
    }

    /// The Applications of one set.
    #[track_caller]
    pub fn applications(&self, set: &str) -> Vec<Value> {
        self.set(set)["applications"].as_array().expect("a list").clone()
    }

    #[track_caller]
    fn set(&self, name: &str) -> &Value {
        self.sets.get(name).unwrap_or_else(|| panic!("there is no set {name}"))
    }

    /// What Argo CD says of names, in all sets.
    fn names(&self, about: &str) -> Vec<String> {
        let said = self.sets.values().flat_map(|set| set[about].as_object().expect("by name"));
        said.map(|(name, why)| format!("{name}: {why}")).collect()
    }
}
