//! What a valid plan may be, and what is found in others.

mod support;

use nsf_plan::{
    BinaryOperator, Block, DimensionId, Expr, ExprKind, HandleId, InputSource, Late, Literal, Plan, SlotId, SourceId,
    StateId, Step, StepKind, TopicId, Type,
};
use proptest::prelude::*;
use support::{plans::plan, sample::whole};

/// The messages that a change of the valid plan gives.
fn found(change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let mut plan = whole();
    change(&mut plan);
    plan.problems().iter().map(ToString::to_string).collect()
}

fn step(plan: &mut Plan, index: usize) -> &mut StepKind {
    &mut plan.pipelines[1].body.steps[index].kind
}

#[test]
fn the_valid_plan_has_no_problems() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
}

#[test]
fn indices_outside_their_lists_are_found() {
    let slot = Expr::slot(SlotId(9), Type::INT64);
    assert_eq!(
        found(|plan| *step(plan, 2) = StepKind::Assign { slot: SlotId(7), value: slot.clone() }),
        ["step `all/step.2`: it names slot 7, and there are 4", "step `all/step.2`: it names slot 9, and there are 4"]
    );
    assert_eq!(
        found(|plan| *step(plan, 0) = StepKind::Require { condition: Expr::exists(HandleId(1)), reason: String::new() }),
        ["step `all/step.0`: it names row 1, and there are 1"]
    );
    assert_eq!(found(|plan| plan.sources[0].from = TopicId(2)), ["source `score`: it names topic 2, and there are 2"]);
    assert_eq!(
        found(|plan| plan.sources[0].late_else = Late::Topic(TopicId(3))),
        ["source `score`: it names topic 3, and there are 2"]
    );
    assert_eq!(found(|plan| plan.sources[0].key = vec![2]), ["source `score`: it names field 2, and there are 2"]);
    assert_eq!(
        found(|plan| plan.pipelines[0].inputs[0].from = InputSource::Source(SourceId(1))),
        ["pipeline `passed`: it names source 1, and there are 1"]
    );
    assert_eq!(
        found(|plan| {
            plan.pipelines[0].inputs[0].fields[0].0 = 5;
            plan.pipelines[0].inputs[0].fields[1].1 = SlotId(8);
        }),
        ["pipeline `passed`: it names field 5, and there are 2", "pipeline `passed`: it names slot 8, and there are 2"]
    );
    assert_eq!(
        found(|plan| plan.pipelines[1].key = vec![SlotId(4)]),
        ["pipeline `all`: it names slot 4, and there are 4"]
    );
    assert_eq!(
        found(|plan| {
            if let StepKind::ExpandDimension(expand) = step(plan, 6) {
                expand.dimension = DimensionId(1);
            }
        }),
        [
            "step `all/step.6`: it names dimension 1, and there are 1",
            "step `all/step.6`: it names dimension 1, and there are 1"
        ]
    );
    assert_eq!(
        found(|plan| {
            if let StepKind::Unique { marks, .. } = step(plan, 0) {
                *marks = StateId(0);
            }
        }),
        ["step `all/step.0`: it keeps its marks in a state that is not for marks"]
    );
}

#[test]
fn values_of_other_types_than_their_places_are_found() {
    assert_eq!(
        found(|plan| *step(plan, 2) = StepKind::Assign { slot: SlotId(3), value: Expr::text("a") }),
        ["step `all/step.2`: a `text` goes to its slot, where an `int64` is due"]
    );
    assert_eq!(
        found(|plan| *step(plan, 0) = StepKind::Stop { condition: Some(Expr::text("a")) }),
        ["step `all/step.0`: its condition is a `text` and not a `bool`"]
    );
    let wrong = Expr::binary(BinaryOperator::Add, Expr::bool(true), Expr::bool(true), Type::Bool);
    assert_eq!(
        found(|plan| *step(plan, 0) = StepKind::Stop { condition: Some(wrong) }),
        ["step `all/step.0`: a `bool` is reckoned with", "step `all/step.0`: a `bool` is reckoned with"]
    );
    let wide = Expr::literal(Literal::Integer(300), Type::Integer(nsf_plan::IntegerWidth::UInt8));
    assert_eq!(
        found(|plan| *step(plan, 2) = StepKind::Assign { slot: SlotId(3), value: wide.widened(Type::INT64) }),
        ["step `all/step.2`: a constant is not a `uint8`"]
    );
    let lambda = Expr::new(ExprKind::Lambda(vec![SlotId(3)], Box::new(Expr::bool(true))), Type::Bool);
    assert_eq!(
        found(|plan| *step(plan, 0) = StepKind::Stop { condition: Some(Expr::negated(lambda)) }),
        ["step `all/step.0`: a function `(a) => e` stands outside a call"]
    );
    assert_eq!(
        found(|plan| drop(plan.pipelines[1].handles[0].keys.pop())),
        ["pipeline `all`: the row `totals` has 1 keys, and 2 are due"]
    );
    assert_eq!(
        found(|plan| plan.states[0].closes = Some(Expr::slot(SlotId(0), Type::INT64))),
        ["state `totals`: an `int64` goes to `closes`, where a `timestamp` is due"]
    );
}

