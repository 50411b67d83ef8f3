//! Expressions and steps that are nested deeper than a plan can say. Functions are unfolded where they are called, so
//! that a program can be within the limits of its text and still too deep.

use nsf_diagnostics::{Diagnostic, SourceMap, codes};
use nsf_plan::{Block, Expr, ExprKind, Type};

use super::{origin, short};
use crate::graph::Dag;

pub(super) fn prove(dag: &Dag, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    for (_, flow) in dag.pipelines() {
        let value = &flow.part.value;
        let mut depth = 0;
        dag.walk(flow, &mut |_, step| {
            for expression in step.kind.expressions() {
                let place = expression.origin.or(Some(step.origin));
                let location = || place.and_then(|place| origin::line(dag, sources, place)).unwrap_or(flow.part.name);
                if expression.depth() > Expr::MAX_DEPTH {
                    let text =
                        format!("this is nested more than {} deep once its functions are unfolded", Expr::MAX_DEPTH);
                    let diagnostic = Diagnostic::new(&codes::E0413, location(), text);
                    found.push(diagnostic.help("give a part of it a name of its own with `let` in a calculate step"));
                } else if too_deep_type(expression) {
                    let text = format!("the type of this is nested more than {} deep", Type::MAX_DEPTH);
                    let diagnostic = Diagnostic::new(&codes::E0413, location(), text);
                    found.push(diagnostic.help("keep the inner part as `json`: `json(value)` makes it"));
                }
            }
            depth = depth.max(step.kind.blocks().into_iter().map(Block::depth).max().unwrap_or(0));
        });
        let depth = depth + nested(dag, &flow.steps);
        if depth > Block::MAX_DEPTH {
            let text = format!(
                "the steps of `{}` and of the flows that read it are nested more than {} deep",
                short(&value.name),
                Block::MAX_DEPTH
            );
            let diagnostic = Diagnostic::new(&codes::E0413, flow.part.name, text);
            found.push(diagnostic.help("let a flow send to a topic, and read that topic with a source"));
        }
    }
}

/// Whether a value in an expression has a type nested deeper than a plan can say. Only lists, records and calls make a
/// type deeper than those of their parts.
fn too_deep_type(expression: &Expr) -> bool {
    expression.operands_first().into_iter().any(|part| {
        let makes = matches!(part.kind, ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Call(..));
        makes && part.ty.depth() > Type::MAX_DEPTH
    })
}

/// How deeply flows that read flows are nested; 1 where none does.
fn nested(dag: &Dag, steps: &[petgraph::graph::NodeIndex]) -> usize {
    let mut deepest = 1;
    let mut open: Vec<(petgraph::graph::NodeIndex, usize)> = steps.iter().map(|step| (*step, 1)).collect();
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        if let Some(step) = dag.step(node) {
            open.extend(step.steps.iter().map(|inner| (*inner, depth + 1)));
        }
    }
    deepest
}
