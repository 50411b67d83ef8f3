//! Two plans beside one another: what is kept, renamed, migrated, new and lost, each by a change of one plan.

#![allow(clippy::unwrap_used)]

mod support;

use nsf_plan::{
    Guarantee, Late, OnError, Order, Plan, Space, SpaceId, StateField, StepKind, Subscription, SubscriptionEvent, Type,
    diff::{PlanDiff, Verdict},
};
use proptest::prelude::*;
use support::{plans::plan, sample::whole};

/// What is not kept, a line a change.
fn told(old: &Plan, new: &Plan) -> Vec<String> {
    let diff = PlanDiff::between(old, new);
    let written = serde_json::to_string(&diff).unwrap();
    assert_eq!(serde_json::from_str::<PlanDiff>(&written).unwrap(), diff, "it is data");
    let parts = diff.parts.iter().filter(|part| part.verdict != Verdict::Kept);
    parts
        .map(|part| {
            let was = part.was.as_ref().map(|was| format!(", was {was}")).unwrap_or_default();
            let changes: Vec<&str> = part.changes.iter().map(|change| change.what.as_str()).collect();
            let head = format!("{} {}{was}", part.verdict.word(), part.title());
            if changes.is_empty() { head } else { format!("{head}: {}", changes.join(", ")) }
        })
        .collect()
}

/// What a change of the new plan makes.
#[track_caller]
fn changed(change: impl Fn(&mut Plan), wanted: &[&str]) {
    let mut new = whole();
    change(&mut new);
    assert_eq!(told(&whole(), &new), wanted);
}

/// What a change of both plans makes, the other of the new one alone.
#[track_caller]
fn from(first: impl Fn(&mut Plan), then: impl Fn(&mut Plan), wanted: &[&str]) {
    let mut old = whole();
    first(&mut old);
    let mut new = old.clone();
    then(&mut new);
    assert_eq!(told(&old, &new), wanted);
}

#[test]
fn a_plan_beside_itself_is_kept_part_by_part() {
    let diff = PlanDiff::between(&whole(), &whole());
    assert!(diff.parts.iter().all(|part| part.verdict == Verdict::Kept && part.changes.is_empty()), "{diff:#?}");
    let titles: Vec<String> = diff.parts.iter().map(nsf_plan::diff::Part::title).collect();
    assert_eq!(
        titles,
        [
            "source score",
            "ingest scores_in",
            "state totals",
            "unique passed/unique.1",
            "dimension student",
            "field totals.total",
            "field totals.by_name",
            "field totals.seen",
            "field student.score",
            "field stdout.stu_id",
            "flow passed",
            "flow all",
            "output stdout",
            "rejected-code passed: R0301 \"no score\"",
        ]
    );
    assert_eq!(diff.parts[0].place.as_deref(), Some("grades.nsf:1"));
}

#[test]
fn streams_are_known_by_their_names_and_topics() {
    changed(
        |plan| plan.topics[0].connector.name = "points".into(),
        &[
            "lost source score: kafka(\"scores\") → kafka(\"points\")",
            "lost ingest scores_in: kafka(\"scores\") → kafka(\"points\")",
        ],
    );
    changed(|plan| plan.sources[0].key = vec![1], &["lost source score: key (stu_id) → (score)"]);
    // Without a flow that keeps state nothing lies by the key.
    from(|plan| plan.pipelines[1].stateful = false, |plan| plan.sources[0].key = vec![1], &[]);
    changed(|plan| plan.sources[0].time = Some(1), &["migrated source score: time the message's → `score`"]);
    from(
        |plan| {
            plan.sources[0].retry = Some(nsf_plan::TopicId(1));
            plan.sources[0].on_error = OnError::ParkKey;
        },
        |plan| plan.sources[0].on_error = OnError::BlockLane,
        &["lost source score: `retry` is gone"],
    );
    changed(|plan| plan.ingests.clear(), &["lost ingest scores_in: it is gone"]);
    let mut renamed = whole();
    renamed.sources[0].id = "point".into();
    renamed.sources[0].name = "point".into();
    let diff = PlanDiff::between(&whole(), &renamed);
    let lost = diff.of(Verdict::Lost).next().unwrap();
    assert_eq!(lost.title(), "source score");
    assert!(lost.changes[0].means.contains("would be counted again"), "{lost:?}");
    assert!(lost.changes[0].help.as_ref().unwrap().contains("call it `score` again"), "{lost:?}");
}

