//! Steps that no record reaches: behind a `stop`, `jump`, `drop` or `reject` without a condition, or under one that
//! is never true.

use std::collections::HashSet;

use nsf_diagnostics::{Diagnostic, Location, codes};
use nsf_plan::{Block, Expr, Literal, Step, StepKind};
use petgraph::graph::NodeIndex;

use crate::graph::proofs::constants::value;
use crate::graph::{Dag, FlowNode};

pub(super) fn prove(dag: &Dag, flow: &FlowNode, found: &mut Vec<Diagnostic>) {
    Reach { dag, found }.flow(&flow.steps);
}

struct Reach<'dag, 'found> {
    dag: &'dag Dag,
    found: &'found mut Vec<Diagnostic>,
}

/// How a record leaves a step.
enum Exit {
    /// It may go on.
    On,
    /// It never goes on; the place that ends it.
    Never(Option<Location>),
}

impl Reach<'_, '_> {
    fn flow(&mut self, nodes: &[NodeIndex]) {
        let mut landings: HashSet<u32> = HashSet::new();
        let mut ended: Option<Option<Location>> = None;
        let mut reported = false;
        for (index, node) in nodes.iter().enumerate() {
            let Some(outer) = self.dag.step(*node) else { continue };
            if landings.contains(&(index as u32)) {
                (ended, reported) = (None, false);
            }
            if let Some(by) = ended {
                // Of what follows the first step is enough, up to a label that is jumped to.
                if !std::mem::replace(&mut reported, true) {
                    self.report(&outer.step, by);
                }
                continue;
            }
            if let Exit::Never(by) = self.step(&outer.step, &mut landings) {
                ended = Some(by);
            }
            self.flow(&outer.steps);
        }
    }

    fn block(&mut self, block: &Block, landings: &mut HashSet<u32>) -> Exit {
        let mut ended: Option<Option<Location>> = None;
        for step in &block.steps {
            if let Some(by) = ended {
                self.report(step, by);
                return Exit::Never(by);
            }
            if let Exit::Never(by) = self.step(step, landings) {
                ended = Some(by);
            }
        }
        ended.map_or(Exit::On, Exit::Never)
    }

    fn step(&mut self, step: &Step, landings: &mut HashSet<u32>) -> Exit {
        let here = self.dag.place(&step.id).map(|place| place.location);
        match &step.kind {
            StepKind::Jump { condition, target } => {
                landings.insert(*target);
                if condition.as_ref().is_none_or(|condition| always(condition) == Some(true)) {
                    return Exit::Never(here);
                }
            }
            StepKind::Stop { condition }
                if condition.as_ref().is_none_or(|condition| always(condition) == Some(true)) =>
            {
                return Exit::Never(here);
            }
            StepKind::Drop { condition, .. } | StepKind::Reject { condition, .. }
                if always(condition) == Some(true) =>
            {
                return Exit::Never(here);
            }
            StepKind::Require { condition, .. } if always(condition) == Some(false) => return Exit::Never(here),
            StepKind::When { arms, otherwise } => return self.when(arms, otherwise, here, landings),
            StepKind::Each { body, .. } => drop(self.block(body, landings)),
            _ => {}
        }
        Exit::On
    }

    fn when(
        &mut self,
        arms: &[(Expr, Block)],
        otherwise: &Block,
        here: Option<Location>,
        landings: &mut HashSet<u32>,
    ) -> Exit {
        let mut goes_on = false;
        let mut covered = false;
        for (condition, block) in arms {
            let known = always(condition);
            if covered || known == Some(false) {
                if let Some(first) = block.steps.first() {
                    self.report(first, here);
                }
                continue;
            }
            covered = known == Some(true);
            goes_on |= matches!(self.block(block, landings), Exit::On);
        }
        if covered {
            if let Some(first) = otherwise.steps.first() {
                self.report(first, here);
            }
        } else {
            goes_on |= matches!(self.block(otherwise, landings), Exit::On);
        }
        if goes_on { Exit::On } else { Exit::Never(here) }
    }

    fn report(&mut self, step: &Step, by: Option<Location>) {
        let Some(place) = self.dag.place(&step.id) else { return };
        let diagnostic = Diagnostic::new(&codes::W0404, place.location, "this step can never run");
        let diagnostic = match by {
            Some(by) if by != place.location => diagnostic.secondary(by, "no record goes on from here to it"),
            _ => diagnostic,
        };
        self.found
            .push(diagnostic.help("take it out, or give what stands before it a condition that can be otherwise"));
    }
}

/// Whether a condition is the same for every record.
fn always(condition: &Expr) -> Option<bool> {
    match value(condition) {
        Ok(Some(Literal::Bool(value))) => Some(value),
        _ => None,
    }
}
