//! What a plan may hold that this version does not run, and how that is said: refused where the rest would be wrong
//! without it, told at the end of the run where it only has no effect yet.

use nsf_plan::{OnError, Origin, Plan, StepKind, TopicId, connector};

use super::error::BuildError;

/// What is kept in the plan and not run, and without which the rest would be wrong.
pub(super) fn refused(plan: &Plan) -> Vec<BuildError> {
    let mut errors = super::expiring::refused(plan);
    for (index, topic) in plan.topics.iter().enumerate().filter(|(_, topic)| topic.read || topic.written) {
        if !is_run(plan, TopicId(index as u32)) {
            let what = format!("the connector `{}`", topic.connector.kind);
            let error = BuildError::not_run(plan, &topic.connector.name, Origin::default(), &what);
            errors.push(BuildError { place: None, ..error });
        }
    }
    errors
}

/// Whether this version runs a topic's connector.
pub(super) fn is_run(plan: &Plan, topic: TopicId) -> bool {
    let kind = plan.topics.get(topic.index()).map_or("", |topic| topic.connector.kind.as_str());
    connector::descriptor(kind).is_some_and(|descriptor| descriptor.runs)
}

/// Whether nothing comes to a topic but what `retry` would send, which is not run.
pub(super) fn is_retry_alone(plan: &Plan, topic: TopicId) -> bool {
    let sources = plan.sources.iter().map(|source| source.retry);
    let mut retries = sources.chain(plan.ingests.iter().map(|ingest| ingest.retry));
    if !retries.any(|retry| retry == Some(topic)) {
        return false;
    }
    let mut sent = false;
    for pipeline in &plan.pipelines {
        pipeline.body.walk(&mut |step| {
            sent |= matches!(&step.kind, StepKind::ExpandTopic(expand) if expand.topic == topic);
        });
    }
    !sent
}

/// What has no effect in this version, in words; whether the plan is served on servers or run to the end of its inputs.
pub(super) fn without_effect(plan: &Plan, served: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for space in &plan.spaces {
        // Dimensions on MySQL are spread over tables.
        if space.shards > 1 && !(served && space.store == "mysql") {
            notes.push(format!(
                "space `{}`: `shards: {}` is kept in the plan but not yet run; its rows are in one store",
                space.name, space.shards
            ));
        }
        if space.keep.is_some() {
            notes.push(format!(
                "space `{}`: `keep` is kept in the plan but not yet run; its rows are kept for ever",
                space.name
            ));
        }
    }
    notes.extend(further_spaces(plan));
    notes.extend(faults(plan, served));
    notes.extend(
        plan.monitors.iter().map(|monitor| {
            format!("monitor `{}` is kept in the plan but not yet run; nothing is watched", monitor.name)
        }),
    );
    notes
}

/// Dimensions of several spaces, whose rows are in the first.
fn further_spaces(plan: &Plan) -> Option<String> {
    let several = plan.dimensions.iter().filter(|dimension| dimension.spaces.len() > 1);
    let names = list(several.map(|dimension| dimension.name.as_str()));
    (!names.is_empty()).then(|| {
        format!(
            "{names}: the further spaces are kept in the plan but not yet written; all rows are in the first, the \
             authoritative one"
        )
    })
}

/// `retry` and `on_error`: what to do with a record while a store does not answer.
fn faults(plan: &Plan, served: bool) -> Option<String> {
    let sources = plan.sources.iter().map(|source| (&source.name, source.retry, source.on_error));
    let ingests = plan.ingests.iter().map(|ingest| (&ingest.name, ingest.retry, ingest.on_error));
    let set = sources.chain(ingests).filter(|(_, retry, on_error)| retry.is_some() || *on_error != OnError::BlockLane);
    let names = list(set.map(|(name, ..)| name.as_str()));
    let instead = if served {
        "a store that does not answer is waited for"
    } else {
        "a store that does not answer ends the run at its last commit, and the next run goes on from there"
    };
    (!names.is_empty())
        .then(|| format!("{names}: `retry` and `on_error` are kept in the plan but not yet run; {instead}"))
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
