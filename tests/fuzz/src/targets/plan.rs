//! Documents of plans.

use nsf_plan::document;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The plan's reader takes any bytes; what it takes, it writes and reads again. A document that only its hash is wrong of
/// is tried with the right one too, or nothing behind the hash would ever be reached.
pub fn plan(bytes: &[u8]) {
    load(bytes);
    if let Some(bytes) = with_right_hash(bytes) {
        load(&bytes);
    }
}

fn load(bytes: &[u8]) {
    match document::load(bytes) {
        Ok(plan) => {
            let yaml = document::load(document::to_yaml(&plan).as_bytes());
            assert_eq!(yaml.as_ref(), Ok(&plan), "a plan that was read is not read again from its YAML");
            let json = document::load(document::to_json(&plan).as_bytes());
            assert_eq!(json.as_ref(), Ok(&plan), "a plan that was read is not read again from its JSON");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal without words"),
    }
}

/// The same JSON document with the hash of its contents.
fn with_right_hash(bytes: &[u8]) -> Option<Vec<u8>> {
    let Ok(Value::Object(document)) = serde_json::from_slice(bytes) else { return None };
    let version = document.get("nsf_plan")?.clone();
    let mut contents: Map<String, Value> = document;
    contents.shift_remove("hash")?;
    let mut hasher = Sha256::new();
    for (name, value) in &contents {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(value.to_string().as_bytes());
        hasher.update([0]);
    }
    let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut document = Map::new();
    document.insert("nsf_plan".to_owned(), version);
    document.insert("hash".to_owned(), Value::String(hash));
    document.extend(contents);
    Some(Value::Object(document).to_string().into_bytes())
}
