//! Local files: a source of lines or CSV records that can be resumed, a sink whose length belongs to the commit, and
//! results that are written whole.

mod cut;
mod export;
mod identity;
mod sink;
mod source;

pub use export::FileExport;
pub use sink::FileSink;
pub use source::{FileSource, Waiting};

pub(crate) use cut::Cutter;
