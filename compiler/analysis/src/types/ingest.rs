//! Ingests: which member of the raw message goes to which field of which dimension.

use nsf_diagnostics::Span;
use nsf_plan as plan;
use nsf_plan::connector::Role;
use nsf_plan::{Coerce, DimensionId, Expr, ExprKind, IngestAssignment, IngestMember, TenantId, Type};
use nsf_syntax::ast::{self, Assignment, ItemKind, SettingValue, SettingsItem, SettingsKeyword};

use super::expression::Expressions;
use super::settings::Settings;
use super::unit::{Scope, Unit};
use super::{Checker, Global, setting_message as message};
use crate::names::ItemRef;

const ALLOWED: [&str; 12] = [
    "arris_id", "tenant", "from", "accept", "map", "order", "coerce", "retry", "on_error", "reject", "max_skew", "loop",
];

/// The raw members that an ingest reads, each by name and the type it is converted to.
#[derive(Debug, Default)]
pub struct RawMembers {
    /// In the order of their first use.
    pub members: Vec<IngestMember>,
    /// Members read by the expression at hand.
    pub reads: Vec<u32>,
}

/// An ingest while its assignments are gathered.
struct Body {
    unit: Unit,
    raw: RawMembers,
    keys: Vec<(String, Expr)>,
    assignments: Vec<IngestAssignment>,
    /// Whether a dimension is accepted that nobody understood: it may have any field.
    accepts_unknown: bool,
}

impl Expressions<'_, '_> {
    /// A member of the raw message, converted to the type that its place needs, or kept as JSON.
    pub(super) fn raw_member(&mut self, name: &str, span: Span, hint: Option<&Type>) -> Option<Expr> {
        let ty = hint.cloned().unwrap_or(Type::Json);
        let origin = self.origin(span);
        let raw = self.raw.as_mut()?;
        let found = raw.members.iter().position(|member| member.name == name && member.ty == ty);
        let index = match found {
            Some(index) => index,
            None => {
                let slot = self.unit.slot(name, ty.clone());
                raw.members.push(IngestMember { name: name.to_owned(), ty: ty.clone(), slot });
                raw.members.len() - 1
            }
        };
        if !raw.reads.contains(&(index as u32)) {
            raw.reads.push(index as u32);
        }
        Some(Expr { kind: ExprKind::Slot(raw.members[index].slot), ty, origin })
    }
}

impl<'a> Checker<'a> {
    pub(super) fn ingests(&mut self) {
        for (item, ingest) in self.settings_items(SettingsKeyword::Ingest) {
            let value = self.ingest(item, ingest);
            let placed = self.placed(item, ingest.name.span, value);
            self.program.ingests.push(placed);
        }
    }

    fn ingest(&mut self, item: ItemRef, ingest: &'a SettingsItem) -> plan::Ingest {
        let settings = self.settings(item.module, "ingest", ingest.name.span, &ingest.settings, &ALLOWED);
        self.require_setting(&settings, "arris_id", "arris_id: \"ARRIS-f0102-…\"");
        let arris_id = self.arris_id_setting(&settings);
        let tenant = self.tenant_setting(&settings);
        let from = self.require_setting(&settings, "from", "from: kafka(\"arris_DW_live\")");
        let from = from.and_then(|setting| self.topic_setting(&settings, setting, Role::Source)).unwrap_or_default();
        self.word_setting(&settings, "order", &["time"]);
        let accept = self.accept(&settings);
        let body = self.ingest_body(&settings, &accept);
        let name = self.names.full_name(item);
        self.loop_setting(&settings, &name);
        // Members keep their slots; the plan lists the others, which fill the free places in order.
        let member = |index: usize| body.raw.members.iter().any(|member| member.slot.index() == index);
        let slots =
            body.unit.slots.iter().enumerate().filter(|(index, _)| !member(*index)).map(|(_, slot)| slot.clone());
        let slots = slots.collect();
        plan::Ingest {
            id: name.clone(),
            name,
            arris_id,
            tenant,
            from,
            coerce: self.coerce_setting(&settings, Coerce::Lenient),
            max_skew: self.duration_setting(&settings, "max_skew").unwrap_or(super::streams::MAX_SKEW),
            retry: self.sink_topic(&settings, "retry"),
            on_error: self.on_error(&settings),
            reject: self.sink_topic(&settings, "reject"),
            members: body.raw.members,
            slots,
            keys: body.keys,
            assignments: body.assignments,
            accept,
            origin: self.origin(item.module, ingest.name.span),
        }
    }

    /// The tenant that an item names.
    pub(super) fn tenant_setting(&mut self, settings: &Settings<'_>) -> TenantId {
        let Some(setting) = settings.get("tenant") else {
            if !settings.is_unclear("tenant") {
                let at = self.at(settings.module, settings.name);
                let mut tenants = self.tenant_names();
                if tenants.is_empty() {
                    tenants.push("…".to_owned());
                }
                self.report_missing(settings, at, "tenant", settings.item, &tenants);
            }
            return TenantId(0);
        };
        let Some(name) = self.name_setting(settings, setting) else { return TenantId(0) };
        match self.named_settings(settings.module, &name, SettingsKeyword::Tenant) {
            Some(Global::Tenant(id)) => id,
            _ => TenantId(0),
        }
    }

