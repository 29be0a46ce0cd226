//! Hostile texts in every value that takes free text: each is refused by its place, or arrives
//! as what it is, and nothing around it changes.

use std::collections::BTreeMap;
use std::path::Path;

use pinrail::domain::config::Config;
use pinrail::domain::problem::{Problem, Severity};
use pinrail::domain::registry::Root;
use pinrail::domain::tree::{Entry, Files, ReadError};
use pinrail::domain::{applicationset, check, yaml};
use pinrail::render::argocd::generate;
use serde_json::{Map, Value, json};

use super::{Folder, set_without_values};
use crate::support::root::revision;
use crate::support::tools::{Expanded, problems};

const HOSTILE: [&str; 25] = [
    "'", "\"", "`", "a\nb: c", "a\rb", "{{ .x }}", "{{", "}}", "${{ x }}", "${{", "$HOME", "a,b",
    "{a,b}", "%", "%2e%2e", "\\n", "\u{2028}", "\u{85}", "yes", "1e3", "a: b", "a #b", "*", "!x",
    " a ",
];

/// A configuration, the platform's values (null: none) and what the registry says of the service `a`.
#[derive(Clone)]
struct Case {
    config: Value,
    platform: Value,
    facts: Value,
}

/// Where a text is put, and what a refusal must name.
struct Place {
    /// A part of the message that refuses; a problem with a line names its place by that.
    name: &'static str,
    harmless: &'static str,
    put: fn(&mut Case, &str),
}

const PLACES: [Place; 25] = [
    // These have no part in what Argo CD gets.
    Place {
        name: "owners",
        harmless: "@harmless",
        put: |case, text| {
            case.config["owners"] = json!([text]);
            case.config["domains"][0]["owners"] = json!([text]);
        },
    },
    Place {
        name: "url, size, description",
        harmless: "harmless",
        put: |case, text| {
            case.config["argocd"]["url"] = text.into();
            case.config["sizes"] = json!({text: case.config["sizes"]["M"]});
            case.config["domains"][0]["size"] = text.into();
            case.facts["description"] = text.into();
        },
    },
    Place {
        name: "the group of `",
        harmless: "harmless",
        put: |case, text| {
            case.config["domains"][0]["group"] = text.into();
        },
    },
    Place {
        name: "`links`",
        harmless: "harmless",
        put: |case, text| {
            case.config["links"] = json!({text: "https://x.example.com"});
        },
    },
    Place {
        name: "links.logs",
        harmless: "harmless",
        put: |case, text| {
            case.config["links"]["logs"] =
                format!("https://x.example.com/?{text}&${{{{ service }}}}").into();
        },
    },
    Place {
        name: "links.logs",
        harmless: "harmless",
        put: |case, text| {
            case.config["links"]["logs"] = text.into();
        },
    },
    Place {
        name: "the host of `staging`",
        harmless: "harmless",
        put: |case, text| {
            case.config["environments"][0]["host"] =
                format!("${{{{ service }}}}.{text}.example.com").into();
        },
    },
    Place {
        name: "services.image",
        harmless: "harmless",
        put: |case, text| {
            case.config["services"]["image"] =
                format!("registry.example.com/{text}/${{{{ service }}}}").into();
        },
    },
    Place {
        name: "services.repository",
        harmless: "harmless",
        put: |case, text| {
            case.config["services"]["repository"] =
                format!("https://git.example.com/{text}/${{{{ service }}}}.git").into();
        },
    },
    Place {
        name: "services.repository",
        harmless: "https://harmless/${{ service }}",
        put: |case, text| {
            case.config["services"]["repository"] = text.into();
        },
    },
    Place {
        name: "repository",
        harmless: "harmless",
        put: |case, text| {
            case.config["repository"] = format!("https://git.example.com/{text}.git").into();
        },
    },
    Place {
        name: "argocd.chartRepository",
        harmless: "harmless",
        put: |case, text| {
            case.config["argocd"] = json!({"chart": "oci", "chartVersion": "1.0.0",
            "chartRepository": format!("oci://registry.example.com/{text}")});
        },
    },
    Place {
        name: "argocd.chartRepository",
        harmless: "harmless",
        put: |case, text| {
            case.config["argocd"] = json!({"chart": "oci", "chartVersion": "1.0.0",
            "chartRepository": format!("registry.example.com/platform/{text}")});
        },
    },
    Place {
        name: "argocd.chartVersion",
        harmless: "harmless",
        put: |case, text| {
            case.config["argocd"] = json!({"chart": "oci", "chartVersion": text,
            "chartRepository": "oci://registry.example.com/app"});
        },
    },
    Place {
        name: "argocd.namespace",
        harmless: "harmless",
        put: |case, text| {
            case.config["argocd"]["namespace"] = text.into();
        },
    },
    Place {
        name: "sizes.M.cpu",
        harmless: "77777",
        put: |case, text| {
            case.config["sizes"]["M"]["cpu"] = text.into();
        },
    },
    Place {
        name: "clusters.shared.server",
        harmless: "harmless",
        put: |case, text| {
            case.config["clusters"]["shared"]["server"] =
                format!("https://k.example.com/{text}").into();
        },
    },
    Place {
        name: "clusters.shared.apiServer",
        harmless: "10.1.0.0/16",
        put: |case, text| {
            case.config["clusters"]["shared"]["apiServer"] = json!(["10.0.0.0/8", text]);
        },
    },
    Place {
        name: "clusters.shared.kubernetesVersion",
        harmless: "1.35",
        put: |case, text| {
            case.config["clusters"]["shared"]["kubernetesVersion"] = text.into();
        },
    },
    Place {
        name: "branch",
        harmless: "harmless",
        put: |case, text| {
            case.config["branches"] = json!({"main": text});
        },
    },
    Place {
        name: "",
        harmless: "harmless",
        put: |case, text| {
            case.platform = json!({"postgres": {"cnpg": {"spec": {text: {text: [text]}}}}});
        },
    },
    Place {
        name: "",
        harmless: "harmless",
        put: |case, text| {
            case.platform = json!({"postgres": {"cnpg": {"spec": {"list": [[{"deep": text}], text, format!("a{text}b")]}}}});
        },
    },
    Place {
        name: "network.dnsNamespace",
        harmless: "harmless",
        put: |case, text| {
            case.platform = json!({"network": {"dnsNamespace": text}});
        },
    },
    Place {
        name: "postgres.crossplane",
        harmless: "Harmless",
        put: |case, text| {
            case.platform["postgres"] = json!({"provider": "crossplane",
            "crossplane": {"apiVersion": "db.example.com/v1", "kind": text}});
        },
    },
    Place {
        name: "image",
        harmless: "harmless",
        put: |case, text| {
            case.facts["image"] = format!("registry.example.com/{text}").into();
        },
    },
];

