//! The words of key safety.

use nsf_diagnostics::{Applicability, Diagnostic, Location, Span, Suggestion, TextEdit, codes};
use nsf_plan::{Expr, ExprKind, Pipeline, Source, Step};

use super::provenance::Origins;
use super::{Write, partition_key, stream_name, written_key};
use crate::graph::proofs::{key, list, short};
use crate::graph::{Dag, FlowNode, StepNode};
use crate::model::Placed;

/// A part of the partition key that is not in the key that is written.
pub(super) fn not_in_key(
    dag: &Dag,
    flow: &FlowNode,
    write: &Write<'_>,
    lost: &[usize],
    origins: &Origins,
    at: Location,
) -> Diagnostic {
    let pipeline = &flow.part.value;
    let partition = partition_key(pipeline);
    let streams: Vec<String> = pipeline.inputs.iter().map(|input| stream_name(dag, input.from)).collect();
    let streams = list(&streams);
    let written = key(&written_key(pipeline, write));
    let names: Vec<String> = lost.iter().filter_map(|part| partition.get(*part).cloned()).collect();
    let verb = if write.what == "state" { "saved" } else { "written" };
    let changed = lost.iter().find_map(|part| origins.changed_at(*part));
    // A field that got another value has the key's name and not its origin.
    let but = match changed {
        Some(_) => format!(
            "but by then {} is another value than records of {streams} are spread over workers by",
            list(&names)
        ),
        None => format!("but records of {streams} are spread over workers by {}", key(&partition)),
    };
    let text =
        format!("`{}` is {verb} by {written}, {but}: two workers could write one key at once", short(write.name));
    let mut diagnostic = Diagnostic::new(&codes::E0403, at, text)
        .label(format!("this key says nothing of {}", list(&names)))
        .secondary(write.declared, format!("this {} is kept by {}", write.what, key(&write.names)));
    if let Some(changed) = changed {
        diagnostic = diagnostic
            .label(format!("{} no longer holds the key that was read", list(&names)))
            .secondary(changed, "it gets another value here");
    }
    for input in &pipeline.inputs {
        if let nsf_plan::InputSource::Source(id) = input.from
            && let Some(source) = dag.source(id)
        {
            diagnostic = diagnostic.secondary(source.name, format!("its key is {}", key(&partition)));
        }
    }
    diagnostic
}

/// Offers the ways to mend a key: as an edit where the new key is made of plain fields and the step is the flow's own.
pub(super) fn offer_repartition(
    diagnostic: Diagnostic,
    write: &Write<'_>,
    pipeline: &Pipeline,
    outer: &StepNode,
    step: &Step,
    before: Option<Location>,
) -> Diagnostic {
    let fields: Option<Vec<String>> = write.values.iter().map(|value| field(value, pipeline)).collect();
    let partition = partition_key(pipeline).join(", ");
    let Some(fields) = fields else {
        return diagnostic
            .help("give the key's value a name with `calculate`, and put `repartition by` that name before the step")
            .help(format!("or keep the {} by `{partition}` too", write.what));
    };
    let line = format!("repartition by {}", fields.join(", "));
    let kept: Vec<String> = write.names.clone();
    // A key that is kept by already is another value by then.
    let is_kept = partition_key(pipeline).iter().all(|part| kept.contains(part));
    let diagnostic = if is_kept {
        diagnostic.help(format!("put `{line}` before it, or give the new value another name than `{partition}`"))
    } else {
        diagnostic.help(format!("put `{line}` before it, or keep the {} by `{partition}` too", write.what))
    };
    match before {
        Some(before) if outer.flow == pipeline.name && outer.step.id == step.id => {
            let at = Span::at(before.span.start).in_file(before.file);
            let edit = TextEdit { location: at, replacement: format!("{line}\n  ") };
            let message = format!("insert `{line}`");
            diagnostic.suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
        }
        _ => diagnostic,
    }
}

/// The field that a value is.
fn field(value: &Expr, pipeline: &Pipeline) -> Option<String> {
    match &value.kind {
        ExprKind::Slot(slot) => pipeline.slots.get(slot.index()).map(|slot| slot.name.clone()),
        ExprKind::Widen(inner) | ExprKind::NonNull(inner) => field(inner, pipeline),
        _ => None,
    }
}

/// A stream without a key whose flow keeps state.
pub(super) fn no_key(at: Location, what: &str, source: &Placed<Source>, write: Option<&Write<'_>>) -> Diagnostic {
    let name = short(&source.value.name);
    let text = format!("{what}, but `{name}` has no key: two workers could write one key at once");
    let diagnostic = Diagnostic::new(&codes::E0404, at, text).secondary(source.name, "this source has no `key`");
    let fields = &source.value.encoding.fields;
    let wanted = write.and_then(|write| {
        let name = write
            .names
            .iter()
            .find(|name| fields.iter().any(|field| field.name == **name && !field.ty.is_nullable()))?;
        Some(name.clone())
    });
    match wanted {
        Some(wanted) => {
            let end = Span::at(source.item.span.end.saturating_sub(1)).in_file(source.item.file);
            let edit = TextEdit { location: end, replacement: format!("  key: {wanted}\n") };
            let message = format!("add `key: {wanted}`");
            diagnostic
                .help(format!("add `key: {wanted}` to `{name}`: the field by which its messages are spread"))
                .suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
        }
        None => diagnostic.help(format!("add `key: …` to `{name}`: the field by which its messages are spread")),
    }
}

/// A state that is saved by flows of two sources.
pub(super) fn two_sources(
    state: &str,
    place: (Location, Location),
    names: &[String],
    first: &[String],
    cut: bool,
    ended: bool,
) -> Diagnostic {
    let (at, earlier) = place;
    let text = format!(
        "`{state}` is saved for records of {} and of {}: two workers could write one key at once",
        list(names),
        list(first)
    );
    let mut merged: Vec<String> = first.iter().chain(names).cloned().collect();
    let mut seen = std::collections::HashSet::new();
    merged.retain(|name| seen.insert(name.clone()));
    Diagnostic::new(&codes::E0407, at, text)
        .label("the second writer")
        .secondary(earlier, format!("saved here for records of {}", list(first)))
        .help(match cut {
            _ if ended => format!("the value of `{state}` has ended there: save what it becomes in a state of its own"),
            true => "save it on one side of the `repartition` only, or in two states".to_owned(),
            false => {
                format!("save it in one flow `from {}`, or give each source a state of its own", merged.join(", "))
            }
        })
}

/// Messages that go to a topic without a key, or with another one than its reader expects.
pub(super) fn message_key(at: Location, text: String, source: &Placed<Source>, label: String) -> Diagnostic {
    Diagnostic::new(&codes::E0402, at, text).secondary(source.name, label)
}

/// Offers to send the value of a message's member as its key too; `at` is the connector with its brackets.
pub(super) fn offer_key(diagnostic: Diagnostic, at: Location, value: Option<String>) -> Diagnostic {
    let Some(value) = value.filter(|value| !value.contains('…')) else { return diagnostic };
    let end = Span::at(at.span.end.saturating_sub(1)).in_file(at.file);
    let edit = TextEdit { location: end, replacement: format!(", key: {value}") };
    let message = format!("send it with `key: {value}`");
    diagnostic.suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
}
