//! Places of parts of the plan, of which only the line is known.

use nsf_diagnostics::{Location, SourceMap};
use nsf_plan::Origin;

use crate::graph::Dag;

/// The text of an origin's line, without its indentation.
pub(super) fn line(dag: &Dag, sources: &SourceMap, origin: Origin) -> Option<Location> {
    let file = dag.files.get(origin.file as usize)?.file;
    let text = sources.get(file)?;
    let mut span = text.line_span((origin.line as usize).checked_sub(1)?);
    let content = span.text(&text.text);
    span.start += (content.len() - content.trim_start().len()) as u32;
    Some(span.in_file(file))
}
