//! What an AppProject permits.
//!
//! Source: argo-cd `pkg/apis/application/v1alpha1/app_project_types.go`: a destination is
//! permitted when its server or its name matches, and its namespace; `*` in a repository does
//! not cross `/`, `**` does.

use regex::Regex;
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Project {
    sources: Vec<Regex>,
    destinations: Vec<(Regex, Regex)>,
}

impl Project {
    /// Reads a project, and what is wrong with it.
    pub fn read(document: &Value) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut project = Self::default();
        let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array).cloned();
        if document.pointer("/metadata/name").and_then(Value::as_str) == Some("default") {
            problems.push("the project `default` is everybody's".to_owned());
        }
        for source in list("/spec/sourceRepos").unwrap_or_default() {
            let source = source.as_str().unwrap_or_default();
            if source.trim_matches('*').is_empty() {
                problems.push("`sourceRepos` permits every repository".to_owned());
            }
            project.sources.extend(matcher(source, true));
        }
        for destination in list("/spec/destinations").unwrap_or_default() {
            let text = |key: &str| destination[key].as_str().unwrap_or_default();
            if [text("name"), text("server"), text("namespace")].contains(&"*") {
                problems.push("`destinations` permits every cluster or namespace".to_owned());
            }
            if let (Some(name), Some(namespace)) =
                (matcher(text("name"), false), matcher(text("namespace"), false))
            {
                project.destinations.push((name, namespace));
            }
        }
        (project, problems)
    }

    pub fn permits_source(&self, repository: &str) -> bool {
        self.sources.iter().any(|source| source.is_match(repository))
    }

    pub fn permits_destination(&self, cluster: &str, namespace: &str) -> bool {
        let permits =
            |(name, within): &(Regex, Regex)| name.is_match(cluster) && within.is_match(namespace);
        self.destinations.iter().any(permits)
    }
}

/// A glob as a pattern for whole texts; a deny rule (`!…`) permits nothing.
fn matcher(glob: &str, separated: bool) -> Option<Regex> {
    if glob.is_empty() || glob.starts_with('!') {
        return None;
    }
    let mut pattern = String::from("(?s)^");
    let mut rest = glob.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str(if separated { "[^/]*" } else { ".*" }),
            '\\' => pattern.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            c => pattern.push_str(&regex::escape(&c.to_string())),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sources_and_destinations_are_matched_as_argo_cd_does() {
        let (project, problems) = Project::read(&json!({
            "metadata": {"name": "p"},
            "spec": {
                "sourceRepos": ["https://h/a/**", "https://h/b/*", "https://h/c\\*.git"],
                "destinations": [{"name": "eu-1", "namespace": "billing"}],
            },
        }));
        assert_eq!(problems, Vec::<String>::new());
        for (repository, permitted) in [
            ("https://h/a/x/y.git", true),
            ("https://h/b/x.git", true),
            ("https://h/b/x/y.git", false),
            ("https://h/c*.git", true),
            ("https://h/cx.git", false),
            ("https://h/aa/x.git", false),
        ] {
            assert_eq!(project.permits_source(repository), permitted, "{repository}");
        }
        assert!(project.permits_destination("eu-1", "billing"));
        assert!(!project.permits_destination("eu-1", "other"));
        assert!(!project.permits_destination("us-1", "billing"));
    }

    #[test]
    fn a_project_for_all_is_refused() {
        let (_, problems) = Project::read(&json!({
            "metadata": {"name": "default"},
            "spec": {"sourceRepos": ["*"], "destinations": [{"name": "*", "namespace": "x"}]},
        }));
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
