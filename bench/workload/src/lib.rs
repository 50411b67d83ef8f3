//! The benchmark's input and the file reading and writing that all Rust peers share, so that they differ only in
//! how they do the job itself.

pub mod lines;
pub mod output;
pub mod random;
pub mod records;
