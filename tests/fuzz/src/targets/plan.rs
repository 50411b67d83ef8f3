//! Documents of plans.

use nsf_plan::{Plan, document};

/// The plan's reader takes any bytes; what it takes, it writes and reads again.
pub fn plan(bytes: &[u8]) {
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

/// A plan whose hash is right whatever it says: what contradicts itself is found, and nothing is written that cannot be
/// read.
pub fn plan_behind_the_hash(bytes: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    if plan.problems().is_empty() {
        let read = document::load(document::to_yaml(&plan).as_bytes());
        assert!(read.is_ok(), "a plan without problems is refused: {:?}", read.err());
    }
}
