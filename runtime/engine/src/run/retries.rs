//! Retry topics: what a plan says of them, written out. A source whose records wait in a topic gets a second source that reads
//! that topic, and that feeds the same flows; and states that hold which records wait.

use nsf_plan::{
    Input, InputSource, Literal, OnError, Order, Plan, Source, SourceId, State, StateField, StateId, TopicId, Type,
};

/// Behind the id of a source: the source that reads its retry topic.
const RETRY: &str = "/retry";

/// Behind the id of a source: the state of its records that wait.
const WAITING: &str = "/waiting";

/// Behind the id of a source: the state of keys with records that wait.
const PARKED: &str = "/parked";

/// The plan with what its retry topics need. For runs on servers: where all stores are in the same process there is nothing to
/// wait for.
#[must_use]
pub fn with_retries(mut plan: Plan) -> Plan {
    for at in 0..plan.sources.len() {
        let source = &plan.sources[at];
        let Some(topic) = source.retry.filter(|_| source.on_error.waits()) else { continue };
        let returned = Source {
            id: format!("{}{RETRY}", source.id),
            name: format!("{}{RETRY}", source.name),
            from: topic,
            // A record that comes from there waits there.
            retry: None,
            on_error: OnError::BlockLane,
            ..source.clone()
        };
        let waiting = waiting(source);
        // Also where followers do not wait: they may have, in an earlier version of the program.
        let parked = (!source.key.is_empty()).then(|| parked(source));
        plan.states.push(waiting);
        plan.states.extend(parked);
        if let Some(topic) = plan.topics.get_mut(topic.index()) {
            topic.read = true;
        }
        let (from, to) = (SourceId(at as u32), SourceId(plan.sources.len() as u32));
        plan.sources.push(returned);
        for pipeline in &mut plan.pipelines {
            let input = pipeline.inputs.iter().find(|input| input.from == InputSource::Source(from));
            let input = input.map(|input| Input { from: InputSource::Source(to), ..input.clone() });
            // Which records wait is kept in the lanes of their keys, whatever the flow keeps: both topics' partitions of one
            // number must come to one worker.
            pipeline.stateful |= input.is_some();
            pipeline.inputs.extend(input);
        }
    }
    plan
}

/// By partition and offset, the source's records that wait: a record that comes from the retry topic and is not there was done.
/// `before_partition` and `before_offset` are where the record of the same key is that must be done before it: a key goes to
/// another partition where partitions are added. `key` is the key in bytes, where the record is counted under it.
fn waiting(source: &Source) -> State {
    let keys = ["partition", "offset"].map(|name| (name.to_owned(), Type::INT64));
    let [partition, offset] = ["before_partition", "before_offset"].map(nullable);
    state(source, WAITING, keys.into(), vec![partition, offset, field("key", Type::Bytes.nullable(), Literal::Null)])
}

/// By key, how many of its records wait, and where the last of them is.
fn parked(source: &Source) -> State {
    let key = source.key.iter().filter_map(|field| source.encoding.fields.get(*field as usize));
    let keys = key.map(|field| (field.name.clone(), field.ty.clone())).collect();
    let [partition, offset] = ["last_partition", "last_offset"].map(nullable);
    state(source, PARKED, keys, vec![field("count", Type::INT64, Literal::Integer(0)), partition, offset])
}

fn nullable(name: &str) -> StateField {
    field(name, Type::INT64.nullable(), Literal::Null)
}

fn field(name: &str, ty: Type, default: Literal) -> StateField {
    StateField { name: name.to_owned(), ty, default, stored_as: None }
}

fn state(source: &Source, suffix: &str, keys: Vec<(String, Type)>, fields: Vec<StateField>) -> State {
    let id = format!("{}{suffix}", source.id);
    State {
        name: id.clone(),
        id,
        keys,
        store: None,
        keep: None,
        closes: None,
        order: Order::Flow,
        fields,
        // Not of the program's own states.
        marks: true,
        origin: source.origin,
    }
}

/// What is kept of the records of a source that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// The topic that they wait in.
    pub topic: TopicId,
    /// The records.
    pub records: StateId,
    /// The keys with records that followers wait behind; none where the source has no key.
    pub keys: Option<StateId>,
    /// Whether followers of a record wait behind it. Where they do not, some of an earlier version of the program may still.
    pub parks: bool,
}

impl Waits {
    /// What a plan has of a source; none where its records do not wait in a topic.
    pub(crate) fn of(plan: &Plan, source: &Source) -> Option<Self> {
        let state = |suffix: &str| {
            let is_own = |state: &State| state.id.strip_suffix(suffix) == Some(&source.id);
            plan.states.iter().position(is_own).map(|at| StateId(at as u32))
        };
        let returned = plan.sources.iter().find(|own| is_returned(own, source))?;
        let (keys, parks) = (state(PARKED), source.on_error == OnError::ParkKey);
        Some(Self { topic: returned.from, records: state(WAITING)?, keys, parks })
    }
}

/// Whether a source reads the retry topic of another.
fn is_returned(source: &Source, of: &Source) -> bool {
    source.id.strip_suffix(RETRY) == Some(&of.id)
}

