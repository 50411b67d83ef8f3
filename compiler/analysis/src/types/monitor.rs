//! Monitors: what they watch and their settings. They are kept in the plan as written; this version runs none.

use nsf_plan as plan;
use nsf_plan::{Literal, Type};
use nsf_syntax::ast::{ItemKind, SettingsItem, SettingsKeyword};

use super::settings::Settings;
use super::{Checker, setting_message as message};
use crate::names::ItemRef;

const MONITOR: [&str; 8] = ["sample", "keep", "deadline", "gap", "merge", "mod", "grp", "biz"];

impl Checker<'_> {
    /// Checks every monitor and puts it into the program.
    pub(super) fn monitors(&mut self) {
        for (item, monitor) in self.settings_items(SettingsKeyword::Monitor) {
            let settings = self.settings(item.module, "monitor", monitor.name.span, &monitor.settings, &MONITOR);
            self.monitor_settings(&settings);
            let Some(on) = self.watched(item, monitor) else { continue };
            let written = monitor.settings.iter().map(|setting| {
                let text = self.sources.text(self.at(item.module, setting.span)).to_owned();
                (setting.name.text.to_string(), text)
            });
            let value = plan::MonitorPlan { name: self.names.full_name(item), on, settings: written.collect() };
            let placed = self.placed(item, monitor.name.span, value);
            self.program.monitors.push(placed);
        }
    }

    /// The full name of what a monitor stands on.
    fn watched(&mut self, item: ItemRef, monitor: &SettingsItem) -> Option<String> {
        let Some(name) = &monitor.on else {
            let location = self.at(item.module, monitor.name.span);
            self.diagnostics.push(message::missing(location, "on", "monitor", "on live_class_stu"));
            return None;
        };
        let accept = |kind: &ItemKind| match kind {
            ItemKind::Settings(settings) => {
                matches!(settings.keyword, SettingsKeyword::Source | SettingsKeyword::Ingest)
            }
            kind => matches!(kind, ItemKind::Flow(_) | ItemKind::Dimension(_)),
        };
        let on = self.named_item(item.module, name, "source, ingest, flow or dimension", accept)?;
        Some(self.names.full_name(on))
    }

    /// Each setting's form; the values are read again by whoever will run monitors.
    fn monitor_settings(&mut self, settings: &Settings<'_>) {
        if let Some(Literal::Float(share)) =
            self.constant_setting(settings, "sample", &Type::Float64, "a share of the records such as `1%`")
            && !(0.0..=1.0).contains(&share)
            && let Some(setting) = settings.get("sample")
        {
            let location = self.value_at(settings, setting);
            self.diagnostics.push(message::wrong_value(location, "sample", "a share between `0%` and `100%`"));
        }
        self.duration_setting(settings, "keep");
        self.duration_setting(settings, "deadline");
        self.word_setting(settings, "gap", &["warn", "strict"]);
        self.word_setting(settings, "merge", &["rank", "compat"]);
        for number in ["mod", "grp"] {
            self.constant_setting(settings, number, &Type::INT64, "a whole number");
        }
        self.text_setting(settings, "biz");
    }
}
