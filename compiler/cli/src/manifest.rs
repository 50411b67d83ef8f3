//! Mistakes in `nsf.yaml` as diagnostics like those of the program texts, so that every format of `nsfc check` shows
//! them. What the file may say, and the words of most messages, are `nsf_plan::profile`'s: the daemon uses the same.

use nsf_analysis::graph::Dag;
use nsf_analysis::graph::proofs::states_of_tellings;
use nsf_analysis::levels::{Level, Levels};
use nsf_diagnostics::{Code, Diagnostic, Diagnostics, FileId, Span, Suggestion, closest, codes};
use nsf_plan::connector::Connector;
use nsf_plan::profile::{LintLevel, Manifest, Mistake, MistakeKind, Profile, Refusal, allowed_properties};

/// A mistake as a diagnostic; `file` is the settings file among the sources.
pub fn diagnostic(mistake: &Mistake, file: FileId) -> Diagnostic {
    let location = Span::new(mistake.range.start as u32, mistake.range.end as u32).in_file(file);
    let kind = &mistake.kind;
    let diagnostic = Diagnostic::new(code(kind), location, kind.message()).label(label(kind));
    if let Some(near) = near(kind) {
        return diagnostic.suggest(Suggestion::likely(format!("write `{near}`"), location, near));
    }
    match kind.help() {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn code(kind: &MistakeKind) -> &'static Code {
    match kind {
        MistakeKind::NotYaml | MistakeKind::Twice { .. } => &codes::E0691,
        MistakeKind::WrongKind { .. } => &codes::E0692,
        MistakeKind::Unknown { .. } => &codes::E0693,
        MistakeKind::Missing { .. } => &codes::E0694,
        MistakeKind::Rule { .. } => &codes::E0695,
        MistakeKind::Literal { .. } => &codes::E0696,
        MistakeKind::Reference { .. } => &codes::E0697,
        MistakeKind::Property { .. } => &codes::E0698,
    }
}

fn label(kind: &MistakeKind) -> &'static str {
    match kind {
        MistakeKind::NotYaml => "the reader cannot go on here",
        MistakeKind::Twice { .. } => "given again here",
        _ => "",
    }
}

/// The name that was probably meant.
fn near(kind: &MistakeKind) -> Option<&'static str> {
    match kind {
        MistakeKind::Unknown { name, known, .. } => closest(name, known.iter().copied()),
        MistakeKind::Property { name, refusal: Refusal::NotTuning, .. } => {
            closest(name, allowed_properties().iter().copied())
        }
        _ => None,
    }
}

/// Reads the levels of warnings; names that no warning has are told of.
pub fn levels(manifest: &Manifest, file: FileId, levels: &mut Levels, found: &mut Diagnostics) {
    let mut told = Vec::new();
    for lint in &manifest.lints {
        let place = Span::new(lint.range.start as u32, lint.range.end as u32).in_file(file);
        let level = match lint.level {
            LintLevel::Allow => Level::Allow,
            LintLevel::Warn => Level::Warn,
            LintLevel::Deny => Level::Deny,
        };
        levels.set(&lint.name, level, place, &mut told);
    }
    found.extend(told);
}

/// Warnings of connections that the program names and a profile with servers of their kind lacks.
pub fn missing_connections(manifest: &Manifest, connectors: &[&Connector], file: FileId) -> Vec<Diagnostic> {
    let mut named: Vec<(&str, &str)> = connectors.iter().filter_map(|connector| connection(connector)).collect();
    named.sort_unstable();
    named.dedup();
    let mut found = Vec::new();
    for profile in manifest.profiles.values() {
        let lacks = |(kind, name): &&(&str, &str)| speaks_of(profile, kind) && !profile.has_cluster(kind, name);
        found.extend(named.iter().filter(lacks).map(|(kind, name)| missing_connection(profile, kind, name, file)));
    }
    found
}

