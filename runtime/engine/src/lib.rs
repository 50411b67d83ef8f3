//! Builds a plan into pieces and runs them.

pub mod cell;
pub mod connector;
pub mod cost;
pub mod decode;
pub mod dimension;
pub mod encode;
pub mod expression;
pub mod fault;
pub mod frame;
pub mod functions;
pub mod ingest;
pub mod inspect;
pub mod instant;
pub mod lookup;
pub mod marks;
pub mod observe;
pub mod protocol;
pub mod rejected;
pub mod run;
pub mod stable;
pub mod store;
pub mod subscription;
pub mod summary;
pub mod testing;
pub mod timed;
pub mod value;

mod state;
mod steps;
mod table;
mod text;
