//! Running a plan: rounds, commits, and what takes part in them.

pub mod error;
pub mod event;
pub mod failpoint;
mod lane;
pub mod options;
pub(crate) mod output;
pub mod pieces;
pub mod stage;
mod stream;
mod work;

pub use error::{BuildError, RunError};
pub use failpoint::{FAILPOINTS, Failpoints};
pub use options::{Options, StopHandle};
pub use pieces::{Engine, Pieces};
