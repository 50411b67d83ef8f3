//! Subscriptions: what is listened to, when, and what is published.

use nsf_diagnostics::closest;
use nsf_plan as plan;
use nsf_plan::connector::Role;
use nsf_plan::{DimensionId, Guarantee, SlotId, SubscriptionEvent, Type};
use nsf_syntax::ast::{ExprKind, ItemKind, Name, SettingValue, SettingsItem, SettingsKeyword};

use super::expression::Expressions;
use super::settings::Settings;
use super::unit::{Scope, Unit};
use super::{Checker, Global, setting_message as message};
use crate::names::ItemRef;

const ALLOWED: [&str; 8] = ["tenant", "listen", "when", "on", "publish", "to", "extra", "loop"];
const EVENTS: [(&str, SubscriptionEvent); 4] = [
    ("create", SubscriptionEvent::Create),
    ("binlog", SubscriptionEvent::Binlog),
    ("reset", SubscriptionEvent::Reset),
    ("datain", SubscriptionEvent::Datain),
];

/// What a subscription listens to of one writer.
pub struct Listened {
    /// The full name of the flow or ingest.
    writer: String,
    dimension: DimensionId,
    field: u32,
    location: nsf_diagnostics::Location,
}

impl<'a> Checker<'a> {
    /// A dimension's fields as a stream's: keys, fields as `T?`, and `updated`.
    pub(super) fn subscription_slots(&self, dimension: DimensionId) -> Vec<plan::Slot> {
        let value = &self.program.dimensions[dimension.index()].value;
        let keys = value.keys.iter().map(|(name, ty)| (name.clone(), ty.clone()));
        let fields = value.fields.iter().map(|field| {
            let ty = if field.empty.is_some() { field.ty.non_null().clone() } else { field.ty.clone().nullable() };
            (field.name.clone(), ty)
        });
        let updated = ("updated".to_owned(), Type::Timestamp);
        keys.chain(fields).chain([updated]).map(|(name, ty)| plan::Slot { name, ty }).collect()
    }

    /// The dimension of a `subscription N on DIM`.
    pub(super) fn subscription_dimension(&mut self, item: ItemRef, subscription: &SettingsItem) -> Option<DimensionId> {
        let Some(on) = &subscription.on else {
            let location = self.at(item.module, subscription.name.span);
            self.diagnostics.push(message::missing(location, "on", "subscription", "on class_stu"));
            return None;
        };
        let found = self.named_item(item.module, on, "dimension", |kind| matches!(kind, ItemKind::Dimension(_)))?;
        match self.globals.get(&found) {
            Some(Global::Dimension(id)) => Some(*id),
            _ => None,
        }
    }

    pub(super) fn subscription_bodies(&mut self) {
        for (item, subscription) in self.settings_items(SettingsKeyword::Subscription) {
            let value = self.subscription(item, subscription);
            let placed = self.placed(item, subscription.name.span, value);
            self.program.subscriptions.push(placed);
        }
    }

    fn subscription(&mut self, item: ItemRef, subscription: &'a SettingsItem) -> plan::Subscription {
        let settings =
            self.settings(item.module, "subscription", subscription.name.span, &subscription.settings, &ALLOWED);
        let dimension = self.subscription_dimension(item, subscription);
        let tenant = self.tenant_setting(&settings);
        let name = self.names.full_name(item);
        self.loop_setting(&settings, &name);
        let mut unit =
            Unit { slots: dimension.map(|id| self.subscription_slots(id)).unwrap_or_default(), ..Unit::default() };
        let own = unit.slots.len();
        self.subscribed_symbols(dimension, &mut unit);
        let listen = dimension.map(|id| self.listen(&settings, id)).unwrap_or_default();
        let when = settings.get("when").filter(|_| dimension.is_some()).and_then(|setting| {
            let expr = self.one(&settings, setting, "one condition")?;
            if self.is_quoted_condition(item.module, expr) {
                return None;
            }
            let mut scope = Scope::default();
            for (index, slot) in unit.slots.iter().enumerate() {
                scope.add(slot.name.as_str(), SlotId(index as u32), None, false);
            }
            let broken = dimension.and_then(|id| self.broken_fields.get(&Global::Dimension(id)));
            broken.into_iter().flatten().for_each(|name| scope.fail(name));
            let module = item.module;
            self.trace_scope(module, expr.span, &scope, &unit);
            let mut expressions = Expressions { checker: self, unit: &mut unit, scope: &mut scope, module, raw: None };
            expressions.check(expr, &Type::Bool)
        });
        let publish = self.publish(&settings, &unit, own, dimension);
        plan::Subscription {
            id: name.clone(),
            name,
            dimension: dimension.unwrap_or_default(),
            tenant,
            listen,
            when,
            on: self.events(&settings),
            publish,
            slots: unit.slots,
            to: settings.get("to").and_then(|setting| self.topic_setting(&settings, setting, Role::Sink)),
            extra: self.text_setting(&settings, "extra"),
            guarantee: Guarantee::EffectivelyOnce,
            origin: self.origin(item.module, subscription.name.span),
        }
    }

