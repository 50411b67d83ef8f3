//! The settings file as a tree of nodes, and where each of them stands in the text.
//!
//! The YAML reader keeps no places, but its errors have one. So the nodes are numbered in the order in which they are
//! read, and the place of a node is found by reading the text once more with a reader that fails at its number. That is
//! exact in every style of YAML, and costs something only where there is a mistake to show.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// A part of the file.
#[derive(Clone)]
pub(super) struct Node {
    /// Its number in the order of reading.
    pub id: usize,
    /// What it is.
    pub kind: NodeKind,
}

/// What a part of the file is.
#[derive(Clone)]
pub(super) enum NodeKind {
    /// Nothing, as after `dev:`.
    Null,
    /// `true`, `false`.
    Switch(bool),
    /// A number, as text.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Names and values, in the order of the file; a name may stand twice.
    Map(Vec<(Node, Node)>),
    /// What no setting can be, such as a value with a tag.
    Other,
}

/// Reads the text.
///
/// # Errors
/// Where the text is not YAML.
pub(super) fn read(text: &str) -> Result<Node, serde_yaml::Error> {
    Reader { next: Cell::new(0), stop: None }.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// Where a node stands: of a key or value on one line its characters without quotes, of anything else its first line.
pub(super) fn place(text: &str, node: &Node) -> Range<usize> {
    let reader = Reader { next: Cell::new(0), stop: Some(node.id) };
    let Err(error) = reader.deserialize(serde_yaml::Deserializer::from_str(text)) else { return first_line(text) };
    let Some(location) = error.location() else { return first_line(text) };
    let start = floor(text, location.index());
    let rest = &text[start..];
    let line = rest.lines().next().unwrap_or_default().trim_end();
    let words = match &node.kind {
        NodeKind::Text(words) | NodeKind::Number(words) => words.as_str(),
        NodeKind::Switch(true) => "true",
        NodeKind::Switch(false) => "false",
        _ => "",
    };
    let quote = usize::from(line.starts_with(['"', '\'']));
    match line.get(quote..).is_some_and(|inner| !words.is_empty() && inner.starts_with(words)) {
        true => start + quote..start + quote + words.len(),
        false => start..start + line.len(),
    }
}

/// The first line of the text.
pub(super) fn first_line(text: &str) -> Range<usize> {
    0..text.lines().next().map_or(0, str::len)
}

/// Where the reader could not go on: from there to the end of the line.
pub(super) fn place_of_error(text: &str, error: &serde_yaml::Error) -> Range<usize> {
    let start = floor(text, error.location().map_or(0, |location| location.index()));
    start..text[start..].find('\n').map_or(text.len(), |length| start + length)
}

/// The nearest boundary between characters at or before a byte.
fn floor(text: &str, index: usize) -> usize {
    let index = index.min(text.len());
    (0..=index).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Makes nodes, and fails at the node where it shall stop.
struct Reader {
    next: Cell<usize>,
    stop: Option<usize>,
}

impl Reader {
    fn node<E: Error>(&self, kind: NodeKind) -> Result<Node, E> {
        Ok(Node { id: self.enter()?, kind })
    }

    fn enter<E: Error>(&self) -> Result<usize, E> {
        let id = self.next.get();
        self.next.set(id + 1);
        if self.stop == Some(id) { Err(E::custom("here")) } else { Ok(id) }
    }
}

impl<'de> DeserializeSeed<'de> for &Reader {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Reader {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("settings")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.node(NodeKind::Switch(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.node(NodeKind::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.node(NodeKind::Number(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        self.node(NodeKind::Number(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        self.node(NodeKind::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.node(NodeKind::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.node(NodeKind::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.node(NodeKind::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.node(NodeKind::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let id = self.enter()?;
        let mut nodes = Vec::new();
        while let Some(node) = sequence.next_element_seed(self)? {
            nodes.push(node);
        }
        Ok(Node { id, kind: NodeKind::List(nodes) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let id = self.enter()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(self)? {
            entries.push((key, map.next_value_seed(self)?));
        }
        Ok(Node { id, kind: NodeKind::Map(entries) })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let id = self.enter()?;
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant::<IgnoredAny>()?;
        Ok(Node { id, kind: NodeKind::Other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scalar with the characters at its place.
    fn scalars(text: &str) -> Vec<(String, String)> {
        fn collect(node: &Node, text: &str, found: &mut Vec<(String, String)>) {
            match &node.kind {
                NodeKind::Text(words) | NodeKind::Number(words) => {
                    found.push((words.clone(), text[place(text, node)].to_owned()));
                }
                NodeKind::List(nodes) => nodes.iter().for_each(|node| collect(node, text, found)),
                NodeKind::Map(entries) => entries.iter().for_each(|(key, value)| {
                    collect(key, text, found);
                    collect(value, text, found);
                }),
                _ => {}
            }
        }
        let mut found = Vec::new();
        collect(&read(text).unwrap(), text, &mut found);
        found
    }

    #[test]
    fn places_are_exact_in_block_and_flow_style_and_after_wide_characters() {
        let text = "# 课堂\nname: \"课堂\"\nprofiles:\n  prod: { kafka: { brokers: [ 'a:1', \"b:2\" ] }, 'lanes': 8 }\n  \
                    x: \u{1F600}\n  y: a,b # no\n";
        for (words, shown) in scalars(text) {
            assert_eq!(words, shown);
        }
        assert_eq!(scalars(text).len(), 14);
    }

    #[test]
    fn a_name_that_stands_twice_is_kept_twice() {
        let Node { kind: NodeKind::Map(entries), .. } = read("a: 1\nb: 2\na: 3\n").unwrap() else { panic!("a map") };
        assert_eq!(entries.len(), 3);
        assert_eq!(place("a: 1\nb: 2\na: 3\n", &entries[2].0), 10..11);
    }

    #[test]
    fn a_value_named_by_an_alias_stands_where_it_was_written() {
        assert_eq!(scalars("a: &x one\nb: *x\n")[3], ("one".to_owned(), "&x one".to_owned()));
    }

    #[test]
    fn tags_and_nothing_are_nodes() {
        assert!(matches!(read("").unwrap().kind, NodeKind::Null));
        assert!(matches!(read("!secret x").unwrap().kind, NodeKind::Other));
        assert!(read("a: [").is_err());
        assert!(read("a: 1\n---\nb: 2\n").is_err());
    }
}
