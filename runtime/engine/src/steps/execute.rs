//! Runs a program's steps on one record; undoes them when the record is dropped or rejected.

use bumpalo::Bump;
use nsf_plan::StateId;

use super::{
    foreign::ForeignRow,
    program::{Action, Compiled, MissingRow, Program, Target, Unique},
    rows::{Binding, Committed, LaneStates, RowsView, Shared, key_cells},
    tables::TableKeys,
};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind},
    cost::Cost,
    fault::{Fallible, Fault, FaultCode},
    frame::{Context, Frame},
    observe::{Point, RecordId},
    run::output::WorkOutput,
    state::{Change, FieldVersion, Met, Place, RowId, Undo},
    table::TableSource,
    value::Value,
};

/// What is known of a record beside its slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Which it is.
    pub id: RecordId,
    /// Its time in milliseconds.
    pub time: i64,
    /// The watermark of its partition with this record.
    pub watermark: i64,
    /// How late its source lets records be, in milliseconds.
    pub late: i64,
    /// Where it stands in a topic whose partitions are shared with other workers.
    pub place: Option<Place>,
}

/// How a record ends other than by its last step.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Dropped for a reason of the program, at a point.
    Dropped(u32, u32),
    /// Too late for a value that has ended by `closes`, at a point: what its source does with late records.
    Late(u32),
    /// Rejected at a point.
    Rejected(Box<Fault>, u32),
    /// A table that the record needs does not answer, at a point: what its source says of that.
    Away(ConnectorError, u32),
    /// The run cannot go on.
    Broken(ConnectorError),
}

impl Ending {
    /// What it means that a table's row could not be looked up at a point.
    fn unread(error: ConnectorError, point: u32) -> Self {
        match error.kind {
            ConnectorErrorKind::Unavailable => Self::Away(error, point),
            _ => Self::Broken(error),
        }
    }
}

/// Where to go on after a step.
enum Flow {
    Next,
    Stop,
    Jump(usize),
}

/// What execution needs again and again, kept to be used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// By handle.
    pub bindings: Vec<Binding>,
    /// Rows as committed.
    pub committed: Committed,
    /// Keys of rows of tables that are to be looked up.
    pub wanted: TableKeys,
    pub(super) key: Vec<u8>,
    undo: Vec<(StateId, RowId, Undo)>,
    /// Whether what a flow did can be undone after its last step too: several run on one record, and all or none count.
    together: bool,
    /// A row that another partition's records changed, where that kept the lane from going on.
    pub foreign: Option<Box<ForeignRow>>,
}

impl Scratch {
    /// A record begins: its program's rows stand for nothing yet.
    #[inline]
    pub(crate) fn bind_none(&mut self, handles: usize) {
        self.bindings.clear();
        self.bindings.resize(handles, Binding::Unbound);
    }

    /// Several flows begin to run on one record: all that they do can be undone until [`Scratch::end_together`].
    pub(crate) fn begin_together(&mut self) {
        self.undo.clear();
        self.together = true;
    }

    /// All flows have run on the record; undoes what they did with rows where it does not count.
    pub(crate) fn end_together(&mut self, counts: bool, lane: &mut LaneStates) {
        self.together = false;
        if !counts {
            self.undo_to(0, lane);
        }
        self.undo.clear();
    }

    fn undo_to(&mut self, before: usize, lane: &mut LaneStates) {
        for (state, row, undo) in self.undo.drain(before..).rev() {
            undo.apply(&mut lane.states[state.index()], row);
        }
    }
}

/// A record with the program that is run on it.
pub(crate) struct Execution<'e, 'b> {
    pub shared: &'e Shared,
    pub program: &'e Program,
    pub frame: &'e Frame<'b>,
    pub arena: &'b Bump,
    pub lane: &'e mut LaneStates,
    pub scratch: &'e mut Scratch,
    pub output: &'e mut WorkOutput,
    pub record: Record,
}

type Stepped<T> = Result<T, Ending>;