/// Warnings of what one process can run and the workers of a profile cannot share.
pub fn not_shared(manifest: &Manifest, dag: &Dag, file: FileId) -> Vec<Diagnostic> {
    let Some(profile) = manifest.profiles.values().find(|profile| profile.has("kafka")) else { return Vec::new() };
    let range = profile.place("kafka");
    let location = Span::new(range.start as u32, range.end as u32).in_file(file);
    let found = states_of_tellings(dag).into_iter();
    found.map(|found| found.secondary(location, "programs of this profile run as workers")).collect()
}

/// The kind of server and the name under which the profile must have the connection, where it is not the default.
fn connection(connector: &Connector) -> Option<(&str, &str)> {
    match connector.kind.as_str() {
        "webhook" => Some(("webhook", &connector.name)),
        "redis_stream" => connector.cluster.as_deref().map(|cluster| ("redis", cluster)),
        kind => connector.cluster.as_deref().map(|cluster| (kind, cluster)),
    }
}

/// Whether what a kind of connector names is looked for in the profile; otherwise it is local.
fn speaks_of(profile: &Profile, kind: &str) -> bool {
    profile.has(if kind == "webhook" { "webhooks" } else { kind })
}

fn missing_connection(profile: &Profile, kind: &str, name: &str, file: FileId) -> Diagnostic {
    let setting = if kind == "webhook" { "webhooks" } else { kind };
    let range = profile.place(setting);
    let location = Span::new(range.start as u32, range.end as u32).in_file(file);
    let (what, add) = match kind {
        "webhook" => ("webhook", format!("webhooks.{name}")),
        _ => ("cluster", format!("{kind}.clusters.{name}")),
    };
    let message =
        format!("the profile `{}` has no {what} `{name}` of `{setting}`, which the program names", profile.name);
    Diagnostic::new(&codes::W0691, location, message)
        .help(format!("add `{add}`; the program does not run with this profile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Diagnostic> {
        Manifest::parse(text).mistakes.iter().map(|mistake| diagnostic(mistake, FileId(0))).collect()
    }

    #[test]
    fn an_unknown_setting_offers_the_near_one() {
        let found = of("nmae: shop\n");
        assert_eq!(found[0].message, "nsf.yaml has no setting `nmae`");
        assert_eq!(found[0].suggestions[0].edits[0].replacement, "name");
        let found = of("profiles: { prod: { kafka: { brokres: a, brokers: a } } }\n");
        assert_eq!(found[0].message, "nsf.yaml has no setting `profiles.prod.kafka.brokres`");
        assert_eq!(found[0].suggestions[0].edits[0].replacement, "brokers");
        let found = of("profiles: { prod: { kafka: { brokers: a, properties: { ligner.ms: 5 } } } }\n");
        assert_eq!(found[0].suggestions[0].edits[0].replacement, "linger.ms");
    }

    #[test]
    fn a_setting_that_is_like_no_other_names_them_all() {
        let found = of("zzzzzz: 1\n");
        assert_eq!(found[0].notes[0].text, "its settings are `name`, `lints` and `profiles`");
    }

    #[test]
    fn a_profile_with_servers_must_have_the_connections_that_the_program_names() {
        let connector = |kind: &str, name: &str, cluster: Option<&str>| Connector {
            kind: kind.to_owned(),
            name: name.to_owned(),
            cluster: cluster.map(str::to_owned),
        };
        let named = [
            connector("kafka", "a", Some("far")),
            connector("kafka", "b", Some("far")),
            connector("kafka", "c", None),
            connector("redis", "d", Some("cache")),
            connector("webhook", "crm", None),
        ];
        let named: Vec<&Connector> = named.iter().collect();
        let text = "name: x\nprofiles:\n  dev: {}\n  one: { kafka: { brokers: a } }\n  two:\n    kafka: { brokers: a, \
                    clusters: { far: { brokers: b } } }\n    webhooks: { shop: { url: \"https://a\" } }\n";
        let found = missing_connections(&Manifest::parse(text), &named, FileId(0));
        let said: Vec<&str> = found.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "the profile `one` has no cluster `far` of `kafka`, which the program names",
                "the profile `two` has no webhook `crm` of `webhooks`, which the program names",
            ]
        );
    }
}
