//! Arbitrary pipelines.

use nsf_plan::{
    Block, DimensionExpand, DimensionId, Expr, Guarantee, Handle, HandleTarget, Input, InputSource, Missing, Pipeline,
    SaveKind, SaveOperation, Slot, SourceId, StateId, Step, StepKind, SubscriptionId, TableId, TopicExpand, TopicId,
};
use proptest::{collection::vec, option, prelude::*};

use super::{
    expressions::{expression, handle, slot},
    values::{origin, text, ty},
};

pub fn guarantee() -> impl Strategy<Value = Guarantee> {
    prop::sample::select(vec![
        Guarantee::ExactlyOnce,
        Guarantee::EffectivelyOnce,
        Guarantee::AtLeastOnce,
        Guarantee::MayDiffer,
    ])
}

pub fn slots() -> impl Strategy<Value = Vec<Slot>> {
    vec((text(), ty()).prop_map(|(name, ty)| Slot { name, ty }), 0..3)
}

fn missing() -> impl Strategy<Value = Missing> {
    prop_oneof![Just(Missing::Null), text().prop_map(Missing::Reject), text().prop_map(Missing::Drop)]
}

fn operation() -> impl Strategy<Value = SaveOperation> {
    let kind = (0..10_u8, 0..5_u32, expression(), expression()).prop_map(|(form, field, key, value)| match form {
        0 => SaveKind::Set { field, value },
        1 => SaveKind::Add { field, value },
        2 => SaveKind::Subtract { field, value },
        3 => SaveKind::Max { field, value },
        4 => SaveKind::Min { field, value },
        5 => SaveKind::SetEntry { field, key, value },
        6 => SaveKind::AddEntry { field, key, value },
        7 => SaveKind::Insert { field, value },
        8 => SaveKind::Remove { field, value },
        _ => SaveKind::Delete,
    });
    (kind, origin()).prop_map(|(kind, origin)| SaveOperation { kind, origin })
}

fn checks() -> impl Strategy<Value = StepKind> {
    (0..3_u8, expression(), text()).prop_map(|(form, condition, reason)| match form {
        0 => StepKind::Require { condition, reason },
        1 => StepKind::Drop { condition, reason },
        _ => StepKind::Reject { condition, reason },
    })
}

fn expands() -> impl Strategy<Value = StepKind> {
    let fields = vec((0..5_u32, expression()), 0..3);
    let dimension = (0..3_u32, vec(expression(), 0..3), fields, any::<bool>(), any::<bool>(), guarantee());
    prop_oneof![
        dimension.prop_map(|(dimension, keys, fields, delete, reset, guarantee)| {
            let dimension = DimensionId(dimension);
            StepKind::ExpandDimension(DimensionExpand { dimension, keys, fields, delete, reset, guarantee })
        }),
        (0..3_u32, option::of(expression()), expression(), guarantee()).prop_map(|(topic, key, message, guarantee)| {
            StepKind::ExpandTopic(TopicExpand { topic: TopicId(topic), key, message, guarantee })
        }),
    ]
}

fn simple() -> impl Strategy<Value = StepKind> {
    prop_oneof![
        checks(),
        expands(),
        (vec(expression(), 0..3), any::<i64>(), text(), 0..3_u32).prop_map(|(values, within, reason, marks)| {
            StepKind::Unique { values, within, reason, marks: StateId(marks) }
        }),
        (slot(), expression()).prop_map(|(slot, value)| StepKind::Assign { slot, value }),
        (handle(), missing()).prop_map(|(handle, missing)| StepKind::Load { handle, missing }),
        (handle(), vec(operation(), 0..3)).prop_map(|(handle, operations)| StepKind::Save { handle, operations }),
        option::of(expression()).prop_map(|condition| StepKind::Stop { condition }),
        (option::of(expression()), 0..9_u32).prop_map(|(condition, target)| StepKind::Jump { condition, target }),
    ]
}

fn step(kind: impl Strategy<Value = StepKind>) -> impl Strategy<Value = Step> {
    (text(), kind, origin()).prop_map(|(id, kind, origin)| Step { id, kind, origin })
}

pub fn block() -> impl Strategy<Value = Block> {
    let innermost = vec(step(simple()), 0..3).prop_map(|steps| Block { steps });
    innermost.prop_recursive(3, 6, 2, |inner| {
        let arms = vec((expression(), inner.clone()), 0..3);
        let kind = prop_oneof![
            (arms, inner.clone()).prop_map(|(arms, otherwise)| StepKind::When { arms, otherwise }),
            (slot(), expression(), inner.clone()).prop_map(|(slot, list, body)| StepKind::Each { slot, list, body }),
            (text(), inner).prop_map(|(name, body)| StepKind::Flow { name, body }),
        ];
        (step(kind), vec(step(simple()), 0..2)).prop_map(|(first, mut steps)| {
            steps.insert(0, first);
            Block { steps }
        })
    })
}

fn input() -> impl Strategy<Value = Input> {
    let from = (0..3_u8, 0..4_u32).prop_map(|(form, index)| match form {
        0 => InputSource::Source(SourceId(index)),
        1 => InputSource::Subscription(SubscriptionId(index)),
        _ => InputSource::Expired(StateId(index)),
    });
    (from, vec((0..5_u32, slot()), 0..3), option::of(slot())).prop_map(|(from, fields, record)| Input {
        from,
        fields,
        record,
    })
}

fn handles() -> impl Strategy<Value = Vec<Handle>> {
    let target = (0..3_u8, 0..4_u32).prop_map(|(form, index)| match form {
        0 => HandleTarget::State(StateId(index)),
        1 => HandleTarget::Table(TableId(index)),
        _ => HandleTarget::Dimension(DimensionId(index)),
    });
    let handle =
        (text(), target, vec(expression(), 0..3)).prop_map(|(name, target, keys)| Handle { name, target, keys });
    vec(handle, 0..3)
}

pub fn pipeline() -> impl Strategy<Value = Pipeline> {
    let names = (text(), text(), origin(), any::<bool>());
    (names, vec(input(), 0..3), slots(), handles(), block(), vec(slot(), 0..3)).prop_map(
        |((id, name, origin, stateful), inputs, slots, handles, body, key)| Pipeline {
            id,
            name,
            inputs,
            slots,
            handles,
            body,
            key,
            stateful,
            origin,
        },
    )
}

/// Every expression directly in a block's steps.
pub fn expressions_of(block: &Block) -> Vec<Expr> {
    let mut all = Vec::new();
    block.walk_expressions(&mut |expression| all.push(expression.clone()));
    all
}