#[test]
fn states_are_known_by_their_ids_and_their_fields_by_the_names_they_are_stored_under() {
    changed(|plan| plan.states[0].name = "sums".into(), &["renamed state sums, was totals"]);
    changed(
        |plan| {
            plan.states[0].fields[0].name = "sum".into();
            plan.states[0].fields[0].stored_as = Some("total".into());
        },
        &["renamed field totals.sum, was totals.total"],
    );
    changed(
        |plan| plan.states[0].fields[0].name = "sum".into(),
        &["new field totals.sum", "lost field totals.total: it is gone"],
    );
    changed(
        |plan| plan.states[0].fields[1].ty = Type::map(Type::Text, Type::Decimal),
        &["migrated field totals.by_name: map<text, int64> → map<text, decimal>"],
    );
    changed(|plan| plan.states[0].fields[0].ty = Type::Float32, &["lost field totals.total: float64 → float32"]);
    changed(|plan| plan.states[0].fields.rotate_left(1), &[]);
    changed(
        |plan| {
            let field = StateField { name: "more".into(), ..plan.states[0].fields[0].clone() };
            plan.states[0].fields.push(field);
        },
        &["new field totals.more"],
    );
    changed(
        |plan| plan.states[0].keys[0].1 = Type::Text,
        &["lost state totals: by (stu_id: int64, day: timestamp) → by (stu_id: text, day: timestamp)"],
    );
    changed(|plan| plan.states[0].keep = None, &["lost state totals: its `keep` was added or taken away"]);
    changed(|plan| plan.states[0].keep = Some(43_200_000), &["lost state totals: keep 1d → 12h"]);
    changed(|plan| plan.states[0].keep = Some(90_000_000), &["migrated state totals: keep 1d → 1d1h"]);
    changed(
        |plan| plan.states[0].order = Order::Time,
        &["lost state totals: its `order: time` was added or taken away"],
    );
    changed(|plan| plan.states[0].closes = None, &["migrated state totals: another `closes`"]);
    let store = |kind: &str| Some(nsf_plan::connector::Connector::new(kind, "x"));
    from(
        |plan| plan.states[0].store = store("redis"),
        |plan| plan.states[0].store = store("mysql"),
        &["lost state totals: store redis → mysql"],
    );
    changed(|plan| plan.states[1].keep = Some(1), &["lost unique passed/unique.1: within 1d → 1ms"]);
    changed(
        |plan| plan.states.truncate(0),
        &["lost state totals: it is gone", "lost unique passed/unique.1: it is gone"],
    );
}

#[test]
fn a_place_in_a_file_is_no_change_of_what_ends_a_value() {
    changed(
        |plan| {
            let closes = plan.states[0].closes.take().unwrap();
            plan.states[0].closes = Some(closes.at(nsf_plan::Origin { file: 0, line: 99 }));
        },
        &[],
    );
}

#[test]
fn dimensions_are_known_by_their_codes_and_fields_by_their_numbers() {
    changed(|plan| plan.dimensions[0].name = "pupil".into(), &["lost dimension pupil, was student: another name"]);
    changed(
        |plan| plan.dimensions[0].fields[0].name = "mark".into(),
        &["renamed field student.mark, was student.score"],
    );
    changed(
        |plan| plan.dimensions[0].fields[0].id += 1,
        &["new field student.score", "lost field student.score: it is gone"],
    );
    changed(
        |plan| {
            plan.dimensions[0].fields[0].ty = Type::Text;
            plan.dimensions[0].fields[0].id += 20_000_000_000;
        },
        &["lost field student.score: float64, derived → text, derived"],
    );
    // That it may be null is not stored.
    changed(|plan| plan.dimensions[0].fields[0].ty = Type::Float64.nullable(), &[]);
    changed(|plan| plan.dimensions[0].keys[0].1 = Type::Text, &["lost dimension student: keys (int64) → (text)"]);
    changed(
        |plan| plan.dimensions[0].code = 102,
        &["new dimension student", "lost dimension student: it is gone", "new field student.score"],
    );
    let spaced = |store: &str, shards, keep| {
        let store = store.to_owned();
        move |plan: &mut Plan| {
            plan.spaces = vec![Space { name: "main".into(), store: store.clone(), shards, keep }];
            plan.dimensions[0].spaces = vec![SpaceId(0)];
        }
    };
    changed(spaced("redis", 1, None), &["lost dimension student: store the profile's → redis"]);
    from(spaced("mysql", 1, None), spaced("mysql", 4, None), &["lost dimension student: shards 1 → 4"]);
    from(spaced("mysql", 1, None), spaced("mysql", 1, Some(5)), &["lost dimension student: keep forever → 5ms"]);
    from(spaced("mysql", 1, Some(5)), spaced("mysql", 1, None), &["migrated dimension student: keep 5ms → forever"]);
}

/// Changes the message that the first flow sends.
fn message(change: impl Fn(&mut nsf_plan::TopicExpand)) -> impl Fn(&mut Plan) {
    move |plan| {
        let StepKind::ExpandTopic(expand) = &mut plan.pipelines[0].body.steps[1].kind else { unreachable!() };
        change(expand);
    }
}

fn members(members: &'static [(&'static str, &'static str)]) -> impl Fn(&mut Plan) {
    message(move |expand| {
        expand.message.ty = Type::record(members.iter().map(|(name, ty)| (*name, ty.parse().unwrap())));
    })
}

