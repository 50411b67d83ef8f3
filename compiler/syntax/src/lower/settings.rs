//! Items that are a head and settings, and the settings themselves.

use nsf_diagnostics::Span;

use super::Lower;
use crate::ast::{
    Assignment, Expr, ExprKind, FieldDeclaration, ItemKind, Name, Setting, SettingValue, SettingsItem, SettingsKeyword,
    TypeExprKind,
};
use crate::error::SyntaxErrorKind;
use crate::grammar::{Pair, Rule};

impl Lower<'_> {
    pub(crate) fn settings_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let mut item: Option<SettingsItem> = None;
        for child in pair.into_inner() {
            match (child.as_rule(), item.as_mut()) {
                (Rule::settings_head, _) => item = self.settings_head(child),
                (Rule::setting, Some(item)) => item.settings.push(self.setting(child)),
                _ => {}
            }
        }
        item.map_or(ItemKind::Error { keyword: None, names: Vec::new() }, ItemKind::Settings)
    }

    /// A settings item without its settings.
    pub(crate) fn settings_head(&mut self, pair: Pair<'_>) -> Option<SettingsItem> {
        let mut name = self.missing_name(&pair);
        let (mut keyword, mut on, mut by) = (None, None, Vec::new());
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::on_target => on = Some(self.name_in(child)),
                Rule::by_keys => {
                    let list = child.into_inner().find(|inner| inner.as_rule() == Rule::name_list);
                    by = list.map(|list| self.names_in(list)).unwrap_or_default();
                }
                rule => keyword = settings_keyword(rule).map(|keyword| (keyword, self.token_span(&child))),
            }
        }
        let (keyword, keyword_span) = keyword?;
        Some(SettingsItem { keyword, keyword_span, name, on, by, settings: Vec::new() })
    }

    /// The settings among a node's children.
    pub(crate) fn settings_in(&mut self, pair: Pair<'_>) -> Vec<Setting> {
        let settings = pair.into_inner().filter(|child| child.as_rule() == Rule::setting);
        settings.map(|child| self.setting(child)).collect()
    }

    pub(crate) fn setting(&mut self, pair: Pair<'_>) -> Setting {
        let span = self.span(&pair);
        let mut name = self.missing_name(&pair);
        let (mut value, mut otherwise) = (SettingValue::Error, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::setting_values => {
                    let mut values = Vec::new();
                    for part in child.into_inner() {
                        match part.as_rule() {
                            Rule::expr => values.push(self.expression(part)),
                            Rule::setting_else => {
                                otherwise = self.expression_in(part);
                                // Whether a reason can stand there is the setting's matter.
                                let action = otherwise.as_ref().map(|action| action.span);
                                self.rejects.retain(|span| Some(*span) != action);
                            }
                            _ => {}
                        }
                    }
                    value = self.setting_values(&name, values);
                }
                Rule::setting_block => value = self.setting_block(child, &name.text),
                _ => {}
            }
        }
        Setting { name, value, otherwise, span }
    }

    /// The values of a setting. A record where a block is due was read as one because a colon stands before it.
    fn setting_values(&mut self, name: &Name, values: Vec<Expr>) -> SettingValue {
        let is_block = crate::recover::BLOCKS.contains(&name.text.as_str());
        match values.as_slice() {
            [Expr { kind: ExprKind::Record(_), span }] if is_block => {
                let signs = crate::token::tokens_in(self.text, name.span.end as usize, span.end as usize);
                let mut depth = 0_u32;
                let mut taken_out = Vec::new();
                for token in signs {
                    match token.text(self.text) {
                        "{" | "(" | "[" => depth += 1,
                        "}" | ")" | "]" => depth = depth.saturating_sub(1),
                        ":" if depth == 0 => taken_out.push(token.span),
                        "," if depth == 1 => taken_out.push(token.span),
                        _ => {}
                    }
                }
                self.errors.extend(crate::recover::colon_before_block(&name.text, taken_out, self.file));
                SettingValue::Error
            }
            _ => SettingValue::Values(values),
        }
    }

    fn setting_block(&mut self, pair: Pair<'_>, name: &str) -> SettingValue {
        let (mut fields, mut assignments) = (Vec::new(), Vec::new());
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::field => fields.push(self.field(child)),
                Rule::assignment => assignments.push(self.assignment(child)),
                _ => {}
            }
        }
        if !assignments.is_empty() || name == "map" {
            assignments.extend(fields.iter().map(|field| self.assigned_by_colon(field)));
            SettingValue::Assignments(assignments)
        } else {
            SettingValue::Fields(fields)
        }
    }

    /// `title: product_name` where members are mapped: read as a field with its type, for which it looks.
    fn assigned_by_colon(&mut self, field: &FieldDeclaration) -> Assignment {
        let between = Span::new(field.name.span.end, field.ty.span.start);
        let at = between.start + between.text(self.text).find(':').unwrap_or(0) as u32;
        let kind = SyntaxErrorKind::UnexpectedToken { expected: vec!["`=`"], near: None, fix: Some("=") };
        self.error(Span::new(at, at + 1), kind);
        let value = match &field.ty.kind {
            TypeExprKind::Named(name, arguments) if arguments.is_empty() => {
                Expr { kind: ExprKind::Name(name.text.clone()), span: name.span }
            }
            _ => Self::error_expression(field.ty.span),
        };
        Assignment { dimension: None, field: field.name.clone(), value, span: field.span }
    }

    pub(crate) fn assignment(&mut self, pair: Pair<'_>) -> Assignment {
        let span = self.span(&pair);
        let mut field = self.missing_name(&pair);
        let (mut dimension, mut value) = (None, Self::error_expression(span));
        let mut first = true;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => {
                    let name = std::mem::replace(&mut field, self.name(&child));
                    dimension = (!first).then_some(name);
                    first = false;
                }
                Rule::expr => value = self.right_side(child),
                _ => {}
            }
        }
        Assignment { dimension, field, value, span }
    }
}

/// The keyword that a keyword's rule stands for.
fn settings_keyword(rule: Rule) -> Option<SettingsKeyword> {
    Some(match rule {
        Rule::k_tenant => SettingsKeyword::Tenant,
        Rule::k_space => SettingsKeyword::Space,
        Rule::k_source => SettingsKeyword::Source,
        Rule::k_table => SettingsKeyword::Table,
        Rule::k_ingest => SettingsKeyword::Ingest,
        Rule::k_subscription => SettingsKeyword::Subscription,
        Rule::k_state => SettingsKeyword::State,
        Rule::k_monitor => SettingsKeyword::Monitor,
        _ => return None,
    })
}
