//! Which events a write is.

use nsf_plan::{IngestId, PipelineId, Plan, StepKind, SubscriptionEvent};

use crate::run::stage::{WriteKind, Writer};

use super::Written;

/// One entry of `listen`.
#[derive(Clone, Debug)]
pub(super) struct Listen {
    /// None for any.
    pub writer: Option<Writer>,
    /// A field by its index.
    pub field: u32,
}

/// The writer that a plan's `listen` means: an ingest or pipeline by id or name, or the pipeline that a flow is part of.
pub(super) fn writer(plan: &Plan, name: &str) -> Option<Writer> {
    if let Some(index) = plan.ingests.iter().position(|ingest| ingest.id == name || ingest.name == name) {
        return Some(Writer::Ingest(IngestId(index as u32)));
    }
    let is_it = |pipeline: &nsf_plan::Pipeline| {
        let mut found = pipeline.id == name || pipeline.name == name;
        pipeline
            .body
            .walk(&mut |step| found |= matches!(&step.kind, StepKind::Flow { name: flow, .. } if flow == name));
        found
    };
    plan.pipelines.iter().position(is_it).map(|index| Writer::Pipeline(PipelineId(index as u32)))
}

/// A set of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Events(u8);

/// In the order in which a message names them.
const NAMES: [(SubscriptionEvent, &str); 4] = [
    (SubscriptionEvent::Create, "create"),
    (SubscriptionEvent::Binlog, "binlog"),
    (SubscriptionEvent::Reset, "reset"),
    (SubscriptionEvent::Datain, "datain"),
];

impl Events {
    pub(super) fn new(events: &[SubscriptionEvent]) -> Self {
        Self(events.iter().fold(0, |set, event| set | bit(*event)))
    }

    /// Those of `events` that are in this set.
    pub(super) const fn of(self, events: Self) -> Self {
        Self(self.0 & events.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add_if(&mut self, event: SubscriptionEvent, happened: bool) {
        if happened {
            self.0 |= bit(event);
        }
    }

    /// `create|binlog`.
    pub(super) fn action(self) -> String {
        let names = NAMES.iter().filter(|(event, _)| self.0 & bit(*event) != 0).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join("|")
    }
}

const fn bit(event: SubscriptionEvent) -> u8 {
    1 << event as u8
}

/// The events of a write for a `listen`. An empty `listen` hears everything.
pub(super) fn events(listen: &[Listen], written: &Written<'_>) -> Events {
    let hears = |entry: &&Listen| entry.writer.is_none_or(|writer| writer == written.write.writer);
    let fields: Vec<u32> = listen.iter().filter(hears).map(|entry| entry.field).collect();
    let mut events = Events::default();
    if fields.is_empty() && !listen.is_empty() {
        return events;
    }
    let listens = |field: &u32| listen.is_empty() || fields.contains(field);
    let (write, change) = (written.write, written.change);
    let whole_row = match write.kind {
        WriteKind::Assign => false,
        WriteKind::Reset => write.fields.is_empty(),
        WriteKind::Delete => true,
    };
    let resets = write.kind == WriteKind::Reset && written.row.exists() && change.taken.iter().any(listens);
    events.add_if(SubscriptionEvent::Create, change.created);
    let changed = !change.deleted && change.before.iter().any(|(field, _)| listens(field));
    events.add_if(SubscriptionEvent::Binlog, changed);
    events.add_if(SubscriptionEvent::Reset, change.deleted || resets);
    events.add_if(SubscriptionEvent::Datain, whole_row || write.fields.iter().any(|(field, _)| listens(field)));
    events
}
