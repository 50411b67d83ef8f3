//! Which spaces are one place, by where the states are.
#![allow(clippy::unwrap_used)]

use nsf_mysql::Placed;
use nsf_plan::{
    Origin, SpaceId,
    profile::{Environment, Manifest},
};

use super::*;
use crate::mysql;

const DAY: i64 = 86_400_000;
const WEEK: u64 = 7 * 86_400_000;

fn profile() -> ResolvedProfile {
    let text = "name: shop\nprofiles: { prod: { kafka: { brokers: \"k:1\" }, redis: { url: \"redis://r:1\" }, mysql: { url: \"mysql://m:1/d\" } } }";
    let nothing = Environment { variable: &|_| None, file: &|_| Err(String::new()) };
    Manifest::parse(text).profiles["prod"].resolve("shop", &nothing).unwrap()
}

/// A dimension in spaces, each a store, shards and a `keep`; the spaces are `s0`, `s1`, ….
fn spaces(spaces: &[(&str, u32, Option<i64>)], states: Server) -> Spaces {
    let mut plan = Plan::new("shop");
    let space = |(at, (store, shards, keep)): (usize, &(&str, u32, Option<i64>))| Space {
        name: format!("s{at}"),
        store: (*store).into(),
        shards: *shards,
        keep: *keep,
    };
    plan.spaces = spaces.iter().enumerate().map(space).collect();
    plan.dimensions.push(Dimension {
        name: "shop.card".into(),
        code: 1001,
        keys: Vec::new(),
        spaces: (0..spaces.len() as u32).map(SpaceId).collect(),
        fields: Vec::new(),
        label: None,
        origin: Origin::default(),
    });
    Spaces::new(&plan, &profile(), states).unwrap()
}

fn on_mysql(spaces: &Spaces) -> Option<Placed> {
    mysql::placed(spaces)(DimensionId(0))
}

#[test]
fn what_is_embedded_is_beside_the_states() {
    let both = [("embedded", 1, None), ("mysql", 4, Some(DAY))];
    let beside = spaces(&both, Server::Mysql);
    let kept = &beside.list[0];
    assert_eq!((kept.first.words().as_str(), kept.further.len()), ("`s0` (MySQL)", 0));
    // One place, as its first space says: no shards, and for ever.
    assert_eq!(on_mysql(&beside), Some(Placed { shards: 1, keep: 0 }));
    let note = "`shop.card`: the space `s1` is where `s0` is, whose settings are used; its rows are there once";
    assert_eq!(beside.notes, [note]);

    let apart = spaces(&both, Server::Redis);
    let kept = &apart.list[0];
    assert_eq!((kept.first.words().as_str(), kept.further[0].words().as_str()), ("`s0` (Redis)", "`s1` (MySQL)"));
    // A further place has no week of slack.
    assert_eq!(on_mysql(&apart), Some(Placed { shards: 4, keep: DAY as u64 }));
    assert_eq!(apart.notes, Vec::<String>::new());
}

#[test]
fn a_keep_of_the_only_place_is_run_wherever_the_states_are() {
    let own = [("embedded", 3, Some(DAY))];
    let beside = spaces(&own, Server::Mysql);
    assert_eq!(on_mysql(&beside), Some(Placed { shards: 3, keep: DAY as u64 + WEEK }));
    assert_eq!(beside.notes, Vec::<String>::new());
    let apart = spaces(&own, Server::Redis);
    assert_eq!((on_mysql(&apart), apart.list[0].first.keep), (None, DAY as u64 + WEEK));
    let note = "space `s0`: `shards: 3` is kept in the plan but not yet run; its rows are in one store";
    assert_eq!(apart.notes, [note]);
    // Without a space it is beside states on MySQL.
    assert_eq!(on_mysql(&spaces(&[], Server::Mysql)), Some(Placed { shards: 1, keep: 0 }));
    assert_eq!(on_mysql(&spaces(&[], Server::Redis)), None);
}

#[test]
fn how_long_rows_are_kept_is_said() {
    let both = spaces(&[("redis", 1, Some(30 * DAY)), ("mysql", 1, Some(90_000))], Server::Redis);
    let kept = &both.list[0];
    assert_eq!(kept.first.keep_words().unwrap(), "kept for 30d and a week after their last write");
    assert_eq!(kept.further[0].keep_words().unwrap(), "kept for 90s after their last write");
    assert_eq!(spaces(&[("redis", 1, None)], Server::Redis).list[0].first.keep_words(), None);
}
