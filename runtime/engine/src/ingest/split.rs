//! What a message writes: each field goes to its own dimension.

use nsf_plan::{DimensionId, IngestId};

use crate::{
    cell::Cell,
    expression::AnyCell,
    fault::{Fallible, Fault, FaultCode},
    frame::{Context, Frame, NoRows},
    run::stage::{DimensionWrite, RecordOrigin, WriteKind, WriteOrder, Writer},
};

use super::{
    Processor,
    check::Command,
    convert::Converter,
    envelope::{Envelope, protocol},
};

/// How an ingest's messages become writes.
pub(super) struct Split {
    pub ingest: IngestId,
    pub keys: Vec<Key>,
    pub accepted: Vec<Accepted>,
    pub assignments: Vec<Assignment>,
}

/// A primary, and where its value comes from.
pub(super) struct Key {
    pub name: String,
    pub value: AnyCell,
    /// Raw members, by index.
    pub reads: Vec<u32>,
}

/// An accepted dimension.
pub(super) struct Accepted {
    pub dimension: DimensionId,
    pub name: String,
    /// Its keys, as indices into [`Split::keys`].
    pub keys: Vec<usize>,
}

/// A field, and where its value comes from.
pub(super) struct Assignment {
    /// Index into [`Split::accepted`].
    pub accepted: usize,
    pub field: u32,
    pub name: String,
    pub nullable: bool,
    pub value: AnyCell,
    /// Raw members, by index.
    pub reads: Vec<u32>,
}

/// One message while it is being split.
pub(super) struct Work<'w, 'b> {
    processor: &'w Processor,
    envelope: &'w Envelope<'b>,
    converter: Converter<'w, 'b>,
    frame: Frame<'b>,
    /// Members that are in the frame; true where the value was converted.
    taken: Vec<Option<bool>>,
    origin: RecordOrigin,
}

impl<'w, 'b> Work<'w, 'b> {
    pub(super) fn new(
        processor: &'w Processor,
        envelope: &'w Envelope<'b>,
        converter: Converter<'w, 'b>,
        origin: RecordOrigin,
    ) -> Self {
        let frame = Frame::new(&processor.layout);
        frame.begin(origin.time);
        let taken = vec![None; processor.members.len()];
        Self { processor, envelope, converter, frame, taken, origin }
    }

    /// Adds the conversions made to the counts by member.
    pub(super) fn count_conversions(&self, counts: &mut Vec<(String, u64)>) {
        for (member, _) in self.processor.members.iter().zip(&self.taken).filter(|(_, taken)| **taken == Some(true)) {
            match counts.iter_mut().find(|(name, _)| *name == member.name) {
                Some((_, count)) => *count += 1,
                None => counts.push((member.name.clone(), 1)),
            }
        }
    }

    /// A member of the plan as JSON, where the message has it.
    fn json(&self, member: u32) -> Option<&'b str> {
        let raw = self.processor.members.get(member as usize)?.raw;
        self.envelope.members.get(raw as usize).copied().flatten()
    }

    fn is_there(&self, member: u32) -> bool {
        self.json(member).is_some()
    }

    fn is_changed(&self, member: u32) -> bool {
        let name = self.processor.members.get(member as usize).map(|member| member.name.as_str());
        let changed = self.envelope.changed.as_deref().unwrap_or_default();
        name.is_some_and(|name| changed.contains(&name))
    }

    /// The value of an expression over these members, which are all there.
    fn cell(&mut self, value: &AnyCell, reads: &[u32]) -> Fallible<Cell> {
        for read in reads {
            let index = *read as usize;
            let (Some(member), Some(json)) = (self.processor.members.get(index), self.json(*read)) else { continue };
            if self.taken[index].is_none() {
                let value = self.converter.convert(&member.name, &member.ty, json)?;
                self.frame.set(member.place, value);
                self.taken[index] = Some(self.converter.converted);
            }
        }
        value.cell(&Context { frame: &self.frame, arena: self.converter.arena, rows: &NoRows })
    }
}

impl Split {
    /// The writes of a message.
    ///
    /// # Errors
    /// Where a member does not fit, an expression fails, or the message brings a field of a dimension that it does not
    /// identify.
    pub(super) fn writes(&self, command: Command, work: &mut Work<'_, '_>) -> Fallible<Vec<DimensionWrite>> {
        let there: Vec<bool> = self.keys.iter().map(|key| key.reads.iter().all(|read| work.is_there(*read))).collect();
        let identified: Vec<usize> =
            (0..self.accepted.len()).filter(|index| self.is_identified(*index, &there)).collect();
        if identified.is_empty() {
            return Err(self.identifies_none());
        }
        let mut assigned = self.assigned(command, work, &identified);
        for assignment in &assigned {
            self.must_be_identified(assignment, work, &there)?;
        }
        let row = self.most_specific(&identified);
        if command == Command::Reset && assigned.is_empty() {
            assigned.extend(self.assignments.iter().filter(|assignment| row.contains(&assignment.accepted)));
        }
        let mut writes = Vec::new();
        for index in identified {
            let own: Vec<&Assignment> =
                assigned.iter().filter(|assignment| assignment.accepted == index).copied().collect();
            let whole_row = row.contains(&index) && assigned.is_empty();
            let write = match command {
                Command::Delete => row.contains(&index).then_some((WriteKind::Delete, Vec::new())),
                Command::Reset => (!own.is_empty()).then(|| (WriteKind::Reset, cleared(&own))),
                Command::Update if own.is_empty() => None,
                Command::Insert if own.is_empty() && !whole_row => None,
                Command::Insert | Command::Update => Some((WriteKind::Assign, values(&own, work)?)),
            };
            if let Some((kind, fields)) = write {
                let ordinal = writes.len() as u32;
                writes.push(self.write(index, kind, fields, ordinal, work)?);
            }
        }
        Ok(writes)
    }

