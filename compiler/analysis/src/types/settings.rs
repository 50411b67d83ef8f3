//! Settings of an item: which there are, none twice, each of its form.

use nsf_diagnostics::{Diagnostic, Location, Span, Suggestion, closest};
use nsf_plan::{Literal, Type};
use nsf_syntax::ast::{self, Expr, ExprKind, FieldDeclaration, Name, Setting, SettingValue};

use super::expression::Expressions;
use super::unit::{Scope, Unit};
use super::{Checker, fold, setting_habit, setting_message as message};

/// The settings of one item, by name, first of each.
pub struct Settings<'s> {
    /// The item's module.
    pub module: u32,
    /// "source", for messages.
    pub item: &'static str,
    /// Where a missing setting is missed.
    pub name: Span,
    found: Vec<(&'s str, &'s Setting)>,
    /// Settings that misspelt ones may be.
    unclear: Vec<String>,
    /// Whether a setting stands there of which nobody could read the name.
    open: bool,
    /// Where the last setting ends, behind which another can be added.
    pub end: Option<u32>,
}

impl<'s> Settings<'s> {
    /// The setting of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'s Setting> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, setting)| *setting)
    }

    /// Whether the setting of a name is not there, but a mistake that was reported may be what is left of it.
    #[must_use]
    pub fn is_unclear(&self, name: &str) -> bool {
        self.get(name).is_none() && (self.open || self.unclear.iter().any(|unclear| unclear == name))
    }
}

