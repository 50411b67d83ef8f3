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

/// Whether something is there that is neither a file nor a folder: a device, a pipe. It can be written, but not cut back,
/// made durable or replaced.
pub(crate) fn is_special(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}
