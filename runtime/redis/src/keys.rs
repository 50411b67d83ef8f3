//! The names of what is stored.

use std::fmt::Write as _;

use nsf_engine::{connector::ConnectorResult, store::PartitionName};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    settings::RedisSettings,
    tags::{slot, tag},
};

/// Over how many tags the rows of dimensions are spread. It is part of how rows are placed, as the number of lanes is, but
/// not that number, since programs with different lanes share dimensions.
const DIMENSION_TAGS: u16 = 64;

/// The fields of a progress, in the order in which they are read.
pub(crate) const PROGRESS_FIELDS: [&str; 8] = ["e", "n", "w", "i", "v", "f", "m", "c"];

/// What keys begin with, and the slots of their tags.
pub(crate) struct Keys {
    namespace: String,
    group: String,
    lanes: Vec<Tag>,
    dimensions: Vec<Tag>,
}

struct Tag {
    /// `<ns>:{<tag>}:`
    prefix: String,
    slot: u16,
}

impl Keys {
    pub(crate) fn new(settings: &RedisSettings) -> ConnectorResult<Self> {
        settings.validate()?;
        let tagged = |number| {
            let prefix = format!("{}:{{{}}}:", settings.namespace, tag(number));
            let slot = slot(prefix.as_bytes());
            Tag { prefix, slot }
        };
        Ok(Self {
            namespace: settings.namespace.clone(),
            group: escaped(&settings.group),
            lanes: (0..settings.lanes).map(tagged).collect(),
            dimensions: (0..DIMENSION_TAGS).map(tagged).collect(),
        })
    }

    /// Number of lanes.
    pub(crate) const fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The slot that a lane lies in.
    pub(crate) fn lane_slot(&self, lane: u16) -> u16 {
        self.lanes.get(usize::from(lane)).map_or(0, |tag| tag.slot)
    }

    /// The beginning of the keys of a lane's rows.
    pub(crate) fn state(&self, lane: u16) -> String {
        self.lanes.get(usize::from(lane)).map_or_else(String::new, |tag| format!("{}s:", tag.prefix))
    }

    /// The key under which it stands when a lane's values of a state end that were saved from partitions of a number.
    pub(crate) fn ends(&self, lane: u16, state: &str, partition: u32) -> String {
        let prefix = self.lanes.get(usize::from(lane)).map_or("", |tag| &tag.prefix);
        format!("{prefix}t:{}:{}:{partition}", self.group, escaped(state))
    }

    /// The key that every save of a lane's rows changes, whoever makes it.
    pub(crate) fn saves(&self, lane: u16) -> String {
        self.lanes.get(usize::from(lane)).map_or_else(String::new, |tag| format!("{}saves", tag.prefix))
    }

    /// The key of a lane's progress in a partition.
    pub(crate) fn progress(&self, lane: u16, name: &PartitionName) -> String {
        let prefix = self.lanes.get(usize::from(lane)).map_or("", |tag| &tag.prefix);
        let (group, stream, topic) = (&self.group, escaped(&name.stream), escaped(&name.topic));
        format!("{prefix}p:{group}:{stream}:{topic}:{}", name.partition)
    }

    /// Which of the tags the row of a dimension has.
    pub(crate) fn dimension_tag(&self, key: &[u8]) -> usize {
        (xxh3_64(key) % self.dimensions.len() as u64) as usize
    }

    /// The slot of a dimension's tag.
    pub(crate) fn dimension_slot(&self, tag: usize) -> u16 {
        self.dimensions.get(tag).map_or(0, |tag| tag.slot)
    }

    /// The beginning of the keys of the rows of dimensions with a tag.
    pub(crate) fn dimension(&self, tag: usize) -> String {
        self.dimensions.get(tag).map_or_else(String::new, |tag| format!("{}d:", tag.prefix))
    }

