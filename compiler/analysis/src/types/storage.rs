//! What is stored: tenants, mappings, spaces, primaries, dimensions and their fields.

use nsf_diagnostics::{Span, closest};
use nsf_plan as plan;
use nsf_plan::{DimensionId, Literal, MappingId, SpaceId, TenantId, Type};
use nsf_syntax::ast::{self, ExprKind, ItemKind, MappingElse, Name, SettingsItem, SettingsKeyword};

use super::{Checker, Global, message as words, relation, setting_message as message};
use crate::index::SymbolKind;
use crate::model::{FieldPlace, Placed};
use crate::names::{ItemRef, NameError, Resolution, item_word};

impl<'a> Checker<'a> {
    /// Items of one settings keyword.
    pub(super) fn settings_items(&self, keyword: SettingsKeyword) -> Vec<(ItemRef, &'a SettingsItem)> {
        self.items(|kind| matches!(kind, ItemKind::Settings(item) if item.keyword == keyword))
            .into_iter()
            .filter_map(|item| match &self.names.item(item).kind {
                ItemKind::Settings(settings) => Some((item, settings)),
                _ => None,
            })
            .collect()
    }

    /// Puts places to a part.
    pub(super) fn placed<T>(&self, item: ItemRef, name: Span, value: T) -> Placed<T> {
        Placed { value, name: self.at(item.module, name), item: self.at(item.module, self.names.item(item).span) }
    }