/// Marks a fault with the step where it happened; the innermost step wins.
trait AtPoint<T> {
    fn at(self, point: u32) -> Stepped<T>;
}

impl<T> AtPoint<T> for Fallible<T> {
    #[inline]
    fn at(self, point: u32) -> Stepped<T> {
        self.map_err(|fault| Ending::Rejected(fault, point))
    }
}

/// Evaluates over the record and its rows as they are at this moment.
macro_rules! context {
    ($self:ident, $name:ident => $body:expr) => {{
        let rows = RowsView {
            handles: &$self.program.handles,
            bindings: &$self.scratch.bindings,
            lane: &*$self.lane,
            committed: &$self.scratch.committed,
            shared: $self.shared,
        };
        let $name = Context { frame: $self.frame, arena: $self.arena, rows: &rows };
        $body
    }};
}
pub(super) use context;

impl<'b> Execution<'_, 'b> {
    /// Runs the steps from `from` up to `to`. Outputs and changes of a record that is dropped or rejected are undone.
    ///
    /// Gives whether the record goes on behind `to`.
    ///
    /// # Errors
    /// How the record ended, if not by its last step or a `stop`.
    pub(crate) fn run(&mut self, from: usize, to: usize) -> Stepped<bool> {
        let program = self.program;
        self.output.begin_record();
        let before = if self.scratch.together { self.scratch.undo.len() } else { 0 };
        match self.block(&program.steps[..to], from, true) {
            Ok(flow) => {
                if !self.scratch.together {
                    self.scratch.undo.clear();
                }
                Ok(matches!(flow, Flow::Next))
            }
            Err(ending) => {
                self.scratch.undo_to(before, self.lane);
                self.output.undo_record();
                Err(ending)
            }
        }
    }

    fn block(&mut self, steps: &[Compiled], from: usize, outermost: bool) -> Stepped<Flow> {
        let mut at = from;
        while let Some(step) = steps.get(at) {
            let flow = self.step(step)?;
            if let Some(observer) = &self.shared.observer {
                observer.observe(self.record.id, Point::Step(&self.program.points[step.point as usize].id));
            }
            match flow {
                Flow::Next => at += 1,
                Flow::Jump(target) if outermost => at = target,
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, step: &Compiled) -> Stepped<Flow> {
        let point = step.point;
        match &step.action {
            Action::Assign(assignment) => context!(self, context => assignment.run(&context)).at(point)?,
            Action::Require(condition, reason) => {
                if !context!(self, context => condition.holds(&context)).at(point)? {
                    return Err(Ending::Rejected(Fault::new(FaultCode::Rule, reason.as_str()), point));
                }
            }
            Action::Reject(condition, reason) => {
                if context!(self, context => condition.holds(&context)).at(point)? {
                    return Err(Ending::Rejected(Fault::new(FaultCode::Rule, reason.as_str()), point));
                }
            }
            Action::Drop(condition, reason) => {
                if context!(self, context => condition.holds(&context)).at(point)? {
                    return Err(Ending::Dropped(*reason, point));
                }
            }
            Action::Unique(unique) => self.unique(unique, point)?,
            Action::Load(handle, missing) => self.load(*handle, missing, point)?,
            Action::Save(handle, changes) => self.save(*handle, changes, point)?,
            Action::Topic(action) => self.expand_topic(action, point)?,
            Action::Dimension(action) => self.expand_dimension(action, point)?,
            Action::When(arms, otherwise) => {
                for (condition, block) in arms {
                    if context!(self, context => condition.holds(&context)).at(point)? {
                        return self.block(block, 0, false);
                    }
                }
                return self.block(otherwise, 0, false);
            }
            Action::Each(place, list, body) => {
                let list = context!(self, context => list.value(&context)).at(point)?;
                if let Value::List(items) = list {
                    for item in items {
                        self.frame.spend(1, Cost::Repetition).at(point)?;
                        self.frame.set(*place, *item);
                        if let jump @ Flow::Jump(_) = self.block(body, 0, false)? {
                            return Ok(jump);
                        }
                    }
                }
            }
            Action::Stop(condition) => return self.leave(condition.as_ref(), Flow::Stop, point),
            Action::Jump(condition, target) => return self.leave(condition.as_ref(), Flow::Jump(*target), point),
            Action::Flow(body) => {
                self.block(body, 0, true)?;
            }
        }
        Ok(Flow::Next)
    }

    fn leave(&self, condition: Option<&crate::expression::Condition>, flow: Flow, point: u32) -> Stepped<Flow> {
        match condition {
            None => Ok(flow),
            Some(condition) => {
                let holds = context!(self, context => condition.holds(&context)).at(point)?;
                Ok(if holds { flow } else { Flow::Next })
            }
        }
    }

    fn load(&mut self, handle: usize, missing: &MissingRow, point: u32) -> Stepped<()> {
        let exists = match self.bind(handle, point)? {
            Binding::Own { live, .. } | Binding::Committed { live, .. } => live,
            Binding::Table { row, .. } => row.is_some(),
            Binding::Unbound | Binding::Known { .. } => false,
        };
        match missing {
            _ if exists => Ok(()),
            MissingRow::Null => Ok(()),
            MissingRow::Drop(reason) => Err(Ending::Dropped(*reason, point)),
            MissingRow::Reject(reason) => Err(Ending::Rejected(Fault::new(FaultCode::Missing, reason.as_str()), point)),
        }
    }

    /// Finds the row that a handle stands for now.
    fn bind(&mut self, handle: usize, point: u32) -> Stepped<Binding> {
        let program = &self.program.handles[handle];
        match self.scratch.bindings[handle] {
            Binding::Known { state, row } => {
                self.meet(state, row)?;
                return Ok(self.bind_own(handle, state, row));
            }
            // The key cannot have changed since the row was found; whether it is there can.
            Binding::Own { state, row, .. } if self.program.is_eager[handle] => {
                return Ok(self.bind_own(handle, state, row));
            }
            _ => {}
        }
        let Record { watermark, late, .. } = self.record;
        let binding = match program.target {
            Target::Own(state) => {
                let row = self.own_row(handle, state, point)?;
                self.meet(state, row)?;
                return Ok(self.bind_own(handle, state, row));
            }
            Target::Table(table) => {
                self.write_key(handle, point)?;
                match &self.shared.tables[table.index()] {
                    TableSource::Whole(rows) => Binding::Table { table: table.0, row: rows.find(&self.scratch.key) },
                    TableSource::LookedUp(_) => {
                        let found = self.scratch.committed.table(self.shared, table, &self.scratch.key);
                        let at = found.map_err(|error| Ending::unread(error, point))?;
                        let live = self.scratch.committed.is_live(self.shared, program.target, at, watermark, late);
                        Binding::Committed { at, live }
                    }
                }
            }
            Target::Foreign(state) => {
                self.write_key(handle, point)?;
                let found = self.scratch.committed.state(self.shared, state, &self.scratch.key);
                let at = found.map_err(Ending::Broken)?;
                let live = self.scratch.committed.is_live(self.shared, program.target, at, watermark, late);
                Binding::Committed { at, live }
            }
            Target::Dimension(dimension) => {
                let keys = context!(self, context => key_cells(&program.parts, &context)).at(point)?;
                if keys.iter().any(Cell::is_null) {
                    return Err(Ending::Rejected(null_key(&program.name), point));
                }
                let found = self.scratch.committed.dimension(self.shared, dimension, &keys);
                let at = found.map_err(Ending::Broken)?;
                let live = self.scratch.committed.is_live(self.shared, program.target, at, watermark, late);
                Binding::Committed { at, live }
            }
        };
        self.scratch.bindings[handle] = binding;
        Ok(binding)
    }

    /// The record touches a row: one that records of another partition changed is taken over, or keeps the lane from going
    /// on.
    #[inline]
    fn meet(&mut self, state: StateId, row: RowId) -> Stepped<()> {
        let Some(place) = self.record.place else { return Ok(()) };
        let shape = &self.shared.states[state.index()];
        let Some(origins) = &shape.origins else { return Ok(()) };
        let rows = &mut self.lane.states[state.index()];
        match rows.row_mut(row).meet(place, origins) {
            Met::Own => {}
            Met::Taken => rows.mark(row),
            Met::Foreign(origin) => {
                let foreign =
                    ForeignRow::new(shape, origins, &rows.row(row).key, &origin, place, self.record.id.offset);
                let error = foreign.error.clone();
                self.scratch.foreign = Some(Box::new(foreign));
                return Err(Ending::Broken(error));
            }
        }
        Ok(())
    }

    /// The row is to be changed by the record.
    #[inline]
    fn write_from(&mut self, state: StateId, row: RowId) {
        if let (Some(place), Some(origins)) = (self.record.place, &self.shared.states[state.index()].origins) {
            self.lane.states[state.index()].row_mut(row).write_from(place, origins);
        }
    }

    fn bind_own(&mut self, handle: usize, state: StateId, row: RowId) -> Binding {
        let shape = &self.shared.states[state.index()];
        let rows = &self.lane.states[state.index()];
        let live = rows.row(row).is_live(shape, self.record.watermark, self.record.late);
        let binding = Binding::Own { state, row, live };
        self.scratch.bindings[handle] = binding;
        binding
    }

    fn write_key(&mut self, handle: usize, point: u32) -> Stepped<()> {
        let program = &self.program.handles[handle];
        let mut key = std::mem::take(&mut self.scratch.key);
        key.clear();
        let written = context!(self, context => program.key.write(&context, &mut key)).at(point);
        self.scratch.key = key;
        written
    }

    fn own_row(&mut self, handle: usize, state: StateId, point: u32) -> Stepped<RowId> {
        self.write_key(handle, point)?;
        self.lane.load(self.shared, state, &self.scratch.key).map_err(Ending::Broken)
    }

    fn save(&mut self, handle: usize, changes: &[Change], point: u32) -> Stepped<()> {
        let Binding::Own { state, row, live } = self.bind(handle, point)? else {
            let words = "a state is saved under a key that does not hold the stream's partition key";
            return Err(Ending::Rejected(Fault::new(FaultCode::Limit, words), point));
        };
        let shape = &self.shared.states[state.index()];
        self.begin_save(state, row, live, point)?;
        let version = FieldVersion { time: self.record.time, record: self.record.id };
        for change in changes {
            let operands = context!(self, context => change.operands(&context)).at(point)?;
            let rows = &mut self.lane.states[state.index()];
            let undo = &mut self.scratch.undo;
            let changed = rows.row_mut(row);
            if change.deletes() {
                changed.delete(shape, version, &mut |entry| undo.push((state, row, entry)));
                self.bind_own(handle, state, row);
                continue;
            }
            if change.is_too_old(changed, version) {
                continue;
            }
            if !changed.exists {
                undo.push((state, row, Undo::Presence(false, changed.saved)));
                changed.exists = true;
            }
            let done = change.apply(changed, operands, version, &mut |entry| undo.push((state, row, entry)));
            done.at(point)?;
            if let Binding::Own { live, .. } = &mut self.scratch.bindings[handle] {
                *live = true;
            }
        }
        self.share_liveness(handle, state, row);
        self.note_end(state, row);
        Ok(())
    }

    /// Notes when the value ends, where a flow is to be told of it.
    fn note_end(&mut self, state: StateId, row: RowId) {
        let shape = &self.shared.states[state.index()];
        if !shape.told {
            return;
        }
        let LaneStates { states, ends, .. } = &mut *self.lane;
        let changed = states[state.index()].row_mut(row);
        if changed.is_stored() && !changed.noted {
            changed.noted = true;
            ends.note(state, self.record.id.partition, &changed.key, changed.end(shape).0);
        }
    }

    /// Makes the row ready to be changed: a value that has ended begins anew; the time of the save is kept.
    fn begin_save(&mut self, state: StateId, row: RowId, live: bool, point: u32) -> Stepped<()> {
        let shape = &self.shared.states[state.index()];
        let Record { watermark, late, .. } = self.record;
        let rows = &mut self.lane.states[state.index()];
        if rows.row(row).has_closed(watermark, late) {
            // The value of this key has ended for good: the record came too late for it.
            return Err(Ending::Late(point));
        }
        rows.mark(row);
        self.write_from(state, row);
        let changed = self.lane.states[state.index()].row_mut(row);
        let undo = &mut self.scratch.undo;
        let forgotten = changed.versions.is_some() && !shape.told && changed.has_ended(shape, watermark, late);
        if (changed.exists && !live) || forgotten {
            undo.push((state, row, Undo::Presence(changed.exists, changed.saved)));
            changed.exists = false;
            let fields = std::mem::replace(&mut changed.fields, shape.defaults.clone());
            undo.push((state, row, Undo::Fields(fields)));
            if changed.carried.is_some() {
                undo.push((state, row, Undo::Carried(changed.carried.take())));
            }
            for (field, version) in changed.versions.iter_mut().flatten().enumerate() {
                let old = std::mem::replace(version, FieldVersion::NEVER);
                undo.push((state, row, Undo::Version(field as u32, old)));
            }
        }
        if shape.keep.is_some() && changed.saved < watermark {
            undo.push((state, row, Undo::Presence(changed.exists, changed.saved)));
            changed.saved = watermark;
        }
        Ok(())
    }

    /// After a save: other handles that stand for the same row see whether it is there.
    fn share_liveness(&mut self, handle: usize, state: StateId, row: RowId) {
        if self.scratch.bindings.len() == 1 {
            return;
        }
        let Binding::Own { live: now, .. } = self.scratch.bindings[handle] else { return };
        for binding in &mut self.scratch.bindings {
            if let Binding::Own { state: other_state, row: other, live } = binding
                && (*other_state, *other) == (state, row)
            {
                *live = now;
            }
        }
    }

    fn unique(&mut self, unique: &Unique, point: u32) -> Stepped<()> {
        let mut key = std::mem::take(&mut self.scratch.key);
        key.clear();
        let written = context!(self, context => unique.key.write(&context, &mut key)).at(point);
        let row = written.and_then(|()| self.lane.load(self.shared, unique.marks, &key).map_err(Ending::Broken));
        self.scratch.key = key;
        let row = row?;
        self.meet(unique.marks, row)?;
        let time = self.record.time;
        let rows = &mut self.lane.states[unique.marks.index()];
        let marked = rows.row(row);
        if let (true, Some(Cell::Integer(first))) = (marked.exists, marked.fields.first())
            && time < first.saturating_add(unique.within)
        {
            return Err(Ending::Dropped(unique.reason, point));
        }
        rows.mark(row);
        self.write_from(unique.marks, row);
        let changed = self.lane.states[unique.marks.index()].row_mut(row);
        let undo = &mut self.scratch.undo;
        undo.push((unique.marks, row, Undo::Presence(changed.exists, changed.saved)));
        (changed.exists, changed.saved) = (true, self.record.watermark);
        if let Some(mark) = changed.fields.first_mut() {
            undo.push((unique.marks, row, Undo::Field(0, std::mem::replace(mark, Cell::Integer(time)))));
        }
        Ok(())
    }
}

/// The fault of a row whose key is null.
pub(super) fn null_key(name: &str) -> Box<Fault> {
    Fault::new(FaultCode::Key, format!("a key of `{name}` is null"))
}

/// Calls for what stands in other files.
impl<'b> Execution<'_, 'b> {
    pub(super) fn at_point<T>(result: Fallible<T>, point: u32) -> Stepped<T> {
        result.at(point)
    }

    pub(super) fn observe_output(&self, point: u32) {
        if let Some(observer) = &self.shared.observer {
            observer.observe(self.record.id, Point::Output(&self.program.points[point as usize].id));
        }
    }
}
