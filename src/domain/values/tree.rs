//! A YAML file as a tree that knows where everything stands.

use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::super::yaml::{self, YamlError};

/// A file and a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Rc<str>,
    pub line: Option<u64>,
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Scalar {
        value: Value,
        /// As it is written, where it is known.
        text: Option<String>,
    },
    List(Vec<Node>),
    /// Each key with the place where it stands.
    Map(Vec<(String, Place, Node)>),
}

impl Node {
    /// Reads one YAML document.
    ///
    /// # Errors
    /// Text that is no YAML, or in which a key is repeated or no text.
    pub fn parse(path: &str, text: &[u8]) -> Result<Self, YamlError> {
        let raw: Raw = yaml::parse(text)?;
        Ok(raw.located(&Rc::from(path), text))
    }

    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, _, node)| (key.clone(), node.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The entries of a map; of anything else, none.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Place, &Node)> {
        let entries = match &self.kind {
            Kind::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, place, node)| (key.as_str(), place, node))
    }

    /// The entries of a list; of anything else, none.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// What stands under these keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| {
            node.entries().find(|(name, _, _)| name == key).map(|(_, _, node)| node)
        })
    }

    /// A scalar's value.
    pub fn scalar(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Where the last of these keys stands, or the nearest one above it that is there.
    pub fn place_of<'a>(&'a self, path: impl IntoIterator<Item = &'a str>) -> &'a Place {
        let (mut node, mut place) = (self, &self.place);
        for step in path {
            let next = match &node.kind {
                Kind::Map(_) => node
                    .entries()
                    .find(|(name, _, _)| *name == step)
                    .map(|(_, place, node)| (place, node)),
                Kind::List(items) => step
                    .parse()
                    .ok()
                    .and_then(|at: usize| items.get(at))
                    .map(|node| (&node.place, node)),
                Kind::Scalar { .. } => None,
            };
            let Some((there, inner)) = next else { break };
            (place, node) = (there, inner);
        }
        place
    }

    /// Lays `over` upon this one, as Helm does: maps key by key, and null takes a key away.
    pub fn merge(&mut self, over: &Self) {
        if let (Kind::Map(under), Kind::Map(over)) = (&mut self.kind, &over.kind) {
            for (key, place, node) in over {
                let at = under.iter().position(|(name, _, _)| name == key);
                match (at, node.scalar()) {
                    (Some(at), Some(Value::Null)) => {
                        under.remove(at);
                    }
                    (Some(at), _) => {
                        under[at].1 = place.clone();
                        under[at].2.merge(node);
                    }
                    (None, _) => under.push((key.clone(), place.clone(), node.clone())),
                }
            }
        } else {
            *self = over.clone();
        }
    }
}

/// A node as it is read: lines, but no file yet.
struct Raw(Spanned<Inner>);

enum Inner {
    Scalar(Value),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Default for Raw {
    fn default() -> Self {
        let unknown = serde_saphyr::Location::UNKNOWN;
        Self(Spanned::new(Inner::Map(Vec::new()), unknown, unknown))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Inner;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Inner, E> {
        // What JSON has no number for is a text to Helm too.
        let number = serde_json::Number::from_f64(value).map(Value::Number);
        Ok(Inner::Scalar(number.unwrap_or_else(|| value.to_string().into())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Inner, D::Error> {
        Inner::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inner, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Inner::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Inner, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Inner::Map(map))
    }
}

impl Raw {
    fn located(self, file: &Rc<str>, text: &[u8]) -> Node {
        let place = |location: serde_saphyr::Location| Place {
            file: Rc::clone(file),
            line: Some(location.line()).filter(|line| *line > 0),
        };
        let at = self.0.referenced;
        let kind = match self.0.value {
            Inner::Scalar(value) => {
                let span = at.span();
                let bytes = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
                    let start = usize::try_from(start).ok()?;
                    text.get(start..start + usize::try_from(length).ok()?)
                });
                let written = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
                Kind::Scalar { value, text: written.map(str::to_owned) }
            }
            Inner::List(items) => {
                Kind::List(items.into_iter().map(|item| item.located(file, text)).collect())
            }
            Inner::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| (key.value, place(key.referenced), node.located(file, text)))
                    .collect(),
            ),
        };
        Node { place: place(at), kind }
    }
}
