//! Operations that always fail: they would reject every record that comes to them, so they are errors. An operation
//! under `catch` is left alone: its failing is meant.

mod call;
mod evaluate;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{Expr, ExprKind, IngestId, Origin, StateId, SubscriptionId};

use super::origin;
use crate::graph::Dag;

pub(super) use evaluate::{Failure, value};

pub(super) fn prove(dag: &Dag, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    let mut search = Search { dag, sources, found };
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            let place = dag.place(&step.id).map(|place| place.location);
            for expression in step.kind.expressions() {
                search.look(expression, Some(step.origin), place);
            }
        });
        for handle in &flow.part.value.handles {
            handle.keys.iter().for_each(|key| search.look(key, None, Some(flow.part.name)));
        }
    }
    for index in 0..dag.index.ingests.len() as u32 {
        let Some(ingest) = dag.ingest(IngestId(index)) else { continue };
        for (_, key) in &ingest.value.keys {
            search.look(key, None, Some(ingest.name));
        }
        for assignment in &ingest.value.assignments {
            search.look(&assignment.value, Some(assignment.origin), None);
        }
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let Some(subscription) = dag.subscription(SubscriptionId(index)) else { continue };
        subscription.value.when.iter().for_each(|when| search.look(when, None, Some(subscription.name)));
    }
    for index in 0..dag.index.states.len() as u32 {
        let Some(state) = dag.state(StateId(index)) else { continue };
        state.value.closes.iter().for_each(|closes| search.look(closes, None, Some(state.name)));
    }
}

struct Search<'dag, 'found> {
    dag: &'dag Dag,
    sources: &'dag SourceMap,
    found: &'found mut Vec<Diagnostic>,
}

impl Search<'_, '_> {
    /// Reports what always fails in an expression. `origin` and `place` are those of what it stands in.
    fn look(&mut self, expression: &Expr, origin: Option<Origin>, place: Option<Location>) {
        let mut open = vec![expression];
        while let Some(node) = open.pop() {
            if matches!(node.kind, ExprKind::Literal(_) | ExprKind::Slot(_)) {
                continue;
            }
            if let Some(failure) = evaluate::own_failure(node) {
                let at =
                    node.origin.or(origin).and_then(|origin| origin::line(self.dag, self.sources, origin)).or(place);
                if let Some(at) = at {
                    self.found.push(diagnostic(self.narrow(at, &failure), failure));
                }
                continue;
            }
            match &node.kind {
                // What fails on the left is caught.
                ExprKind::Catch(_, otherwise) => open.push(otherwise),
                _ => open.extend(node.children()),
            }
        }
    }

    /// The part of a line that the failure names, if it is there once.
    fn narrow(&self, line: Location, failure: &Failure) -> Location {
        let text = self.sources.text(line);
        let mut places = text.match_indices(failure.sign);
        match (places.next(), places.next()) {
            (Some((start, _)), None) => {
                let mut span = line.span;
                span.start += start as u32;
                span.end = span.start + failure.sign.len() as u32;
                span.in_file(line.file)
            }
            _ => line,
        }
    }
}

fn diagnostic(at: Location, failure: Failure) -> Diagnostic {
    Diagnostic::new(&codes::E0415, at, format!("this always fails: {}", failure.why))
        .note("it would reject every record that comes here")
        .help(failure.help)
}
