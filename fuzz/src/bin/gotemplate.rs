//! The part of Go's templates that generated ApplicationSets use.
#![no_main]

use pinrail::domain::gotemplate::{GoTemplate, literal};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let parameters = serde_json::json!({
        "name": "api", "count": 3.5, "none": null, "list": ["a"], "map": {"key": "v"},
    });
    let serde_json::Value::Object(parameters) = parameters else { return };
    if let Ok(template) = GoTemplate::parse(text) {
        let _ = template.render(&parameters);
    }
    let told = GoTemplate::parse(&literal(text)).expect("a literal is a template");
    assert_eq!(told.render(&parameters).as_deref(), Ok(text));
});