    fn accept(&mut self, settings: &Settings<'_>) -> Vec<DimensionId> {
        let Some(setting) = self.require_setting(settings, "accept", "accept: class, class_stu") else {
            return Vec::new();
        };
        let mut accepted = Vec::new();
        let names = self.names_setting(settings, setting);
        for name in &names {
            let is_all = matches!(name.text.as_str(), "all" | "any" | "everything");
            if is_all && matches!(self.names.lookup(settings.module, &name.text), crate::names::Resolution::Unknown) {
                let location = self.at(settings.module, name.span);
                self.diagnostics.push(message::accepts_all(location, &name.text));
                continue;
            }
            let item =
                self.named_item(settings.module, name, "dimension", |kind| matches!(kind, ItemKind::Dimension(_)));
            match item.and_then(|item| self.globals.get(&item).copied()) {
                Some(Global::Dimension(id)) if accepted.contains(&id) => {
                    self.report_named_twice(settings.module, &names, name);
                }
                Some(Global::Dimension(id)) => accepted.push(id),
                _ => {}
            }
        }
        accepted
    }

    fn ingest_body(&mut self, settings: &Settings<'a>, accept: &[DimensionId]) -> Body {
        let written = match settings.get("accept").map(|setting| &setting.value) {
            Some(SettingValue::Values(values)) => values.len(),
            _ => usize::MAX,
        };
        let mut body = Body {
            unit: Unit::default(),
            raw: RawMembers::default(),
            keys: Vec::new(),
            assignments: Vec::new(),
            accepts_unknown: accept.len() < written,
        };
        let map: &[Assignment] = match settings.get("map").map(|setting| &setting.value) {
            Some(SettingValue::Assignments(assignments)) => assignments,
            _ => &[],
        };
        let mut mapped: Vec<(Option<DimensionId>, &str)> = Vec::new();
        for assignment in map {
            self.map_assignment(settings, assignment, accept, &mut body, &mut mapped);
        }
        self.keys_by_name(settings, accept, &mut body);
        self.fields_by_name(settings, accept, &mut body, &mapped);
        body
    }

