//! `expand`: what leaves a flow, to dimensions and topics.

use nsf_diagnostics::{Span, Suggestion, closest};
use nsf_plan as plan;
use nsf_plan::connector::Role;
use nsf_plan::{DimensionExpand, DimensionId, Expr, Guarantee, HandleTarget, Step, StepKind, TopicExpand};
use nsf_syntax::ast::{self, ExpandMode, ExpandStep, ExpandTarget, ItemKind, Name, RecordEntry};

use super::connector::ConnectorCall;
use super::pipeline::Builder;
use super::steps::bare;
use super::{Checker, Global, relation, setting_message, step_message as message};
use crate::model::StepPlace;
use crate::names::{ItemRef, NameError, Resolution};

impl Checker<'_> {
    pub(super) fn expand_step(
        &mut self,
        builder: &mut Builder,
        expand: &ExpandStep,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        match &expand.target {
            ExpandTarget::Dimension(name, keys) => {
                self.expand_dimension(builder, expand, name, keys.as_deref(), step, steps);
            }
            ExpandTarget::Connector(connector) => self.expand_topic(builder, expand, connector, step, steps),
        }
    }

    fn expand_dimension(
        &mut self,
        builder: &mut Builder,
        expand: &ExpandStep,
        name: &Name,
        keys: Option<&[ast::Binding]>,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        if self.is_deleted_state(builder, expand, name, step) || self.is_delete_in_braces(builder, expand, name, step) {
            return;
        }
        if let Resolution::Item(item) = self.names.lookup(builder.module, &name.text)
            && let Some(Global::State(_)) = self.globals.get(&item)
        {
            return self.is_saved(builder, name, item, step);
        }
        let found = self.named_item(builder.module, name, "dimension", |kind| matches!(kind, ItemKind::Dimension(_)));
        let Some(Global::Dimension(dimension)) = found.and_then(|item| self.globals.get(&item).copied()) else {
            return;
        };
        let reported = self.diagnostics.len();
        let among_fields = self.keys_among_fields(builder, dimension, expand, name, keys);
        let is_complete = self.diagnostics.len() == reported;
        let bound: Vec<ast::Binding> = keys.unwrap_or(&[]).iter().chain(&among_fields).cloned().collect();
        let keys = if among_fields.is_empty() { keys } else { Some(bound.as_slice()) };
        let keys = self.bind_keys(builder, HandleTarget::Dimension(dimension), name, keys).filter(|_| is_complete);
        let mut place = self.place(builder.module, step.span, name.span, "expand");
        let entries = expand.entries.as_deref().unwrap_or(&[]);
        let resets = expand.mode == ExpandMode::Reset;
        let is_key = |entry: &&RecordEntry| match entry {
            RecordEntry::Field { name, .. } => among_fields.iter().any(|key| key.name.text == name.text),
            RecordEntry::Spread(_) => false,
        };
        let entries: Vec<RecordEntry> = entries.iter().filter(|entry| !is_key(entry)).cloned().collect();
        // A field alone that is put to null is one that is to be cleared.
        let whole = (entries.len() == 1 && !resets).then_some((name, step.span));
        let fields = self.dimension_members(builder, dimension, &entries, resets, &mut place, whole);
        let (Some(keys), Some(fields)) = (keys, fields) else { return };
        let kind = StepKind::ExpandDimension(DimensionExpand {
            dimension,
            keys,
            fields,
            delete: expand.mode == ExpandMode::Delete,
            reset: resets,
            guarantee: Guarantee::EffectivelyOnce,
        });
        let made = self.step(builder, &format!("expand.{}", name.text), kind, place);
        steps.push(made);
    }

    /// `expand` of a state, which is saved.
    fn is_saved(&mut self, builder: &Builder, name: &Name, item: ItemRef, step: &ast::Step) {
        self.used.insert(item);
        let error = NameError::WrongKind {
            name: name.text.to_string(),
            is: "state",
            expected: "a dimension".to_owned(),
            location: self.at(builder.module, name.span),
            declared: self.names.location(item),
        };
        let keyword = self.at(builder.module, Span::new(step.span.start, name.span.start));
        let diagnostic = error.diagnostic().help(format!("a state is written by `save {} {{ … }}`", name.text));
        let is_plain = self.sources.text(keyword).trim() == "expand";
        let fix = Suggestion::likely("write `save`", keyword, "save ");
        self.diagnostics.push(if is_plain { diagnostic.suggest(fix) } else { diagnostic });
    }

    /// Fields and their values. In a reset a name alone clears the field, else it is the record's field of that name.
    fn dimension_members(
        &mut self,
        builder: &mut Builder,
        dimension: DimensionId,
        entries: &[RecordEntry],
        resets: bool,
        place: &mut StepPlace,
        whole: Option<(&Name, Span)>,
    ) -> Option<Vec<(u32, Expr)>> {
        let fields: Vec<(String, plan::Type)> = self.program.dimensions[dimension.index()]
            .value
            .fields
            .iter()
            .map(|field| (field.name.clone(), field.ty.clone()))
            .collect();
        let mut values: Vec<(u32, Expr)> = Vec::with_capacity(entries.len());
        let mut complete = true;
        for entry in entries {
            let RecordEntry::Field { name, value, .. } = entry else {
                let span = if let RecordEntry::Spread(expr) = entry { expr.span } else { Span::default() };
                let location = self.at(builder.module, span);
                let text = "a dimension's fields are named one by one".to_owned();
                self.diagnostics.push(message::expand(location, text).help("name each field that is written"));
                complete = false;
                continue;
            };
            let location = self.at(builder.module, name.span);
            let Some(index) = fields.iter().position(|(field, _)| *field == name.text) else {
                complete = false;
                if name.text.is_empty() || self.is_broken_field(Global::Dimension(dimension), &name.text) {
                    continue;
                }
                let near = closest(&name.text, fields.iter().map(|(field, _)| field.as_str())).map(str::to_owned);
                let owner = format!("dimension `{}`", self.short_dimension(dimension));
                self.diagnostics.push(super::message::no_field(location, &name.text, &owner, near));
                continue;
            };
            if values.iter().any(|(other, _)| *other == index as u32) {
                let first = entries.iter().find_map(|other| match other {
                    RecordEntry::Field { name: other, .. } if other.text == name.text => Some(other.span),
                    _ => None,
                });
                let earlier = self.at(builder.module, first.unwrap_or(name.span));
                self.diagnostics.push(super::message::member_twice(location, &name.text, earlier));
                complete = false;
                continue;
            }
            place.parts.push(location);
            let symbol = self.field_of_row(HandleTarget::Dimension(dimension), &name.text);
            self.refer_label(builder.module, name.span, symbol, Some(&fields[index].1));
            if resets && value.is_none() {
                values.push((index as u32, Expr::null(fields[index].1.clone())));
                continue;
            }
            if self.is_cleared_by_null(builder, whole, name, value.as_ref(), &fields[index].1) {
                complete = false;
                continue;
            }
            let shorthand = bare(&name.text, name.span);
            match builder.expressions(self).check(value.as_ref().unwrap_or(&shorthand), &fields[index].1) {
                Some(value) => values.push((index as u32, value)),
                None => complete = false,
            }
        }
        complete.then_some(values)
    }

    /// The key of a value, as its template gives it: the engine escapes what stands in braces, so that a `:` in the template
    /// always parts what is before it from what is behind it.
    fn key_of_template(
        &mut self,
        builder: &mut Builder,
        call: &ConnectorCall<'_>,
        connector: &ast::Expr,
    ) -> Option<Expr> {
        let module = builder.module;
        let Some(template) = call.template else {
            let name = &call.connector.name;
            return self.is_key_text(module, name, connector.span).then(|| Expr::text(name.clone()));
        };
        if let ast::ExprKind::Interpolation(parts) = &template.kind {
            let mut open = false;
            for part in parts {
                match part {
                    ast::TextPart::Text(text) => {
                        if !self.is_key_text(module, text, template.span) {
                            return None;
                        }
                        open &= !text.contains(':');
                    }
                    ast::TextPart::Expr(expr) if open => {
                        let location = self.at(module, expr.span);
                        let expected = "written with `:` between two parts, or two keys could meet";
                        self.diagnostics.push(setting_message::wrong_value(location, "the key's template", expected));
                        return None;
                    }
                    ast::TextPart::Expr(_) => open = true,
                }
            }
        }
        builder.expressions(self).check(template, &plan::Type::Text)
    }

    fn is_key_text(&mut self, module: u32, text: &str, span: Span) -> bool {
        let refused = |sign: char| sign.is_whitespace() || sign.is_control() || "{}*?[]\\%".contains(sign);
        let good = !text.contains(refused);
        if !good {
            let location = self.at(module, span);
            let expected = "written without blanks and `{ } * ? [ ] \\ %` outside its parts";
            self.diagnostics.push(setting_message::wrong_value(location, "the key's template", expected));
        }
        good
    }

    /// Whether a key is the name of a field in quotes, which would be the key of every message.
    fn is_field_in_quotes(&mut self, builder: &Builder, key: &ast::Expr) -> bool {
        let ast::ExprKind::Literal(ast::Literal::Text(name)) = &key.kind else { return false };
        if !builder.scope.names().any(|own| own == name) {
            return false;
        }
        let location = self.at(builder.module, key.span);
        let text = format!("every message would have the text \"{name}\" as its key");
        let diagnostic = nsf_diagnostics::Diagnostic::new(&nsf_diagnostics::codes::E0504, location, text)
            .label("a text, not the field")
            .suggest(nsf_diagnostics::Suggestion::certain(format!("write `{name}`"), location, name.as_str()));
        self.diagnostics.push(diagnostic);
        true
    }

    fn expand_topic(
        &mut self,
        builder: &mut Builder,
        expand: &ExpandStep,
        connector: &ast::Expr,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let module = builder.module;
        if expand.mode != ExpandMode::Put {
            let location = self.at(module, step.span);
            let text = "only a dimension's row can be deleted or reset".to_owned();
            self.diagnostics.push(message::misplaced(location, text));
            return;
        }
        let call = self.connector(module, connector, Role::Values, true);
        let entries = expand.entries.clone().unwrap_or_default();
        if entries.is_empty() {
            let location = self.at(module, step.span);
            let text = "this says nothing to send".to_owned();
            self.diagnostics
                .push(message::misplaced(location, text).help("name the fields in braces: `{ id, amount }`"));
            return;
        }
        let record = ast::Expr { kind: ast::ExprKind::Record(entries), span: step.span };
        self.trace_message(Some(self.at(module, record.span)));
        let message = builder.expressions(self).infer(&record, None);
        self.trace_message(None);
        let Some(call) = call else { return };
        let key = match call.key {
            None if call.descriptor.keeps_values() => match self.key_of_template(builder, &call, connector) {
                Some(key) => Some(key),
                None => return,
            },
            None => None,
            Some(key) => match builder.expressions(self).infer(key, None) {
                Some(value) if !relation::is_key(value.ty.non_null()) => {
                    let location = self.at(module, key.span);
                    self.diagnostics.push(super::message::not_a_key(location, &value.ty, "a message's key"));
                    return;
                }
                Some(value) if value.ty.is_nullable() => {
                    let location = self.at(module, key.span);
                    let text = builder.expressions(self).text(key.span);
                    self.diagnostics.push(super::message::may_be_null(location, &text, &value.ty));
                    return;
                }
                Some(_) if self.is_field_in_quotes(builder, key) => return,
                Some(value) => Some(value),
                None => return,
            },
        };
        let Some(message) = message else { return };
        let location = self.at(module, connector.span);
        let base =
            if call.connector.name.is_empty() { call.connector.kind.clone() } else { call.connector.name.clone() };
        let topic = self.topic(call.connector, location, false);
        let place = self.place(module, step.span, connector.span, "expand");
        let kind = StepKind::ExpandTopic(TopicExpand { topic, key, message, guarantee: Guarantee::EffectivelyOnce });
        let made = self.step(builder, &format!("expand.{base}"), kind, place);
        steps.push(made);
    }
}
