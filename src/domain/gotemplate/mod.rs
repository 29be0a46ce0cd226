//! The part of Go's `text/template` that generated ApplicationSets use, evaluated as Argo CD
//! does it: strictly (`missingkey=error`), with the functions that are emitted and no others.
//!
//! What is not implemented is an error and never a guess, so that what `check` says of a set
//! is what Argo CD makes of it. Sources: <https://pkg.go.dev/text/template>,
//! <https://masterminds.github.io/sprig/>, argo-cd `applicationset/utils/utils.go`.

mod eval;
mod functions;
mod lex;
mod parse;
mod value;

use serde_json::{Map, Value as Json};

pub use parse::FUNCTIONS;

/// Why a template cannot be used, or gave no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoTemplateError(String);

impl GoTemplateError {
    fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// A text with `{{ … }}` in it.
#[derive(Clone, Debug)]
pub struct GoTemplate(Vec<parse::Node>);

impl GoTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// A template that Go would not take, or that uses what is not implemented here.
    pub fn parse(text: &str) -> Result<Self, GoTemplateError> {
        parse::parse(&lex::lex(text)?).map(Self)
    }

    /// The text with these parameters.
    ///
    /// # Errors
    /// A key that is missing, or a value of a kind that a function does not take.
    pub fn render(&self, parameters: &Map<String, Json>) -> Result<String, GoTemplateError> {
        eval::render(&self.0, parameters)
    }
}

/// A text as a Go template that gives just this text, whatever is in it.
#[must_use]
pub fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn rendered(template: &str) -> String {
        let parameters = json!({
            "name": "api", "tag": "1e10", "count": 1_234_567.0, "small": 12.5, "none": null,
            "yes": true, "map": {"key": "v", "deep": {"x": "y"}}, "list": ["a"], "empty": "",
        });
        let parameters = parameters.as_object().expect("an object");
        let template = GoTemplate::parse(template).unwrap_or_else(|error| panic!("{error}"));
        template.render(parameters).unwrap_or_else(|error| format!("error: {error}"))
    }

    #[test]
    fn text_fields_variables_and_trimming() {
        for (template, expected) in [
            ("plain } } text", "plain } } text"),
            ("a {{ .name }} b", "a api b"),
            ("a {{- .name -}} b", "aapib"),
            ("a\n {{- /* why */ -}}\n b", "ab"),
            ("{{ .map.deep.x }}", "y"),
            ("{{ $x := .name }}{{ $x }}{{ $x = `b` }}{{ $x }}", "apib"),
            ("{{ .none }}", "<no value>"),
            ("{{ .count }} {{ .small }} {{ .yes }}", "1.234567e+06 12.5 true"),
            ("{{ \"\\u007b{\\n\" }}", "{{\n"),
            ("{{ \"{{ }}\" }}", "{{ }}"),
            (&literal("{{ .name }}}}"), "{{ .name }}}}"),
        ] {
            assert_eq!(rendered(template), expected, "{template}");
        }
    }

    #[test]
    fn conditions_as_go_sees_truth() {
        for (condition, expected) in [
            (".yes", true),
            (".empty", false),
            (".none", false),
            (".map", true),
            (".count", true),
            ("not .yes", false),
            ("and .yes .name", true),
            ("and .empty .missing", false),
            ("or .yes .missing", true),
            ("eq .name \"api\"", true),
            ("eq .name \"b\" \"api\"", true),
            ("ne .name \"api\"", false),
            ("hasKey . \"none\"", true),
            ("hasKey .map \"x\"", false),
            ("kindIs \"string\" .tag", true),
            ("kindIs \"string\" .count", false),
            ("kindIs \"invalid\" .none", true),
            ("hasPrefix \"ap\" .name", true),
            ("contains \"p\" .name", true),
            ("regexMatch `^[a-z]+$` .name", true),
            ("regexMatch `^[0-9]+$` (.count | toString)", false),
            ("eq (dig \"map\" \"key\" \"\" .) \"v\"", true),
            ("eq (dig \"map\" \"other\" \"d\" .) \"d\"", true),
        ] {
            let template = format!("{{{{ if {condition} }}}}true{{{{ else }}}}false{{{{ end }}}}");
            assert_eq!(rendered(&template), expected.to_string(), "{condition}");
        }
        assert_eq!(rendered("{{ if .empty }}a{{ else if .yes }}b{{ else }}c{{ end }}"), "b");
    }

    #[test]
    fn the_functions_that_make_text() {
        for (template, expected) in [
            ("{{ trimSuffix \".json\" \"a.json\" }}", "a"),
            ("{{ \"abc\" | trunc 2 }}", "ab"),
            ("{{ print .name \"/\" .tag }}", "api/1e10"),
            ("{{ sha256sum \"a\" | trunc 12 }}", "ca978112ca1b"),
            ("{{ get (dict \"api\" \"x\" \"web\" \"y\") .name }}", "x"),
            ("{{ get (dict) .name }}", ""),
            ("{{ .empty | default \"d\" }}", "d"),
        ] {
            assert_eq!(rendered(template), expected, "{template}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_when_it_is_rendered() {
        for (template, expected) in [
            ("{{ .missing }}", "`missing`"),
            ("{{ .name.x }}", "`x`"),
            ("{{ .none.x }}", "`x`"),
            ("{{ eq .name .count }}", "`eq`"),
            ("{{ dig \"name\" \"x\" \"\" . }}", "`dig`"),
            ("{{ trimSuffix .count .name }}", "`trimSuffix`"),
            ("{{ .map }}", "a map"),
        ] {
            let text = rendered(template);
            assert!(text.starts_with("error: ") && text.contains(expected), "{template}: {text}");
        }
    }

    #[test]
    fn what_is_not_implemented_is_an_error_at_once() {
        for template in [
            "{{ lower .name }}",
            "{{ env \"HOME\" }}",
            "{{ range .list }}{{ end }}",
            "{{ with .map }}{{ end }}",
            "{{ template \"x\" }}",
            "{{ regexMatch .name .tag }}",
            "{{ regexMatch \"(\" .tag }}",
            "{{ .image-tag }}",
            "{{ .name",
            "{{ }}",
            "{{ if .yes }}",
            "{{ end }}",
            "{{ else }}",
            "{{ \"open }}",
            "{{ $undeclared }}",
            "{{ (.map).key }}",
            "{{ .name extra }}",
            "{{ \"a\" | \"b\" }}",
        ] {
            assert!(GoTemplate::parse(template).is_err(), "{template}");
        }
    }
}