impl Checker<'_> {
    /// Takes the settings of an item; unknown and repeated ones are reported and left out.
    pub(super) fn settings<'s>(
        &mut self,
        module: u32,
        item: &'static str,
        name: Span,
        settings: &'s [Setting],
        allowed: &[&'s str],
    ) -> Settings<'s> {
        let mut found: Vec<(&str, &Setting)> = Vec::with_capacity(settings.len());
        let mut unclear = Vec::new();
        let mut open = false;
        let at = self.at(module, name);
        let loose = self.fields_without_block(module, item, at, settings, allowed);
        if !loose.is_empty() {
            unclear.extend(["record".to_owned(), "value".to_owned()]);
        }
        for setting in settings.iter().filter(|own| !loose.iter().any(|loose| std::ptr::eq(*loose, *own))) {
            let written = setting.name.text.as_str();
            let location = self.at(module, setting.name.span);
            if written.is_empty() {
                open = true;
                continue;
            }
            if !allowed.contains(&written)
                && let Some((meant, sure)) = setting_habit::meant(setting, settings, allowed)
            {
                self.diagnostics.push(setting_habit::called_otherwise(location, written, item, meant, sure));
                found.push((meant, setting));
                continue;
            }
            if !allowed.contains(&written) {
                let near = closest(written, allowed.iter().copied()).map(str::to_owned);
                unclear.extend(near.clone());
                self.diagnostics.push(message::unknown(location, written, item, near, allowed));
                continue;
            }
            // Of what could not be read, it may only look as if it were there twice.
            let is_error = |setting: &Setting| matches!(setting.value, SettingValue::Error);
            if let Some(first) = found.iter_mut().find(|(name, _)| *name == written)
                && (is_error(setting) || is_error(first.1))
            {
                if is_error(first.1) {
                    first.1 = setting;
                }
                continue;
            }
            if let Some((_, first)) = found.iter().find(|(name, _)| *name == written) {
                let earlier = self.at(module, first.name.span);
                self.diagnostics.push(message::twice(location, written, earlier));
                continue;
            }
            found.push((written, setting));
        }
        let end = settings.last().map(|last| last.span.end);
        Settings { module, item, name, found, unclear, open, end }
    }

    /// The place of a setting's value.
    pub(super) fn value_at(&self, settings: &Settings<'_>, setting: &Setting) -> Location {
        let span = match &setting.value {
            SettingValue::Values(values) if !values.is_empty() => values[0].span.to(values[values.len() - 1].span),
            _ => setting.span,
        };
        self.at(settings.module, span)
    }

    /// Reports a setting that must be there.
    pub(super) fn require_setting<'s>(
        &mut self,
        settings: &Settings<'s>,
        name: &str,
        example: &str,
    ) -> Option<&'s Setting> {
        let found = settings.get(name);
        if found.is_none() && !settings.is_unclear(name) {
            let location = self.at(settings.module, settings.name);
            self.diagnostics.push(message::missing(location, name, settings.item, example));
        }
        found
    }

    /// The one expression of a setting.
    pub(super) fn one<'s>(
        &mut self,
        settings: &Settings<'s>,
        setting: &'s Setting,
        expected: &str,
    ) -> Option<&'s Expr> {
        match &setting.value {
            SettingValue::Values(values) if values.len() == 1 => Some(&values[0]),
            SettingValue::Error => None,
            _ => {
                let location = self.value_at(settings, setting);
                self.diagnostics.push(message::wrong_value(location, &setting.name.text, expected));
                None
            }
        }
    }

    /// A constant of a type.
    pub(super) fn constant_setting(
        &mut self,
        settings: &Settings<'_>,
        name: &str,
        ty: &Type,
        expected: &str,
    ) -> Option<Literal> {
        let setting = settings.get(name)?;
        let expr = self.one(settings, setting, expected)?;
        if *ty == Type::Text && self.is_text_without_quotes(settings.module, expr) {
            return None;
        }
        if let ("keep", ExprKind::Name(written)) = (name, &expr.kind)
            && let Some(near) = closest(written, ["forever"])
        {
            let location = self.at(settings.module, expr.span);
            let title = format!("`keep` must be a duration or `forever`, not `{written}`");
            self.diagnostics.push(
                Diagnostic::new(&nsf_diagnostics::codes::E0504, location, title).suggest(Suggestion::certain(
                    format!("write `{near}`"),
                    location,
                    near,
                )),
            );
            return None;
        }
        self.constant_of(settings.module, expr, ty, &format!("`{name}`"))
    }

    /// The value of a constant expression; reports where it is none.
    pub(super) fn constant_of(&mut self, module: u32, expr: &Expr, ty: &Type, what: &str) -> Option<Literal> {
        let (mut unit, mut scope) = (Unit::default(), Scope::default());
        let mut expressions = Expressions { checker: self, unit: &mut unit, scope: &mut scope, module, raw: None };
        let value = expressions.check(expr, ty)?;
        let literal = fold::constant(&value);
        let location = self.at(module, expr.span);
        match &literal {
            Some(literal) if literal.depth() > Literal::MAX_DEPTH => {
                self.diagnostics.push(super::message::constant_too_deep(location, what));
                return None;
            }
            Some(_) => {}
            None => self.diagnostics.push(super::message::not_constant(location, what)),
        }
        literal
    }

    /// `device: text = null`: what may be null says so in its type. Says whether it is that.
    pub(super) fn is_null_default(&mut self, module: u32, field: &FieldDeclaration, ty: &Type) -> bool {
        let Some(default) = &field.default else { return false };
        if !matches!(default.kind, ExprKind::Literal(ast::Literal::Null)) || ty.is_nullable() {
            return false;
        }
        let (location, end) = (self.at(module, default.span), self.at(module, Span::at(field.ty.span.end)));
        let title = format!("`{}` is null where it is missing, and its type has no `?`", field.name.text);
        self.diagnostics.push(
            Diagnostic::new(&nsf_diagnostics::codes::E0302, location, title)
                .label(format!("`{ty}` is never null"))
                .suggest(Suggestion::certain(format!("write `{ty}?`"), end, "?")),
        );
        true
    }

    /// Bare words where a text is due, as in YAML. Says whether they are that.
    fn is_text_without_quotes(&mut self, module: u32, expr: &Expr) -> bool {
        let location = self.at(module, expr.span);
        let text = self.sources.text(location);
        let is_unknown = |name: &str| matches!(self.names.lookup(module, name), crate::names::Resolution::Unknown);
        let mut words = text.split(|sign: char| !sign.is_alphanumeric() && sign != '_').filter(|word| !word.is_empty());
        let is_plain = text.chars().all(|sign| sign.is_alphanumeric() || "_-/.: ".contains(sign));
        if !matches!(expr.kind, ExprKind::Name(_) | ExprKind::Binary(..) | ExprKind::Member { .. }) || !is_plain {
            return false;
        }
        if !words.all(is_unknown) {
            return false;
        }
        let meant = format!("\"{text}\"");
        self.diagnostics.push(
            Diagnostic::new(&nsf_diagnostics::codes::E0504, location, "a text stands in double quotes")
                .label("words without quotes are names")
                .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant)),
        );
        true
    }

    /// A text.
    pub(super) fn text_setting(&mut self, settings: &Settings<'_>, name: &str) -> Option<String> {
        if let Some(SettingValue::Values(values)) = settings.get(name).map(|setting| &setting.value)
            && let [expr] = values.as_slice()
            && self.number_for_text(settings, name, expr)
        {
            return None;
        }
        match self.constant_setting(settings, name, &Type::Text, "a text")? {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A duration in milliseconds, not negative.
    pub(super) fn duration_setting(&mut self, settings: &Settings<'_>, name: &str) -> Option<i64> {
        match self.constant_setting(settings, name, &Type::Duration, "a duration such as `30d`")? {
            Literal::Integer(value) if value >= 0 => Some(value),
            _ => {
                let setting = settings.get(name)?;
                let location = self.value_at(settings, setting);
                self.diagnostics.push(message::wrong_value(location, name, "a duration that is not negative"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn bool_setting(&mut self, settings: &Settings<'_>, name: &str) -> Option<bool> {
        match self.constant_setting(settings, name, &Type::Bool, "`true` or `false`")? {
            Literal::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A word out of a few.
    pub(super) fn word_setting(
        &mut self,
        settings: &Settings<'_>,
        name: &str,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let setting = settings.get(name)?;
        let expected = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let expr = self.one(settings, setting, &expected)?;
        let location = self.at(settings.module, expr.span);
        let written = match &expr.kind {
            ExprKind::Name(written) => written.as_str(),
            ExprKind::Error => return None,
            _ => {
                self.diagnostics.push(message::wrong_value(location, name, &expected));
                return None;
            }
        };
        let found = words.iter().find(|word| **word == written).copied();
        if found.is_none() {
            let near = closest(written, words.iter().copied()).map(str::to_owned);
            self.diagnostics.push(message::wrong_word(location, name, written, words, near));
        }
        found
    }

    /// One bare name.
    pub(super) fn name_setting(&mut self, settings: &Settings<'_>, setting: &Setting) -> Option<Name> {
        let mut names = self.names_of(settings, setting, "one name");
        if let Some(second) = names.get(1) {
            let location = self.at(settings.module, second.span);
            self.diagnostics.push(message::wrong_value(location, &setting.name.text, "one name"));
            return None;
        }
        names.pop()
    }

    /// One or several bare names.
    pub(super) fn names_setting(&mut self, settings: &Settings<'_>, setting: &Setting) -> Vec<Name> {
        self.names_of(settings, setting, "one or several names")
    }

    fn names_of(&mut self, settings: &Settings<'_>, setting: &Setting, expected: &str) -> Vec<Name> {
        let SettingValue::Values(values) = &setting.value else {
            if !matches!(setting.value, SettingValue::Error) {
                let location = self.value_at(settings, setting);
                self.diagnostics.push(message::wrong_value(location, &setting.name.text, expected));
            }
            return Vec::new();
        };
        let mut names = Vec::with_capacity(values.len());
        for value in values {
            match &value.kind {
                ExprKind::Name(text) => names.push(Name { text: text.clone(), span: value.span }),
                ExprKind::Error => {}
                _ => match self.names_in_signs(settings, setting, value) {
                    Some(meant) => names.extend(meant),
                    None => {
                        let location = self.at(settings.module, value.span);
                        let mistake = message::wrong_value(location, &setting.name.text, expected);
                        let listed = dashed(self.sources.text(location));
                        self.diagnostics.push(match listed {
                            Some(listed) => mistake
                                .help("several names stand one behind the other, with commas")
                                .suggest(Suggestion::certain(format!("write `{listed}`"), location, listed)),
                            None => mistake,
                        });
                    }
                },
            }
        }
        names
    }

    /// The fields of `record { … }` or `value { … }`; a record type's name after a colon is looked up.
    pub(super) fn fields_setting<'s>(
        &mut self,
        settings: &Settings<'s>,
        setting: &'s Setting,
    ) -> Option<(u32, &'s [FieldDeclaration])>
    where
        Self: FieldsOf<'s>,
    {
        match &setting.value {
            SettingValue::Fields(fields) => Some((settings.module, fields)),
            SettingValue::Values(values) => match values.as_slice() {
                [Expr { kind: ExprKind::Name(name), span }] => {
                    let name = Name { text: name.clone(), span: *span };
                    self.fields_of_type(settings.module, &name)
                }
                _ => {
                    let location = self.value_at(settings, setting);
                    self.diagnostics.push(message::wrong_value(
                        location,
                        &setting.name.text,
                        "`{ … }` or the name of a record type",
                    ));
                    None
                }
            },
            SettingValue::Error => None,
            SettingValue::Assignments(_) => {
                let location = self.value_at(settings, setting);
                self.diagnostics.push(message::wrong_value(
                    location,
                    &setting.name.text,
                    "a list of fields with types",
                ));
                None
            }
        }
    }
}

/// The names of a list of lines that start with `-`, as YAML has it.
fn dashed(text: &str) -> Option<String> {
    let names: Option<Vec<&str>> = text
        .lines()
        .map(|line| line.trim().strip_prefix("- ").map(str::trim))
        .map(|name| name.filter(|name| name.chars().all(|sign| sign.is_alphanumeric() || sign == '_')))
        .collect();
    Some(names?.join(", "))
}

/// Record types by name, with the lifetime of the trees.
pub(super) trait FieldsOf<'s> {
    /// The fields of a type item whose type is a record.
    fn fields_of_type(&mut self, module: u32, name: &Name) -> Option<(u32, &'s [FieldDeclaration])>;
}

impl<'a: 's, 's> FieldsOf<'s> for Checker<'a> {
    fn fields_of_type(&mut self, module: u32, name: &Name) -> Option<(u32, &'s [FieldDeclaration])> {
        use crate::names::{NameError, Resolution};
        let location = self.at(module, name.span);
        match self.names.lookup(module, &name.text) {
            Resolution::Item(item) => {
                self.used.insert(item);
                self.refer_to_item(module, name.span, item);
                let declared = self.names.item(item);
                if let ast::ItemKind::Type(alias) = &declared.kind
                    && let ast::TypeExprKind::Record(fields) = &alias.ty.kind
                {
                    return Some((item.module, fields));
                }
                self.diagnostics.push(message::wrong_value(location, &name.text, "the name of a record type"));
                None
            }
            Resolution::Unreadable => None,
            _ => {
                let near =
                    closest(&name.text, self.names.visible(module, |item| matches!(item.kind, ast::ItemKind::Type(_))))
                        .map(str::to_owned);
                let error = NameError::Unknown {
                    what: "record type".to_owned(),
                    name: name.text.to_string(),
                    near,
                    module: None,
                    location,
                };
                self.diagnostics.push(error.diagnostic());
                None
            }
        }
    }
}