impl Case {
    fn new(domain: &str) -> Case {
        Case {
            config: json!({
                "version": 1,
                "repository": "https://git.example.com/services-root.git",
                "services": {
                    "repository": "https://git.example.com/${{ domain }}/${{ service }}.git",
                    "image": "registry.example.com/${{ domain }}/${{ service }}",
                },
                "domains": [{"name": domain, "group": "dev", "size": "M"}],
                "sizes": {"M": {"cpu": "1", "memory": "1Gi", "pods": 7, "storage": "1Gi"}},
                "environments": [{"name": "staging", "cluster": "shared", "mode": "direct",
                    "host": "${{ service }}.example.com"}],
                "clusters": {"shared": {"server": "https://k.example.com"}},
                "argocd": {},
                "links": {"logs": "https://x.example.com"},
            }),
            platform: Value::Null,
            facts: json!({}),
        }
    }

    fn files(&self, domain: &str) -> Memory {
        let pin = json!({"cluster": "shared", "service": "a", "imageTag": "1",
            "targetRevision": revision('a')});
        let mut files = BTreeMap::from([
            ("pinrail.yaml".to_owned(), ascii(&self.config)),
            (format!("services/{domain}/a.yaml"), ascii(&self.facts)),
            (format!("envs/staging/{domain}/a.json"), pin.to_string()),
        ]);
        if self.platform.is_null() {
            files.insert("templates/applicationset.yaml".to_owned(), set_without_values());
        } else {
            let platform = json!({"global": {"platform": self.platform}});
            files.insert("platform-values.yaml".to_owned(), ascii(&platform));
        }
        Memory(files)
    }
}

/// JSON without a letter that any reader of YAML might take for more than that.
fn ascii(value: &Value) -> String {
    let escape = |c: char| match c {
        ' '..='~' | '\n' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    format!("{value:#}\n").chars().map(escape).collect()
}

struct Memory(BTreeMap<String, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.get(path).map(|text| text.clone().into_bytes()))
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        let prefix = format!("{folder}/");
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        let mut entries: Vec<_> = below
            .map(|path| match path.split_once('/') {
                Some((name, _)) => Entry { name: name.to_owned(), folder: true },
                None => Entry { name: path.to_owned(), folder: false },
            })
            .collect();
        entries.dedup();
        Ok(entries)
    }
}

