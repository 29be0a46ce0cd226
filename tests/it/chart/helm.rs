//! Services as Argo CD renders them: a wrapper chart, the platform's values, the release.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::judge;

pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chart");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/fixtures");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/services-root");

/// A folder of this run; cargo gives the place.
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("chart").join(format!("{name}-{count}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("create a folder");
    folder
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create a folder");
    for entry in fs::read_dir(from).expect("list a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copy a file");
        }
    }
}

/// A wrapper chart as a service's repository has it, with the chart beside it: what
/// `helm dependency build` would bring from the registry.
pub static WRAPPER: LazyLock<PathBuf> = LazyLock::new(|| {
    let wrapper = folder("wrapper");
    let chart = "apiVersion: v2\nname: python-example\nversion: 0.0.0\ndependencies:\n  \
                 - {name: pinrail-service, version: 0.1.0, repository: \"oci://registry.example.com/platform\"}\n";
    fs::write(wrapper.join("Chart.yaml"), chart).expect("write the chart");
    copy(&Path::new(CHART).join("pinrail-service"), &wrapper.join("charts/pinrail-service"));
    wrapper
});

pub fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(FIXTURES).join(name)).expect(name)
}

pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Lays `over` upon `under`, as Helm does.
pub fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The worked example's platform values for an environment.
pub fn platform(environment: &str) -> Value {
    let read = |path: &str| fs::read_to_string(Path::new(EXAMPLE).join(path)).ok();
    let mut values = yaml(&read("platform-values.yaml").expect("the platform's values"));
    if let Some(text) = read(&format!("platform-values/{environment}.yaml")) {
        merge(&mut values, &yaml(&text));
    }
    values
}

/// What Pinrail says of a release.
pub fn release() -> Value {
    json!({
        "environment": "staging",
        "kind": "permanent",
        "domain": "services",
        "service": "python-example",
        "host": "python-example.staging.example.com",
        "revision": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
        "image": {
            "repository": "registry.example.com/services/python-example",
            "tag": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
            "digest": "",
        },
    })
}

/// A rendering to be made.
#[derive(Clone)]
pub struct Service {
    pub chart: PathBuf,
    /// Values files as texts, weakest first.
    pub files: Vec<String>,
    pub platform: Value,
    pub release: Value,
    pub namespace: &'static str,
}

impl Service {
    /// A service with these values, on the worked example's platform.
    pub fn new(values: &str) -> Self {
        Self {
            chart: WRAPPER.clone(),
            files: vec![values.to_owned()],
            platform: platform("staging"),
            release: release(),
            namespace: "services-staging",
        }
    }

    /// The same with more values of the developer.
    pub fn with(mut self, values: &str) -> Self {
        self.files.push(values.to_owned());
        self
    }

    pub fn on_platform(mut self, values: &Value) -> Self {
        merge(&mut self.platform["global"]["platform"], values);
        self
    }

    pub fn released(mut self, values: &Value) -> Self {
        merge(&mut self.release, values);
        self
    }

    /// Renders it with `helm` or `helm3`.
    pub fn try_render(&self, helm: &str) -> Result<String, String> {
        let place = folder("values");
        let mut arguments = vec!["template".to_owned(), "python-example".to_owned()];
        arguments.push(self.chart.display().to_string());
        arguments
            .extend(["--namespace", self.namespace, "--kube-version", "1.34.0"].map(str::to_owned));
        let platform = self.platform.to_string();
        for (number, text) in self.files.iter().chain([&platform]).enumerate() {
            let path = place.join(format!("{number}.yaml"));
            fs::write(&path, text).expect("write values");
            arguments.extend(["--values".to_owned(), path.display().to_string()]);
        }
        let mut parameters = Vec::new();
        flatten("global.release", &self.release, &mut parameters);
        for (name, value) in parameters {
            // As Argo CD writes a forced string.
            let value = value.replace(',', "\\,");
            arguments.extend(["--set-string".to_owned(), format!("{name}={value}")]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let ran = judge::run(helm, &place, &arguments, "");
        let _ = fs::remove_dir_all(&place);
        // A warning would stand in Argo CD's log at every rendering.
        if ran.ok && ran.stderr.is_empty() { Ok(ran.stdout) } else { Err(ran.stderr) }
    }

    #[track_caller]
    pub fn text(&self) -> String {
        self.try_render("helm").unwrap_or_else(|error| panic!("{error}"))
    }

    /// The objects that Helm 4 makes of it.
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        objects(&self.text())
    }

    /// Why Helm refuses it.
    #[track_caller]
    pub fn refusal(&self) -> String {
        self.try_render("helm").expect_err("it is refused")
    }
}

fn flatten(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{name}.{key}"), value, found);
            }
        }
        Value::String(text) => found.push((name.to_owned(), text.clone())),
        other => panic!("{name} is no text: {other}"),
    }
}

pub fn objects(text: &str) -> Vec<Value> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// `kind/name` of an object.
pub fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// The object of this kind and name.
#[track_caller]
pub fn find<'a>(objects: &'a [Value], wanted: &str) -> &'a Value {
    objects.iter().find(|object| id(object) == wanted).unwrap_or_else(|| {
        panic!("no {wanted} among {:?}", objects.iter().map(id).collect::<Vec<_>>())
    })
}

/// The wave that Argo CD applies an object in.
pub fn wave(object: &Value) -> i32 {
    let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
    wave.as_str().and_then(|wave| wave.parse().ok()).unwrap_or_else(|| panic!("{}", id(object)))
}

/// The template of the pods that an object makes, if it makes any.
pub fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Deployment" | "StatefulSet" | "Job" => object.pointer("/spec/template"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// Does the same with each item, on as many threads as there are processors.
pub fn each<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let size = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = items
            .chunks(size)
            .map(|chunk| scope.spawn(|| chunk.iter().map(&act).collect::<Vec<_>>()))
            .collect();
        let results = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        results
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