    /// The item that a name means, if it is of the wanted kind; reports otherwise.
    pub(super) fn named_item(
        &mut self,
        module: u32,
        name: &Name,
        what: &str,
        accept: impl Fn(&ItemKind) -> bool,
    ) -> Option<ItemRef> {
        let location = self.at(module, name.span);
        match self.names.lookup(module, &name.text) {
            Resolution::Item(item) if accept(&self.names.item(item).kind) => {
                self.used.insert(item);
                self.refer_to_item(module, name.span, item);
                Some(item)
            }
            Resolution::Item(item) => {
                let declared = self.names.item(item);
                if matches!(declared.kind, ItemKind::Error { .. }) {
                    return None;
                }
                let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                let error = NameError::WrongKind {
                    name: name.text.to_string(),
                    is: item_word(declared),
                    expected: format!("{article} {what}"),
                    location,
                    declared: self.names.location(item),
                };
                let is_table =
                    matches!(&declared.kind, ItemKind::Settings(own) if own.keyword == SettingsKeyword::Table);
                let mut diagnostic = error.diagnostic();
                if is_table && what.contains("source") {
                    diagnostic = diagnostic.help(format!(
                        "a table has no stream of its records: a flow of another source looks its rows up by `load {}(…)`",
                        name.text
                    ));
                }
                self.diagnostics.push(diagnostic);
                None
            }
            Resolution::Ambiguous(first, second) => {
                let diagnostic = self.ambiguous(&name.text, first, second, location);
                self.diagnostics.push(diagnostic);
                None
            }
            Resolution::Unreadable => None,
            // What is missing, or misspelt where it is declared, is missed once in a file.
            Resolution::Module(_) | Resolution::Unknown if !self.miss(module, &name.text) => None,
            Resolution::Module(_) | Resolution::Unknown => {
                let near =
                    closest(&name.text, self.names.visible(module, |item| accept(&item.kind))).map(str::to_owned);
                // A module that declares something else of this name is not meant.
                let declares = |module: &&crate::names::Module<'_>| {
                    let items = module.ast.items.iter();
                    items
                        .filter(|item| crate::names::item_name(item).is_some_and(|own| own.text == name.text))
                        .any(|item| accept(&item.kind))
                };
                let elsewhere =
                    self.names.declared_elsewhere(&name.text).filter(declares).map(|module| module.name.clone());
                let error = NameError::Unknown {
                    what: what.to_owned(),
                    name: name.text.to_string(),
                    near,
                    module: elsewhere,
                    location,
                };
                self.diagnostics.push(error.diagnostic());
                None
            }
        }
    }

    /// An item of a settings keyword by name.
    pub(super) fn named_settings(&mut self, module: u32, name: &Name, keyword: SettingsKeyword) -> Option<Global> {
        let what = crate::names::settings_word(keyword);
        let accept = |kind: &ItemKind| matches!(kind, ItemKind::Settings(item) if item.keyword == keyword);
        let item = self.named_item(module, name, what, accept)?;
        self.globals.get(&item).copied()
    }

    pub(super) fn tenants(&mut self) {
        for (item, tenant) in self.settings_items(SettingsKeyword::Tenant) {
            let allowed = ["app_id", "app_key", "zone"];
            let settings = self.settings(item.module, "tenant", tenant.name.span, &tenant.settings, &allowed);
            self.require_setting(&settings, "app_id", "app_id: \"0102\"");
            let app_id = self.app_id_setting(&settings);
            let app_key = settings.get("app_key").and_then(|setting| {
                let expr = self.one(&settings, setting, "`secret(\"NAME\")`")?;
                self.secret(item.module, expr, "app_key")
            });
            let zone = self.zone_setting(&settings);
            let id = TenantId(self.program.tenants.len() as u32);
            let value = plan::Tenant { name: tenant.name.text.to_string(), app_id, app_key, zone };
            let placed = self.placed(item, tenant.name.span, value);
            self.program.tenants.push(placed);
            self.globals.insert(item, Global::Tenant(id));
        }
    }

    /// The name in `secret("NAME")`; anything else is an error.
    fn secret(&mut self, module: u32, expr: &ast::Expr, setting: &str) -> Option<String> {
        if let ExprKind::Call { function, arguments } = &expr.kind
            && matches!(&function.kind, ExprKind::Name(name) if name == "secret")
            && let [ast::Argument { label: None, value }] = arguments.as_slice()
            && let ExprKind::Literal(ast::Literal::Text(name)) = &value.kind
        {
            return Some(name.to_string());
        }
        if let ExprKind::Call { function, arguments } = &expr.kind
            && let ExprKind::Name(name) = &function.kind
            && let [ast::Argument { label: None, value }] = arguments.as_slice()
        {
            let (whole, at) = (self.at(module, expr.span), self.at(module, value.span));
            if let ("secret", ExprKind::Name(bare)) = (name.as_str(), &value.kind) {
                self.diagnostics.push(message::secret_without_quotes(at, bare));
                return None;
            }
            let is_text = matches!(value.kind, ExprKind::Literal(ast::Literal::Text(_)));
            if is_text && matches!(name.as_str(), "env" | "getenv" | "environ" | "vault" | "var" | "lookup") {
                let text = self.sources.text(at).to_owned();
                self.diagnostics.push(message::secret_called_otherwise(whole, &text));
                return None;
            }
        }
        if let ExprKind::Call { function, .. } = &expr.kind
            && let ExprKind::Name(name) = &function.kind
            && let Some(near) = closest(name, ["secret"])
        {
            let (name, location) = (name.to_string(), self.at(module, function.span));
            let near = Some(near.to_owned());
            let error = NameError::Unknown { what: "function".to_owned(), name, near, module: None, location };
            self.diagnostics.push(error.diagnostic());
        } else if !matches!(expr.kind, ExprKind::Error) {
            let location = self.at(module, expr.span);
            self.diagnostics.push(message::literal_secret(location, setting));
        }
        None
    }

    pub(super) fn mappings(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Mapping(_))) {
            let ItemKind::Mapping(mapping) = &self.names.item(item).kind else { continue };
            let from = self.type_of(item.module, &mapping.from);
            let to = self.type_of(item.module, &mapping.to);
            let (Some(from), Some(to)) = (from, to) else { continue };
            let (pairs, complete) = self.mapping_pairs(item.module, mapping, &from, &to);
            // Of two truth values none is left; what could not be read may have been one of them.
            let is_exhaustive = from == Type::Bool && (pairs.len() == 2 || !complete);
            let otherwise = match (&mapping.otherwise, pairs.first()) {
                // Never asked for; a value, since a mapping that rejects others would count as one that may fail.
                (None, Some((_, value))) if is_exhaustive => plan::MappingElse::Value(value.clone()),
                (None, None) if is_exhaustive => plan::MappingElse::Reject,
                _ => self.mapping_else(item, mapping, &from, &to),
            };
            let value = plan::Mapping { name: self.names.full_name(item), from, to, pairs, otherwise };
            let id = MappingId(self.program.mappings.len() as u32);
            let placed = self.placed(item, mapping.name.span, value);
            self.program.mappings.push(placed);
            self.globals.insert(item, Global::Mapping(id));
        }
    }

    /// What is mapped to what, and whether all of it could be read.
    fn mapping_pairs(
        &mut self,
        module: u32,
        mapping: &ast::Mapping,
        from: &Type,
        to: &Type,
    ) -> (Vec<(Literal, Literal)>, bool) {
        let mut pairs: Vec<(Literal, Literal)> = Vec::new();
        let mut places: Vec<(Literal, Span)> = Vec::new();
        let mut complete = true;
        for arm in &mapping.arms {
            let result = self.constant_of(module, &arm.result, to, "the value of a mapping");
            complete &= result.is_some();
            for value in &arm.values {
                let Some(key) = self.constant_of(module, value, from, "a mapping's left side") else {
                    complete = false;
                    continue;
                };
                if let Some((_, earlier)) = places.iter().find(|(other, _)| *other == key) {
                    let (location, earlier) = (self.at(module, value.span), self.at(module, *earlier));
                    let diagnostic = message::mapping(location, "this value is mapped twice".to_owned());
                    self.diagnostics.push(diagnostic.secondary(earlier, "first mapped here"));
                    continue;
                }
                places.push((key.clone(), value.span));
                if let Some(result) = &result {
                    pairs.push((key, result.clone()));
                }
            }
        }
        (pairs, complete)
    }

    fn mapping_else(&mut self, item: ItemRef, mapping: &ast::Mapping, from: &Type, to: &Type) -> plan::MappingElse {
        match &mapping.otherwise {
            None => {
                let location = self.at(item.module, mapping.name.span);
                let text = format!("mapping `{}` does not say what becomes of other values", mapping.name.text);
                let diagnostic = message::mapping(location, text);
                self.diagnostics.push(diagnostic.help("end it with `else keep`, `else => …` or `else reject`"));
                plan::MappingElse::Reject
            }
            Some((MappingElse::Reject, _)) => plan::MappingElse::Reject,
            Some((MappingElse::Value(value), _)) => self
                .constant_of(item.module, value, to, "the value of a mapping")
                .map_or(plan::MappingElse::Reject, plan::MappingElse::Value),
            Some((MappingElse::Keep, span)) => {
                if *to != Type::Text && from != to {
                    let location = self.at(item.module, *span);
                    let text = format!("`else keep` needs equal types or a text on the right, not {from} → {to}");
                    self.diagnostics.push(message::mapping(location, text));
                }
                plan::MappingElse::Keep
            }
        }
    }

    pub(super) fn spaces(&mut self) {
        for (item, space) in self.settings_items(SettingsKeyword::Space) {
            let settings =
                self.settings(item.module, "space", space.name.span, &space.settings, &["store", "shards", "keep"]);
            self.require_setting(&settings, "store", "store: embedded");
            let store = self.word_setting(&settings, "store", &["mysql", "redis", "embedded"]).unwrap_or("embedded");
            if let Some(setting) =
                settings.get("shards").filter(|_| settings.get("store").is_some() && store != "mysql")
            {
                let (name, whole) = (self.at(item.module, setting.name.span), self.at(item.module, setting.span));
                self.diagnostics.push(message::shards_elsewhere(name, whole));
            }
            let shards = match self.constant_setting(&settings, "shards", &Type::INT64, "a whole number") {
                Some(Literal::Integer(count)) if (1..=4096).contains(&count) => count as u32,
                Some(_) => {
                    let location = self.at(item.module, space.name.span);
                    self.diagnostics.push(message::wrong_value(location, "shards", "a number from 1 to 4096"));
                    1
                }
                None => 1,
            };
            let keep = self.keep(&settings).flatten();
            let value = plan::Space { name: space.name.text.to_string(), store: store.to_owned(), shards, keep };
            let id = SpaceId(self.program.spaces.len() as u32);
            let placed = self.placed(item, space.name.span, value);
            self.program.spaces.push(placed);
            self.globals.insert(item, Global::Space(id));
        }
    }

    /// `keep: 30d` or `keep: forever`; the outer option says whether it was given.
    #[allow(clippy::option_option)]
    pub(super) fn keep(&mut self, settings: &super::settings::Settings<'_>) -> Option<Option<i64>> {
        let setting = settings.get("keep")?;
        if let ast::SettingValue::Values(values) = &setting.value
            && let [ast::Expr { kind: ExprKind::Name(name), .. }] = values.as_slice()
            && name == "forever"
        {
            return Some(None);
        }
        Some(self.duration_setting(settings, "keep"))
    }

    pub(super) fn primaries(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Primary(_))) {
            let ItemKind::Primary(primary) = &self.names.item(item).kind else { continue };
            let Some(ty) = self.type_of(item.module, &primary.ty) else { continue };
            let at_type = self.at(item.module, primary.ty.span);
            if !relation::is_key(&ty) {
                self.diagnostics.push(words::not_a_key(at_type, &ty, "a primary"));
                continue;
            }
            let number = primary.number.map_or(0, |number| number.value);
            if let Some(earlier) = self.by_number.get(&number).map(|index| &self.program.primaries[*index]) {
                let location = primary.number.map_or(at_type, |number| self.at(item.module, number.span));
                let text = format!("primary number {number} is taken by `{}`", earlier.value.name);
                let earlier = earlier.name;
                self.diagnostics.push(message::clash(location, text, earlier, "taken here"));
            }
            let value = plan::Primary {
                name: primary.name.text.to_string(),
                ty,
                number,
                label: primary.label.as_ref().map(|label| label.value.to_string()),
            };
            let index = self.program.primaries.len() as u32;
            if number != 0 {
                self.by_number.entry(number).or_insert(index as usize);
            }
            let placed = self.placed(item, primary.name.span, value);
            self.program.primaries.push(placed);
            self.globals.insert(item, Global::Primary(index));
        }
    }

    pub(super) fn dimensions(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Dimension(_))) {
            let ItemKind::Dimension(dimension) = &self.names.item(item).kind else { continue };
            let Some(keys) = self.dimension_keys(item.module, dimension) else { continue };
            let mut spaces = Vec::new();
            for name in &dimension.spaces {
                match self.named_settings(item.module, name, SettingsKeyword::Space) {
                    Some(Global::Space(space)) if spaces.contains(&space) => {
                        self.report_named_twice(item.module, &dimension.spaces, name);
                    }
                    Some(Global::Space(space)) => spaces.push(space),
                    _ => {}
                }
            }
            self.dimension_code(item, dimension, &keys);
            let value = plan::Dimension {
                name: self.names.full_name(item),
                code: dimension.code.map_or(0, |code| code.value),
                keys: keys
                    .iter()
                    .map(|index| {
                        let primary = &self.program.primaries[*index as usize].value;
                        (primary.name.clone(), primary.ty.clone())
                    })
                    .collect(),
                spaces,
                fields: Vec::new(),
                label: dimension.label.as_ref().map(|label| label.value.to_string()),
                origin: self.origin(item.module, dimension.name.span),
            };
            self.dimension_clash(item, dimension, &value);
            let id = DimensionId(self.program.dimensions.len() as u32);
            let placed = self.placed(item, dimension.name.span, value);
            for index in &keys {
                let primary = self.program.primaries[*index as usize].name;
                let name = self.program.primaries[*index as usize].value.name.clone();
                self.borrow_field(placed.name, &name, primary);
            }
            self.program.dimensions.push(placed);
            self.program.dimension_fields.push(Vec::new());
            self.globals.insert(item, Global::Dimension(id));
        }
    }

    fn dimension_keys(&mut self, module: u32, dimension: &ast::Dimension) -> Option<Vec<u32>> {
        let mut keys = Vec::with_capacity(dimension.primaries.len());
        let mut complete = true;
        for name in &dimension.primaries {
            let item = self.named_item(module, name, "primary", |kind| matches!(kind, ItemKind::Primary(_)));
            match item.and_then(|item| self.globals.get(&item).copied()) {
                Some(Global::Primary(index)) if keys.contains(&index) => {
                    self.report_named_twice(module, &dimension.primaries, name);
                    complete = false;
                }
                Some(Global::Primary(index)) => keys.push(index),
                _ => complete = false,
            }
        }
        complete.then_some(keys)
    }

    fn dimension_code(&mut self, item: ItemRef, dimension: &ast::Dimension, keys: &[u32]) {
        let Some(code) = dimension.code else { return };
        let location = self.at(item.module, code.span);
        if !(1000..=9999).contains(&code.value) {
            let text = format!("a dimension's code has four digits, not `{}`", code.value);
            self.diagnostics.push(message::code(location, text));
        } else if code.value / 1000 != keys.len() as u32 {
            let text = format!(
                "code {} says {} {}, but `{}` has {}",
                code.value,
                code.value / 1000,
                if code.value / 1000 == 1 { "primary" } else { "primaries" },
                dimension.name.text,
                keys.len()
            );
            self.diagnostics.push(message::code(location, text));
        }
    }

    fn dimension_clash(&mut self, item: ItemRef, dimension: &ast::Dimension, value: &plan::Dimension) {
        let location = self.at(item.module, dimension.name.span);
        let id = DimensionId(self.program.dimensions.len() as u32);
        let mut primaries: Vec<String> = value.keys.iter().map(|(name, _)| name.clone()).collect();
        primaries.sort();
        let clash = if let Some(other) = self.by_primaries.get(&primaries) {
            let other = &self.program.dimensions[other.index()];
            Some((format!("`{}` has the same primaries as `{}`", value.name, other.value.name), other.name))
        } else if let Some(other) = self.by_code.get(&value.code) {
            let other = &self.program.dimensions[other.index()];
            Some((format!("code {} is taken by `{}`", value.code, other.value.name), other.name))
        } else {
            None
        };
        self.by_primaries.entry(primaries).or_insert(id);
        if value.code != 0 {
            self.by_code.entry(value.code).or_insert(id);
        }
        if let Some((text, earlier)) = clash {
            self.diagnostics.push(message::clash(location, text, earlier, "first declared here"));
        }
    }

    pub(super) fn fields(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Fields(_))) {
            let ItemKind::Fields(fields) = &self.names.item(item).kind else { continue };
            let dimension = self
                .named_item(item.module, &fields.dimension, "dimension", |kind| matches!(kind, ItemKind::Dimension(_)));
            let Some(Global::Dimension(id)) = dimension.and_then(|item| self.globals.get(&item).copied()) else {
                self.break_near_dimensions(item.module, &fields.dimension);
                continue;
            };
            for field in &fields.fields {
                self.dimension_field(item.module, id, field);
            }
        }
    }

    /// Fields of a dimension that is not there may be those of one that is named nearly so.
    fn break_near_dimensions(&mut self, module: u32, name: &Name) {
        let visible = self.names.visible(module, |item| matches!(item.kind, ItemKind::Dimension(_)));
        let Some(near) = nsf_diagnostics::closest(&name.text, visible) else { return };
        if let Resolution::Item(item) = self.names.lookup(module, near)
            && let Some(dimension @ Global::Dimension(_)) = self.globals.get(&item).copied()
        {
            self.break_field(dimension, "");
        }
    }

    fn dimension_field(&mut self, module: u32, id: DimensionId, field: &ast::DimensionField) {
        let Some(ty) = self.type_of(module, &field.ty) else {
            return self.break_field(Global::Dimension(id), &field.name.text);
        };
        let name = self.at(module, field.name.span);
        let dimension = &self.program.dimensions[id.index()].value;
        let names = dimension.fields.iter().map(|other| other.name.as_str());
        if let Some(index) =
            names.chain(dimension.keys.iter().map(|(key, _)| key.as_str())).position(|other| other == field.name.text)
        {
            let earlier = self.program.dimension_fields[id.index()]
                .get(index)
                .map_or(self.program.dimensions[id.index()].name, |place| place.name);
            self.diagnostics.push(message::field_twice(name, &field.name.text, earlier));
            return;
        }
        let empty = field.settings.as_ref().and_then(|settings| {
            let settings = self.settings(module, "field", field.name.span, settings, &["empty", "owner"]);
            self.text_setting(&settings, "owner");
            self.constant_setting(&settings, "empty", ty.non_null(), "a constant")
        });
        let end = Span::at(field.ty.span.end);
        let place = FieldPlace {
            name,
            item: self.at(module, field.span),
            number: field.number.map(|number| number.value),
            after_type: self.at(module, end),
        };
        let owner = self.program.dimensions[id.index()].name;
        self.declare_field(owner, &field.name.text, name, SymbolKind::DimensionField, Some(&ty));
        self.program.dimension_fields[id.index()].push(place);
        self.program.dimensions[id.index()].value.fields.push(plan::DimensionField {
            name: field.name.text.to_string(),
            ty,
            id: 0,
            label: field.label.as_ref().map(|label| label.value.to_string()),
            derived: field.derived.is_some(),
            empty,
        });
    }
}