/// What is generated, or what is wrong.
fn outcome(files: &Memory) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let config = Config::parse(files.0["pinrail.yaml"].as_bytes())
        .map_err(|error| vec![Problem::config(error)])?;
    let root = Root { config: &config, main: files, pins: files };
    let mut problems = check::check(&root).expect("readable");
    problems.retain(|problem| problem.severity == Severity::Error);
    if !problems.is_empty() {
        return Err(problems);
    }
    let generated = generate(&root).expect("readable");
    problems.extend(generated.problems);
    let (sets, wrong) = applicationset::read(&config, &generated.files);
    problems.extend(wrong);
    problems.extend(applicationset::check(&root, &sets).expect("readable"));
    problems.retain(|problem| problem.severity == Severity::Error);
    if problems.is_empty() { Ok(generated.files) } else { Err(problems) }
}

/// A text that was not refused.
struct Accepted {
    place: usize,
    domain: String,
    text: &'static str,
    pin: String,
    files: BTreeMap<String, String>,
}

/// The objects of some files. A set is told without what Argo CD fills in for each pin.
fn objects(files: &BTreeMap<String, String>) -> Vec<Value> {
    let documents = files.values().flat_map(|text| yaml::documents(text).expect("YAML"));
    let mut objects: Vec<_> = documents.collect();
    for set in objects.iter_mut().filter(|object| object["kind"] == "ApplicationSet") {
        set["spec"]["template"].take();
        set["spec"]["generators"][0]["git"]["values"].take();
    }
    objects
}

