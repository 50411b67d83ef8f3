//! Items that are a head and settings, and the settings themselves.

use super::Lower;
use crate::ast::{Assignment, ItemKind, Setting, SettingValue, SettingsItem, SettingsKeyword};
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
                            Rule::setting_else => otherwise = self.expression_in(part),
                            _ => {}
                        }
                    }
                    value = SettingValue::Values(values);
                }
                Rule::setting_block => value = self.setting_block(child, &name.text),
                _ => {}
            }
        }
        Setting { name, value, otherwise, span }
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
        if !assignments.is_empty() || (fields.is_empty() && name == "map") {
            SettingValue::Assignments(assignments)
        } else {
            SettingValue::Fields(fields)
        }
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
