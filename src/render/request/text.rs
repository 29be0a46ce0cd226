//! Values in a request's text: whatever people wrote stays text.
//!
//! Both forges look for mentions and references in what Markdown has become, where an escaped
//! `@` is an `@` again, and GitLab also in the source: for quick actions at a line's start
//! (<https://docs.gitlab.com/user/project/quick_actions/>) and for closing keywords
//! (<https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically>).
//! So what has a meaning in Markdown or HTML is written as an entity, which is text in both,
//! and what has one for the forges is followed by a space of no width.

use url::Url;

/// A space of no width, as an entity: seen in the source, and not on the page.
const BREAK: &str = "&#x200B;";
/// The longest URL that becomes a link, in characters.
const LONGEST_URL: usize = 1_000;

/// A text as Markdown and HTML that show just this text, on one line.
#[must_use]
pub fn markdown(text: &str) -> String {
    let line: Vec<char> = plain(text).chars().collect();
    let starts_list = line.iter().find(|c| !c.is_ascii_digit()).is_some_and(|c| ".)".contains(*c));
    let mut written = String::with_capacity(line.len() * 2);
    for (at, &c) in line.iter().enumerate() {
        let is_block = at == 0 && "/-+=#:".contains(c)
            || starts_list && ".)".contains(c) && line[..at].iter().all(char::is_ascii_digit);
        if is_block || "\\`*_[]<>&\"'|~$^{}".contains(c) {
            written.push_str(&format!("&#x{:X};", u32::from(c)));
        } else {
            written.push(c);
        }
        if is_reference(&line[..at], c, line.get(at + 1).copied()) {
            written.push_str(BREAK);
        }
    }
    written
}

/// Whether a forge may take what begins here for a mention, a reference or a link.
fn is_reference(before: &[char], c: char, next: Option<char>) -> bool {
    let Some(next) = next else { return false };
    let named = next.is_alphanumeric() || "_\"'".contains(next);
    let word = || before.iter().rev().take_while(|c| c.is_alphanumeric() || **c == '_');
    match c {
        '@' | '#' | '!' | '&' | '%' | '~' | '$' | '^' | '[' => named,
        // `GH-12`, and the issues of other trackers.
        '-' => next.is_ascii_digit() && word().last().is_some_and(char::is_ascii_uppercase),
        ':' => next == '/',
        // `www.example.com`
        '.' => named && before.len() > 2 && word().all(|c| "wW".contains(*c)),
        _ => false,
    }
}

/// A text as code, which can be copied as it is.
#[must_use]
pub fn code(text: &str) -> String {
    let plain = plain(text);
    let is_simple = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
    match !plain.is_empty() && plain.chars().all(is_simple) {
        true => format!("`{plain}`"),
        false => format!("<code>{}</code>", markdown(&plain)),
    }
}

/// A link, its text Markdown already; the text alone where the URL is none for a page.
#[must_use]
pub fn link(text: &str, url: &str) -> String {
    match web(url) {
        Some(url) if !text.is_empty() => format!("[{text}]({url})"),
        _ => text.to_owned(),
    }
}

/// A web address that ends nothing around it; none for anything else. A user's name and
/// password in it are left out.
#[must_use]
pub fn web(url: &str) -> Option<String> {
    let mut url: Url = url.parse().ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let (Ok(()), Ok(())) = (url.set_username(""), url.set_password(None)) else { return None };
    let mut written = String::new();
    for c in url.as_str().chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '(' | ')' | '{' | '}' | '<' | '>' | '"' | '\'' | '`' | '|' | '\\' | '$' => {
                written.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c => written.push(c),
        }
    }
    (written.len() <= LONGEST_URL).then_some(written)
}

/// A text as it stands in a title, where forges read no Markdown but do read references.
#[must_use]
pub fn title(text: &str) -> String {
    let line: Vec<char> = plain(text).chars().collect();
    let mut written = String::with_capacity(line.len());
    for (at, &c) in line.iter().enumerate() {
        written.push(c);
        if is_reference(&line[..at], c, line.get(at + 1).copied()) {
            written.push('\u{200B}');
        }
    }
    written
}

/// A text on one line, without what is not to be seen or turns what is.
#[must_use]
pub fn plain(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_hidden(*c));
    let spaced: String = visible.map(|c| if is_break(c) { ' ' } else { c }).collect();
    line(&spaced)
}

/// A text of a template on one line.
#[must_use]
pub fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_break(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}

/// Characters without a shape of their own, those that turn the direction of what follows
/// among them (Unicode Standard Annex 9), except for those that join letters and emoji.
fn is_hidden(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B
            | 0x200E..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF
    )
}

/// At most so many characters of a text, with an ellipsis for the rest.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            text.chars().take(most.saturating_sub(1)).collect::<String>().trim_end().to_owned()
                + "…"
        }
    }
}
