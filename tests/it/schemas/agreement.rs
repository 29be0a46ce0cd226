//! Each schema accepts what the program's own reader accepts, and nothing else.
//!
//! Left out is what a schema cannot say: keys that are there twice, templates that do not
//! parse, numbers that are too large, text that YAML reads as a number or the other way, days and
//! time zones that there are not, and the ends of a freeze that make no window together.

use std::fs;

use pinrail::commands::schema::SchemaName;
use pinrail::domain::config::Config;
use pinrail::domain::lock::Lock;
use pinrail::domain::pin::Pin;
use pinrail::domain::registry::Facts;
use pinrail::domain::yaml;
use serde_json::{Value, json};

use super::{from_yaml, schema, top};

/// The base with one key set, or taken away where the value is null and `remove`.
fn changed(base: &Value, path: &str, value: Option<Value>) -> Value {
    let mut changed = base.clone();
    let (parent, key) = path.rsplit_once('/').expect("a path that begins with a slash");
    let parent = changed.pointer_mut(parent).expect("a place that is there");
    match value {
        Some(value) => parent[key] = value,
        None => {
            parent.as_object_mut().expect("an object").shift_remove(key).expect("a key");
        }
    }
    changed
}

/// Whether the schema and the parser agree on the base with each change, and how often they
/// accept: a table of refusals alone would prove little.
fn agree(
    name: SchemaName,
    base: &Value,
    accepts: impl Fn(&Value) -> bool,
    table: &[(&str, Option<Value>)],
) {
    let schema = schema(name);
    assert!(schema.is_valid(base) && accepts(base), "the base itself: {base:#}");
    let (mut accepted, mut wrong) = (0, Vec::new());
    for (path, value) in table {
        let value = changed(base, path, value.clone());
        let (by_schema, by_parser) = (schema.is_valid(&value), accepts(&value));
        if by_schema != by_parser {
            wrong.push(format!(
                "{path} = {:?}: schema {by_schema}, parser {by_parser}",
                value.pointer(path)
            ));
        }
        accepted += usize::from(by_schema);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(accepted >= 5 && accepted + 10 <= table.len(), "{accepted} of {}", table.len());
}

fn each(path: &'static str, values: &[Value]) -> Vec<(&'static str, Option<Value>)> {
    values.iter().map(|value| (path, Some(value.clone()))).collect()
}

fn texts(path: &'static str, values: &[&str]) -> Vec<(&'static str, Option<Value>)> {
    values.iter().map(|value| (path, Some(json!(value)))).collect()
}

const OTHER_KINDS: [fn() -> Value; 5] =
    [|| json!(null), || json!(1.5), || json!(true), || json!([]), || json!({})];

fn other_kinds(path: &'static str) -> Vec<(&'static str, Option<Value>)> {
    OTHER_KINDS.map(|value| (path, Some(value()))).to_vec()
}

const URLS: &[&str] = &[
    "https://git.example.com/a/b.git",
    "http://git.example.com",
    "ssh://git@example.com:2222/a.git",
    "ssh://example.com/a.git",
    "git@example.com:a/b.git",
    "file:///srv/a.git",
    "https://user@example.com/a.git",
    "https://user:secret@example.com/a.git",
    "ssh://user:secret@example.com/a.git",
    "user:secret@example.com:a.git",
    "https://example.com/../a.git",
    "https://example.com/a/..",
    "https://example.com/a..b/c",
    "https://example.com/%2E%2e/a.git",
    "git@example.com:../a.git",
    "https://example.com/a b.git",
    "ftp://example.com/a.git",
    "https:///a",
    "https://",
    "/srv/a.git",
    "",
];

const PATHS: &[&str] = &[
    "helm", "a/b", "a.b/c_d", "...", "a..b", "..", ".", "./a", "a/.", "a/..", "../a", "a/../b",
    "/a", "a/", "a//b", "a b", "", "é",
];

#[test]
fn the_schema_of_a_pin_accepts_what_the_parser_accepts() {
    let base = json!({
        "cluster": "shared",
        "service": "api",
        "imageTag": "1.0",
        "targetRevision": "a".repeat(40),
        "imageDigest": format!("sha256:{}", "0".repeat(64)),
        "repoURL": "https://git.example.com/a.git",
        "path": "helm",
        "chartVersion": "1.0.0",
        "sequence": 7,
    });
    let mut table: Vec<(&str, Option<Value>)> =
        ["/cluster", "/service", "/imageTag", "/targetRevision", "/imageDigest", "/repoURL"]
            .into_iter()
            .chain(["/path", "/chartVersion", "/sequence"])
            .flat_map(|path| other_kinds(path).into_iter().chain([(path, None)]))
            .collect();
    let (long, longer) = ("x".repeat(40), "x".repeat(41));
    table.extend(texts("/service", &["a", "a-b", "9", "A", "-a", "a-", "a.b", "", &long, &longer]));
    table.extend(texts("/cluster", &[&"x".repeat(63), &"x".repeat(64), "in cluster"]));
    table.extend(texts("/imageTag", &["1", "_", "0123", ".a", "-a", "a/b", "a b", "", "a\n"]));
    table.extend(texts("/imageTag", &[&"x".repeat(128), &"x".repeat(129)]));
    table.extend(texts("/targetRevision", &["main", "", &"A".repeat(40), &"a".repeat(39)]));
    table.extend(texts("/imageDigest", &["latest", "", "sha256:", &format!("sha512:{long}")]));
    table.extend(texts("/repoURL", URLS));
    table.extend(texts("/path", PATHS));
    table.extend(texts("/chartVersion", &["", "v2", "1.10"]));
    table.extend(each("/sequence", &[json!(0), json!(-1), json!("7"), json!(u64::MAX)]));
    table.extend(each("/somethingElse", &[json!(1), json!(null)]));
    let accepts = |value: &Value| Pin::parse(value.to_string().as_bytes()).is_ok();
    agree(SchemaName::Pin, &base, accepts, &table);
}

#[test]
fn the_schema_of_a_lock_accepts_what_the_parser_accepts() {
    let base = json!({"reason": "incident 7", "owner": "@anna", "until": "2026-12-24T12:00:00Z"});
    let mut table: Vec<(&str, Option<Value>)> = ["/reason", "/owner", "/until"]
        .into_iter()
        .flat_map(|path| other_kinds(path).into_iter().chain([(path, None)]))
        .collect();
    table.extend(texts("/reason", &["", "x"]));
    table.extend(texts("/owner", &["", "@acme/billing"]));
    table.extend(texts("/until", &["2026-12-24T12:00:00+01:00", "soon", "2026-12-24", ""]));
    table.extend(texts("/untl", &["2026-12-24T12:00:00Z"]));
    let accepts = |value: &Value| Lock::parse(value.to_string().as_bytes()).is_ok();
    agree(SchemaName::Lock, &base, accepts, &table);
}

#[test]
fn the_schema_of_a_service_accepts_what_the_parser_accepts() {
    let base = json!({"description": "x", "repository": "https://git.example.com/a.git", "chartPath": "helm"});
    let mut table: Vec<(&str, Option<Value>)> = Vec::new();
    for path in ["/description", "/repository", "/chartPath", "/image", "/chartVersion"] {
        table.extend(each(path, &[json!(null), json!("x/y"), json!([]), json!({})]));
    }
    table.extend(texts("/repository", URLS));
    table.extend(texts("/chartPath", PATHS));
    table.extend(texts("/repositry", &["https://git.example.com/a.git"]));
    let accepts = |value: &Value| yaml::parse::<Facts>(value.to_string().as_bytes()).is_ok();
    agree(SchemaName::Service, &base, accepts, &table);
}

#[test]
fn the_schema_of_the_configuration_accepts_what_the_parser_accepts() {
    let text = fs::read_to_string(top("examples/services-root/pinrail.yaml")).expect("read it");
    let base = from_yaml(&text);
    let (staging, production) = ("/environments/0", "/environments/1");
    assert_eq!(base.pointer(staging).expect("staging")["mode"], "direct");
    assert!(base.pointer(production).expect("production")["gates"].is_object());
    let mut table: Vec<(&str, Option<Value>)> = Vec::new();
    for key in [
        "/repository",
        "/forge",
        "/branches",
        "/maxRemovals",
        "/services",
        "/domains",
        "/sizes",
        "/environments",
        "/namespace",
        "/previews",
        "/argocd",
        "/links",
        "/forge/kind",
        "/forge/project",
        "/branches/pins",
        "/domains/0/name",
        "/domains/0/owners",
        "/domains/0/registration",
        "/environments/0/name",
        "/environments/0/cluster",
        "/environments/0/mode",
        "/environments/0/host",
        "/environments/1/group",
        "/environments/1/from",
        "/environments/1/protected",
        "/environments/1/gates",
        "/environments/1/gates/soak",
        "/environments/1/gates/freeze/0/from",
        "/environments/1/gates/freeze/0/to",
        "/environments/1/gates/freeze/0/timeZone",
        "/environments/1/request",
        "/environments/1/request/mergeMethod",
        "/sizes/M/cpu",
        "/sizes/M/pods",
        "/previews/environment",
        "/previews/ttl",
        "/previews/keep",
        "/services/chartPath",
    ] {
        table.push((key, None));
        table.extend(each(key, &[json!([[]]), json!({"x": {}})]));
    }
    for key in ["/domain", "/forge/knd", "/domains/0/size_", "/environments/0/clustr"] {
        table.extend(texts(key, &["x"]));
    }
    table.extend(texts("/environments/1/gates/soack", &["30m"]));
    table.extend(texts("/environments/1/request/reviewer", &["x"]));
    table.extend(texts("/forge/kind", &["git", "gitlab", "github", "Git", "gitea", ""]));
    table.extend(texts("/domains/0/registration", &["open", "request", "closed"]));
    table.extend(texts("/environments/0/mode", &["direct", "request", "auto"]));
    table.extend(texts("/environments/1/request/mergeMethod", &["merge", "squash", "rebase", "x"]));
    table.extend(texts("/environments/1/request/update", &["living", "frozen", "x"]));
    table.extend(texts("/argocd/chart", &["wrapper", "oci", "git"]));
    table.extend(texts(
        "/environments/1/gates/soak",
        &["0s", "90s", "7d", "30", "1.5h", "1h30m", "m", ""],
    ));
    let weekly = [
        "Fri 17:00",
        "fri 00:00",
        "FRIDAY 23:59",
        "Wednesday 12:30",
        "Fr 17:00",
        "Frid 17:00",
        "Freitag 17:00",
        "Fri 7:00",
        "Fri 24:00",
        "Fri 17:60",
        "Fri 17",
        "Fri  17:00",
        "Fri",
        " Fri 17:00",
        "Fri 17:00 ",
        "Fri 17:00:00",
        "Fri T17:00",
        "5 17:00",
        "",
    ];
    table.extend(texts("/environments/1/gates/freeze/0/from", &weekly));
    table.extend(texts("/environments/1/gates/freeze/0/to", &weekly[1..]));
    let dates = [
        "2026-12-24 12:00",
        "2024-02-29 00:00",
        "0001-01-01 00:00",
        "2026-12-24T12:00",
        "2026-12-24",
        "20261224 12:00",
        "2026-12-24 12:00Z",
        "2026-13-01 12:00",
        "2026-00-01 12:00",
        "2026-12-32 12:00",
        "2026-12-00 12:00",
        "26-12-24 12:00",
        "2026-1-2 12:00",
        "+002026-12-24 12:00",
        "-002026-12-24 12:00",
    ];
    let freeze = |from| json!([{"from": from, "to": "9999-12-31 23:59", "timeZone": "UTC"}]);
    table.extend(each("/environments/1/gates/freeze", &dates.map(freeze)));
    let zones = [
        "UTC",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
        "Etc/GMT+1",
        "EST5EDT",
        "europe/amsterdam",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "+02:00",
        "/UTC",
        "UTC/",
        "Europe/",
        "Europe//Amsterdam",
        "Europe Amsterdam",
        "../UTC",
        "",
    ];
    table.extend(texts("/environments/1/gates/freeze/0/timeZone", &zones));
    table.extend(texts("/repository", URLS));
    table.extend(texts("/services/chartPath", PATHS));
    table.extend(texts("/namespace", &["x", "${{ domain }}", ""]));
    let branches = [
        "main",
        "a/b",
        "release-1.2",
        "é",
        "",
        "-x",
        "a..b",
        "a b",
        "a/",
        "/a",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a./b",
        "a.lock",
        "a.lock/b",
        "a~1",
        "@",
        "a@",
        "a@{1}",
        "a:b",
        "HEAD",
        "HEADER",
        "a\\b",
        "a*",
        "a[b",
        "a?",
        "a^",
        "a\u{7f}",
        "a\tb",
    ];
    table.extend(texts("/branches/pins", &branches));
    let names = ["a", "x-y", "9", "Staging", "a.b", "-a", "", &"x".repeat(20), &"x".repeat(21)];
    table.extend(texts("/environments/0/name", &names));
    table.extend(texts("/domains/0/name", &[&"x".repeat(30), &"x".repeat(31), "../x"]));
    table.extend(each("/maxRemovals", &[json!(0), json!(-1), json!(1.5), json!("many")]));
    table.extend(each("/environments", &[json!([])]));
    table.extend(each("/domains", &[json!([])]));
    let accepts = |value: &Value| Config::parse(value.to_string().as_bytes()).is_ok();
    agree(SchemaName::Config, &base, accepts, &table);
}
