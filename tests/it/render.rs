//! What Argo CD would apply, rendered with the real Helm from a service's repository.

use std::path::PathBuf;

use crate::support::git::{bare_repository, checked, command, commit_file, git};
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::{Root, pin_file, pin_path_in};
use crate::support::tools::path;

const CHART: &str = "apiVersion: v2\nname: api\nversion: 0.0.0\n";
const OBJECTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  own: {{ .Values.own | quote }}
  {{- range $key := list \"environment\" \"kind\" \"domain\" \"service\" \"host\" \"revision\" }}
  {{ $key }}: {{ index $.Values.global.release $key | quote }}
  {{- end }}
  image: {{ toJson .Values.global.release.image | quote }}
  gateway: {{ .Values.global.platform.routing.gateway.name | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
";

/// A services-root whose services are repositories beside it, and two revisions of `api`.
struct Story {
    root: Root,
    revisions: [String; 2],
}

impl Story {
    fn new() -> Story {
        let root = Root::with(&config("unset"), &[]);
        root.commit("pinrail.yaml", &config(&root.served().display().to_string()));
        let service = root.served().join("api.git");
        bare_repository(&service);
        let commit = |path: &str, text: &str| commit_file(&service, "main", path, text, path);
        commit("helm/Chart.yaml", CHART);
        commit("helm/templates/all.yaml", OBJECTS);
        commit("helm/values-staging.yaml", "own: of staging\n");
        let first = commit(
            "helm/values.yaml",
            "own: one\nglobal: {platform: {routing: {gateway: {name: stolen}}}, release: {host: stolen}}\n",
        );
        let second = commit("helm/values.yaml", "own: two\n");
        let story = Story { root, revisions: [first, second] };
        story.pin("staging", "shared", "20250811", &story.revisions[1]);
        story.pin("production", "eu-1", "1e10", &story.revisions[0]);
        story
    }

    fn pin(&self, environment: &str, cluster: &str, tag: &str, revision: &str) {
        let more = serde_json::json!({"targetRevision": revision});
        let pin = pin_file(cluster, "api", tag, &more);
        self.root.commit(&pin_path_in(environment, "api"), &pin);
    }

    /// Runs with or without Helm on the PATH.
    fn run(&self, with_helm: bool, arguments: &[&str]) -> Run {
        let repo = self.root.repo();
        let mut command = pinrail_at(&repo.display().to_string(), arguments);
        if with_helm {
            let tools = path("helm").parent().expect("a folder").to_path_buf();
            let own = std::env::var_os("PATH").unwrap_or_default();
            let folders: Vec<PathBuf> =
                [tools].into_iter().chain(std::env::split_paths(&own)).collect();
            command.env("PATH", std::env::join_paths(folders).expect("a PATH"));
        }
        run(&mut command)
    }
}

fn config(served: &str) -> String {
    format!(
        "version: 1
services:
  repository: file://{served}/${{{{ service }}}}.git
  image: registry.example.com/${{{{ service }}}}
clusters: {{eu-1: {{kubernetesVersion: \"1.34\"}}}}
environments:
  - {{name: staging, cluster: shared, mode: direct, host: \"${{{{ service }}}}.staging.example.com\"}}
  - {{name: production, cluster: eu-1, from: staging, mode: request, host: \"${{{{ service }}}}.example.com\"}}
"
    )
}

#[test]
fn the_values_are_exactly_those_of_the_application() {
    let story = Story::new();
    let staging = story.run(true, &["render", "api", "-e", "staging"]).succeeded().stdout;
    for line in [
        "metadata: {name: api, namespace: services-staging}",
        "  own: \"of staging\"",
        "  environment: \"staging\"",
        "  kind: \"permanent\"",
        "  domain: \"services\"",
        "  service: \"api\"",
        "  host: \"api.staging.example.com\"",
        &format!("  revision: \"{}\"", story.revisions[1]),
        r#"  image: "{\"digest\":\"\",\"repository\":\"registry.example.com/api\",\"tag\":\"20250811\"}""#,
        "  gateway: \"public\"",
    ] {
        assert!(staging.lines().any(|other| other == line), "{line}\n{staging}");
    }
    // What a service says of the platform's and the release's values is overruled.
    let production = story.run(true, &["render", "api", "-e", "production"]).succeeded().stdout;
    for line in [
        "  own: \"one\"",
        "  host: \"api.example.com\"",
        "  gateway: \"public\"",
        "  kubernetes: \"v1.34\"",
        r#"  image: "{\"digest\":\"\",\"repository\":\"registry.example.com/api\",\"tag\":\"1e10\"}""#,
    ] {
        assert!(production.lines().any(|other| other == line), "{line}\n{production}");
    }
}

#[test]
fn each_object_goes_into_a_file_of_its_own() {
    let story = Story::new();
    let folder = tempfile::tempdir().expect("create a directory");
    let out = folder.path().join("out");
    let out = out.to_str().expect("the path is UTF-8");
    let arguments = ["--json", "render", "api", "-e", "staging", "--out", out];
    let document = story.run(true, &arguments).succeeded().document();
    assert_eq!(document["files"], serde_json::json!(["configmap-api.yaml", "service-api.yaml"]));
    let written = std::fs::read_to_string(folder.path().join("out/service-api.yaml"));
    assert!(written.expect("the file").contains("kind: Service"));
    let dry = ["--dry-run", "render", "api", "-e", "staging", "--out", "/proc/nowhere"];
    story.run(true, &dry).succeeded();
}

#[test]
fn two_environments_and_two_revisions_are_compared_by_what_they_apply() {
    let story = Story::new();
    let arguments = ["diff", "api", "staging", "production", "--manifests"];
    let text = story.run(true, &arguments).succeeded().stdout;
    for line in ["--- production", "+++ staging", "-  own: \"one\"", "+  own: \"of staging\""] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let [first, second] = &story.revisions;
    let arguments = ["--json", "diff", "api", second, first, "-e", "production", "--manifests"];
    let document = story.run(true, &arguments).succeeded().document();
    let manifests = document["manifests"].as_str().expect("a diff");
    assert!(
        manifests.contains("-  own: \"one\"\n") && manifests.contains("+  own: \"two\"\n"),
        "{manifests}"
    );
    assert!(!manifests.contains("gateway: \"stolen\""), "{manifests}");
    let same = ["--json", "diff", "api", first, first, "-e", "production", "--manifests"];
    let document = story.run(true, &same).succeeded().document();
    assert_eq!((&document["outcome"], &document["manifests"]), (&"unchanged".into(), &"".into()));
}

#[test]
fn what_cannot_be_rendered_is_told_with_what_to_do() {
    let story = Story::new();
    let service = story.root.served().join("api.git");
    let broken = "{{ fail \"no way\" }}";
    let broken = commit_file(&service, "main", "helm/templates/all.yaml", broken, "broken");
    let gone = "f".repeat(40);
    for (revision, helm, code, expected) in [
        (
            story.revisions[0].as_str(),
            false,
            1,
            "there is no `helm` on the PATH\nhint: install Helm",
        ),
        (&broken, true, 4, "no way"),
        (&gone, true, 1, "has no commit ffff"),
    ] {
        story.pin("staging", "shared", "1", revision);
        let run = story.run(helm, &["render", "api", "-e", "staging"]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stderr.contains(expected), "{expected}: {run:?}");
    }
    let run = story.run(true, &["render", "web", "-e", "staging"]);
    assert!(run.code == 1 && run.stderr.contains("there is no service `web`"), "{run:?}");
    std::fs::remove_dir_all(&service).expect("remove the service");
    let run = story.run(true, &["render", "api", "-e", "production"]);
    assert_eq!(run.code, 1, "{run:?}");
}

#[test]
fn a_link_out_of_the_repository_is_not_followed() {
    let story = Story::new();
    let service = story.root.served().join("api.git");
    let folder = tempfile::tempdir().expect("create a directory");
    let target = folder.path().join("target");
    std::fs::write(&target, "/etc/passwd").expect("write a file");
    let link = git(&service, &["hash-object", "-w", &target.display().to_string()]);
    let with_index = |arguments: &[&str]| {
        checked(command(&service, arguments).env("GIT_INDEX_FILE", folder.path().join("index")))
    };
    with_index(&["read-tree", "main"]);
    let entry = format!("120000,{link},helm/values.yaml");
    with_index(&["update-index", "--add", "--cacheinfo", &entry]);
    let tree = with_index(&["write-tree"]);
    let commit = git(&service, &["commit-tree", &tree, "-p", "main", "-m", "link"]);
    git(&service, &["update-ref", "refs/heads/main", &commit]);
    story.pin("staging", "shared", "1", &commit);
    let run = story.run(true, &["render", "api", "-e", "staging"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("helm/values.yaml leads out of the repository"), "{run:?}");
}
