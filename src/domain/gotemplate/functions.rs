//! The functions: some of Go's own, some of sprig's.

use sha2::{Digest, Sha256};

use super::GoTemplateError;
use super::value::Value;

macro_rules! functions {
    ($($variant:ident $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $($variant),* }

        /// The names of the functions that are implemented.
        pub const FUNCTIONS: &[&str] = &[$($name),*];

        impl Function {
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

functions! {
    And "and", Or "or", Not "not", Eq "eq", Ne "ne", Print "print",
    Contains "contains", Default "default", Dict "dict", Dig "dig", Get "get", HasKey "hasKey",
    HasPrefix "hasPrefix", KindIs "kindIs", RegexMatch "regexMatch", Sha256sum "sha256sum",
    ToString "toString", TrimSuffix "trimSuffix", Trunc "trunc",
}

/// A function was given what it does not take.
pub fn wrong(function: Function) -> GoTemplateError {
    GoTemplateError::new(format!("`{}` was given what it does not take", function.name()))
}

pub fn call<'a>(function: Function, arguments: &[Value<'a>]) -> Result<Value<'a>, GoTemplateError> {
    use Value::{Bool, Dict, Map, Nil, Number, Text};
    let failed = || wrong(function);
    Ok(match (function, arguments) {
        (Function::Not, [value]) => Bool(!value.is_true()),
        (Function::Eq, [value, others @ ..]) if !others.is_empty() => {
            let mut equal = false;
            for other in others {
                equal = equal || equals(value, other).ok_or_else(failed)?;
            }
            Bool(equal)
        }
        (Function::Ne, [a, b]) => Bool(!equals(a, b).ok_or_else(failed)?),
        (Function::Print, values) => {
            // Between two values that are no texts Go would put a space.
            let texts = values.iter().map(|value| match value {
                Text(text) => Ok(text.as_ref()),
                _ => Err(failed()),
            });
            Value::text(texts.collect::<Result<String, _>>()?)
        }
        (Function::Contains, [Text(part), Text(text)]) => Bool(text.contains(part.as_ref())),
        (Function::HasPrefix, [Text(part), Text(text)]) => Bool(text.starts_with(part.as_ref())),
        (Function::TrimSuffix, [Text(part), Text(text)]) => {
            Value::text(text.strip_suffix(part.as_ref()).unwrap_or(text))
        }
        (Function::Trunc, [Number(length), Text(text)]) if *length >= 0.0 => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            let length = text.len().min(*length as usize);
            Value::text(text.get(..length).ok_or_else(failed)?)
        }
        (Function::Sha256sum, [Text(text)]) => {
            let mut digits = String::new();
            for byte in Sha256::digest(text.as_bytes()) {
                digits.push_str(&format!("{byte:02x}"));
            }
            Value::text(digits)
        }
        (Function::ToString, [Nil]) => Value::text("<nil>"),
        (Function::ToString, [value]) => Value::text(value.printed()?),
        (Function::KindIs, [Text(kind), value]) => Bool(value.kind() == kind),
        (Function::Default, [default, value]) => {
            if value.is_true() {
                value.clone()
            } else {
                default.clone()
            }
        }
        (Function::HasKey, [map @ (Map(_) | Dict(_)), Text(key)]) => Bool(map.get(key).is_some()),
        (Function::Get, [map @ (Map(_) | Dict(_)), Text(key)]) => {
            map.get(key).unwrap_or_else(|| Value::text(""))
        }
        (Function::Dict, pairs) if pairs.len() % 2 == 0 => {
            let pair = |pair: &[Value<'a>]| match pair {
                [Text(key), value] => Ok((key.clone(), value.clone())),
                _ => Err(failed()),
            };
            Dict(pairs.chunks(2).map(pair).collect::<Result<Vec<_>, _>>()?)
        }
        (Function::Dig, [keys @ .., default, map @ (Map(_) | Dict(_))]) if !keys.is_empty() => {
            dig(keys, default, map).ok_or_else(failed)?
        }
        _ => return Err(failed()),
    })
}

/// Go compares values of one basic kind, and nil with anything.
fn equals(a: &Value<'_>, b: &Value<'_>) -> Option<bool> {
    use Value::{Bool, Nil, Number, Text};
    #[allow(clippy::float_cmp, reason = "as Go does")]
    match (a, b) {
        (Text(a), Text(b)) => Some(a == b),
        (Bool(a), Bool(b)) => Some(a == b),
        (Number(a), Number(b)) => Some(a == b),
        (Nil, Nil) => Some(true),
        (Nil, _) | (_, Nil) => Some(false),
        _ => None,
    }
}

fn dig<'a>(keys: &[Value<'a>], default: &Value<'a>, map: &Value<'a>) -> Option<Value<'a>> {
    let (last, before) = keys.split_last()?;
    let mut map = map.clone();
    for key in before {
        let Value::Text(key) = key else { return None };
        match map.get(key) {
            None => return Some(default.clone()),
            Some(inner @ (Value::Map(_) | Value::Dict(_))) => map = inner,
            Some(_) => return None,
        }
    }
    let Value::Text(last) = last else { return None };
    Some(map.get(last).unwrap_or_else(|| default.clone()))
}
