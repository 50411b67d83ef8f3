//! The store on Redis: one server, servers that Sentinel watches, or a cluster.
//!
//! # Keys
//! `<ns>` is the namespace, `<tag>` the lane's hash tag (its number, a hyphen and letters that put it in its slot).
//!
//! | what | key | value |
//! | --- | --- | --- |
//! | a row of a state | `<ns>:{<tag>}:s:<key>` | the row's JSON; expires by itself where the state keeps rows for a time |
//! | progress | `<ns>:{<tag>}:p:<group>:<stream>:<topic>:<partition>` | hash: `e` claim, `n` first offset that is not in the rows, `f` the first offset that was ever read, `w` watermark, `i` incarnation of the topic, `v` hash of the plan |
//! | how often rows of a lane were saved | `<ns>:{<tag>}:saves` | hash: `n` |
//! | a row of a dimension | `<ns>:{<tag by hash>}:d:<key>` | the row's JSON; expires by itself where its space keeps rows for a time |
//! | a value that a program writes | `<ns>:out:<key>` | the value's JSON |
//! | a stream that a program adds to | `<ns>:stream:<name>` | entries with `nsf-id`, `nsf-lane`, `key`, `value`; a group `nsf-…` where a program reads it |
//! | which worker reads streams | `<ns>:reader:<group>:<name>` | a text of the worker; ends by itself |
//! | layout and plan | `<ns>:meta` | hash |
//! | counters of all runs | `<ns>:counters` | hash |
//!
//! Everything that a record changes lies in one lane, hence in one slot, and changes in one `MULTI … EXEC`.
//!
//! # Why a lane is safe
//! Whoever claims a lane raises `e`. A worker's reads and saves count only while the store still says the `e` and the `n`
//! that it holds. `WATCH` on the progress makes that check and the save one: it is set (and the progress compared) when
//! the worker first reads after a save, stands until the `EXEC`, and is set again in the same round trip. Only commands
//! that fail for no type of value (`MSET`, `SET`, `DEL`), one `HSET` on a hash that was read before, and an `HINCRBY` of a
//! number that nothing else writes are in the transaction, since Redis undoes nothing of one that fails in its middle.
//!
//! Rows that are written for the first time, or were another partition's, are read once more before the transaction and must
//! still be so when it is done: few of them by `WATCH` on each, many by `WATCH` on `saves`, which every save of rows raises. A
//! server looks through all that a connection has under `WATCH` for each key more, and answers nobody meanwhile.
//!
//! `e` rises by a random step: after a loss of the last writes, or of all, the next claim is still another number than the
//! one that was lost.
//!
//! # A save whose answer is lost
//! The lane is claimed again, and by nothing else is it known what became of the save. The claim changes the progress, which
//! the transaction has under `WATCH` and had before it was sent: one that a slow server or a network takes up later is void.
//! Whether it was done before, the progress shows that the claim gives.
//!
//! # What it does not guard against
//! A server that loses its last writes goes back, with rows and progress together, and the lost work is done again. Know
//! of what may break that:
//! * Redis mends a file that ends in the middle of a transaction (`aof-load-truncated yes`) by cutting the broken command
//!   alone. The commands before it stay, and are done at the start after that, with whatever transaction follows. Where the
//!   machine loses power and Redis starts a second time before the lane has passed the lost point, rows are ahead of their
//!   progress. Valkey has mended it (pull request 4342); elsewhere `aof-load-truncated no` and `redis-check-aof --fix` do.
//! * Eviction takes single rows away. [`check`] refuses it.
//! * Two masters at once take writes for a moment; those of one are lost. Sentinel is asked every second who the master is; a
//!   lane that finds another one than it was claimed at is claimed there, and what it did since its last save is done again:
//!   rows of dimensions that were written just before may have gone to the other master.
//! * In a cluster rows of dimensions lie at other servers than their lanes. A server that fails over and loses its last writes
//!   may lose such a row, while the lane whose record wrote it stands behind that record: the row is then as it was until the next
//!   record writes it. Replicas that are near, and `min-replicas-to-write 1`, make that moment short.

mod acl;
mod check;
mod claims;
mod dimension;
mod fault;
mod fenced;
mod keys;
mod lane;
mod rights;
mod save;
mod scan;
mod settings;
mod sink;
mod store;
mod stream;
mod tags;
mod topology;
mod watch;
mod wire;

pub use acl::{ACL_COMMANDS, acl_line};
pub use check::{NodeReport, RedisReport, check};
pub use claims::Claims;
pub use settings::{ClientCertificate, Node, Place, RedisSettings, Secret, Tls};
pub use sink::{RedisSink, RedisStreamSink};
pub use store::RedisStore;
pub use stream::{RedisStreamSource, StreamToRead, StreamsStatus, stream_length, stream_stands};
pub use tags::{LARGEST_LANES, SLOTS, slot, tag};
