//! The clauses of tests.

use gen_lsp_types::CompletionItemKind;
use nsf_plan::connector::Role;
use nsf_syntax::ast::SettingsKeyword;

use super::Completion;
use super::candidate::{Candidate, Rank};
use super::frames::Kind;
use super::settings::connectors;

impl Completion<'_, '_> {
    pub(super) fn clause(&self) -> Vec<Candidate> {
        let context = self.context;
        let start = context.statement();
        let count = context.tokens.len().saturating_sub(start);
        if context.begins() || count == 0 {
            let clause = |(word, detail, form): (&str, &str, &str)| {
                Candidate::new(word, CompletionItemKind::Keyword, Rank::Due).detail(detail).snippet(form)
            };
            return [
                ("given", "records that come", "given ${1:source} [\n  { $0 },\n]"),
                ("expect", "what must hold afterwards", "expect $0"),
                ("with", "rows that are there before", "with ${1:table} { $0 }"),
            ]
            .map(clause)
            .to_vec();
        }
        let before = context.before(0);
        match context.at(start) {
            "with" if count == 1 => {
                let mut found = self.settings_items(&[SettingsKeyword::Table, SettingsKeyword::State]);
                found.extend(self.dimensions());
                found
            }
            "given" if count == 1 => self.settings_items(&[SettingsKeyword::Source, SettingsKeyword::Ingest]),
            "expect" if count == 1 => self.expected_things(),
            "expect" if matches!(before, "rejected" | "dropped") => {
                self.settings_items(&[SettingsKeyword::Source, SettingsKeyword::Ingest])
            }
            "expect" if before == "published" => connectors(Role::Sink),
            "expect" if before == "same" => vec![Candidate::word("under", "what is done to the run")],
            "expect" if self.is_written("under") => {
                let ways = [
                    ("duplicate", "every record comes again at its own offset"),
                    ("resend", "every record comes again at a new offset"),
                    ("restart", "the run is stopped and goes on, at every place"),
                    ("shuffle", "records come in other orders, within `late`"),
                    ("parallel", "more lanes"),
                ];
                let ways = ways.into_iter().filter(|(word, _)| !self.is_written(word));
                ways.map(|(word, detail)| {
                    Candidate::new(word, CompletionItemKind::EnumMember, Rank::Due).detail(detail)
                })
                .collect()
            }
            "expect" => self.expression(),
            _ => Vec::new(),
        }
    }

    fn expected_things(&self) -> Vec<Candidate> {
        let called = |own: Candidate| {
            let keys = self.known.row_named(&own.label).map(|target| self.known.row(target)).unwrap_or_default();
            let keys = keys.iter().filter(|own| own.is_key).enumerate();
            let places: Vec<String> = keys.map(|(index, key)| format!("${{{}:{}}}", index + 1, key.name)).collect();
            let form = format!("{}({})$0", own.label, places.join(", "));
            own.snippet(form)
        };
        let mut found: Vec<Candidate> = self.dimensions().into_iter().map(called).collect();
        found.extend(self.settings_items(&[SettingsKeyword::State]).into_iter().map(called));
        found.push(Candidate::word("published", "what was sent").snippet("published kafka(\"${1:topic}\") [ { $0 } ]"));
        found.push(
            Candidate::word("rejected", "how many records were rejected")
                .snippet("rejected ${1:source} ${2:1} \"${3:why}\""),
        );
        found.push(
            Candidate::word("dropped", "how many records were dropped")
                .snippet("dropped ${1:source} ${2:1} \"${3:why}\""),
        );
        found.push(Candidate::word("same", "the same under other runs").snippet("same under $0"));
        found.push(Candidate::word("not", "the contrary"));
        found
    }

    /// A row of `with` or `given`: fields that are not there yet.
    pub(super) fn row_of_test(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.tokens.len() > context.statement() {
            return self.expression();
        }
        let Some(clauses) = context.frames.iter().find(|frame| frame.kind == Kind::Clauses) else { return Vec::new() };
        let name = context.at(clauses.statement + 1);
        let Some(item) = self.known.item(name) else { return Vec::new() };
        let mut found: Vec<Candidate> = match self.known.row_at(item.location()) {
            Some(target) => self.known.row(target).iter().map(|own| self.row_field(own, target)).collect(),
            None => {
                let fields = self.stream_fields(&item).unwrap_or_default().into_iter();
                let field = |(field, ty): (String, String)| {
                    let docs = self.known.field_docs(item.location(), &field);
                    Candidate::new(field, CompletionItemKind::Field, Rank::Due)
                        .detail(format!("{ty}, {name}"))
                        .docs(docs)
                };
                fields.map(field).collect()
            }
        };
        found.retain(|own| !self.is_in_list(&own.label));
        found
            .into_iter()
            .map(|own| {
                let form = format!("{}: $0", own.label);
                own.snippet(form)
            })
            .collect()
    }
}