#[test]
fn who_reads_an_output_is_told_what_is_not_there_any_more() {
    changed(members(&[("stu_id", "int64"), ("more", "text")]), &["new field stdout.more"]);
    changed(members(&[("id", "int64")]), &["new field stdout.id", "lost field stdout.stu_id: it is gone"]);
    changed(members(&[("stu_id", "int32")]), &["migrated field stdout.stu_id: int64 → int32"]);
    changed(members(&[("stu_id", "decimal")]), &["lost field stdout.stu_id: int64 → decimal"]);
    changed(members(&[("stu_id", "int64?")]), &["lost field stdout.stu_id: int64 → int64?"]);
    let nested = &[("a", "{ b: int64, c: list<text> }")];
    from(
        members(nested),
        members(&[("a", "{ b: int64, c: list<text>, d: text }")]),
        &["migrated field stdout.a: { b: int64, c: list<text> } → { b: int64, c: list<text>, d: text }"],
    );
    from(
        members(nested),
        members(&[("a", "{ c: list<text> }")]),
        &["lost field stdout.a: { b: int64, c: list<text> } → { c: list<text> }"],
    );
    changed(
        message(|expand| expand.guarantee = Guarantee::MayDiffer),
        &["lost output stdout: at least once → may differ when replayed"],
    );
    changed(
        message(|expand| expand.guarantee = Guarantee::ExactlyOnce),
        &["migrated output stdout: at least once → exactly once"],
    );
    changed(
        |plan| plan.topics[1].connector.kind = "stdin".into(),
        &["new output stdin", "lost output stdout: it is gone"],
    );
}

fn subscription(plan: &mut Plan) {
    plan.subscriptions.push(Subscription {
        id: "told".into(),
        name: "told".into(),
        dimension: nsf_plan::DimensionId(0),
        tenant: nsf_plan::TenantId(0),
        listen: Vec::new(),
        when: None,
        on: vec![SubscriptionEvent::Create, SubscriptionEvent::Reset],
        publish: vec![("score".into(), nsf_plan::SlotId(1)), ("stu_id".into(), nsf_plan::SlotId(0))],
        slots: Vec::new(),
        to: Some(nsf_plan::TopicId(1)),
        extra: None,
        guarantee: Guarantee::AtLeastOnce,
        origin: nsf_plan::Origin { file: 0, line: 60 },
    });
}

#[test]
fn who_is_told_by_a_subscription_is_told_as_much() {
    from(subscription, |plan| plan.subscriptions.clear(), &["lost subscription told: it is gone"]);
    from(
        subscription,
        |plan| plan.subscriptions[0].on = vec![SubscriptionEvent::Create, SubscriptionEvent::Binlog],
        &["lost subscription told: `on` without `reset`, `on` with `binlog`"],
    );
    from(
        subscription,
        |plan| plan.subscriptions[0].publish[0].0 = "mark".into(),
        &["lost subscription told: `score` is not published, `mark` is published"],
    );
    from(subscription, |plan| plan.subscriptions[0].to = None, &["lost subscription told: to stdout → flows alone"]);
}

#[test]
fn alerts_on_why_records_are_rejected_are_told_that_nothing_comes_any_more() {
    let reason = |plan: &mut Plan| {
        let StepKind::Require { reason, .. } = &mut plan.pipelines[0].body.steps[0].kind else { unreachable!() };
        *reason = "not scored".into();
    };
    changed(
        reason,
        &[
            "new rejected-code passed: R0301 \"not scored\"",
            "lost rejected-code passed: R0301 \"no score\": it is gone",
        ],
    );
    changed(|plan| plan.sources[0].late_else = Late::Reject, &["new rejected-code score: R0402"]);
    from(
        |plan| plan.sources[0].late_else = Late::Reject,
        |plan| plan.sources[0].late_else = Late::Drop,
        &["lost rejected-code score: R0402: it is gone"],
    );
    changed(|plan| plan.pipelines.truncate(1), &["lost flow all: it is gone"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_plans_are_compared_the_verdict_is_that_of_the_changes(old in plan(), new in plan()) {
        let diff = PlanDiff::between(&old, &new);
        prop_assert_eq!(&serde_json::from_str::<PlanDiff>(&serde_json::to_string(&diff).unwrap()).unwrap(), &diff);
        for part in &diff.parts {
            let is_lost = part.changes.iter().any(|change| change.loss);
            prop_assert_eq!(part.verdict == Verdict::Lost, is_lost);
            prop_assert_eq!(matches!(part.verdict, Verdict::Lost | Verdict::Migrated), !part.changes.is_empty());
            // Who loses something is told what to do.
            prop_assert!(part.changes.iter().all(|change| !change.loss || change.help.is_some()), "{:?}", part);
        }
        for (part, list) in [("source", old.sources.len()), ("flow", old.pipelines.len())] {
            let told = diff.parts.iter().filter(|own| own.kind.word() == part && own.verdict != Verdict::New);
            prop_assert!(list == 0 || told.count() > 0, "no {} of the old plan is told of", part);
        }
    }
}