    /// Says what declares the slots of a dimension's keys and fields.
    fn subscribed_symbols(&mut self, dimension: Option<DimensionId>, unit: &mut Unit) {
        let Some(owner) = dimension.and_then(|id| self.owner(Global::Dimension(id))) else { return };
        for index in 0..unit.slots.len() {
            let symbol = self.field_of(owner, &unit.slots[index].name);
            self.is_symbol(unit, SlotId(index as u32), symbol);
        }
    }

    /// Whether a condition stands in quotes; reports it.
    fn is_quoted_condition(&mut self, module: u32, expr: &nsf_syntax::ast::Expr) -> bool {
        let ExprKind::Literal(nsf_syntax::ast::Literal::Text(text)) = &expr.kind else { return false };
        let constant = format!("const condition = {text}");
        let reads = !text.contains(['\\', '"', '\n'])
            && nsf_syntax::parse(nsf_diagnostics::FileId(0), &constant).errors.is_empty();
        if reads {
            let location = self.at(module, expr.span);
            self.diagnostics.push(message::quoted_condition(location, text));
        }
        reads
    }

    fn listen(&mut self, settings: &Settings<'_>, dimension: DimensionId) -> Vec<(Option<String>, u32)> {
        let Some(setting) = self.require_setting(settings, "listen", "listen: status_name") else { return Vec::new() };
        let SettingValue::Values(values) = &setting.value else { return Vec::new() };
        let mut listen = Vec::new();
        for value in values {
            let (writer, field) = match &value.kind {
                ExprKind::Name(text) => (None, Name { text: text.clone(), span: value.span }),
                ExprKind::Member { object, name, .. } => match &object.kind {
                    ExprKind::Name(writer) => (Some(Name { text: writer.clone(), span: object.span }), name.clone()),
                    _ => continue,
                },
                ExprKind::Error => continue,
                _ => {
                    let location = self.at(settings.module, value.span);
                    self.diagnostics.push(message::wrong_value(
                        location,
                        "listen",
                        "fields such as `live_feed.status` or `status`",
                    ));
                    continue;
                }
            };
            let writer = match writer {
                None => None,
                Some(name) => match self.writer(settings.module, &name) {
                    Some(writer) => Some(writer),
                    None => continue,
                },
            };
            if let Some(index) = self.listened_field(settings.module, dimension, &field) {
                if let Some(writer) = &writer {
                    let location = self.at(settings.module, field.span);
                    self.listened.push(Listened { writer: writer.clone(), dimension, field: index, location });
                }
                listen.push((writer, index));
            }
        }
        listen
    }

