//! Adding to `pinrail.yaml` as a person would: one line, everything else as it was.

use super::config::{Config, Domain, Registration};

/// The text with one more domain at the end of its `domains`.
///
/// # Errors
/// The line that would have been added, where the text is not laid out so that it can be;
/// the result is read back, so a wrong guess is never written.
pub fn add_domain(text: &str, domain: &Domain) -> Result<String, String> {
    let item = item(domain);
    let Ok(mut expected) = Config::parse(text.as_bytes()) else {
        return Err(item);
    };
    expected.domains.push(domain.clone());
    let edited = insert(text, &item);
    let read_back = edited.as_ref().and_then(|edited| Config::parse(edited.as_bytes()).ok());
    edited.filter(|_| read_back == Some(expected)).ok_or(item)
}

fn insert(text: &str, item: &str) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let Some(start) = lines.iter().position(|line| line.starts_with("domains:")) else {
        // Without the key there is the default domain, which is then written out.
        lines.extend([
            "domains:".to_owned(),
            "  - {name: services}".to_owned(),
            format!("  {item}"),
        ]);
        return Some(lines.join("\n") + "\n");
    };
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let belongs = |line: &str| !is_content(line) || line.starts_with([' ', '-']);
    let rest = &lines[start + 1..];
    let length = rest.iter().position(|line| !belongs(line)).unwrap_or(rest.len());
    let last = rest[..length].iter().rposition(|line| is_content(line))?;
    let first = rest[..length].iter().find(|line| line.trim_start().starts_with("- "))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let line = format!("{indent}{item}");
    lines.insert(start + 1 + last + 1, line);
    Some(lines.join("\n") + "\n")
}

/// The domain as one item of a YAML list.
fn item(domain: &Domain) -> String {
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut fields = vec![format!("name: {}", plain_or(domain.name.as_str(), quoted))];
    if !domain.owners.is_empty() {
        let owners: Vec<_> = domain.owners.iter().map(|owner| quoted(owner.as_str())).collect();
        fields.push(format!("owners: [{}]", owners.join(", ")));
    }
    fields.extend(domain.group.as_ref().map(|group| format!("group: {}", plain_or(group, quoted))));
    fields.extend(domain.size.as_ref().map(|size| format!("size: {}", plain_or(size, quoted))));
    fields.push(match domain.registration {
        Registration::Open => "registration: open".to_owned(),
        Registration::Request => "registration: request".to_owned(),
    });
    format!("- {{{}}}", fields.join(", "))
}

/// The text without quotes, where YAML reads it as a string all the same.
fn plain_or(text: &str, quoted: impl Fn(&str) -> String) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    if word && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "version: 1 # the format\nenvironments:\n- {name: staging, cluster: shared, mode: direct}\n";

    fn domain(name: &str) -> Domain {
        Domain {
            name: name.parse().expect("name"),
            owners: vec!["@acme/x".parse().expect("an owner")],
            group: Some("\"x\": y".to_owned()),
            size: Some("on".to_owned()),
            registration: Registration::Request,
        }
    }

    const ITEM: &str = r#"- {name: billing, owners: ["@acme/x"], group: "\"x\": y", size: "on", registration: request}"#;

    #[test]
    fn the_line_comes_last_and_all_else_stays() {
        let text = format!(
            "{HEAD}domains:   # who\n  - name: services\n    size: M  # small\n  # the end\n\nmaxRemovals: 3\n"
        );
        let edited = add_domain(&text, &domain("billing")).expect("edited");
        assert_eq!(edited, text.replace("# small\n", &format!("# small\n  {ITEM}\n")));
    }

    #[test]
    fn a_list_without_indent_and_a_missing_key_are_understood() {
        let text = format!("{HEAD}domains:\n- {{name: services}}\n");
        assert_eq!(add_domain(&text, &domain("billing")), Ok(format!("{text}{ITEM}\n")));
        let edited = add_domain(HEAD, &domain("billing")).expect("edited");
        assert_eq!(edited, format!("{HEAD}domains:\n  - {{name: services}}\n  {ITEM}\n"));
    }

    #[test]
    fn another_layout_is_left_alone() {
        let text = format!("{HEAD}domains: [{{name: services}}]\n");
        assert_eq!(add_domain(&text, &domain("billing")), Err(ITEM.to_owned()));
    }

    #[test]
    fn names_that_yaml_would_misread_are_quoted() {
        for name in ["on", "null", "123", "1e3"] {
            let edited = add_domain(HEAD, &domain(name)).expect(name);
            assert!(edited.contains(&format!("name: \"{name}\"")), "{edited}");
        }
    }
}
