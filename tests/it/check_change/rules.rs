//! What comes together and what does not; each rule in detail is tested beside its code.

use super::{Written, gated, messages};
use crate::support::root::{Root, pin_path_in};

#[test]
fn problems_that_the_change_brings_are_told_and_those_that_were_there_are_not() {
    let root = gated();
    root.commit("services/services/Bad.yaml", "");
    Written::on(&root).write("README.md", "more").checked(&root).succeeded();
    let run =
        Written::named(&root, "bad").write("platform-values.yaml", "global: 1\n").checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    let document = run.document();
    assert_eq!(document["problems"][0]["path"], "platform-values.yaml", "{document:#}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_by_file_and_line() {
    let root = gated();
    let config = root.file("pinrail.yaml").expect("a configuration");
    let broken = config.replace("maxRemovals", "maxRemoval");
    let run = Written::on(&root).write("pinrail.yaml", &broken).checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    let document = run.document();
    assert_eq!(document["problems"][0]["line"], 3, "{document:#}");
    let run = Written::named(&root, "none").remove("pinrail.yaml").checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(messages(&run.document())[0].starts_with("it is taken away"), "{run:?}");
}

#[test]
fn more_pins_than_may_go_at_once_are_refused() {
    let root = gated();
    let gone = |branch, paths: &[(&str, &str)]| {
        let gone = |written: Written, (environment, service): &(&str, &str)| {
            written.remove(&pin_path_in(environment, service))
        };
        paths.iter().fold(Written::named(&root, branch), gone).checked(&root)
    };
    gone("two", &[("eu", "api"), ("us", "api")]).succeeded();
    let run = gone("three", &[("eu", "api"), ("us", "api"), ("us", "web")]);
    assert_eq!(run.code, 5, "{run:?}");
    let told = "the change takes away 3 pins, and `maxRemovals` is 2";
    assert_eq!(messages(&run.document()), [told]);
}

#[test]
fn platform_values_of_two_steps_need_a_word() {
    let root = Root::with(super::GATED, &["api"]);
    let values = "global: {platform: {routing: {api: ingress}}}\n";
    Written::on(&root).write("platform-values/slow.yaml", values).checked(&root).succeeded();
    let all = |branch| Written::named(&root, branch).write("platform-values.yaml", values);
    let run = all("all").checked(&root);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(messages(&run.document())[0].contains("other platform values at once"), "{run:?}");
    let word = r#"{"reason": "a CVE", "owner": "@anna"}"#;
    all("word").write("overrides/platform-values.json", word).checked(&root).succeeded();
}

#[test]
fn a_pin_that_is_not_valid_and_one_that_may_not_go_are_not_valid_at_once() {
    let root = gated();
    let written = Written::on(&root).pin("eu", "api", "7").write(&pin_path_in("us", "web"), "[]");
    let run = written.checked(&root);
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(run.document()["outcome"], "invalid");
}