    fn map_assignment(
        &mut self,
        settings: &Settings<'a>,
        assignment: &'a Assignment,
        accept: &[DimensionId],
        body: &mut Body,
        mapped: &mut Vec<(Option<DimensionId>, &'a str)>,
    ) {
        let name = assignment.field.text.as_str();
        let module = settings.module;
        let location = self.at(module, assignment.field.span);
        let wanted = match &assignment.dimension {
            None => None,
            Some(dimension) => {
                let item =
                    self.named_item(module, dimension, "dimension", |kind| matches!(kind, ItemKind::Dimension(_)));
                match item.and_then(|item| self.globals.get(&item).copied()) {
                    Some(Global::Dimension(id)) => Some(id),
                    _ => return,
                }
            }
        };
        if mapped.contains(&(wanted, name)) {
            self.diagnostics.push(message::ingest(location, format!("`{name}` is assigned twice")));
            return;
        }
        mapped.push((wanted, name));
        let among: Vec<DimensionId> =
            accept.iter().copied().filter(|id| wanted.is_none_or(|wanted| wanted == *id)).collect();
        let key = among.iter().find_map(|id| {
            let dimension = &self.program.dimensions[id.index()].value;
            dimension.keys.iter().find(|(key, _)| key == name).map(|(_, ty)| ty.clone())
        });
        let owner = among.iter().find_map(|id| self.field_of(self.owner(Global::Dimension(*id))?, name));
        self.refer_label(module, assignment.field.span, owner, None);
        if let Some(ty) = key {
            if let Some((value, _)) = self.raw_expression(module, &assignment.value, &ty, body) {
                body.keys.push((name.to_owned(), value));
            }
            return;
        }
        let targets = self.fields_named(&among, name);
        match targets.as_slice() {
            [] if body.accepts_unknown || among.iter().any(|id| self.is_broken_field(Global::Dimension(*id), name)) => {
            }
            [] => {
                let names: Vec<String> = among
                    .iter()
                    .flat_map(|id| &self.program.dimensions[id.index()].value.fields)
                    .map(|field| field.name.clone())
                    .collect();
                let near = nsf_diagnostics::closest_of(name, &names);
                let diagnostic = message::ingest(location, format!("no accepted dimension has a field `{name}`"));
                self.diagnostics.push(match near {
                    Some(near) => diagnostic
                        .label(format!("did you mean `{near}`?"))
                        .suggest(nsf_diagnostics::Suggestion::certain(format!("write `{near}`"), location, near)),
                    None => diagnostic,
                });
            }
            [(dimension, field)] => self.assign(settings, assignment, *dimension, *field, body),
            several => {
                let names: Vec<String> =
                    several.iter().map(|(id, _)| format!("`{}.{name}`", self.short_dimension(*id))).collect();
                let text = format!("`{name}` is a field of two accepted dimensions");
                let help = format!("write which one is meant: {}", names.join(" or "));
                self.diagnostics.push(message::ingest(location, text).help(help));
            }
        }
    }

    fn assign(
        &mut self,
        settings: &Settings<'_>,
        assignment: &Assignment,
        dimension: DimensionId,
        field: u32,
        body: &mut Body,
    ) {
        let target = &self.program.dimensions[dimension.index()].value.fields[field as usize];
        let location = self.at(settings.module, assignment.field.span);
        if target.derived {
            let text = format!("`{}` is derived: a flow computes it, so an ingest cannot write it", target.name);
            self.diagnostics.push(message::ingest(location, text));
            return;
        }
        let ty = target.ty.clone();
        let Some((value, reads)) = self.raw_expression(settings.module, &assignment.value, &ty, body) else { return };
        let origin = self.origin(settings.module, assignment.span);
        body.assignments.push(IngestAssignment { dimension, field, value, reads, origin });
    }

    /// An expression over raw members.
    fn raw_expression(
        &mut self,
        module: u32,
        expr: &ast::Expr,
        ty: &Type,
        body: &mut Body,
    ) -> Option<(Expr, Vec<u32>)> {
        body.raw.reads.clear();
        let mut scope = Scope::default();
        let mut expressions =
            Expressions { checker: self, unit: &mut body.unit, scope: &mut scope, module, raw: Some(&mut body.raw) };
        let value = expressions.check(expr, ty)?;
        Some((value, body.raw.reads.clone()))
    }

    /// Primaries that no mapping names are the members of their names.
    fn keys_by_name(&mut self, settings: &Settings<'_>, accept: &[DimensionId], body: &mut Body) {
        for id in accept {
            for (key, ty) in self.program.dimensions[id.index()].value.keys.clone() {
                if body.keys.iter().any(|(name, _)| *name == key) {
                    continue;
                }
                let symbol = self.owner(Global::Dimension(*id)).and_then(|owner| self.field_of(owner, &key));
                self.imply(settings.module, settings.name, symbol, None);
                let expr = ast::Expr { kind: ast::ExprKind::Name(key.as_str().into()), span: settings.name };
                if let Some((value, _)) = self.raw_expression(settings.module, &expr, &ty, body) {
                    body.keys.push((key, value));
                }
            }
        }
    }

    /// Fields that no mapping names are the members of their names.
    fn fields_by_name(
        &mut self,
        settings: &Settings<'_>,
        accept: &[DimensionId],
        body: &mut Body,
        mapped: &[(Option<DimensionId>, &str)],
    ) {
        for id in accept.iter().copied() {
            let fields = self.program.dimensions[id.index()].value.fields.clone();
            for (index, field) in fields.iter().enumerate() {
                let is_mapped = body.assignments.iter().any(|done| done.dimension == id && done.field == index as u32)
                    || mapped.contains(&(None, &field.name))
                    || mapped.contains(&(Some(id), &field.name));
                if field.derived || is_mapped {
                    continue;
                }
                let others = self.fields_named(accept, &field.name);
                if let [(first, _), (second, _), ..] = others.as_slice() {
                    if *first == id {
                        let text = format!(
                            "member `{}` fits `{}` and `{}`",
                            field.name,
                            self.short_dimension(*first),
                            self.short_dimension(*second)
                        );
                        let location = self.at(settings.module, settings.name);
                        let help = format!(
                            "map it by name: `map {{ {}.{} = {} }}`",
                            self.short_dimension(*first),
                            field.name,
                            field.name
                        );
                        self.diagnostics.push(message::ingest(location, text).help(help));
                    }
                    continue;
                }
                let symbol = self.owner(Global::Dimension(id)).and_then(|owner| self.field_of(owner, &field.name));
                self.imply(settings.module, settings.name, symbol, None);
                let expr = ast::Expr { kind: ast::ExprKind::Name(field.name.as_str().into()), span: settings.name };
                if let Some((value, reads)) = self.raw_expression(settings.module, &expr, &field.ty, body) {
                    let origin = self.origin(settings.module, settings.name);
                    body.assignments.push(IngestAssignment {
                        dimension: id,
                        field: index as u32,
                        value,
                        reads,
                        origin,
                    });
                }
            }
        }
    }

    fn fields_named(&self, among: &[DimensionId], name: &str) -> Vec<(DimensionId, u32)> {
        let mut found = Vec::new();
        for id in among {
            let fields = &self.program.dimensions[id.index()].value.fields;
            if let Some(index) = fields.iter().position(|field| field.name == name) {
                found.push((*id, index as u32));
            }
        }
        found
    }

    /// A dimension's name without its module.
    pub(super) fn short_dimension(&self, id: DimensionId) -> String {
        let name = &self.program.dimensions[id.index()].value.name;
        name.rsplit('.').next().unwrap_or(name).to_owned()
    }
}
