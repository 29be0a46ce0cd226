//! YAML that every reader takes for the same, 1.1 or 1.2: what could be read as anything but
//! a text is quoted.

use serde_json::Value;

/// A text as one scalar, plain where that is safe.
pub fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A text as a JSON string, which YAML and Go read alike. What YAML 1.1 takes for the end of
/// a line is escaped too.
pub fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let is_special = |c: char| {
        matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
    };
    json.chars().fold(String::new(), |mut escaped, c| {
        if is_special(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
        escaped
    })
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "yes", "n", "no", "true", "false", "on", "off", "null"];
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_/".contains(c))
    };
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.split('.').all(is_part)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A value as it stands after a key and its colon: below it, `indent` spaces in, or beside it
/// where it is a scalar or empty.
pub fn after_key(value: &Value, indent: usize) -> String {
    let block = block(value, indent);
    if block.starts_with('\n') { block } else { format!(" {block}") }
}

fn block(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| entry(&format!("{}:", text(key)), value, indent))
            .collect(),
        Value::Array(list) if !list.is_empty() => {
            list.iter().map(|value| item(value, indent)).collect()
        }
        scalar => inline(scalar),
    }
}

fn entry(start: &str, value: &Value, indent: usize) -> String {
    format!("\n{:indent$}{start}{}", "", after_key(value, indent + 2))
}

/// `- ` and the value; a map begins on the same line.
fn item(value: &Value, indent: usize) -> String {
    let inner = block(value, indent + 2);
    let inner = match value {
        Value::Object(_) => inner.trim_start(),
        _ => &inner,
    };
    let space = if inner.starts_with('\n') { "" } else { " " };
    format!("\n{:indent$}-{space}{inner}", "")
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_back_as_they_were() {
        let value = json!({
            "plain": "a.b/c-d", "words": ["yes", "No", "null", "~", "1e3", "0x1", "12:30:45", "2026-01-01"],
            "numbers": [1, 1.5, -3], "truth": [true, false], "empty": [{}, [], "", null],
            "odd": "a: b # c\n\"quotes\" 'single' {{ x }} ${{ y }} \u{85}\u{2028}\u{7f} é",
            "nested": {"list": [{"a": 1, "b": {"c": ["d"]}}, ["e", ["f"]]], "yes": "on"},
        });
        let written = format!("root:{}\n", after_key(&value, 2));
        let read: serde_json::Map<String, Value> = crate::domain::yaml::parse(written.as_bytes())
            .unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(read["root"], value, "{written}");
    }
}
