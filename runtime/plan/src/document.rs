//! The plan as a document: one self-contained YAML or JSON text, the same bytes for the same plan on every machine.
//!
//! ```yaml
//! nsf_plan: { major: 1, minor: 0 }   # the version of the format
//! hash: 9f2c…                        # SHA-256 of all the rest
//! name: classroom
//! …                                  # the lists of `Plan`, in its order
//! end: true                          # without it the document was cut off
//! ```
//!
//! The hash is taken of the contents and not of the bytes: the YAML and the JSON of a plan have the same one, and so
//! has a document whose line ends or spaces a tool has changed. Any change of the contents is refused when it is read.

mod error;
mod read;
mod yaml;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use error::PlanError;
pub use read::{from_text, load};

use crate::Plan;

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The members that the document has beside those of [`Plan`].
const VERSION: &str = "nsf_plan";
const HASH: &str = "hash";
const END: &str = "end";

/// The plan as YAML.
#[must_use]
pub fn to_yaml(plan: &Plan) -> String {
    yaml::write(&document(plan))
}

/// The plan as JSON.
#[must_use]
pub fn to_json(plan: &Plan) -> String {
    let mut text = format!("{:#}", Value::Object(document(plan)));
    text.push('\n');
    text
}

/// What identifies the plan: the hash that its documents carry, 64 hexadecimal digits.
#[must_use]
pub fn hash(plan: &Plan) -> String {
    contents_hash(&contents(plan))
}

/// The document with its hash.
fn document(plan: &Plan) -> Map<String, Value> {
    let contents = contents(plan);
    let hash = contents_hash(&contents);
    let mut document = Map::new();
    for (name, value) in contents {
        let is_version = name == VERSION;
        document.insert(name, value);
        if is_version {
            document.insert(HASH.to_owned(), Value::String(hash.clone()));
        }
    }
    document
}

/// The document without its hash.
fn contents(plan: &Plan) -> Map<String, Value> {
    // A value of plain data whose members are named by texts always has a serial form; were there none, the empty
    // document would be refused by whoever reads it.
    let Ok(Value::Object(mut contents)) = serde_json::to_value(plan) else { return Map::new() };
    contents.insert(END.to_owned(), Value::Bool(true));
    contents
}

/// SHA-256 of contents without their hash, written as JSON without spaces.
fn contents_hash(contents: &Map<String, Value>) -> String {
    let mut hasher = Sha256::new();
    for (name, value) in contents {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(value.to_string().as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
