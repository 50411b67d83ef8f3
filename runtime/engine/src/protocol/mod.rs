//! The protocol of fenced lanes: how a worker that shares partitions with others keeps rows, positions and outputs
//! together, so that no record is lost or counted twice whatever dies, pauses or answers late.
//!
//! It is a pure state machine: it is told [`Event`]s and gives [`Action`]s; whoever drives it carries them out and tells
//! it what came of them. The daemon drives it with real stores and logs, the simulator in `simulate/` with simulated ones,
//! thousands of times with other faults.
//!
//! The rules, each of which the simulator shows to be needed by leaving it out:
//!
//! 1. A lane of the store keeps its rows and, for each partition, the first offset that is not in them (`next`), changed
//!    together. That alone says where a partition is read from; the log's own positions are for those who look on.
//! 2. A worker claims a partition in every lane before it reads it: the number of the claim (`epoch`) goes up, and whoever
//!    held it before can save nothing any more.
//! 3. What is read of a lane counts only if the lane was as it is held all the while. Rows in memory stay good from commit
//!    to commit, because a save shows that nobody was between.
//! 4. A commit sends outputs and waits until the log has them, then writes dimensions, then saves each lane, then tells the
//!    log its positions. A fault between two of them repeats outputs with the same ids, and nothing else.
//! 5. A partition is read from the least `next` of its lanes on; a lane passes over what it has.
//! 6. Streams that a flow merges touch the same rows. Their partitions of one number come to one worker, and none of them is
//!    read before all are claimed: who saves a lane shows that nobody has taken any of them over.
//! 7. A lane that is lost or in doubt forgets everything since its last save, is claimed again and reads on from what the
//!    store then says. The others go on meanwhile.

mod event;
mod machine;
#[cfg(test)]
mod simulate;

pub use event::{Action, Event, First, Halt, Ready, Rules, Step, StreamKind};
pub use machine::Machine;
