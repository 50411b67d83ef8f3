//! Connectors: local files, standard streams and the embedded store, and the profile that is made of them alone.

pub mod embedded;
mod fault;
pub mod file;
pub mod local;
pub mod standard;
pub mod values;
