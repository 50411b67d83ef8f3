//! What a plan may hold that this version does not run, and how that is said: refused where the rest would be wrong
//! without it, told at the end of the run where it only has no effect yet.

use nsf_plan::{OnError, Origin, Plan, Source, StepKind, TopicId, connector};

use super::{error::BuildError, retries::Waits};

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

/// Whether nothing comes to a topic but what `retry` would send, and this run sends nothing there.
pub(super) fn is_retry_alone(plan: &Plan, topic: TopicId) -> bool {
    if super::retries::is_read(plan, topic) {
        return false;
    }
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
    // On servers they know which spaces are one place, and say what has no effect there.
    for space in plan.spaces.iter().filter(|_| !served) {
        if space.shards > 1 {
            notes.push(format!(
                "space `{}`: `shards: {}` is kept in the plan but not yet run; its rows are in one store",
                space.name, space.shards
            ));
        }
        if space.keep.is_some() {
            notes.push(format!(
                "space `{}`: `keep` is run by `nsflow` alone; here its rows are kept for ever",
                space.name
            ));
        }
    }
    notes.extend(further_spaces(plan).into_iter().filter(|_| !served));
    notes.extend(faults(plan, served));
    notes.extend(
        plan.monitors.iter().map(|monitor| {
            format!("monitor `{}` is kept in the plan but not yet run; nothing is watched", monitor.name)
        }),
    );
    notes
}

/// Dimensions of several spaces, whose rows are in the one store of a run.
fn further_spaces(plan: &Plan) -> Vec<String> {
    let several = plan.dimensions.iter().filter(|dimension| dimension.spaces.len() > 1);
    let names = list(several.map(|dimension| dimension.name.as_str()));
    let words = || format!("{names}: further spaces are written by `nsflow` alone; here all rows are in one store");
    (!names.is_empty()).then(words).into_iter().collect()
}

/// `retry` and `on_error`: what to do with a record while a store does not answer. Served, they hold for tables that sources'
/// records load; the rest waits.
fn faults(plan: &Plan, served: bool) -> Option<String> {
    let sources = plan.sources.iter().filter(|source| !served || is_without_effect(plan, source));
    let sources = sources.map(|source| (&source.name, source.retry, source.on_error));
    let ingests = plan.ingests.iter().map(|ingest| (&ingest.name, ingest.retry, ingest.on_error));
    let set = sources.chain(ingests).filter(|(_, retry, on_error)| retry.is_some() || *on_error != OnError::BlockLane);
    let names = list(set.map(|(name, ..)| name.as_str()));
    let instead = if served {
        "have no effect here; a store that does not answer is waited for"
    } else {
        "have no effect without servers; a store that does not answer ends the run at its last commit, and the next run goes on \
         from there"
    };
    (!names.is_empty()).then(|| format!("{names}: `retry` and `on_error` {instead}"))
}

/// Whether what a source says of stores that do not answer has no effect on servers: a retry topic is of no use to lanes that
/// wait, and none is there for records that do.
fn is_without_effect(plan: &Plan, source: &Source) -> bool {
    source.on_error == OnError::BlockLane || source.on_error.waits() && Waits::of(plan, source).is_none()
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use nsf_plan::{Dimension, Space, SpaceId};

    use super::*;

    #[test]
    fn what_has_no_effect_of_spaces_is_said() {
        let mut plan = Plan::new("shop");
        let space = |(name, store, keep): (&str, &str, Option<i64>)| Space {
            name: name.into(),
            store: store.into(),
            shards: 1,
            keep,
        };
        let spaces = [("main", "mysql", None), ("hot", "redis", Some(5)), ("warm", "embedded", None)];
        plan.spaces.extend(spaces.map(space));
        plan.dimensions.push(Dimension {
            name: "shop.card".into(),
            code: 1001,
            keys: Vec::new(),
            spaces: (0..3).map(SpaceId).collect(),
            fields: Vec::new(),
            label: None,
            origin: Origin::default(),
        });
        assert_eq!(without_effect(&plan, true), Vec::<String>::new());
        assert_eq!(
            without_effect(&plan, false),
            [
                "space `hot`: `keep` is run by `nsflow` alone; here its rows are kept for ever",
                "`shop.card`: further spaces are written by `nsflow` alone; here all rows are in one store",
            ]
        );
    }
}
