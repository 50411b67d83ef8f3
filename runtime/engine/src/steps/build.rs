//! From a pipeline of the plan to a program.

use std::collections::{BTreeMap, BTreeSet};

use nsf_plan::{
    Block, DimensionExpand, Expr, ExprKind, Handle, HandleTarget, InputSource, Literal, Missing, Origin, Pipeline,
    Plan, SlotId, StateId, Step, StepKind, TopicExpand, Type, connector,
};

use super::{
    program::{
        Action, Compiled, DimensionAction, HandleProgram, Input, KeyPart, MessageKey, MissingRow, Mode, PointInfo,
        Program, Target, TopicAction, Unique,
    },
    uses,
};
use crate::{
    expression::{Build, BuildError, Scope},
    frame::Layout,
    run::stage::WriteKind,
    state::Change,
};

/// Where the parts of the saver's partition key stand among a state's keys.
type KeyPositions = BTreeMap<StateId, Vec<usize>>;

/// Builds the pipelines of a plan.
pub(crate) struct ProgramBuilder<'p> {
    plan: &'p Plan,
    positions: KeyPositions,
}

/// Reason of records that are dropped as late.
pub(crate) const LATE: &str = "late";

impl<'p> ProgramBuilder<'p> {
    /// Looks at all pipelines for where each state's partition key stands in its keys.
    pub(crate) fn new(plan: &'p Plan) -> Self {
        let mut positions = KeyPositions::new();
        for pipeline in &plan.pipelines {
            uses::each_step(&pipeline.body.steps, &mut |step| {
                if let StepKind::Save { handle, .. } = &step.kind
                    && let Some(handle) = pipeline.handles.get(handle.index())
                    && let HandleTarget::State(state) = handle.target
                    && let Some(found) = key_positions(pipeline, handle)
                {
                    positions.entry(state).or_insert(found);
                }
            });
        }
        Self { plan, positions }
    }

    /// Builds a pipeline; `whole` says that all its steps run in the lane, for a stream that it reads has `late` or sets records
    /// apart.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn build(&self, pipeline: &Pipeline, whole: bool) -> Build<Program> {
        let layout = Layout::new(&pipeline.slots);
        let scope = Scope { plan: self.plan, slots: &pipeline.slots, layout: &layout, handles: &pipeline.handles };
        let handles = self.handles(pipeline, &scope)?;
        let own = handles.iter().any(|handle| matches!(handle.target, Target::Own(_)));
        let has_unique = has_unique(&pipeline.body);
        let laned = pipeline.stateful || own || has_unique || whole;
        let mut compiler =
            Compiler { plan: self.plan, pipeline, scope: &scope, points: Vec::new(), reasons: vec![LATE.into()] };
        let steps = compiler.block(&pipeline.body)?;
        let (points, reasons) = (compiler.points, compiler.reasons);
        // What is late is decided before any step runs, and only in the order of the partition; of what is set apart, nothing
        // has run; records of subscriptions come to no worker.
        let told = pipeline.inputs.iter().any(|input| input.from.source().is_none());
        let loads_table = handles.iter().any(|handle| matches!(handle.target, Target::Table(_)));
        let prefix =
            if (laned || loads_table) && !whole && !told { uses::stateless_prefix(&pipeline.body.steps) } else { 0 };
        let rest = &pipeline.body.steps[prefix..];
        let (eager, tables) = eager_handles(pipeline, &handles, rest);
        let carry = carried(pipeline, prefix).into_iter().filter_map(|slot| layout.place(slot)).collect();
        let key = if pipeline.key.is_empty() || !laned { None } else { Some(scope.key(&key_expressions(pipeline))?) };
        Ok(Program {
            id: pipeline.id.clone(),
            number: crate::stable::number(&pipeline.id),
            name: pipeline.name.clone(),
            inputs: inputs(pipeline, &layout)?,
            points,
            reasons,
            steps,
            prefix,
            is_eager: (0..handles.len()).map(|at| eager.contains(&at)).collect(),
            handles,
            eager,
            tables,
            mode: if laned { Mode::Laned } else { Mode::Direct },
            key,
            carry,
            layout,
        })
    }

    fn handles(&self, pipeline: &Pipeline, scope: &Scope<'_>) -> Build<Vec<HandleProgram>> {
        let build = |handle: &Handle| {
            let target = match handle.target {
                HandleTarget::Table(table) => Target::Table(table),
                HandleTarget::Dimension(dimension) => Target::Dimension(dimension),
                HandleTarget::State(state) if self.lies_in_lane(pipeline, handle, state) => Target::Own(state),
                HandleTarget::State(state) => Target::Foreign(state),
            };
            let parts = match target {
                Target::Dimension(_) => handle.keys.iter().map(|key| scope.any_cell(key)).collect::<Build<_>>()?,
                _ => Vec::new(),
            };
            Ok(HandleProgram { name: handle.name.clone(), target, key: scope.key(&handle.keys)?, parts })
        };
        pipeline.handles.iter().map(build).collect()
    }

    /// Whether a state's row lies in the lane of the record that names it: where the savers' partition key stands in
    /// the state's keys, this pipeline's partition key must stand.
    fn lies_in_lane(&self, pipeline: &Pipeline, handle: &Handle, state: StateId) -> bool {
        match self.positions.get(&state) {
            None => true,
            Some(positions) => key_positions(pipeline, handle).is_some_and(|own| own == *positions),
        }
    }
}

