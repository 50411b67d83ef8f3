//! Running a plan: rounds, commits, and what takes part in them.

mod commit;
mod drive;
mod due;
mod ended;
pub mod error;
pub mod event;
mod expiring;
pub mod failpoint;
mod inventory;
mod lane;
mod layout;
pub(crate) mod log;
mod migrate;
mod not_run;
pub mod options;
pub(crate) mod output;
pub mod pieces;
mod progress;
mod reader;
mod round;
pub mod serve;
pub mod signals;
pub mod stage;
mod stream;
mod sweep;
mod tally;
mod told;
mod work;
mod writes;

pub use error::{BuildError, RunError};
pub use failpoint::{FAILPOINTS, Failpoints, SERVE_FAILPOINTS};
pub use options::{Clock, Options, StopHandle};
pub use pieces::{Engine, Pieces};