    fn is_identified(&self, accepted: usize, there: &[bool]) -> bool {
        self.accepted[accepted].keys.iter().all(|key| there[*key])
    }

    /// The assignments that the message asks for. A delete asks for none; a constant belongs to an insert that
    /// identifies its dimension.
    fn assigned(&self, command: Command, work: &Work<'_, '_>, identified: &[usize]) -> Vec<&Assignment> {
        let all_there = |assignment: &Assignment| assignment.reads.iter().all(|read| work.is_there(*read));
        let some_changed = |assignment: &Assignment| assignment.reads.iter().any(|read| work.is_changed(*read));
        let some_there = |assignment: &Assignment| assignment.reads.iter().any(|read| work.is_there(*read));
        let constant = |assignment: &Assignment| assignment.reads.is_empty();
        let asked = |assignment: &&Assignment| match command {
            Command::Insert if constant(assignment) => identified.contains(&assignment.accepted),
            Command::Insert => all_there(assignment),
            Command::Update => all_there(assignment) && some_changed(assignment),
            Command::Reset if work.envelope.changed.is_some() => some_changed(assignment),
            Command::Reset => some_there(assignment) && !self.reads_only_keys(assignment),
            Command::Delete => false,
        };
        self.assignments.iter().filter(asked).collect()
    }

    /// Whether a field is made of nothing but members that keys are made of too: it cannot be asked to be cleared by
    /// naming them, because every message names them.
    fn reads_only_keys(&self, assignment: &Assignment) -> bool {
        assignment.reads.iter().all(|read| self.keys.iter().any(|key| key.reads.contains(read)))
    }

    fn must_be_identified(&self, assignment: &Assignment, work: &Work<'_, '_>, there: &[bool]) -> Fallible<()> {
        let accepted = &self.accepted[assignment.accepted];
        let Some(missing) = accepted.keys.iter().find(|key| !there[**key]) else { return Ok(()) };
        // What is made of keys alone comes with every message that has them, and is not brought for its own sake.
        if self.reads_only_keys(assignment) {
            return Ok(());
        }
        let key = &self.keys[*missing];
        let absent = key.reads.iter().find(|read| !work.is_there(**read));
        let absent = absent.and_then(|read| work.processor.members.get(*read as usize));
        let message = format!(
            "the message brings `{}` of the dimension `{}`, but not its key `{}`",
            assignment.name,
            accepted.name,
            absent.map_or(key.name.as_str(), |member| member.name.as_str()),
        );
        Err(Fault::new(FaultCode::Key, message))
    }

    /// The identified dimensions whose keys are not all part of another's.
    fn most_specific(&self, identified: &[usize]) -> Vec<usize> {
        let inside = |inner: usize, outer: usize| {
            let (inner, outer) = (&self.accepted[inner].keys, &self.accepted[outer].keys);
            inner.len() < outer.len() && inner.iter().all(|key| outer.contains(key))
        };
        let specific = |index: &usize| !identified.iter().any(|other| inside(*index, *other));
        identified.iter().copied().filter(specific).collect()
    }

    fn identifies_none(&self) -> Box<Fault> {
        let names: Vec<String> = self.accepted.iter().map(|accepted| format!("`{}`", accepted.name)).collect();
        protocol(format!("`fields` has all keys of none of the accepted dimensions: {}", names.join(", ")))
    }

    fn write(
        &self,
        accepted: usize,
        kind: WriteKind,
        fields: Vec<(u32, Cell)>,
        ordinal: u32,
        work: &mut Work<'_, '_>,
    ) -> Fallible<DimensionWrite> {
        let accepted = &self.accepted[accepted];
        let mut keys = Vec::with_capacity(accepted.keys.len());
        for key in &accepted.keys {
            let key = &self.keys[*key];
            let cell = work.cell(&key.value, &key.reads).map_err(|fault| key_fault(key, work, fault))?;
            if cell.is_null() {
                return Err(null_key(&key.name, &accepted.name));
            }
            keys.push(cell);
        }
        Ok(DimensionWrite {
            dimension: accepted.dimension,
            keys,
            fields,
            kind,
            order: WriteOrder::Time(work.origin.time),
            writer: Writer::Ingest(self.ingest),
            origin: RecordOrigin { ordinal, count: ordinal, ..work.origin },
        })
    }
}

/// A key whose member is null is told as a null key, whatever failed because of it.
fn key_fault(key: &Key, work: &Work<'_, '_>, fault: Box<Fault>) -> Box<Fault> {
    let null = |read: &&u32| work.json(**read) == Some("null");
    match key.reads.iter().find(null).and_then(|read| work.processor.members.get(*read as usize)) {
        Some(member) => Fault::new(FaultCode::Key, format!("the key `{}` is null", member.name)),
        None => fault,
    }
}

fn null_key(key: &str, dimension: &str) -> Box<Fault> {
    Fault::new(FaultCode::Key, format!("the key `{key}` of the dimension `{dimension}` is null"))
}

fn cleared(assignments: &[&Assignment]) -> Vec<(u32, Cell)> {
    assignments.iter().map(|assignment| (assignment.field, Cell::Null)).collect()
}

fn values(assignments: &[&Assignment], work: &mut Work<'_, '_>) -> Fallible<Vec<(u32, Cell)>> {
    let mut values = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let cell = work.cell(&assignment.value, &assignment.reads)?;
        if cell.is_null() && !assignment.nullable {
            let message = format!("`{}` would be null, which its type does not allow", assignment.name);
            return Err(Fault::new(FaultCode::Field, message));
        }
        values.push((assignment.field, cell));
    }
    Ok(values)
}
