//! Plans and profiles beside one another.

#![allow(clippy::unwrap_used)]

use nsf_plan::{
    Block, Coerce, Encoding, Format, Input, InputSource, Late, OnError, Origin, Pipeline, Source, SourceId,
    connector::Connector,
    profile::{Environment, FileText, Manifest},
};

use super::*;

fn topic(plan: &mut Plan, name: &str, written: bool) -> TopicId {
    let connector = Connector::new("kafka", name);
    plan.topics.push(Topic { connector, read: !written, written, internal: false });
    TopicId(plan.topics.len() as u32 - 1)
}

fn source(plan: &mut Plan, id: &str, from: TopicId) {
    plan.sources.push(Source {
        id: id.into(),
        name: id.into(),
        from,
        encoding: Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields: Vec::new() },
        key: Vec::new(),
        time: None,
        late: None,
        idle: None,
        late_else: Late::Drop,
        max_skew: 0,
        retry: None,
        on_error: OnError::BlockLane,
        reject: None,
        origin: Origin::default(),
    });
}

fn flow(plan: &mut Plan, id: &str, sources: &[u32]) {
    let input = |source: &u32| Input { from: InputSource::Source(SourceId(*source)), fields: Vec::new(), record: None };
    plan.pipelines.push(Pipeline {
        id: id.into(),
        name: id.into(),
        inputs: sources.iter().map(input).collect(),
        slots: Vec::new(),
        handles: Vec::new(),
        body: Block::default(),
        key: Vec::new(),
        stateful: true,
        origin: Origin::default(),
    });
}

fn shop() -> Plan {
    let mut plan = Plan::new("shop");
    let (orders, returns) = (topic(&mut plan, "orders", false), topic(&mut plan, "returns", false));
    source(&mut plan, "shop.order", orders);
    source(&mut plan, "shop.return", returns);
    topic(&mut plan, "totals", true);
    flow(&mut plan, "shop.count", &[0]);
    plan
}

#[test]
fn what_comes_and_what_goes_is_named() {
    assert_eq!(Comparison::of_plans(&shop(), &shop()), Comparison::default());
    let mut more = shop();
    topic(&mut more, "alerts", true);
    flow(&mut more, "shop.alert", &[0]);
    let new = ["the flow `shop.alert`", "the output kafka(\"alerts\")"];
    let forth = Comparison::of_plans(&shop(), &more);
    assert_eq!((forth.new, forth.lost), (new.map(str::to_owned).into(), Vec::new()));
    let back = Comparison::of_plans(&more, &shop());
    assert_eq!((&back.new, &back.lost), (&Vec::new(), &new.map(str::to_owned).into()));
    let losses = back.losses();
    assert_eq!(losses[1].message, "the output kafka(\"alerts\") is not in the new plan");
    assert!(losses[1].help.as_ref().unwrap().contains("--allow-loss"));
}

#[test]
fn places_in_the_program_are_of_no_account() {
    let mut moved = Plan::new("shop");
    let (returns, orders) = (topic(&mut moved, "returns", false), topic(&mut moved, "orders", false));
    source(&mut moved, "shop.return", returns);
    source(&mut moved, "shop.order", orders);
    topic(&mut moved, "totals", true);
    flow(&mut moved, "shop.count", &[1]);
    assert_eq!(Comparison::of_plans(&shop(), &moved), Comparison::default());
}

#[test]
fn a_stream_that_reads_another_topic_is_another() {
    let mut other = shop();
    other.topics[0].connector.name = "orders2".into();
    let lost = Comparison::of_plans(&shop(), &other).lost;
    assert_eq!(lost, ["the source `shop.order` (from kafka(\"orders\"))"]);
}

#[test]
fn streams_that_are_merged_anew_cannot_be_shared_with_workers_of_before() {
    let mut merged = shop();
    flow(&mut merged, "shop.both", &[0, 1]);
    for (old, new) in [(&shop(), &merged), (&merged, &shop())] {
        let refused = Comparison::of_plans(old, new).refused;
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].message.starts_with("`shop.order` and `shop.return` are merged"), "{refused:?}");
    }
}

fn profile(text: &str) -> ResolvedProfile {
    let manifest = Manifest::parse(text);
    let file = |_: &str| Ok(FileText { text: String::new().into(), mode: None });
    let environment = Environment { variable: &|_| None, file: &file };
    manifest.profiles["prod"].resolve("shop", &environment).unwrap()
}

#[test]
fn what_says_whose_the_rows_are_may_not_change_and_the_rest_may() {
    let text = |group: &str, lanes: &str, every: &str| {
        format!(
            "profiles:\n  prod:\n    kafka: {{ brokers: \"localhost:9092\", group: {group} }}\n    redis: {{ url: \
             \"redis://localhost\" }}\n{lanes}    commit: {{ every: {every} }}\n"
        )
    };
    let old = profile(&text("shop", "", "1s"));
    let compare = |new: &str| Comparison::default().with_profiles(&old, &profile(new)).refused;
    assert_eq!(compare(&text("shop", "", "300ms")), []);
    let refused = compare(&text("other", "    lanes: 4\n", "1s"));
    let messages: Vec<&str> = refused.iter().map(|problem| problem.message.as_str()).collect();
    let wanted =
        ["`kafka.group` of the profile was `shop` and is now `other`", "`lanes` of the profile was `8` and is now `4`"];
    assert_eq!(messages, wanted);
}

#[test]
fn states_stay_in_their_store() {
    let text = |settings: &str| {
        let servers = "redis: { url: \"redis://localhost\" }";
        profile(&format!("profiles:\n  prod: {{ kafka: {{ brokers: \"localhost:9092\" }}, {servers}, {settings} }}\n"))
    };
    let mysql = |rest: &str| format!("mysql: {{ url: \"mysql://localhost/shop\", user: shop{rest} }}");
    let plan = Plan::new("shop");
    let (redis, on_mysql) = (text(&mysql("")), text(&format!("{}, store: mysql", mysql(""))));
    let compare = |old: &ResolvedProfile, new: &ResolvedProfile| {
        let refused = Comparison::default().with_stores((&plan, old), (&plan, new)).refused;
        refused.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };
    assert_eq!(compare(&redis, &redis), Vec::<String>::new());
    assert_eq!(compare(&redis, &on_mysql), ["states and positions were kept on Redis and would be on MySQL"]);
    let renamed = text(&format!("{}, store: mysql", mysql(", namespace: other")));
    assert_eq!(compare(&on_mysql, &renamed), ["`mysql.namespace` of the profile was `shop` and is now `other`"]);
    // Who keeps no states there may name its tables as it likes.
    assert_eq!(compare(&redis, &text(&mysql(", namespace: other"))), Vec::<String>::new());
}