/// Where the pipeline's partition key stands in a row's keys; none where a part of it is not there.
pub(crate) fn key_positions(pipeline: &Pipeline, handle: &Handle) -> Option<Vec<usize>> {
    let part = |slot: &SlotId| handle.keys.iter().position(|key| slot_of(key) == Some(*slot));
    pipeline.key.iter().map(part).collect()
}

fn slot_of(expression: &Expr) -> Option<SlotId> {
    match &expression.kind {
        ExprKind::Slot(slot) => Some(*slot),
        ExprKind::Widen(inner) | ExprKind::NonNull(inner) => slot_of(inner),
        _ => None,
    }
}

fn key_expressions(pipeline: &Pipeline) -> Vec<Expr> {
    let part = |slot: &SlotId| {
        let ty = pipeline.slots.get(slot.index()).map_or(Type::Bool, |slot| slot.ty.clone());
        Expr { kind: ExprKind::Slot(*slot), ty, origin: Some(pipeline.origin) }
    };
    pipeline.key.iter().map(part).collect()
}

fn has_unique(block: &Block) -> bool {
    let mut found = false;
    uses::each_step(&block.steps, &mut |step| found |= matches!(step.kind, StepKind::Unique { .. }));
    found
}

/// Rows whose keys the lane's steps cannot change: those of the lane, and those of tables.
fn eager_handles(pipeline: &Pipeline, handles: &[HandleProgram], rest: &[Step]) -> (Vec<usize>, Vec<usize>) {
    let assigned = uses::slots_assigned(rest);
    let fixed = |handle: &Handle| {
        handle.keys.iter().all(|key| {
            let mut fixed = true;
            uses::each_part(key, &mut |part| match &part.kind {
                ExprKind::Slot(slot) => fixed &= !assigned.contains(slot),
                ExprKind::Loaded(..) | ExprKind::Exists(_) | ExprKind::Let(..) => fixed = false,
                _ => {}
            });
            fixed
        })
    };
    let eager =
        |at: &usize| matches!(handles[*at].target, Target::Own(_) | Target::Table(_)) && fixed(&pipeline.handles[*at]);
    (0..handles.len()).filter(eager).partition(|at| matches!(handles[*at].target, Target::Own(_)))
}

