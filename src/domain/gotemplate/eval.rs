//! Evaluates a tree over the parameters of one Application.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::GoTemplateError;
use super::functions::{self, Function};
use super::parse::{Command, Node, Operand, Pipeline};
use super::value::Value;

pub fn render(nodes: &[Node], parameters: &Map<String, Json>) -> Result<String, GoTemplateError> {
    let mut scope = Scope { parameters, variables: HashMap::new() };
    let mut text = String::with_capacity(64);
    scope.nodes(nodes, &mut text)?;
    Ok(text)
}

struct Scope<'a> {
    parameters: &'a Map<String, Json>,
    variables: HashMap<&'a str, Value<'a>>,
}

impl<'a> Scope<'a> {
    fn nodes(&mut self, nodes: &'a [Node], text: &mut String) -> Result<(), GoTemplateError> {
        for node in nodes {
            match node {
                Node::Text(plain) => text.push_str(plain),
                Node::Print(pipeline) => text.push_str(&self.pipeline(pipeline)?.printed()?),
                Node::Set(name, pipeline) => {
                    let value = self.pipeline(pipeline)?;
                    self.variables.insert(name, value);
                }
                Node::If { branches, otherwise } => {
                    let mut chosen = otherwise;
                    for (condition, nodes) in branches {
                        if self.pipeline(condition)?.is_true() {
                            chosen = nodes;
                            break;
                        }
                    }
                    self.nodes(chosen, text)?;
                }
            }
        }
        Ok(())
    }

    fn pipeline(&self, Pipeline(commands): &'a Pipeline) -> Result<Value<'a>, GoTemplateError> {
        let mut value = None;
        for command in commands {
            value = Some(self.command(command, value)?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    fn command(
        &self,
        command: &'a Command,
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, GoTemplateError> {
        match command {
            Command::Value(operand) => self.operand(operand),
            // These two look at no more arguments than they need.
            Command::Call(function @ (Function::And | Function::Or), operands) => {
                let mut last = None;
                for operand in operands {
                    let value = self.operand(operand)?;
                    if value.is_true() != (*function == Function::And) {
                        return Ok(value);
                    }
                    last = Some(value);
                }
                piped.or(last).ok_or_else(|| functions::wrong(*function))
            }
            Command::Call(function, operands) => {
                self.with_arguments(operands, piped, |given| functions::call(*function, given))
            }
            Command::Match(pattern, operands) => {
                self.with_arguments(operands, piped, |given| match given {
                    [Value::Text(text)] => Ok(Value::Bool(pattern.is_match(text))),
                    _ => Err(functions::wrong(Function::RegexMatch)),
                })
            }
        }
    }

    /// Hands the values of operands on, the piped one last. Nearly all calls have one or two,
    /// and there are hundreds for each pin.
    fn with_arguments<T>(
        &self,
        operands: &'a [Operand],
        piped: Option<Value<'a>>,
        call: impl FnOnce(&[Value<'a>]) -> Result<T, GoTemplateError>,
    ) -> Result<T, GoTemplateError> {
        match (operands, piped) {
            ([one], None) => call(&[self.operand(one)?]),
            ([one], Some(piped)) => call(&[self.operand(one)?, piped]),
            ([one, other], None) => call(&[self.operand(one)?, self.operand(other)?]),
            (operands, piped) => {
                let given = operands.iter().map(|operand| self.operand(operand));
                call(&given.chain(piped.map(Ok)).collect::<Result<Vec<_>, _>>()?)
            }
        }
    }

    fn operand(&self, operand: &'a Operand) -> Result<Value<'a>, GoTemplateError> {
        match operand {
            Operand::Field(keys) => within(Value::Map(self.parameters), keys),
            Operand::Variable(name, keys) if name.is_empty() => {
                within(Value::Map(self.parameters), keys)
            }
            Operand::Variable(name, keys) => {
                let value = self.variables.get(name.as_str()).cloned();
                within(value.unwrap_or(Value::Nil), keys)
            }
            Operand::Text(text) => Ok(Value::Text(text.into())),
            Operand::Number(number) => Ok(Value::Number(*number)),
            Operand::Bool(bool) => Ok(Value::Bool(*bool)),
            Operand::Nested(pipeline) => self.pipeline(pipeline),
        }
    }
}

/// Follows keys; a missing one is an error, as `missingkey=error` has it.
fn within<'a>(value: Value<'a>, keys: &[String]) -> Result<Value<'a>, GoTemplateError> {
    keys.iter().try_fold(value, |value, key| {
        value.get(key).ok_or_else(|| GoTemplateError::new(format!("there is no key `{key}`")))
    })
}