#[test]
fn ingests_that_do_not_fit_are_found() {
    assert_eq!(
        found(|plan| plan.ingests[0].members[1].slot = SlotId(u32::MAX)),
        [
            "ingest `scores_in`: it names slot 4294967295, and there are 3".to_owned(),
            "ingest `scores_in`: the slot is a `bool` and is taken for a `float64`".to_owned()
        ]
    );
    assert_eq!(
        found(|plan| plan.ingests[0].members[1].slot = SlotId(0))[0],
        "ingest `scores_in`: the member `score` shares its slot with another"
    );
    assert_eq!(
        found(|plan| plan.ingests[0].keys.clear()),
        ["ingest `scores_in`: it accepts dimension 0 and gives no `stu_id`"]
    );
    assert_eq!(
        found(|plan| plan.ingests[0].accept.clear()),
        ["ingest `scores_in`: it stores into dimension 0, which it does not accept"]
    );
}

#[test]
fn jumps_that_do_not_go_forward_are_found() {
    for target in [0, 4, 8, u32::MAX] {
        let jump = Step::new("j", StepKind::Jump { condition: None, target }, nsf_plan::Origin::default());
        let body: Block = vec![jump].into();
        assert_eq!(
            found(|plan| *step(plan, 4) =
                StepKind::When { arms: vec![(Expr::bool(true), body)], otherwise: Block::default() }),
            [format!("step `j`: it jumps to step {target}, which is not one of those after it")]
        );
    }
}

#[test]
fn ids_that_are_there_twice_are_found() {
    assert_eq!(
        found(|plan| plan.pipelines[1].body.steps[1].id = "passed/verify.1".into()),
        ["step `passed/verify.1`: another step has the same id"]
    );
    assert_eq!(found(|plan| plan.states[1].id = "totals".into()), ["the plan: the state id `totals` is there twice"]);
}

#[test]
fn what_a_document_cannot_say_is_found() {
    let mut expression = Expr::bool(true);
    let mut block = Block::default();
    let mut literal = Literal::Null;
    for _ in 0..Expr::MAX_DEPTH {
        expression = Expr::negated(expression);
    }
    for index in 0..Block::MAX_DEPTH {
        let flow = StepKind::Flow { name: "f".into(), body: block };
        block = vec![Step::new(format!("f{index}"), flow, nsf_plan::Origin::default())].into();
    }
    for _ in 0..Literal::MAX_DEPTH {
        literal = Literal::List(vec![literal]);
    }
    assert_eq!(
        found(|plan| *step(plan, 0) = StepKind::Stop { condition: Some(expression) }),
        ["step `all/step.0`: an expression is nested more than 1024 deep"]
    );
    assert_eq!(
        found(|plan| plan.pipelines[0].body = block),
        ["pipeline `passed`: its steps are nested more than 512 deep"]
    );
    assert_eq!(
        found(|plan| plan.states[0].fields[0].default = literal),
        ["state `totals`: a constant is nested more than 40 deep"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_can_be_checked(plan in plan()) {
        for problem in plan.problems() {
            prop_assert!(!problem.part.is_empty() && !problem.message.is_empty());
        }
    }
}