/// The slots that the lane must be given: what its steps read and what was set before.
fn carried(pipeline: &Pipeline, prefix: usize) -> BTreeSet<SlotId> {
    let (before, rest) = pipeline.body.steps.split_at(prefix);
    let mut set: BTreeSet<SlotId> =
        pipeline.inputs.iter().flat_map(|input| input.fields.iter().map(|(_, slot)| *slot)).collect();
    set.extend(pipeline.inputs.iter().filter_map(|input| input.record));
    set.extend(uses::slots_assigned(before));
    let mut read = uses::slots_read(rest, &pipeline.handles);
    // `unique` marks are kept by partition key.
    read.extend(&pipeline.key);
    set.intersection(&read).copied().collect()
}

fn inputs(pipeline: &Pipeline, layout: &Layout) -> Build<Vec<Input>> {
    let missing = || BuildError::new("an input names a slot that the flow has not", Some(pipeline.origin));
    let place = |slot: SlotId| layout.place(slot).ok_or_else(missing);
    let build = |input: &nsf_plan::Input| {
        let field = |&(field, slot): &(u32, SlotId)| place(slot).map(|place| (field, place));
        let fields = input.fields.iter().map(field).collect::<Build<_>>()?;
        let record = |slot: SlotId| Ok((place(slot)?, pipeline.slots[slot.index()].ty.clone()));
        Ok(Input { from: input.from, fields, record: input.record.map(record).transpose()? })
    };
    pipeline.inputs.iter().map(build).collect()
}

/// Builds the steps of one pipeline.
struct Compiler<'c, 'p> {
    plan: &'p Plan,
    pipeline: &'p Pipeline,
    scope: &'c Scope<'c>,
    points: Vec<PointInfo>,
    reasons: Vec<String>,
}

impl Compiler<'_, '_> {
    fn block(&mut self, block: &Block) -> Build<Vec<Compiled>> {
        block.steps.iter().map(|step| self.step(step)).collect()
    }

    fn reason(&mut self, reason: &str) -> u32 {
        let known = self.reasons.iter().skip(1).position(|known| known == reason).map(|at| at + 1);
        known.unwrap_or_else(|| {
            self.reasons.push(reason.to_owned());
            self.reasons.len() - 1
        }) as u32
    }

    fn step(&mut self, step: &Step) -> Build<Compiled> {
        let point = self.points.len() as u32;
        self.points.push(PointInfo { id: step.id.clone(), origin: step.origin });
        let action = self.action(step).map_err(|mut error| {
            error.origin.get_or_insert(step.origin);
            error
        })?;
        Ok(Compiled { point, action })
    }

    fn action(&mut self, step: &Step) -> Build<Action> {
        let scope = self.scope;
        let condition =
            |condition: &Option<Expr>| condition.as_ref().map(|condition| scope.condition(condition)).transpose();
        Ok(match &step.kind {
            StepKind::Require { condition, reason } => Action::Require(scope.condition(condition)?, reason.clone()),
            StepKind::Drop { condition, reason } => Action::Drop(scope.condition(condition)?, self.reason(reason)),
            StepKind::Reject { condition, reason } => Action::Reject(scope.condition(condition)?, reason.clone()),
            StepKind::Unique { values, within, reason, marks } => {
                let parts: Vec<Expr> =
                    key_expressions(self.pipeline).into_iter().chain(values.iter().cloned()).collect();
                self.state(*marks)?;
                let reason = self.reason(reason);
                Action::Unique(Unique { key: scope.key(&parts)?, marks: *marks, within: *within, reason })
            }
            StepKind::Assign { slot, value } => Action::Assign(scope.assignment(*slot, value)?),
            StepKind::Load { handle, missing } => {
                let missing = match missing {
                    Missing::Null => MissingRow::Null,
                    Missing::Reject(reason) => MissingRow::Reject(reason.clone()),
                    Missing::Drop(reason) => MissingRow::Drop(self.reason(reason)),
                };
                self.handle(handle.index())?;
                Action::Load(handle.index(), missing)
            }
            StepKind::Save { handle, operations } => {
                let HandleTarget::State(state) = self.handle(handle.index())?.target else {
                    return Err(BuildError::new("a save names a row that is not one of a state", Some(step.origin)));
                };
                let fields: Vec<Type> = self.state(state)?.fields.iter().map(|field| field.ty.clone()).collect();
                let changes =
                    operations.iter().map(|operation| Change::new(operation, &fields, scope)).collect::<Build<_>>()?;
                Action::Save(handle.index(), changes)
            }
            StepKind::ExpandDimension(expand) => self.dimension(expand, step.origin)?,
            StepKind::ExpandTopic(expand) => {
                let key = self.message_key(expand)?;
                Action::Topic(TopicAction { topic: expand.topic, key, message: scope.message(&expand.message)? })
            }
            StepKind::When { arms, otherwise } => {
                let mut built = Vec::with_capacity(arms.len());
                for (condition, block) in arms {
                    built.push((scope.condition(condition)?, self.block(block)?));
                }
                Action::When(built, self.block(otherwise)?)
            }
            StepKind::Each { slot, list, body } => {
                let place = scope.layout.place(*slot);
                let place = place.ok_or_else(|| BuildError::new("an each names no slot", Some(step.origin)))?;
                Action::Each(place, scope.any_value(list)?, self.block(body)?)
            }
            StepKind::Stop { condition: when } => Action::Stop(condition(when)?),
            StepKind::Jump { condition: when, target } => Action::Jump(condition(when)?, *target as usize),
            StepKind::Flow { body, .. } => Action::Flow(self.block(body)?),
        })
    }

