//! The list of settings: what it tells to run can be run.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{made, read};
use crate::support::git::hermetic;
use crate::support::tools::ask;

const SETTINGS: &str = ".pinrail/settings.md";

/// The blocks of commands in a document.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "```sh" {
            let block = lines.by_ref().take_while(|line| *line != "```");
            blocks.push(block.collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

/// The documents that are sent by `<<JSON` or `<<'JSON'`.
fn sent(block: &str) -> Vec<Value> {
    let parts = block.split("\nJSON").filter_map(|part| part.split_once("JSON"));
    let parsed = parts.map(|(_, text)| {
        let text = text.trim_start_matches('\'').replace("$APP_ID", "7");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    });
    parsed.collect()
}

#[test]
fn the_shell_understands_every_command() {
    for kind in ["gitlab", "github"] {
        let folder = made(kind, &[]);
        let text = read(&folder.path().join("root"), SETTINGS);
        let blocks = blocks(&text);
        assert!(blocks.len() >= 5, "{}", blocks.len());
        for block in blocks {
            let mut shell = hermetic("sh");
            let output = shell.args(["-n", "-c", &block]).output().expect("start a shell");
            assert!(output.status.success(), "{block}: {output:?}");
        }
        // Never a secret in an argument, where others could read it.
        assert!(!text.contains("--token") && !text.contains("PRIVATE-TOKEN"), "{text}");
    }
}

#[test]
fn githubs_rulesets_protect_main_and_pins() {
    let folder = made("github", &[]);
    let text = read(&folder.path().join("root"), SETTINGS);
    let rulesets: Vec<Value> = blocks(&text).iter().flat_map(|block| sent(block)).collect();
    let rules = |branch: &str, bypassed: bool| -> Vec<&Value> {
        let of_branch = |set: &&Value| {
            set["conditions"]["ref_name"]["include"] == json!([format!("refs/heads/{branch}")])
                && set["enforcement"] == "active"
                && set.get("bypass_actors").is_some() == bypassed
        };
        let sets = rulesets.iter().filter(of_branch);
        sets.flat_map(|set| set["rules"].as_array().expect("rules")).collect()
    };
    let kinds = |rules: &[&Value]| -> Vec<String> {
        rules.iter().map(|rule| rule["type"].as_str().expect("a type").to_owned()).collect()
    };
    let main = rules("main", false);
    let expected = ["deletion", "non_fast_forward", "pull_request", "required_status_checks"];
    assert_eq!(kinds(&main), expected);
    let review = &main[2]["parameters"];
    assert_eq!(review["required_approving_review_count"], 1);
    for name in ["dismiss_stale_reviews_on_push", "require_code_owner_review"] {
        assert_eq!(review[name], true, "{name}");
    }
    // The check is the job of the workflow beside it.
    let check = &main[3]["parameters"]["required_status_checks"][0]["context"];
    assert_eq!(*check, "check");
    let workflow = read(&folder.path().join("root"), ".github/workflows/pinrail.yml");
    assert!(workflow.contains("jobs:\n  check:\n"), "{workflow}");
    assert_eq!(kinds(&rules("main", true)), Vec::<String>::new(), "nobody goes around");
    assert_eq!(kinds(&rules("pins", false)), ["deletion", "non_fast_forward"]);
    assert_eq!(kinds(&rules("pins", true)), ["update"]);
}

/// What `gh api` would send: the route and its body, from a document or from fields.
fn requests(block: &str) -> Vec<Value> {
    let mut documents = sent(block).into_iter();
    let block = block.replace("\\\n", " ");
    let commands = block.lines().filter_map(|line| line.strip_prefix("gh api -X "));
    let request = |command: &str| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let route = format!("{} /{}", words[0], words[1].trim_matches('\''));
        let fields = words.windows(2).filter(|pair| matches!(pair[0], "-F" | "-f"));
        let fields: Map<String, Value> = fields
            .map(|pair| {
                let (name, value) = pair[1].split_once('=').expect("a field");
                // As gh reads it: `-F` has types.
                let typed = (pair[0] == "-F").then(|| serde_json::from_str(value).ok()).flatten();
                (name.to_owned(), typed.unwrap_or_else(|| value.into()))
            })
            .collect();
        let body = if command.contains("--input") { documents.next() } else { Some(fields.into()) };
        json!({"route": route, "body": body})
    };
    commands.map(request).collect()
}

#[test]
fn github_would_take_what_its_commands_send() {
    const SCRIPT: &str = "
        const [spec, validate] = process.argv.slice(1);
        const { description } = await import(spec);
        const { Shapes } = await import(validate);
        let input = '';
        for await (const chunk of process.stdin) input += chunk;
        const found = JSON.parse(input).flatMap(({ route, body }) => {
            const { operations, components } = description('api.github.com', [route]);
            if (!operations[route]) return [`no route ${route}`];
            const schema = operations[route].body;
            const root = { components, schema };
            const known = new Shapes(root, {}).resolve(schema).properties;
            const strange = Object.keys(body).filter((key) => !known[key]);
            return [...strange, ...new Shapes(root, {}).check('#/schema', body)];
        });
        console.log(JSON.stringify(found));
    ";
    let forges = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forges");
    assert!(forges.join("node_modules").is_dir(), "run tests/forges/run --install");
    let problems = |requests: &[Value]| -> Vec<String> {
        let mut node = hermetic("node");
        node.args(["--input-type=module", "--eval", SCRIPT]);
        node.args(["github/spec.mjs", "core/validate.mjs"].map(|file| forges.join(file)));
        serde_json::from_value(ask(&mut node, &json!(requests))).expect("a list of problems")
    };
    let folder = made("github", &[]);
    let text = read(&folder.path().join("root"), SETTINGS);
    let mut requests: Vec<Value> = blocks(&text).iter().flat_map(|block| requests(block)).collect();
    assert_eq!(requests.len(), 5, "{requests:#?}");
    assert_eq!(problems(&requests), Vec::<String>::new());
    // And the judge is one.
    requests[0]["body"]["rules"][0]["type"] = json!("delation");
    assert!(!problems(&requests).is_empty());
}
