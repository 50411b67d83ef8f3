//! The cut of `repartition by`: what is above it sends records to a topic of the program's own, what is below reads them.

use nsf_diagnostics::{Location, Span};
use nsf_plan as plan;
use nsf_plan::connector::Connector;
use nsf_plan::{
    Encoding, Expr, ExprKind, Guarantee, Input, InputSource, RecordField, SlotId, SourceId, Step, StepKind,
    TopicExpand, TopicId, Type,
};
use nsf_syntax::ast::{self, Name};

use super::flow::record_fields;
use super::pipeline::Builder;
use super::unit::Path;
use super::{Checker, message as words, relation};
use crate::model::Placed;

impl Checker<'_> {
    /// `repartition by k`: sends the record to an internal topic, and begins the pipeline that reads it.
    pub(super) fn cut(
        &mut self,
        builder: &mut Builder,
        keys: &[Name],
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) -> Option<Builder> {
        let module = builder.module;
        let at = self.at(module, step.span);
        let fields: Vec<(String, SlotId)> = record_fields(&builder.scope);
        let mut key_slots = Vec::new();
        for name in keys {
            match builder.scope.variable(&name.text).filter(|variable| !variable.local).map(|variable| variable.slot) {
                Some(slot) => {
                    self.refer(module, name.span, builder.unit.symbol(slot), None);
                    let ty = read_slot(builder, slot).ty;
                    let is_null = relation::is_key(ty.non_null()) && ty.is_nullable();
                    if is_null {
                        let location = self.at(module, name.span);
                        self.diagnostics.push(words::may_be_null(location, &name.text, &ty));
                        // What is said of it below would be said again.
                        builder.scope.learn(&[Path::Slot(slot)]);
                    } else if !relation::is_key(&ty) {
                        let location = self.at(module, name.span);
                        self.diagnostics.push(words::not_a_key(location, &ty, "a key"));
                        // What is said of it below would be said again.
                        builder.scope.learn(&[Path::Slot(slot)]);
                        return None;
                    }
                    key_slots.push((name.text.to_string(), slot));
                }
                None => {
                    let near = nsf_diagnostics::closest(&name.text, builder.scope.names()).map(str::to_owned);
                    let location = self.at(module, name.span);
                    self.diagnostics.push(super::setting_message::not_a_field(location, &name.text, near));
                }
            }
        }
        if key_slots.len() != keys.len() {
            return None;
        }
        let name = self.numbered(format!("{}.repartitioned", builder.flow), '.');
        let topic = self.internal_topic(&name, at);
        // What is known not to be null above the cut is so below it.
        let values: Vec<Expr> = fields.iter().map(|(_, slot)| read_slot(builder, *slot)).collect();
        let types: Vec<(String, Type)> =
            fields.iter().zip(&values).map(|((name, _), value)| (name.clone(), value.ty.clone())).collect();
        let key_values: Vec<Expr> = key_slots.iter().map(|(_, slot)| read_slot(builder, *slot)).collect();
        let kind = StepKind::ExpandTopic(TopicExpand {
            topic,
            key: internal_key(key_values),
            message: Expr { kind: ExprKind::Record(values), ty: Type::Record(types.clone()), origin: None },
            guarantee: Guarantee::ExactlyOnce,
        });
        let place = self.place(module, step.span, step.span, "repartition");
        let made = self.step(builder, "repartition", kind, place);
        steps.push(made);
        let key_names: Vec<String> = key_slots.into_iter().map(|(name, _)| name).collect();
        Some(self.second_part(builder, name, topic, &types, &key_names, step.span))
    }

    fn internal_topic(&mut self, name: &str, at: Location) -> TopicId {
        let connector = Connector { kind: "kafka".to_owned(), name: format!("{name}.repartition"), cluster: None };
        let id = self.topic(connector, at, true);
        let topic = &mut self.program.topics[id.index()].value;
        (topic.written, topic.internal) = (true, true);
        id
    }

    fn second_part(
        &mut self,
        builder: &Builder,
        name: String,
        topic: TopicId,
        fields: &[(String, Type)],
        key: &[String],
        span: Span,
    ) -> Builder {
        let record = |(name, ty): &(String, Type)| RecordField {
            name: name.clone(),
            path: vec![name.clone()],
            ty: ty.clone(),
            default: None,
            used: false,
            renames: Vec::new(),
        };
        let index = |name: &String| fields.iter().position(|(field, _)| field == name).map(|index| index as u32);
        let source = plan::Source {
            id: name.clone(),
            name,
            from: topic,
            encoding: Encoding {
                format: plan::Format::Json,
                coerce: plan::Coerce::Strict,
                strict: false,
                fields: fields.iter().map(record).collect(),
            },
            key: key.iter().filter_map(index).collect(),
            time: self.time_of(builder, fields),
            late: None,
            late_else: plan::Late::Drop,
            max_skew: super::streams::MAX_SKEW,
            idle: None,
            retry: None,
            on_error: plan::OnError::BlockLane,
            reject: None,
            origin: self.origin(builder.module, span),
        };
        let id = SourceId(self.program.sources.len() as u32);
        let location = self.at(builder.module, span);
        self.program.sources.push(Placed { value: source, name: location, item: location });
        let mut next = Builder::new(builder.module, builder.flow.clone(), builder.index);
        let mut inputs = Vec::with_capacity(fields.len());
        for (index, (name, ty)) in fields.iter().enumerate() {
            let slot = next.field(name, ty);
            let symbol = builder.scope.variable(name).and_then(|variable| builder.unit.symbol(variable.slot));
            self.is_symbol(&mut next.unit, slot, symbol);
            next.scope.add(name.as_str(), slot, None, false);
            inputs.push((index as u32, slot));
        }
        next.key = key.iter().filter_map(|name| next.scope.variable(name).map(|variable| variable.slot)).collect();
        next.inputs.push(Input { from: InputSource::Source(id), fields: inputs, record: None });
        next
    }

    /// The field that held the record's time before the cut, if it is still a field.
    fn time_of(&self, builder: &Builder, fields: &[(String, Type)]) -> Option<u32> {
        let InputSource::Source(id) = builder.inputs.first()?.from else { return None };
        let source = &self.program.sources[id.index()].value;
        let time = &source.encoding.fields[source.time? as usize].name;
        let found = fields.iter().position(|(name, ty)| name == time && *ty == Type::Timestamp);
        found.map(|index| index as u32)
    }
}

/// The key of an internal message: one value, or a record of several.
fn internal_key(mut values: Vec<Expr>) -> Option<Expr> {
    if values.len() <= 1 {
        return values.pop();
    }
    let ty =
        Type::Record(values.iter().enumerate().map(|(index, value)| (format!("k{index}"), value.ty.clone())).collect());
    Some(Expr { kind: ExprKind::Record(values), ty, origin: None })
}

/// Reads a slot, as not null where that is known.
fn read_slot(builder: &Builder, slot: SlotId) -> Expr {
    let ty = builder.unit.ty(slot).clone();
    let read = Expr { kind: ExprKind::Slot(slot), ty, origin: None };
    let known = Path::of(&read).is_some_and(|path| builder.scope.known.contains(&path));
    if !known || !read.ty.is_nullable() {
        return read;
    }
    let ty = read.ty.non_null().clone();
    Expr { kind: ExprKind::NonNull(Box::new(read)), ty, origin: None }
}
