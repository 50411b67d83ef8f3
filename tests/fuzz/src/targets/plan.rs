//! Documents of plans.

use std::cmp::Ordering;

use nsf_plan::{Plan, PlanError, PlanVersion, document};

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
/// read but a plan of another version, which is refused as that.
pub fn plan_behind_the_hash(bytes: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    if !plan.problems().is_empty() {
        return;
    }
    let read = document::load(document::to_yaml(&plan).as_bytes());
    let version = plan.version;
    match version.major.cmp(&PlanVersion::CURRENT.major) {
        Ordering::Equal => assert!(read.is_ok(), "a plan without problems is refused: {:?}", read.err()),
        Ordering::Greater => assert_eq!(read, Err(PlanError::Newer { version })),
        Ordering::Less => assert_eq!(read, Err(PlanError::Older { version })),
    }
}
