//! The graph as text: flows with their steps, and below each step what it touches.

use std::fmt::Write;

use super::view::{View, ViewNode};
use super::{edge_word, guarantee_words};
use crate::graph::EdgeKind;

/// The graph as text for a person.
#[must_use]
pub fn text(view: &View) -> String {
    let mut out = String::new();
    let edges = by_node(view);
    for (position, node) in view.nodes.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = match (&node.flow, node.kind) {
            (Some(_), "flow") => writeln!(out, "{}{}", blank(&out), head(node)),
            (Some(_), _) => writeln!(out, "  {}{}", node.label, place(node)),
            (None, _) => writeln!(out, "{}{}", blank(&out), head(node)),
        };
        for found in &node.found {
            let _ = writeln!(out, "    {}", found.line());
        }
        for index in &edges[position] {
            let _ = edge(&mut out, view, position, *index);
        }
    }
    out
}

/// The edges that are told at each node: of a step all but the way to the next one, of others what comes to them.
fn by_node(view: &View) -> Vec<Vec<usize>> {
    let mut edges = vec![Vec::new(); view.nodes.len()];
    let is_step = |node: usize| view.nodes.get(node).is_some_and(|node| node.flow.is_some());
    for (index, edge) in view.edges.iter().enumerate() {
        if edge.kind == EdgeKind::Next && edge.to == edge.from + 1 && view.nodes[edge.from].kind != "flow" {
            continue;
        }
        let at = if is_step(edge.to) && edge.kind != EdgeKind::Jump { edge.to } else { edge.from };
        edges[at].push(index);
    }
    edges
}

fn edge(out: &mut String, view: &View, at: usize, index: usize) -> std::fmt::Result {
    let edge = &view.edges[index];
    let (word, other) = match (edge.kind, edge.to == at) {
        (EdgeKind::Next, true) => ("after", edge.from),
        (EdgeKind::Feed | EdgeKind::Expire, true) => ("from", edge.from),
        (EdgeKind::Read, false) => ("read by", edge.to),
        (kind, true) => (edge_word(kind), edge.from),
        (kind, false) => (edge_word(kind), edge.to),
    };
    let node = &view.nodes[other];
    let name = if node.flow.is_some() { node.label.clone() } else { node.title() };
    write!(out, "    {word} {name}")?;
    if !edge.key.is_empty() {
        write!(out, " by ({})", edge.key.join(", "))?;
    }
    if let Some(guarantee) = edge.guarantee {
        write!(out, ", {}", guarantee_words(guarantee))?;
    }
    out.push('\n');
    if !edge.record.is_empty() {
        writeln!(out, "      {}", edge.shape())?;
    }
    Ok(())
}

fn blank(out: &str) -> &'static str {
    if out.is_empty() { "" } else { "\n" }
}

fn head(node: &ViewNode) -> String {
    format!("{} {}{}", node.kind, node.label, place(node))
}

fn place(node: &ViewNode) -> String {
    node.place.as_ref().map_or_else(String::new, |(path, line)| format!("  {path}:{line}"))
}