/// The value with every `from` as `to`, in keys and texts.
fn replaced(value: &Value, to: &impl Fn(&str, &str) -> String, at: &str) -> Value {
    match value {
        Value::String(text) => Value::from(to(text, at)),
        Value::Array(list) => list.iter().map(|value| replaced(value, to, at)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let below = if key == "parameters" { key } else { at };
                (to(key, ""), replaced(value, to, below))
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

impl Accepted {
    /// What the harmless text gave, with this text in its place.
    fn expected(&self, harmless: &Accepted, value: &Value) -> Value {
        let text = |from: &str, at: &str| {
            let own = match at {
                // Argo CD replaces `$NAME` in parameters, and `$$` by `$`.
                "parameters" => self.text.replace('$', "$$"),
                _ => self.text.to_owned(),
            };
            from.replace(&harmless.domain, &self.domain).replace(harmless.text, &own)
        };
        replaced(value, &text, "")
    }
}

/// Puts every text into a place: those that were not refused, and how many were.
fn tried(number: usize, place: &Place) -> (Vec<Accepted>, usize) {
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for (at, text) in [place.harmless].into_iter().chain(HOSTILE).enumerate() {
        let domain = format!("d-{number}-{at}x");
        let mut case = Case::new(&domain);
        (place.put)(&mut case, text);
        let mut files = case.files(&domain);
        match outcome(&files) {
            Ok(generated) => {
                let pin = files.0.remove(&format!("envs/staging/{domain}/a.json"));
                let pin = pin.expect("a pin");
                accepted.push(Accepted { place: number, domain, text, pin, files: generated });
            }
            Err(problems) => {
                let names = |problem: &Problem| {
                    problem.line.is_some() || problem.message.contains(place.name)
                };
                assert!(!place.name.is_empty(), "{number}: {text:?}: {problems:?}");
                assert!(problems.iter().any(names), "{}: {text:?}: {problems:?}", place.name);
                refused += 1;
            }
        }
    }
    (accepted, refused)
}

#[test]
fn a_hostile_text_is_refused_by_its_place_or_arrives_as_it_is() {
    let folder = Folder::with("# many configurations, none of them here\n");
    let (accepted, refused): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let all = PLACES.iter().enumerate();
        let all: Vec<_> =
            all.map(|(number, place)| scope.spawn(move || tried(number, place))).collect();
        all.into_iter().map(|one| one.join().expect("a place")).unzip()
    });
    let accepted: Vec<_> = accepted.into_iter().flatten().collect();
    for one in &accepted {
        let domain = &one.domain;
        folder.write(&format!("envs/staging/{domain}/a.json"), &one.pin);
        for (path, text) in &one.files {
            let (kind, name) = path.split_once('/').expect("a folder");
            folder.write(&format!("{kind}/{domain}/{name}"), text);
        }
    }
    // The harmless one is the first of its place.
    let harmless: Vec<_> = (0..PLACES.len())
        .map(|place| {
            accepted
                .iter()
                .find(|one| one.place == place)
                .unwrap_or_else(|| panic!("nothing of {}", PLACES[place].name))
        })
        .collect();
    for (number, one) in harmless.iter().enumerate() {
        assert_eq!(one.text, PLACES[number].harmless, "{}", PLACES[number].name);
    }
    let twins: Vec<_> = harmless.iter().map(|twin| objects(&twin.files)).collect();
    for one in &accepted {
        let found = objects(&one.files);
        assert_eq!(found.len(), twins[one.place].len(), "{}: {:?}", one.place, one.text);
        for (object, twin) in found.iter().zip(&twins[one.place]) {
            let expected = one.expected(harmless[one.place], twin);
            assert_eq!(*object, expected, "{}: {:?}", PLACES[one.place].name, one.text);
        }
    }
    assert_eq!(problems("kube-validate", &[&folder.path().join("tenants")]), [""; 0]);
    assert_eq!(problems("argocd-validate", &[&folder.path().join("argocd")]), [""; 0]);
    expanded(&folder, &accepted, &harmless);
    // Both happen; a place where nothing is refused takes any text.
    assert!(refused.iter().sum::<usize>() > 200, "{refused:?}");
    assert!(accepted.len() > 200, "{}", accepted.len());
}

/// What Argo CD makes of all that was accepted.
#[track_caller]
fn expanded(folder: &Folder, accepted: &[Accepted], harmless: &[&Accepted]) {
    let sets = folder.path().join("sets");
    for one in accepted {
        // Argo CD's own namespace is another where that was the place.
        if PLACES[one.place].name != "argocd.namespace" {
            let file = format!("pinrail-staging-{}.yaml", one.domain);
            folder.write(&format!("sets/{file}"), &one.files[&format!("argocd/{file}")]);
        }
    }
    let mut branches: Vec<(&str, &Path)> = vec![("main", folder.path())];
    branches.extend(accepted.iter().filter_map(|one| {
        (PLACES[one.place].name == "branch").then_some((one.text, folder.path()))
    }));
    let made = Expanded::of(&sets, &branches);
    let of = |one: &Accepted| {
        let applications = made.applications(&format!("pinrail-staging-{}", one.domain));
        assert_eq!(applications.len(), 1, "{:?}", one.text);
        applications.into_iter().next().expect("one")
    };
    assert_eq!(made.refused(), [""; 0]);
    assert_eq!(made.conditions(), [""; 0]);
    for one in accepted.iter().filter(|one| PLACES[one.place].name != "argocd.namespace") {
        let twin = harmless[one.place];
        let expected = one.expected(twin, &of(twin));
        assert_eq!(of(one), expected, "{}: {:?}", PLACES[one.place].name, one.text);
        assert_eq!(made.error(&format!("pinrail-staging-{}", one.domain)), None);
    }
}

#[test]
fn check_and_generate_refuse_alike_and_nothing_is_written() {
    for (place, text) in [
        ("the group of `", "a\nb"),
        ("`links`", "a b"),
        ("links.logs", "${{ x }}"),
        ("the host of `staging`", "{a,b}"),
        ("services.image", "$HOME"),
        ("services.repository", "a\nb"),
        ("argocd.chartRepository", "{{ .x }}"),
        ("argocd.chartVersion", "*"),
        ("argocd.namespace", "yes\n"),
        ("sizes.M.cpu", "1 or 2"),
        ("clusters.shared.server", "\""),
        ("clusters.shared.apiServer", "10.0.0.0"),
        ("network.dnsNamespace", "a b"),
        ("postgres.crossplane", "*"),
        ("image", "a:latest"),
    ] {
        let found = PLACES.iter().find(|one| one.name == place).expect("a place");
        let mut case = Case::new("services");
        (found.put)(&mut case, text);
        let folder = Folder::with("");
        for (path, text) in case.files("services").0 {
            folder.write(&path, &text);
        }
        let errors = folder.errors();
        assert!(errors.iter().any(|error| error.contains(place)), "{place}: {errors:?}");
        for arguments in [&["generate"][..], &["generate", "--check"]] {
            let run = folder.pinrail(arguments);
            assert_eq!(run.code, 4, "{place}: {run:?}");
            let said = run.stdout + &run.stderr;
            assert!(said.contains(place), "{place}: {said}");
        }
        assert_eq!(folder.generated().len(), 0, "{place}");
    }
}