    /// What subscriptions listen to must be written by the flow or ingest that they name; after the flows, which say what
    /// they write.
    pub(super) fn listened_writers(&mut self) {
        for listened in std::mem::take(&mut self.listened) {
            let dimension = &self.program.dimensions[listened.dimension.index()].value;
            let Some(field) = dimension.fields.get(listened.field as usize) else { continue };
            let (name, owner) = (field.name.clone(), self.short_dimension(listened.dimension));
            let short = listened.writer.rsplit('.').next().unwrap_or(&listened.writer).to_owned();
            let text = match self.written_by(&listened.writer, listened.dimension) {
                Some(written) if written.contains(&listened.field) => continue,
                Some(written) => {
                    let names: Vec<String> = dimension
                        .fields
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| written.contains(&(*index as u32)))
                        .map(|(_, field)| format!("`{}`", field.name))
                        .collect();
                    let others = if names.is_empty() { "nothing of it".to_owned() } else { names.join(" and ") };
                    format!("flow `{short}` does not write `{name}` of `{owner}`: it writes {others}")
                }
                None if field.derived && self.is_ingest(&listened.writer) => {
                    format!("ingest `{short}` does not bring `{name}` of `{owner}`, which is derived: a flow writes it")
                }
                None => continue,
            };
            let diagnostic = nsf_diagnostics::Diagnostic::new(&nsf_diagnostics::codes::E0307, listened.location, text);
            self.diagnostics.push(diagnostic.help(format!("`{name}` alone listens to whatever writes it")));
        }
    }

    fn is_ingest(&self, name: &str) -> bool {
        self.program.ingests.iter().any(|ingest| ingest.value.name == name)
    }

    /// The fields of a dimension that a flow writes; none where something of it could not be understood.
    fn written_by(&self, flow: &str, dimension: DimensionId) -> Option<std::collections::HashSet<u32>> {
        let info = self.program.flows.iter().find(|info| info.name == flow)?;
        let is_in_flow = |own: &nsf_diagnostics::Diagnostic| {
            let (at, item) = (own.location(), info.item);
            at.file == item.file && item.span.start <= at.span.start && at.span.start < item.span.end
        };
        if info.pipeline.is_none() || self.diagnostics.iter().any(is_in_flow) {
            return None;
        }
        let mut written = std::collections::HashSet::new();
        let own = format!("{flow}/");
        for pipeline in &self.program.pipelines {
            pipeline.value.body.walk(&mut |step| {
                if let plan::StepKind::ExpandDimension(expand) = &step.kind
                    && expand.dimension == dimension
                    && step.id.starts_with(&own)
                {
                    written.extend(expand.fields.iter().map(|(field, _)| *field));
                    // A row that is deleted has lost every field.
                    let all = self.program.dimensions[dimension.index()].value.fields.len() as u32;
                    written.extend((0..all).filter(|_| expand.delete));
                }
            });
        }
        Some(written)
    }

    fn writer(&mut self, module: u32, name: &Name) -> Option<String> {
        let accept = |kind: &ItemKind| match kind {
            ItemKind::Flow(_) => true,
            ItemKind::Settings(item) => item.keyword == SettingsKeyword::Ingest,
            _ => false,
        };
        let item = self.named_item(module, name, "ingest or flow", accept)?;
        Some(self.names.full_name(item))
    }

    fn listened_field(&mut self, module: u32, dimension: DimensionId, field: &Name) -> Option<u32> {
        let value = &self.program.dimensions[dimension.index()].value;
        let index = value.fields.iter().position(|other| other.name == field.text);
        if index.is_none() && !self.is_broken_field(Global::Dimension(dimension), &field.text) {
            let near = closest(&field.text, value.fields.iter().map(|other| other.name.as_str())).map(str::to_owned);
            let owner = format!("dimension `{}`", self.short_dimension(dimension));
            let location = self.at(module, field.span);
            self.diagnostics.push(super::message::no_field(location, &field.text, &owner, near));
        }
        let symbol = self.owner(Global::Dimension(dimension)).and_then(|owner| self.field_of(owner, &field.text));
        self.refer(module, field.span, symbol, None);
        index.map(|index| index as u32)
    }

    fn events(&mut self, settings: &Settings<'_>) -> Vec<SubscriptionEvent> {
        let Some(setting) = self.require_setting(settings, "on", "on: create, binlog") else { return Vec::new() };
        let mut events = Vec::new();
        for name in self.names_setting(settings, setting) {
            match EVENTS.iter().find(|(word, _)| *word == name.text) {
                Some((_, event)) => events.push(*event),
                None => {
                    let words: Vec<&str> = EVENTS.iter().map(|(word, _)| *word).collect();
                    let near = closest(&name.text, words.iter().copied()).map(str::to_owned);
                    let location = self.at(settings.module, name.span);
                    self.diagnostics.push(message::wrong_word(location, "on", &name.text, &words, near));
                }
            }
        }
        events
    }

    fn publish(
        &mut self,
        settings: &Settings<'_>,
        unit: &Unit,
        own: usize,
        dimension: Option<DimensionId>,
    ) -> Vec<(String, SlotId)> {
        let slots = &unit.slots[..own];
        let Some(setting) = self.require_setting(settings, "publish", "publish: stu_id, status_name") else {
            return Vec::new();
        };
        let mut publish: Vec<(String, SlotId)> = Vec::new();
        let names = self.names_setting(settings, setting);
        for name in &names {
            let location = self.at(settings.module, name.span);
            match slots.iter().position(|slot| slot.name == name.text) {
                Some(_) if publish.iter().any(|(other, _)| *other == name.text) => {
                    self.report_named_twice(settings.module, &names, name);
                }
                Some(index) => {
                    let slot = SlotId(index as u32);
                    self.refer(settings.module, name.span, unit.symbol(slot), Some(unit.ty(slot)));
                    publish.push((name.text.to_string(), slot));
                }
                None if dimension.is_some_and(|id| !self.is_broken_field(Global::Dimension(id), &name.text)) => {
                    let near = closest(&name.text, slots.iter().map(|slot| slot.name.as_str())).map(str::to_owned);
                    self.diagnostics.push(message::not_a_field(location, &name.text, near));
                }
                None => {}
            }
        }
        publish
    }
}

/// Whether a flow may read the item.
pub(super) fn is_stream(kind: &ItemKind) -> bool {
    match kind {
        ItemKind::Flow(_) => true,
        ItemKind::Settings(item) => matches!(item.keyword, SettingsKeyword::Source | SettingsKeyword::Subscription),
        _ => false,
    }
}
