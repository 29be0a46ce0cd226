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
    // `12. ` would begin a list.
    let digits = line.iter().take_while(|c| c.is_ascii_digit()).count();
    let is_item = digits > 0 && line.get(digits + 1).is_none_or(|next| *next == ' ');
    let mut written = String::with_capacity(line.len() * 2);
    for (at, &c) in line.iter().enumerate() {
        let is_start =
            at == 0 && "/-+=#:".contains(c) || is_item && at == digits && ".)".contains(c);
        let is_inside = at > 0
            && [at - 1, at + 1].iter().all(|at| line.get(*at).is_some_and(|c| c.is_alphanumeric()));
        if is_start || "\\`*[]<>&\"'|~$^{}".contains(c) || c == '_' && !is_inside {
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
    // What a letter is beyond these, the forges' tables of Unicode may see otherwise.
    let is_key = |c: &&char| c.is_ascii_uppercase() || c.is_ascii_digit() || **c == '_';
    let key = || before.iter().rev().take_while(is_key);
    match c {
        '@' => next != ' ',
        '%' | '~' | '^' | '*' | '[' => named,
        '#' | '!' | '&' | '$' => next.is_ascii_digit(),
        // `GH-12`, and the issues of other trackers.
        '-' => next.is_ascii_digit() && key().any(char::is_ascii_uppercase),
        ':' => next == '/',
        // `www.example.com`, which is taken for a link from its first dot on.
        'w' | 'W' => {
            next == '.' && before.iter().rev().take_while(|c| "wW".contains(**c)).count() > 1
        }
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use regex::Regex;

    use super::*;

    /// What a browser shows of a text without elements.
    fn shown(written: &str) -> String {
        let entity = Regex::new("&#x([0-9A-F]+);").expect("a pattern");
        let decoded = entity.replace_all(written, |found: &regex::Captures<'_>| {
            let code = u32::from_str_radix(&found[1], 16).expect("digits");
            char::from_u32(code).expect("a character").to_string()
        });
        decoded.into_owned()
    }

    /// What has a meaning in Markdown, in HTML or for a forge.
    const MARKDOWN: [&str; 34] = [
        "`",
        "*",
        "_",
        "~~",
        "$",
        "[x]",
        "(y)",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "|",
        "\n",
        "# ",
        "- ",
        "1. ",
        "> ",
        "www.x.yz",
        "https://x.yz",
        "a@b.cc",
        "&amp;",
        "&#35;",
        "{+",
        "+}",
        "\\",
        "!",
        " ",
        "x",
        "é",
        "==",
        "[^1]",
        "[[",
        "]]",
        "\u{202E}",
    ];

    /// What GitLab's parser makes of Markdown.
    fn html(text: &str) -> String {
        let mut options = comrak::Options::default();
        options.extension.alerts = true;
        options.extension.autolink = true;
        options.extension.description_lists = true;
        options.extension.footnotes = true;
        options.extension.math_dollars = true;
        options.extension.multiline_block_quotes = true;
        options.extension.strikethrough = true;
        options.extension.table = true;
        options.extension.tasklist = true;
        options.extension.wikilinks_title_before_pipe = true;
        options.parse.relaxed_autolinks = true;
        options.render.r#unsafe = true;
        comrak::markdown_to_html(text, &options).replace('\u{200B}', "")
    }

    fn escaped(text: &str) -> String {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;")
    }

    /// What one of the forges would take for more than text.
    fn meaning() -> Regex {
        let patterns = [
            "@[^ \u{200B}]",
            "[%~^][\\p{Alphabetic}\\p{Nd}_]",
            "[#!&$][0-9]",
            "\\b[A-Z][A-Z0-9_]*-[0-9]",
            "://",
            "(?i)www\\.",
            "[\\r\\n\u{202E}\u{2067}]",
        ];
        Regex::new(&patterns.join("|")).expect("a pattern")
    }

    #[test]
    fn what_people_write_is_shown_and_means_nothing_else() {
        for (text, expected) in [
            ("fix: plain words, a_b (again)", "fix: plain words, a_b (again)"),
            ("_a_ __init__", "&#x5F;a&#x5F; &#x5F;&#x5F;init&#x5F;&#x5F;"),
            ("thanks @anna", "thanks @&#x200B;anna"),
            ("Fixes #12, closes !7", "Fixes #&#x200B;12, closes !&#x200B;7"),
            ("GH-12 UTF-8 2026-11-21 1-2", "GH-&#x200B;12 UTF-&#x200B;8 2026-11-21 1-2"),
            ("aB-3 \u{2B73A}AB-4", "aB-&#x200B;3 \u{2B73A}AB-&#x200B;4"),
            ("/close", "&#x2F;close"),
            ("a/b\n/approve", "a/b /approve"),
            ("- [ ] x", "&#x2D; &#x5B; &#x5D; x"),
            ("# x", "&#x23; x"),
            ("12. x. 1.4.0", "12&#x2E; x. 1.4.0"),
            ("1.4.0", "1.4.0"),
            ("12)", "12&#x29;"),
            ("a | b", "a &#x7C; b"),
            ("<!-- pinrail:end -->", "&#x3C;!-- pinrail:end --&#x3E;"),
            ("https://a.example/x .env", "https:&#x200B;//a.example/x .env"),
            ("www.example.com", "www&#x200B;.example.com"),
            ("\u{202E}evil\u{200B} \u{1F469}\u{200D}\u{1F4BB}", "evil \u{1F469}\u{200D}\u{1F4BB}"),
        ] {
            assert_eq!(markdown(text), expected, "{text}");
        }
    }

    #[test]
    fn code_can_be_copied_as_it_is() {
        for (text, expected) in [
            ("1.4.0_rc-1", "`1.4.0_rc-1`"),
            ("a`b|c", "<code>a&#x60;b&#x7C;c</code>"),
            ("", "<code></code>"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn only_pages_are_linked() {
        for (url, expected) in [
            ("https://a.example/b?c=1&d=2", "[x](https://a.example/b?c=1&amp;d=2)"),
            ("https://a.example/b)](c|d`e f", "[x](https://a.example/b%29](c%7Cd%60e%20f)"),
            ("https://user:secret@a.example/", "[x](https://a.example/)"),
            ("javascript:alert(1)", "x"),
            ("//a.example", "x"),
            ("", "x"),
        ] {
            assert_eq!(link("x", url).replace("%28", "("), expected, "{url}");
        }
        assert_eq!(link("x", &format!("https://a.example/{}", "y".repeat(1_000))), "x");
        assert_eq!(link("", "https://a.example/"), "");
    }

    #[test]
    fn a_title_pings_nobody() {
        assert_eq!(
            title("Promote <api> for @anna\n#12"),
            "Promote <api> for @\u{200B}anna #\u{200B}12"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_stays_text(text in "([@#!&%~$^*\\[\\]<>|`_/\\\\:.\\- \\n]|[A-Z]{2}-|www|http|[a-z0-9]|\\PC|\\p{C}){0,40}") {
            let written = markdown(&text);
            prop_assert!(!written.contains(['<', '>', '|', '`', '*', '[', ']', '"', '\'', '\\', '\n']));
            prop_assert!(!written.starts_with(['/', '#', '-', '+', '=']));
            let shown = shown(&written);
            prop_assert!(!meaning().is_match(&shown), "{}", shown);
            prop_assert_eq!(shown.replace('\u{200B}', ""), plain(&text));
        }

        #[test]
        fn the_parser_of_gitlab_finds_nothing_but_text(parts in vec(select(&MARKDOWN), 1..12)) {
            let text = parts.concat();
            let expected = escaped(&plain(&text));
            prop_assume!(!expected.is_empty());
            let written = markdown(&text);
            let item = html(&format!("- {written}\n"));
            prop_assert_eq!(item, format!("<ul>\n<li>{expected}</li>\n</ul>\n"));
            let row = html(&format!("| a | b |\n|---|---|\n| {written} | {} |\n", code(&text)));
            let cells = format!("<tr>\n<td>{expected}</td>\n<td><code>{expected}</code></td>\n</tr>");
            prop_assert!(row.contains(&cells), "{}", row);
        }

        #[test]
        fn a_link_has_its_text_and_an_end(rest in "(\\[::1\\]|[a-z.]{1,9})[/?#]?([@#!&%~$^*\\[\\]<>|`_/\\\\:.\\- ()+={}\"'\n]|&amp;|[a-z0-9]|\\PC){0,20}") {
            let written = link("x", &format!("https://{rest}"));
            let row = html(&format!("| a | b |\n|---|---|\n| {written} | y |\n"));
            let (_, cell) = row.rsplit_once("<tr>\n<td>").expect("a row");
            let (cell, _) = cell.split_once("</td>\n<td>y</td>\n").expect("a cell");
            let inside = cell.strip_prefix("<a href=\"https://").and_then(|cell| cell.strip_suffix("\">x</a>"));
            prop_assert!(cell == "x" || inside.is_some_and(|url| !url.contains('"')), "{}", row);
        }
    }
}