    fn message_key(&self, expand: &TopicExpand) -> Build<MessageKey> {
        let Some(key) = &expand.key else { return Ok(MessageKey::None) };
        let kind = self.plan.topics.get(expand.topic.index()).map_or("", |topic| topic.connector.kind.as_str());
        if !connector::descriptor(kind).is_some_and(connector::Descriptor::keeps_values) {
            return Ok(MessageKey::Value(self.scope.any_value(key)?, key.ty.clone()));
        }
        let parts = match &key.kind {
            ExprKind::Join(parts) => parts.as_slice(),
            _ => std::slice::from_ref(key),
        };
        let part = |part: &Expr| match &part.kind {
            ExprKind::Literal(Literal::Text(text)) => Ok(KeyPart::Text(text.as_str().into())),
            _ => Ok(KeyPart::Value(self.scope.any_value(part)?)),
        };
        Ok(MessageKey::Template(parts.iter().map(part).collect::<Build<_>>()?))
    }

    fn dimension(&self, expand: &DimensionExpand, origin: Origin) -> Build<Action> {
        let scope = self.scope;
        let dimension = self.plan.dimensions.get(expand.dimension.index());
        let dimension = dimension.ok_or_else(|| BuildError::new("an expand names no dimension", Some(origin)))?;
        let key = |(key, (_, ty)): (&Expr, &(String, Type))| Ok((scope.any_cell(key)?, ty.clone()));
        let keys = expand.keys.iter().zip(&dimension.keys).map(key).collect::<Build<_>>()?;
        let field = |(field, value): &(u32, Expr)| Ok((*field, scope.any_cell(value)?));
        let fields = expand.fields.iter().map(field).collect::<Build<_>>()?;
        let kind = match (expand.delete, expand.reset) {
            (true, _) => WriteKind::Delete,
            (false, true) => WriteKind::Reset,
            (false, false) => WriteKind::Assign,
        };
        Ok(Action::Dimension(DimensionAction { dimension: expand.dimension, keys, fields, kind }))
    }

    fn handle(&self, at: usize) -> Build<&Handle> {
        let missing = || BuildError::new("a step names a row that the flow has not", Some(self.pipeline.origin));
        self.pipeline.handles.get(at).ok_or_else(missing)
    }

    fn state(&self, state: StateId) -> Build<&nsf_plan::State> {
        let missing = || BuildError::new("a step names a state that the plan has not", Some(self.pipeline.origin));
        self.plan.states.get(state.index()).ok_or_else(missing)
    }
}

/// The streams that a pipeline reads.
impl Program {
    /// The input that reads a stream.
    pub(crate) fn input(&self, from: InputSource) -> Option<&Input> {
        self.inputs.iter().find(|input| input.from == from)
    }
}
