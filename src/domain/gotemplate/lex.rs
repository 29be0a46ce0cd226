//! From text to tokens: what stands between actions, and the words within them.

use super::GoTemplateError;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// What stands outside of actions, trimmed where an action says so.
    Text(String),
    Open,
    Close,
    /// A quoted text.
    Quoted(String),
    Number(f64),
    /// A function or keyword.
    Name(String),
    /// `.`, `.a.b`: the keys.
    Field(Vec<String>),
    /// `$`, `$x.a`: the name without `$`, and the keys.
    Variable(String, Vec<String>),
    Declare,
    Assign,
    Pipe,
    OpenParenthesis,
    CloseParenthesis,
}

pub fn lex(text: &str) -> Result<Vec<Token>, GoTemplateError> {
    let mut tokens = Vec::new();
    let (mut rest, mut trim) = (text, false);
    loop {
        let begin = rest.find("{{");
        let mut before = begin.map_or(rest, |begin| &rest[..begin]);
        if trim {
            before = before.trim_start_matches(is_space);
        }
        let Some(begin) = begin else {
            push_text(&mut tokens, before);
            return Ok(tokens);
        };
        rest = &rest[begin + 2..];
        if let Some(trimming) = rest.strip_prefix('-').filter(|rest| rest.starts_with(is_space)) {
            before = before.trim_end_matches(is_space);
            rest = trimming;
        }
        push_text(&mut tokens, before);
        let inside = rest.trim_start_matches(is_space);
        if let Some(comment) = inside.strip_prefix("/*") {
            let unclosed = || GoTemplateError::new("a comment is not closed");
            let (_, after) = comment.split_once("*/").ok_or_else(unclosed)?;
            (rest, trim) = close(after).ok_or_else(unclosed)?;
            continue;
        }
        tokens.push(Token::Open);
        (rest, trim) = action(rest, &mut tokens)?;
        tokens.push(Token::Close);
    }
}

fn push_text(tokens: &mut Vec<Token>, text: &str) {
    if !text.is_empty() {
        tokens.push(Token::Text(text.to_owned()));
    }
}

/// Go trims these and no others.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The rest after the end of an action, and whether it trims what follows.
fn close(rest: &str) -> Option<(&str, bool)> {
    let trimmed = rest.trim_start_matches(is_space);
    if trimmed.len() < rest.len()
        && let Some(after) = trimmed.strip_prefix("-}}")
    {
        return Some((after, true));
    }
    trimmed.strip_prefix("}}").map(|after| (after, false))
}

/// Reads the words of one action.
fn action<'a>(
    mut rest: &'a str,
    tokens: &mut Vec<Token>,
) -> Result<(&'a str, bool), GoTemplateError> {
    loop {
        if let Some(end) = close(rest) {
            return Ok(end);
        }
        rest = rest.trim_start_matches(is_space);
        let Some(first) = rest.chars().next() else {
            return Err(GoTemplateError::new("an action is not closed"));
        };
        let token = match first {
            '"' | '`' => quoted(&mut rest)?,
            '(' => single(&mut rest, Token::OpenParenthesis),
            ')' => single(&mut rest, Token::CloseParenthesis),
            '|' => single(&mut rest, Token::Pipe),
            '=' => single(&mut rest, Token::Assign),
            ':' if rest.starts_with(":=") => {
                rest = &rest[2..];
                Token::Declare
            }
            '.' => Token::Field(keys(word(&mut rest))),
            '$' => {
                rest = &rest[1..];
                let word = word(&mut rest);
                let (name, fields) = word.split_at(word.find('.').unwrap_or(word.len()));
                Token::Variable(name.to_owned(), keys(fields))
            }
            c if c.is_ascii_digit() || c == '-' => number(&mut rest)?,
            c if c.is_ascii_alphabetic() => Token::Name(word(&mut rest).to_owned()),
            c => return Err(GoTemplateError::new(format!("`{c}` stands where none may"))),
        };
        let is_value =
            !matches!(token, Token::OpenParenthesis | Token::Pipe | Token::Assign | Token::Declare);
        tokens.push(token);
        let next = rest.chars().next();
        if is_value && next.is_some_and(|c| !is_space(c) && !")|}".contains(c)) {
            let c = next.unwrap_or_default();
            return Err(GoTemplateError::new(format!("`{c}` stands right after a value")));
        }
    }
}

fn single(rest: &mut &str, token: Token) -> Token {
    *rest = &rest[1..];
    token
}

fn word<'a>(rest: &mut &'a str) -> &'a str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    word
}

fn keys(word: &str) -> Vec<String> {
    word.split('.').filter(|key| !key.is_empty()).map(ToOwned::to_owned).collect()
}

fn number(rest: &mut &str) -> Result<Token, GoTemplateError> {
    let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
    let (digits, after) = rest.split_at(end);
    *rest = after;
    let number = digits.parse();
    number.map(Token::Number).map_err(|_| GoTemplateError::new(format!("`{digits}` is no number")))
}

fn quoted(rest: &mut &str) -> Result<Token, GoTemplateError> {
    let unclosed = || GoTemplateError::new("a quoted text is not closed");
    if let Some(raw) = rest.strip_prefix('`') {
        let (text, after) = raw.split_once('`').ok_or_else(unclosed)?;
        *rest = after;
        return Ok(Token::Quoted(text.to_owned()));
    }
    let mut escaped = false;
    let end = rest[1..].find(|c| match c {
        '"' if !escaped => true,
        _ => {
            escaped = c == '\\' && !escaped;
            false
        }
    });
    let end = end.ok_or_else(unclosed)? + 2;
    let (text, after) = rest.split_at(end);
    *rest = after;
    // Go's escapes that JSON does not have are not emitted, and refused.
    let text = serde_json::from_str(text);
    text.map(Token::Quoted).map_err(|_| GoTemplateError::new("a quoted text has another escape"))
}
