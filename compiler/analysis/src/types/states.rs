//! States: keys, stores, fields, and when they close.

use nsf_diagnostics::{Location, Span};
use nsf_plan as plan;
use nsf_plan::{StateId, Type};
use nsf_syntax::ast::{self, ExprKind, Name, SettingsItem, SettingsKeyword};
use smol_str::SmolStr;

use super::expression::Expressions;
use super::unit::{Scope, Unit};
use super::{Checker, Global, literal, relation, setting_message as message};
use crate::index::SymbolKind;
use crate::names::{ItemRef, Resolution};

/// Types of fields by name; none where two disagree.
type KeyTypes = std::collections::HashMap<smol_str::SmolStr, Option<Type>>;

impl<'a> Checker<'a> {
    /// States: their keys take the types that the program gives fields of those names.
    pub(super) fn states(&mut self) {
        let known = self.key_types();
        for (item, state) in self.settings_items(SettingsKeyword::State) {
            let allowed = ["store", "keep", "closes", "order", "value"];
            let settings = self.settings(item.module, "state", state.name.span, &state.settings, &allowed);
            let keys = self.state_keys(item, state, &known);
            let fields = match self.require_setting(&settings, "value", "value { total: int64 = 0 }") {
                Some(setting) => self.state_fields(&settings, setting, &state.by),
                None => None,
            };
            let store = settings
                .get("store")
                .zip(keys.as_deref())
                .and_then(|(setting, keys)| self.state_store(&settings, setting, keys));
            let keep = self.keep(&settings);
            if keep.is_none() && settings.get("closes").is_none() && !settings.is_unclear("keep") {
                let location = self.at(item.module, state.name.span);
                self.diagnostics.push(message::unbounded(location, &state.name.text));
            }
            let order = match self.word_setting(&settings, "order", &["time"]) {
                Some("time") => plan::Order::Time,
                _ => plan::Order::Flow,
            };
            let (Some(keys), Some((fields, broken))) = (keys, fields) else { continue };
            let name = self.names.full_name(item);
            if keep == Some(None) {
                self.program.kept_forever.insert(name.clone());
            }
            let value = plan::State {
                id: name.clone(),
                name,
                keys,
                store,
                keep: keep.flatten(),
                closes: None,
                order,
                fields,
                marks: false,
                origin: self.origin(item.module, state.name.span),
            };
            let id = StateId(self.program.states.len() as u32);
            let placed = self.placed(item, state.name.span, value);
            self.program.states.push(placed);
            self.globals.insert(item, Global::State(id));
            broken.iter().for_each(|name| self.break_field(Global::State(id), name));
        }
    }

    /// The fields of a value, and the names of those that could not be understood.
    fn state_fields(
        &mut self,
        settings: &super::settings::Settings<'a>,
        setting: &'a ast::Setting,
        keys: &[Name],
    ) -> Option<(Vec<plan::StateField>, Vec<SmolStr>)> {
        let owner = self.at(settings.module, settings.name);
        let (module, declarations) = self.fields_setting(settings, setting)?;
        let mut fields: Vec<(plan::StateField, Location)> = Vec::with_capacity(declarations.len());
        let mut broken = Vec::new();
        for declaration in declarations {
            let name = self.at(module, declaration.name.span);
            let Some(ty) = self.type_of(module, &declaration.ty) else {
                broken.push(declaration.name.text.clone());
                continue;
            };
            if let Some((_, earlier)) = fields.iter().find(|(field, _)| field.name == declaration.name.text) {
                let earlier = *earlier;
                self.diagnostics.push(message::field_twice(name, &declaration.name.text, earlier));
                continue;
            }
            if let Some(key) = keys.iter().find(|key| key.text == declaration.name.text) {
                // Whoever reads values that have ended sees keys and fields beside one another.
                let key = self.at(module, key.span);
                self.diagnostics.push(message::key_as_field(name, &declaration.name.text, key));
                continue;
            }
            self.declare_field(owner, &declaration.name.text, name, SymbolKind::StateField, Some(&ty));
            if self.is_null_default(module, declaration, &ty) {
                broken.push(declaration.name.text.clone());
                continue;
            }
            let default = match &declaration.default {
                Some(default) if is_empty(default) && literal::empty(&ty).is_some() => {
                    let written = self.at(module, default.span);
                    let whole = self.at(module, Span::new(declaration.ty.span.end, default.span.end));
                    self.diagnostics.push(message::empty_default(written, &ty, whole));
                    None
                }
                Some(default) => self.constant_of(module, default, &ty, "a default"),
                None => literal::empty(&ty).or_else(|| {
                    let end = self.at(module, Span::at(declaration.ty.span.end));
                    self.diagnostics.push(message::no_default(name, &declaration.name.text, end));
                    None
                }),
            };
            match default {
                Some(default) => {
                    fields.push((
                        plan::StateField { name: declaration.name.text.to_string(), ty, default, stored_as: None },
                        name,
                    ));
                }
                None => broken.push(declaration.name.text.clone()),
            }
        }
        Some((fields.into_iter().map(|(field, _)| field).collect(), broken))
    }

