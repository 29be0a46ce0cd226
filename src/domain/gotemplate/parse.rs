//! From tokens to a tree.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;

use super::GoTemplateError;
use super::functions::Function;
use super::lex::Token;

pub use super::functions::FUNCTIONS;

#[derive(Clone, Debug)]
pub enum Node {
    Text(String),
    Print(Pipeline),
    /// `$x := …` or `$x = …`; variables are declared before they are used.
    Set(String, Pipeline),
    If {
        branches: Vec<(Pipeline, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
}

/// Commands, each given the value of the one before as its last argument.
#[derive(Clone, Debug)]
pub struct Pipeline(pub Vec<Command>);

#[derive(Clone, Debug)]
pub enum Command {
    Value(Operand),
    Call(Function, Vec<Operand>),
    /// `regexMatch` with its pattern, compiled once.
    Match(Regex, Vec<Operand>),
}

#[derive(Clone, Debug)]
pub enum Operand {
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Text(String),
    Number(f64),
    Bool(bool),
    Nested(Pipeline),
}

pub fn parse(tokens: &[Token]) -> Result<Vec<Node>, GoTemplateError> {
    let mut parser = Parser { tokens, at: 0, variables: HashSet::new() };
    let (nodes, end) = parser.nodes()?;
    match end {
        End::Whole => Ok(nodes),
        End::Else | End::ElseIf | End::Closed => Err(unexpected("`else` or `end` without `if`")),
    }
}

/// The pattern, compiled once for all templates: each set has the same.
fn compiled(pattern: &str) -> Option<Regex> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(pattern) {
        return Some(regex.clone());
    }
    let regex = Regex::new(pattern).ok()?;
    known.insert(pattern.to_owned(), regex.clone());
    Some(regex)
}

fn unexpected(what: &str) -> GoTemplateError {
    GoTemplateError::new(format!("{what} is not implemented or not valid here"))
}

/// What ended a list of nodes; the whole text where nothing did.
#[derive(PartialEq)]
enum End {
    Whole,
    Else,
    ElseIf,
    Closed,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    variables: HashSet<&'a str>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn skip(&mut self, token: &Token) -> Result<(), GoTemplateError> {
        match self.next() {
            Some(next) if next == token => Ok(()),
            next => Err(unexpected(&format!("{next:?}"))),
        }
    }

    fn nodes(&mut self) -> Result<(Vec<Node>, End), GoTemplateError> {
        let mut nodes = Vec::new();
        while let Some(token) = self.next() {
            if let Token::Text(text) = token {
                nodes.push(Node::Text(text.clone()));
                continue;
            }
            // Anything else opens an action.
            match self.peek() {
                Some(Token::Name(name)) if name == "if" => {
                    self.at += 1;
                    nodes.push(self.conditional()?);
                    continue;
                }
                Some(Token::Name(name)) if name == "end" => {
                    self.at += 1;
                    self.skip(&Token::Close)?;
                    return Ok((nodes, End::Closed));
                }
                Some(Token::Name(name)) if name == "else" => {
                    self.at += 1;
                    if self.peek() == Some(&Token::Name("if".to_owned())) {
                        self.at += 1;
                        return Ok((nodes, End::ElseIf));
                    }
                    self.skip(&Token::Close)?;
                    return Ok((nodes, End::Else));
                }
                Some(Token::Variable(name, fields)) if fields.is_empty() => {
                    let declares = match self.tokens.get(self.at + 1) {
                        Some(Token::Declare) => true,
                        Some(Token::Assign) if self.variables.contains(name.as_str()) => false,
                        _ => {
                            nodes.push(Node::Print(self.pipeline()?));
                            self.skip(&Token::Close)?;
                            continue;
                        }
                    };
                    self.at += 2;
                    let value = self.pipeline()?;
                    if declares {
                        self.variables.insert(name);
                    }
                    nodes.push(Node::Set(name.clone(), value));
                }
                _ => nodes.push(Node::Print(self.pipeline()?)),
            }
            self.skip(&Token::Close)?;
        }
        Ok((nodes, End::Whole))
    }

    fn conditional(&mut self) -> Result<Node, GoTemplateError> {
        let mut branches = Vec::new();
        loop {
            let condition = self.pipeline()?;
            self.skip(&Token::Close)?;
            let (nodes, end) = self.nodes()?;
            branches.push((condition, nodes));
            match end {
                End::ElseIf => {}
                End::Closed => return Ok(Node::If { branches, otherwise: Vec::new() }),
                End::Else => {
                    let (otherwise, end) = self.nodes()?;
                    return if end == End::Closed {
                        Ok(Node::If { branches, otherwise })
                    } else {
                        Err(unexpected("`if` without `end`"))
                    };
                }
                End::Whole => return Err(unexpected("`if` without `end`")),
            }
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, GoTemplateError> {
        let mut commands = vec![self.command()?];
        while self.peek() == Some(&Token::Pipe) {
            self.at += 1;
            let command = self.command()?;
            if matches!(command, Command::Value(_)) {
                return Err(unexpected("a value at the end of a pipe"));
            }
            commands.push(command);
        }
        Ok(Pipeline(commands))
    }

    fn command(&mut self) -> Result<Command, GoTemplateError> {
        if let Some(Token::Name(name)) = self.peek()
            && !matches!(name.as_str(), "true" | "false")
        {
            self.at += 1;
            let function = Function::named(name).ok_or_else(|| unexpected(&format!("`{name}`")))?;
            let mut arguments = Vec::new();
            while let Some(operand) = self.operand()? {
                arguments.push(operand);
            }
            if function != Function::RegexMatch {
                return Ok(Command::Call(function, arguments));
            }
            let Some(Operand::Text(pattern)) = arguments.first() else {
                return Err(unexpected("`regexMatch` without a literal pattern"));
            };
            let pattern =
                compiled(pattern).ok_or_else(|| unexpected(&format!("the pattern `{pattern}`")))?;
            return Ok(Command::Match(pattern, arguments.split_off(1)));
        }
        let operand = self.operand()?.ok_or_else(|| unexpected("an action without a value"))?;
        match self.operand()? {
            None => Ok(Command::Value(operand)),
            Some(_) => Err(unexpected("a value with arguments")),
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, GoTemplateError> {
        let operand = match self.peek() {
            Some(Token::Field(keys)) => Operand::Field(keys.clone()),
            Some(Token::Variable(name, keys)) => {
                if !name.is_empty() && !self.variables.contains(name.as_str()) {
                    return Err(unexpected(&format!("the undeclared `${name}`")));
                }
                Operand::Variable(name.clone(), keys.clone())
            }
            Some(Token::Quoted(text)) => Operand::Text(text.clone()),
            Some(Token::Number(number)) => Operand::Number(*number),
            Some(Token::Name(name)) if name == "true" || name == "false" => {
                Operand::Bool(name == "true")
            }
            // A function without arguments, as in `get (dict) .x`, is called in parentheses.
            Some(Token::Name(name)) => return Err(unexpected(&format!("`{name}`"))),
            Some(Token::OpenParenthesis) => {
                self.at += 1;
                let nested = self.pipeline()?;
                self.skip(&Token::CloseParenthesis)?;
                return Ok(Some(Operand::Nested(nested)));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(operand))
    }
}