    /// The key of a table that is one hash.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}:{name}", self.namespace)
    }

    /// The key of a value that a program writes. What it begins with is nothing of the runtime's own.
    pub(crate) fn output(&self, key: &[u8]) -> Vec<u8> {
        let mut whole = format!("{}:out:", self.namespace).into_bytes();
        whole.extend_from_slice(key);
        whole
    }

    /// The key of a stream that a program adds to.
    pub(crate) fn stream(&self, name: &str) -> Vec<u8> {
        format!("{}:stream:{}", self.namespace, escaped(name)).into_bytes()
    }

    /// The key that says which worker of the group reads streams.
    pub(crate) fn lease(&self, name: &str) -> Vec<u8> {
        format!("{}:reader:{}:{}", self.namespace, self.group, escaped(name)).into_bytes()
    }

    /// What the keys of a kind of rows look like, and what of each stands before the row's own key: the pattern's part
    /// behind the tag, such as `:s:`.
    pub(crate) fn pattern(&self, kind: &str, prefix: &[u8]) -> Vec<u8> {
        let mut pattern = format!("{}:{{*}}:{kind}:", self.namespace).into_bytes();
        for byte in prefix {
            if b"*?[]\\^-".contains(byte) {
                pattern.push(b'\\');
            }
            pattern.push(*byte);
        }
        pattern.push(b'*');
        pattern
    }

    /// The row's own key of a stored one of a kind; none where it is not of this namespace or kind.
    pub(crate) fn row_key<'k>(&self, kind: &str, stored: &'k [u8]) -> Option<&'k [u8]> {
        let rest = stored.strip_prefix(self.namespace.as_bytes())?.strip_prefix(b":{")?;
        let end = rest.iter().position(|byte| *byte == b'}')?;
        rest[end + 1..].strip_prefix(b":")?.strip_prefix(kind.as_bytes())?.strip_prefix(b":")
    }
}

/// A name as part of a key: what is not a letter, a digit, `_`, `-` or `.` is `%` and its number.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Node, Place};

    fn keys(group: &str) -> Keys {
        let place = Place::Single { node: Node::new("localhost", 6379), database: 0 };
        Keys::new(&RedisSettings::new(place, "shop:test", group)).ok().unwrap()
    }

    #[test]
    fn keys_read_well() {
        let keys = keys("billing");
        assert_eq!(keys.state(1), "shop:test:{1-vrb}:s:");
        assert_eq!(keys.saves(1), "shop:test:{1-vrb}:saves");
        let name = PartitionName { stream: "shop.orders".into(), topic: "orders:eu".into(), partition: 7 };
        assert_eq!(keys.progress(1, &name), "shop:test:{1-vrb}:p:billing:shop.orders:orders%3Aeu:7");
        assert_eq!(keys.ends(1, "shop.hourly", 7), "shop:test:{1-vrb}:t:billing:shop.hourly:7");
        assert_eq!(keys.table("meta"), "shop:test:meta");
        assert_eq!(slot(keys.state(3).as_bytes()), keys.lane_slot(3));
    }

    #[test]
    fn the_rows_own_key_is_found_again() {
        let keys = keys("g");
        assert_eq!(keys.row_key("s", b"shop:test:{1-vrb}:s:progress:{4}:2"), Some(&b"progress:{4}:2"[..]));
        assert_eq!(keys.row_key("d", b"shop:test:{1-vrb}:s:progress"), None);
        assert_eq!(keys.row_key("s", b"shop:other:{1-vrb}:s:progress"), None);
        assert_eq!(keys.pattern("s", b"a*"), b"shop:test:{*}:s:a\\**");
    }

    #[test]
    fn names_do_not_run_into_each_other() {
        let name =
            |stream: &str, topic: &str| PartitionName { stream: stream.into(), topic: topic.into(), partition: 0 };
        let keys = keys("g");
        assert_ne!(keys.progress(0, &name("a:b", "c")), keys.progress(0, &name("a", "b:c")));
        assert_ne!(keys.progress(0, &name("a%3Ab", "c")), keys.progress(0, &name("a:b", "c")));
    }
}