    fn state_keys(&mut self, item: ItemRef, state: &SettingsItem, known: &KeyTypes) -> Option<Vec<(String, Type)>> {
        if state.by.is_empty() {
            let location = self.at(item.module, state.name.span);
            self.diagnostics.push(message::missing(location, "by", "state", "by (stu_id)"));
            return None;
        }
        let mut keys = Vec::with_capacity(state.by.len());
        let mut complete = true;
        for name in &state.by {
            if keys.iter().any(|(key, _)| *key == name.text) {
                self.report_named_twice(item.module, &state.by, name);
                complete = false;
                continue;
            }
            let ty = self.state_key(item.module, name, known);
            let owner = self.at(item.module, state.name.span);
            let at = self.at(item.module, name.span);
            self.declare_field(owner, &name.text, at, SymbolKind::StateKey, ty.as_ref());
            if let Resolution::Item(primary) = self.names.lookup(item.module, &name.text)
                && let Some(Global::Primary(_)) = self.globals.get(&primary)
            {
                self.link_symbols(self.names.location(primary), at);
            }
            if ty.is_none() {
                self.open_keys.insert((StateId(self.program.states.len() as u32), keys.len()));
            }
            keys.push((name.text.to_string(), ty.unwrap_or(Type::Json)));
        }
        complete.then_some(keys)
    }

    fn state_store(
        &mut self,
        settings: &super::settings::Settings<'_>,
        setting: &ast::Setting,
        keys: &[(String, Type)],
    ) -> Option<plan::connector::Connector> {
        if let ast::SettingValue::Values(values) = &setting.value
            && let [ast::Expr { kind: ExprKind::Name(name), .. }] = values.as_slice()
            && name == "embedded"
        {
            return None;
        }
        let expr = match &setting.value {
            ast::SettingValue::Error => return None,
            ast::SettingValue::Values(values) if values.len() == 1 => &values[0],
            _ => {
                self.diagnostics.push(message::wrong_value(
                    self.value_at(settings, setting),
                    "store",
                    "`redis(\"name:{key}\")`, `mysql(\"table\")` or `embedded`",
                ));
                return None;
            }
        };
        let call = self.connector(settings.module, expr, plan::connector::Role::State, false)?;
        if call.descriptor.name == "redis" {
            let owner = self.at(settings.module, settings.name);
            self.store_template(settings.module, &call, expr.span, keys, owner);
        }
        Some(call.connector)
    }

    fn store_template(
        &mut self,
        module: u32,
        call: &super::connector::ConnectorCall<'_>,
        span: Span,
        keys: &[(String, Type)],
        owner: Location,
    ) {
        let mut named: Vec<String> = Vec::new();
        if let Some(ast::Expr { kind: ExprKind::Interpolation(parts), .. }) = call.template {
            let dollar = parts.windows(2).find_map(|two| match two {
                [ast::TextPart::Text(text), ast::TextPart::Expr(expr)] if text.ends_with('$') => Some(expr.span.start),
                _ => None,
            });
            if let Some(start) = dollar {
                // `$` and `{` stand before the value.
                let sign = Span::new(start.saturating_sub(2), start.saturating_sub(1));
                self.report_dollar(module, sign);
                return;
            }
            for part in parts {
                let ast::TextPart::Expr(expr) = part else { continue };
                match &expr.kind {
                    ExprKind::Name(name) if keys.iter().any(|(key, _)| key == name) => {
                        let symbol = self.field_of(owner, name);
                        self.refer(module, expr.span, symbol, None);
                        named.push(name.to_string());
                    }
                    _ => {
                        let location = self.at(module, expr.span);
                        let text = "only the keys of `by` can stand in a state's template".to_owned();
                        let keys: Vec<String> = keys.iter().map(|(key, _)| format!("`{{{key}}}`")).collect();
                        let help = format!("what can stand in it: {}", keys.join(", "));
                        self.diagnostics.push(message::template(location, text).help(help));
                        return;
                    }
                }
            }
        }
        if let Some((missing, _)) = keys.iter().find(|(key, _)| !named.contains(key)) {
            let location = self.at(module, span);
            let text = format!("two keys would meet: the template does not name `{missing}`");
            let others = keys.iter().filter(|(key, _)| !named.contains(key)).map(|(key, _)| format!(":{{{key}}}"));
            let others: String = others.collect();
            let written = self.sources.text(location).to_owned();
            let meant = written.strip_suffix("\")").map(|template| format!("{template}{others}\")"));
            self.diagnostics.push(message::key_missing_in_template(location, text, meant));
        }
    }