/// Of which source a source reads the retry topic.
pub(crate) fn returned_of<'p>(plan: &'p Plan, source: &Source) -> Option<&'p Source> {
    plan.sources.iter().find(|of| is_returned(source, of))
}

/// Whether a topic is one that records wait in, and that this run reads.
pub(crate) fn is_read(plan: &Plan, topic: TopicId) -> bool {
    plan.sources.iter().any(|source| source.from == topic && returned_of(plan, source).is_some())
}

/// What a state of waiting records is by its id, in words; none for other states.
#[must_use]
pub fn waits_in_words(state: &str) -> Option<String> {
    let records = source_of(state).map(|source| format!("which records of `{source}` wait"));
    records.or_else(|| state.strip_suffix(PARKED).map(|source| format!("which keys of `{source}` wait")))
}

/// The source whose records that wait are in a state, by its id; none for other states.
pub(super) fn source_of(state: &str) -> Option<&str> {
    state.strip_suffix(WAITING)
}

#[cfg(test)]
mod tests {
    use nsf_plan::{Block, Coerce, Encoding, Format, Late, Origin, Pipeline, RecordField, Topic, connector::Connector};

    use super::*;

    fn field_of(name: &str) -> RecordField {
        let path = vec![name.to_owned()];
        RecordField { name: name.to_owned(), path, ty: Type::INT64, default: None, used: true, renames: Vec::new() }
    }

    /// A source of accounts with such an `on_error`, and a flow that reads it.
    fn plan(on_error: OnError) -> Plan {
        let mut plan = Plan::new("shop");
        for (name, read) in [("orders", true), ("orders.retry", false)] {
            let connector = Connector::new("kafka", name);
            plan.topics.push(Topic { connector, read, written: !read, internal: false });
        }
        let fields = vec![field_of("account"), field_of("number")];
        plan.sources.push(Source {
            id: "shop.order".into(),
            name: "shop.order".into(),
            from: TopicId(0),
            encoding: Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields },
            key: vec![0],
            time: None,
            late: None,
            idle: None,
            late_else: Late::Drop,
            max_skew: 0,
            retry: Some(TopicId(1)),
            on_error,
            reject: None,
            origin: Origin::default(),
        });
        plan.pipelines.push(Pipeline {
            id: "shop.count".into(),
            name: "shop.count".into(),
            inputs: vec![Input { from: InputSource::Source(SourceId(0)), fields: Vec::new(), record: None }],
            slots: Vec::new(),
            handles: Vec::new(),
            body: Block::default(),
            key: Vec::new(),
            stateful: false,
            origin: Origin::default(),
        });
        plan
    }

    #[test]
    fn a_retry_topic_is_read_into_the_same_flows() {
        let plan = with_retries(plan(OnError::ParkKey));
        assert!(plan.topics[1].read && is_read(&plan, TopicId(1)) && !is_read(&plan, TopicId(0)));
        let (source, returned) = (&plan.sources[0], &plan.sources[1]);
        assert_eq!((returned.id.as_str(), returned.from, returned.retry), ("shop.order/retry", TopicId(1), None));
        assert_eq!(returned.on_error, OnError::BlockLane);
        assert_eq!(returned_of(&plan, returned).map(|of| of.id.as_str()), Some("shop.order"));
        let inputs: Vec<InputSource> = plan.pipelines[0].inputs.iter().map(|input| input.from).collect();
        assert_eq!(inputs, [InputSource::Source(SourceId(0)), InputSource::Source(SourceId(1))]);
        assert!(plan.pipelines[0].stateful, "its partitions come with those of the source");
        let waits = Waits::of(&plan, source).unwrap();
        assert_eq!(waits, Waits { topic: TopicId(1), records: StateId(0), keys: Some(StateId(1)), parks: true });
        assert_eq!(plan.states[1].keys, [("account".to_owned(), Type::INT64)]);
        assert_eq!(waits_in_words(&plan.states[0].id).as_deref(), Some("which records of `shop.order` wait"));
        assert_eq!(waits_in_words(&plan.states[1].id).as_deref(), Some("which keys of `shop.order` wait"));
    }

    #[test]
    fn keys_are_known_whether_followers_wait_or_not() {
        let waits = |plan: &Plan| Waits::of(plan, &plan.sources[0]).unwrap();
        let (parks, skips) = (with_retries(plan(OnError::ParkKey)), with_retries(plan(OnError::SkipOrder)));
        assert_eq!(parks.states, skips.states, "one may become the other while records wait");
        assert_eq!(waits(&skips), Waits { parks: false, ..waits(&parks) });
        let mut without = plan(OnError::SkipOrder);
        without.sources[0].key.clear();
        assert_eq!(waits(&with_retries(without)).keys, None);
    }

    #[test]
    fn what_does_not_wait_in_a_topic_has_none() {
        for on_error in [OnError::BlockLane, OnError::DeadLetter] {
            assert_eq!(with_retries(plan(on_error)), plan(on_error));
            assert_eq!(Waits::of(&plan(on_error), &plan(on_error).sources[0]), None);
        }
        let mut without = plan(OnError::SkipOrder);
        without.sources[0].retry = None;
        assert_eq!(with_retries(without.clone()), without);
    }
}
