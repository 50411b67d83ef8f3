//! What a plan may hold that cannot be served, said before anything is read.

use nsf_plan::{InputSource, Plan};

use super::super::{error::BuildError, pieces::Core};

/// What cannot be served, by plan.
pub(super) fn refused(plan: &Plan, core: &Core) -> Vec<BuildError> {
    let mut errors = Vec::new();
    if core.shared.store.lanes().is_none() {
        errors.push(BuildError {
            part: "store".to_owned(),
            place: None,
            message: "the profile names no store that several workers can share".to_owned(),
            help: Some("give the profile `redis`".to_owned()),
            heals: false,
        });
    }
    for pipeline in &plan.pipelines {
        let told = pipeline.inputs.iter().any(|input| matches!(input.from, InputSource::Subscription(_)));
        if told && pipeline.stateful {
            errors.push(BuildError {
                part: pipeline.name.clone(),
                place: Some(plan.place(pipeline.origin)),
                message: "it keeps state of what a subscription tells, and several workers would write one key at once"
                    .to_owned(),
                help: Some(
                    "write `repartition by` before its first step over a state, with the state's key (W0692)"
                        .to_owned(),
                ),
                heals: false,
            });
        }
    }
    errors
}