    /// `${key}` in a template: the sign would be a part of every name.
    fn report_dollar(&mut self, module: u32, sign: Span) {
        let location = self.at(module, sign);
        if self.sources.text(location) == "$" {
            self.diagnostics.push(message::dollar_in_template(location));
        }
    }

    /// `closes` of every state; after the flows, which give the types of keys that no declaration names.
    pub(super) fn closings(&mut self) {
        for (item, state) in self.settings_items(SettingsKeyword::State) {
            let Some(Global::State(id)) = self.globals.get(&item).copied() else { continue };
            let Some(setting) = state.settings.iter().find(|setting| setting.name.text == "closes") else { continue };
            let keys = self.program.states[id.index()].value.keys.clone();
            // A key that nothing binds has no type: the step that should was reported, or the state is unused.
            if (0..keys.len()).any(|index| self.open_keys.contains(&(id, index))) {
                continue;
            }
            let owner = self.at(item.module, state.name.span);
            let closes = self.closes(item.module, owner, setting, &keys);
            self.program.states[id.index()].value.closes = closes;
        }
    }

    fn closes(
        &mut self,
        module: u32,
        owner: Location,
        setting: &ast::Setting,
        keys: &[(String, Type)],
    ) -> Option<plan::Expr> {
        let ast::SettingValue::Values(values) = &setting.value else { return None };
        let [expr] = values.as_slice() else { return None };
        if self.is_closed_by_field(module, owner, expr, keys) {
            return None;
        }
        let (mut unit, mut scope) = (Unit::default(), Scope::default());
        for (name, ty) in keys {
            let slot = unit.slot(name, ty.clone());
            let symbol = self.field_of(owner, name);
            self.is_symbol(&mut unit, slot, symbol);
            scope.add(name.as_str(), slot, None, false);
        }
        self.trace_scope(module, expr.span, &scope, &unit);
        let mut expressions = Expressions { checker: self, unit: &mut unit, scope: &mut scope, module, raw: None };
        expressions.check(expr, &Type::Timestamp)
    }

    /// Whether `closes` names a field of the value, which has an end for all its values; reports it.
    fn is_closed_by_field(&mut self, module: u32, owner: Location, expr: &ast::Expr, keys: &[(String, Type)]) -> bool {
        let is_key = |name: &str| keys.iter().any(|(key, _)| key == name);
        let Some((name, span)) = super::step_habit::names_in(expr).into_iter().find(|(name, _)| {
            !is_key(name)
                && self
                    .program
                    .states
                    .iter()
                    .any(|state| state.name == owner && state.value.fields.iter().any(|field| field.name == **name))
        }) else {
            return false;
        };
        let location = self.at(module, span);
        let names: Vec<String> = keys.iter().map(|(key, _)| format!("`{key}`")).collect();
        self.diagnostics.push(message::closed_by_field(location, &name, &names.join(", ")));
        true
    }

    /// Types that the project gives fields of each name; none where two disagree.
    fn key_types(&mut self) -> KeyTypes {
        let mut known = KeyTypes::new();
        let mut add = |name: &smol_str::SmolStr, ty: &Type| {
            let entry = known.entry(name.clone()).or_insert_with(|| Some(ty.clone()));
            if entry.as_ref() != Some(ty) {
                *entry = None;
            }
        };
        for primary in &self.program.primaries {
            add(&primary.value.name.as_str().into(), &primary.value.ty);
        }
        let reported = self.diagnostics.len();
        for (item, source) in self.settings_items(SettingsKeyword::Source) {
            for setting in &source.settings {
                let ast::SettingValue::Fields(fields) = &setting.value else { continue };
                for field in fields {
                    if let Some(ty) = self.type_of(item.module, &field.ty) {
                        add(&field.name.text, &ty);
                    }
                }
            }
        }
        self.diagnostics.truncate(reported);
        known
    }

    /// The type of a state's key: of the primary of that name, else of the fields of that name.
    fn state_key(&mut self, module: u32, name: &Name, known: &KeyTypes) -> Option<Type> {
        if let Resolution::Item(item) = self.names.lookup(module, &name.text)
            && let Some(Global::Primary(index)) = self.globals.get(&item).copied()
        {
            self.used.insert(item);
            return Some(self.program.primaries[index as usize].value.ty.clone());
        }
        known.get(&name.text).cloned().flatten().filter(relation::is_key)
    }
}

/// Whether a value is written `{}`, which no list, set or map is.
fn is_empty(value: &ast::Expr) -> bool {
    matches!(&value.kind, ExprKind::Record(entries) if entries.is_empty())
}
