//! Sources of streams, and what is asked of them and of the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nsf_engine::connector::{Change, Command, LogState, PartitionId, Polled, RawBatch, Source as _};
use nsf_redis::{Claims, RedisSettings, RedisStreamSource, StreamToRead, stream_stands};

use crate::support::Server;

pub const FIRST: PartitionId = PartitionId { stream: 0, partition: 0 };

/// A source of each of these streams, which no flow merges.
pub fn source(settings: &RedisSettings, names: &[&str]) -> RedisStreamSource {
    let streams: Vec<(&str, &str, u32)> = (0..).zip(names).map(|(group, name)| (*name, *name, group)).collect();
    sources(settings, &streams)
}

/// By source: the stream, what the source is called, and the number of those that one worker reads.
pub fn sources(settings: &RedisSettings, streams: &[(&str, &str, u32)]) -> RedisStreamSource {
    let stream = |(name, source, group): &(&str, &str, u32)| StreamToRead {
        name: (*name).to_owned(),
        source: (*source).to_owned(),
        group: *group,
    };
    let streams: Vec<StreamToRead> = streams.iter().map(stream).collect();
    RedisStreamSource::new(settings.clone(), Arc::<Claims>::default(), &streams).unwrap()
}

/// As it stands for its source of the same name, and whether it is read.
pub fn stands(settings: &RedisSettings, name: &str) -> (LogState, bool) {
    stream_stands(settings, name, &[name.to_owned()], false).unwrap()
}

/// How often a command was run at the server.
pub fn calls(server: &Server, command: &str) -> u64 {
    let stats = server.ask(&["INFO", "commandstats"]);
    let line =
        stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")).map(str::to_owned));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// A field of what the server says of a group of a stream.
pub fn group_field(server: &Server, stream: &str, group: &str, name: &str) -> String {
    let lines: Vec<String> = server.ask(&["XINFO", "GROUPS", stream]).lines().map(str::to_owned).collect();
    let from = lines.iter().position(|line| line == group).unwrap();
    let at = lines[from..].iter().position(|line| line == name).unwrap();
    lines[from + at + 1].clone()
}

/// The groups of a stream that begin so.
pub fn groups(server: &Server, stream: &str, begin: &str) -> Vec<String> {
    let lines = server.ask(&["XINFO", "GROUPS", stream]);
    lines.lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
}

/// Polls until something is told.
#[track_caller]
pub fn told(source: &mut RedisStreamSource) -> Vec<Change> {
    let begun = Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match source.poll(&mut batch, 1 << 18).unwrap() {
            Polled::Changed => return source.changes(),
            Polled::Batch => panic!("{batch:?}"),
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "nothing is told: {:?}", source.status().trouble()),
        }
    }
}

#[track_caller]
pub fn assigned(changes: &[Change]) -> LogState {
    match changes {
        [Change::Assigned(FIRST, log)] => log.clone(),
        other => panic!("{other:?}"),
    }
}

pub fn start(source: &mut RedisStreamSource, next: u64, generation: u64) {
    source.command(Command::Start { partition: FIRST, next, generation }).unwrap();
}

#[track_caller]
pub fn batch(source: &mut RedisStreamSource) -> RawBatch {
    let begun = Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match source.poll(&mut batch, 1 << 18).unwrap() {
            Polled::Batch => return batch,
            Polled::Idle => assert!(begun.elapsed() < Duration::from_secs(60), "nothing comes"),
            other => panic!("{other:?}: {:?}", source.changes()),
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Waits until the first stream is this source's, and starts it.
#[track_caller]
pub fn start_at(source: &mut RedisStreamSource, next: u64) {
    assigned(&told(source));
    start(source, next, 1);
}
