//! Streams for who does not read them.

use std::sync::Arc;

use nsf_engine::connector::{ConnectorResult, LogState};

use super::{StreamToRead, entries, lease, which};
use crate::{keys::Keys, settings::RedisSettings, tags::slot, topology::Topology};

/// Where a stream stands, for who sets the positions of its sources, and whether a worker reads it. `makes` what is not there: the
/// stream, and what tells it from others; else nothing is changed, and the incarnation is empty where nothing tells it.
///
/// # Errors
/// Where the server does not answer, or cannot be a source.
pub fn stream_stands(
    settings: &RedisSettings,
    name: &str,
    sources: &[String],
    makes: bool,
) -> ConnectorResult<(LogState, bool)> {
    let keys = Keys::new(settings)?;
    let topology = Topology::new(Arc::new(settings.clone()));
    let stream = |source: &String| StreamToRead { name: name.to_owned(), source: source.clone(), group: 0 };
    let streams: Vec<StreamToRead> = sources.iter().map(stream).collect();
    let mut log = LogState { partitions: 1, timed: true, ..LogState::default() };
    for stream in &streams {
        let which = which(settings, &keys, stream, &streams);
        let own = topology.at(slot(&which.key), |link| {
            let standing = if makes { Some(entries::state(link, &which)?.1) } else { entries::look(link, &which)? };
            Ok(standing.map(|standing| standing.log()))
        })?;
        // A position that all of them can go on from.
        if let Some(own) = own {
            log = LogState { low: own.low.max(log.low), ..own };
        }
    }
    let lease = keys.lease(name);
    let is_read = topology.at(slot(&lease), |link| lease::holder(link, &lease))?.is_some();
    Ok((log, is_read))
}

/// How many entries a stream has, for who only looks; none where there is no such stream. Nothing is changed.
///
/// # Errors
/// Where the server does not answer, or cannot be a source.
pub fn stream_length(settings: &RedisSettings, name: &str) -> ConnectorResult<Option<u64>> {
    let key = Keys::new(settings)?.stream(name);
    let topology = Topology::new(Arc::new(settings.clone()));
    Ok(topology.at(slot(&key), |link| entries::length(link, &key))?)
}
