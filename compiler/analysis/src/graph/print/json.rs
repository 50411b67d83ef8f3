//! The graph as JSON, for machines.

use serde_json::{Map, Value, json};

use super::edge_word;
use super::view::{Found, View, ViewEdge, ViewNode};

/// The graph as JSON.
#[must_use]
pub fn json(view: &View) -> String {
    let nodes: Vec<Value> = view.nodes.iter().enumerate().map(|(position, value)| node(position, value)).collect();
    let edges: Vec<Value> = view.edges.iter().map(edge).collect();
    let elsewhere: Vec<Value> = view.elsewhere.iter().map(found).collect();
    let value = json!({
        "project": view.project,
        "complete": view.complete,
        "nodes": nodes,
        "edges": edges,
        "diagnostics": elsewhere,
    });
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}

fn node(position: usize, node: &ViewNode) -> Value {
    let (file, line) = node.place.clone().map_or((Value::Null, Value::Null), |(file, line)| (file.into(), line.into()));
    json!({
        "node": position,
        "kind": node.kind,
        "id": node.id,
        "label": node.label,
        "flow": node.flow,
        "file": file,
        "line": line,
        "diagnostics": node.found.iter().map(found).collect::<Vec<Value>>(),
    })
}

fn found(found: &Found) -> Value {
    let (file, line) =
        found.place.clone().map_or((Value::Null, Value::Null), |(file, line)| (file.into(), line.into()));
    json!({
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "file": file,
        "line": line,
    })
}

fn edge(edge: &ViewEdge) -> Value {
    let record: Map<String, Value> =
        edge.record.iter().map(|(name, ty)| (name.clone(), Value::String(ty.clone()))).collect();
    json!({
        "from": edge.from,
        "to": edge.to,
        "kind": edge_word(edge.kind),
        "record": record,
        "key": edge.key,
        "guarantee": edge.guarantee,
    })
}
