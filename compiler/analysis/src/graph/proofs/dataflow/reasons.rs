//! A reason that two places of one flow reject with: who reads it in the rejected store cannot tell which of them it was.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{ExprKind, Missing, Origin, StepKind};

use crate::graph::Dag;
use crate::graph::proofs::origin;

pub(super) fn prove(dag: &Dag, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    for (_, flow) in dag.pipelines() {
        // Of each reason the first place, and those of which it was said.
        let mut first: HashMap<String, (Origin, Location)> = HashMap::new();
        dag.walk(flow, &mut |_, step| {
            let mut note = |reason: &str, at: Origin| {
                let place = place(dag, sources, at, reason).or_else(|| Some(dag.place(&step.id)?.location));
                let Some(place) = place else { return };
                match first.get(reason) {
                    // A function that is called twice rejects in one place.
                    Some((other, earlier)) if *earlier != place && (*other != at || place.file != earlier.file) => {
                        found.push(twice(reason, place, *earlier));
                    }
                    Some(_) => {}
                    None => drop(first.insert(reason.to_owned(), (at, place))),
                }
            };
            match &step.kind {
                // A reason that nobody wrote is the condition itself.
                StepKind::Require { reason, .. } | StepKind::Reject { reason, .. } if !reason.starts_with('`') => {
                    note(reason.as_str(), step.origin);
                }
                StepKind::Load { missing: Missing::Reject(reason), .. } => note(reason.as_str(), step.origin),
                _ => {}
            }
            for expression in step.kind.expressions() {
                expression.walk(&mut |part| {
                    if let ExprKind::Reject(reason) = &part.kind {
                        note(reason.as_str(), part.origin.unwrap_or(step.origin));
                    }
                });
            }
        });
    }
}

/// Where a reason is written on its line; the line where it stands there in another form, or twice.
fn place(dag: &Dag, sources: &SourceMap, at: Origin, reason: &str) -> Option<Location> {
    let line = origin::line(dag, sources, at)?;
    let quoted = format!("\"{reason}\"");
    let mut places = sources.text(line).match_indices(&quoted);
    let (Some((start, _)), None) = (places.next(), places.next()) else { return Some(line) };
    let mut span = line.span;
    span.start += start as u32;
    span.end = span.start + quoted.len() as u32;
    Some(span.in_file(line.file))
}

fn twice(reason: &str, place: Location, earlier: Location) -> Diagnostic {
    Diagnostic::new(&codes::W0407, place, format!("two places of this flow reject with the reason \"{reason}\""))
        .secondary(earlier, "the other one")
        .help("say in each what is wrong there, so that who reads it knows which it was")
}
