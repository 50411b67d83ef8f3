//! A derived field is written by exactly one flow: with none it has no value, with two the later one of each pair of
//! writes would win by chance.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{DimensionId, StepKind};

use super::short;
use crate::graph::Dag;

/// A flow that writes a field.
struct Writer {
    flow: String,
    location: Location,
}

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    let writers = writers(dag);
    for index in 0..dag.index.dimensions.len() as u32 {
        let id = DimensionId(index);
        let Some(dimension) = dag.dimension(id) else { continue };
        for (field, value) in dimension.part.value.fields.iter().enumerate().filter(|(_, field)| field.derived) {
            match writers.get(&(id, field as u32)).map(Vec::as_slice) {
                None | Some([]) if dag.complete => {
                    let Some(place) = dimension.fields.get(field) else { continue };
                    let text = format!("no flow writes the derived field `{}`", value.name);
                    let name = short(&dimension.part.value.name);
                    let help = format!(
                        "write it with `expand {name} {{ {} }}` in one flow, or take `derived` away if an ingest brings it",
                        value.name
                    );
                    found.push(Diagnostic::new(&codes::E0405, place.name, text).help(help));
                }
                Some([first, others @ ..]) => {
                    for other in others {
                        found.push(two_writers(&value.name, first, other));
                    }
                }
                _ => {}
            }
        }
    }
}

fn two_writers(field: &str, first: &Writer, other: &Writer) -> Diagnostic {
    let text =
        format!("the derived field `{field}` is written by `{}` and by `{}`", short(&other.flow), short(&first.flow));
    Diagnostic::new(&codes::E0406, other.location, text)
        .label("the second writer")
        .secondary(first.location, format!("written here by `{}`", short(&first.flow)))
        .help("let one flow write it, or give each flow a field of its own")
}

/// The flows that write each derived field, each once, in the order of their places.
fn writers(dag: &Dag) -> HashMap<(DimensionId, u32), Vec<Writer>> {
    let mut writers: HashMap<(DimensionId, u32), Vec<Writer>> = HashMap::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |outer, step| {
            let StepKind::ExpandDimension(expand) = &step.kind else { return };
            let Some(location) = dag.place(&step.id).map(|place| place.target) else { return };
            for (field, _) in &expand.fields {
                let known = writers.entry((expand.dimension, *field)).or_default();
                match known.iter_mut().find(|writer| writer.flow == outer.flow) {
                    Some(writer) => writer.location = writer.location.min(location),
                    None => known.push(Writer { flow: outer.flow.clone(), location }),
                }
            }
        });
    }
    for known in writers.values_mut() {
        known.sort_by_key(|writer| writer.location);
    }
    writers
}
