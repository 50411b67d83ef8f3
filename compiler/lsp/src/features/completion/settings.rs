//! Settings of items, and their values.

use gen_lsp_types::CompletionItemKind;
use nsf_plan::connector::{DESCRIPTORS, Role};
use nsf_syntax::ast::SettingsKeyword;

use super::Completion;
use super::candidate::{Candidate, Rank};
use super::frames::Kind;

/// A setting: its name, what it says, and the value to begin with; in braces where it is a block.
type Setting = (&'static str, &'static str, &'static str);

const SOURCE: &[Setting] = &[
    ("from", "where it is read", "kafka(\"${1:topic}\")"),
    ("record", "the fields of a record", "{\n  ${1:id}: ${2:text}\n}"),
    ("key", "the fields of the partition key", ""),
    ("time", "the field that holds a record's time", ""),
    ("late", "how late a record may be, and what becomes of later ones", "${1:1d}"),
    ("on_error", "what follows a record that keeps failing for an outside reason", ""),
    ("format", "how messages are written", ""),
    ("coerce", "what is done with a value of a near type", ""),
    ("strict", "whether members that are not named reject a record", "true"),
    ("retry", "the topic of records that are tried again", "kafka(\"${1:topic}\")"),
    ("reject", "the topic of rejected records", "kafka(\"${1:topic}\")"),
    ("max_skew", "how far ahead of its message a record's time may be", "${1:5min}"),
    ("idle", "after how long a silent partition holds back nothing", "${1:1min}"),
    ("loop", "says that the flows may feed this stream", "allowed"),
];
const TABLE: &[Setting] = &[
    ("from", "where its rows are", "mysql(\"${1:table}\")"),
    ("record", "the fields of a row", "{ ${1:id}: ${2:int64} }"),
    ("key", "the fields that a row is found by", ""),
    ("format", "how a file's rows are written", ""),
    ("cache", "how long a row that was read need not be read again", "${1:1min}"),
];
const INGEST: &[Setting] = &[
    ("arris_id", "who sends", "\"${1:ARRIS-}\""),
    ("tenant", "who owns the data", ""),
    ("from", "where it is read", "kafka(\"${1:topic}\")"),
    ("accept", "the dimensions that it writes", ""),
    ("map", "fields of which the members have other names", "{\n  ${1:field} = ${2:member}\n}"),
    ("order", "by time, the only order", "time"),
    ("coerce", "what is done with a value of a near type", ""),
    ("retry", "the topic of records that are tried again", "kafka(\"${1:topic}\")"),
    ("on_error", "what follows a record that keeps failing for an outside reason", ""),
    ("reject", "the topic of rejected records", "kafka(\"${1:topic}\")"),
    ("max_skew", "how far ahead of its message a record's time may be", "${1:5min}"),
    ("loop", "says that the flows may feed this stream", "allowed"),
];
const SUBSCRIPTION: &[Setting] = &[
    ("tenant", "who is told", ""),
    ("listen", "the fields whose changes are told", ""),
    ("when", "only if this holds", ""),
    ("on", "which changes are told", ""),
    ("publish", "what is sent", ""),
    ("to", "where it is sent", "kafka(\"${1:topic}\")"),
    ("extra", "sent along as it is", "\"$1\""),
    ("loop", "says that the flows may feed this stream", "allowed"),
];
const STATE: &[Setting] = &[
    ("store", "where it is kept", ""),
    ("keep", "how long a value is kept after its last save", "${1:30d}"),
    ("closes", "when a value ends, over the keys", ""),
    ("order", "`time`: of each field the value with the latest time wins", "time"),
    ("value", "the fields of a value", "{ ${1:total}: ${2:int64} = ${3:0} }"),
];
const TENANT: &[Setting] = &[
    ("app_id", "its number", "\"${1:0102}\""),
    ("app_key", "its secret, by name", "secret(\"${1:APP_KEY}\")"),
    ("zone", "its time zone", "\"${1:UTC}\""),
];
const SPACE: &[Setting] = &[
    ("store", "what keeps it", ""),
    ("shards", "how many parts it has", "${1:1}"),
    ("keep", "how long a row is kept", "${1:30d}"),
];
const MONITOR: &[Setting] = &[
    ("sample", "which share of the records is traced", ""),
    ("keep", "how long traces are kept", "${1:7d}"),
    ("deadline", "how long a record may take", "${1:5min}"),
    ("gap", "how long nothing may come", "${1:5min}"),
    ("merge", "how traces are joined", ""),
    ("mod", "the module", ""),
    ("grp", "the group", ""),
    ("biz", "the business", ""),
];
const FIELD: &[Setting] =
    &[("empty", "what a reader gets while there is no value", ""), ("owner", "who answers for the field", "\"$1\"")];

const ON_ERROR: [(&str, &str); 4] = [
    ("block_lane", "the lane waits until it succeeds"),
    ("park_key", "the record and those of its key wait aside"),
    ("skip_order", "the record waits aside, later ones pass it"),
    ("dead_letter", "the record is rejected"),
];

pub(crate) fn settings_of(keyword: &str) -> &'static [Setting] {
    match keyword {
        "source" => SOURCE,
        "table" => TABLE,
        "ingest" => INGEST,
        "subscription" => SUBSCRIPTION,
        "state" => STATE,
        "tenant" => TENANT,
        "space" => SPACE,
        "monitor" => MONITOR,
        "fields" => FIELD,
        _ => &[],
    }
}

impl Completion<'_, '_> {
    /// A setting's name, or what may stand behind the name before.
    pub(super) fn setting(&self) -> Vec<Candidate> {
        let context = self.context;
        let name = context.at(context.statement());
        let has_value = context.statement() + 1 < context.tokens.len() && context.at(context.statement() + 1) == ":";
        if context.begins() || !has_value {
            return self.setting_names();
        }
        if context.follows_operand() {
            return match name {
                "late" => vec![Candidate::word("else", "what becomes of later records")],
                _ => self.setting_names(),
            };
        }
        self.setting_value(name)
    }

    fn setting_names(&self) -> Vec<Candidate> {
        let context = self.context;
        let frame = context.frame();
        let there: Vec<&str> = (frame.open + 1..context.tokens.len())
            .filter(|index| matches!(context.at(index + 1), ":" | "{"))
            .map(|index| context.at(index))
            .collect();
        let rest = context.text.get(context.word.end as usize..).unwrap_or_default();
        let behind = rest.split("\n}").next().unwrap_or_default();
        let is_behind = |name: &str| {
            behind.lines().any(|line| {
                let line = line.trim_start().strip_prefix(name).map(str::trim_start);
                line.is_some_and(|line| line.starts_with([':', '{']))
            })
        };
        settings_of(context.keyword())
            .iter()
            .filter(|(name, ..)| !there.contains(name) && !is_behind(name))
            .map(|(name, detail, value)| {
                let form = if value.starts_with('{') {
                    format!("{name} {value}$0")
                } else if value.is_empty() {
                    format!("{name}: $0")
                } else {
                    format!("{name}: {value}$0")
                };
                Candidate::new(*name, CompletionItemKind::Property, Rank::Due).detail(*detail).snippet(form)
            })
            .collect()
    }

    fn setting_value(&self, name: &str) -> Vec<Candidate> {
        let words = |words: &[(&str, &str)]| -> Vec<Candidate> {
            let word = |(word, detail): &(&str, &str)| {
                Candidate::new(*word, CompletionItemKind::EnumMember, Rank::Due).detail(*detail)
            };
            words.iter().map(word).collect()
        };
        if self.context.before(0) == "else" {
            return words(&[
                ("drop", "later records are counted and left"),
                ("reject", "later records are kept and can be replayed"),
                ("kafka", "later records are sent there"),
            ]);
        }
        match (self.context.keyword(), name) {
            (_, "on_error") => words(&ON_ERROR),
            (_, "format") => words(&[
                ("json", "a JSON object a message"),
                ("csv", "cells with commas; the first line names them"),
                ("text", "a message is one text"),
                ("bytes", "a message as it is"),
            ]),
            (_, "coerce") => words(&[
                ("strict", "a value of another type is rejected"),
                ("lenient", "numeric text becomes a number, a scalar a list of one; conversions are counted"),
            ]),
            (_, "strict") => words(&[("true", "unknown members reject a record"), ("false", "they are left")]),
            (_, "order") => words(&[("time", "the value with the latest time wins")]),
            (_, "loop") => words(&[("allowed", "the flows may feed this stream")]),
            ("subscription", "on") => words(&[
                ("create", "a key was first seen"),
                ("binlog", "a listened field changed"),
                ("reset", "a field or the row was cleared"),
                ("datain", "a message that touches a listened field came, changed or not"),
            ]),
            ("source" | "table", "key" | "time") => self.record_fields(name == "time"),
            ("ingest" | "subscription", "tenant") => self.settings_items(&[SettingsKeyword::Tenant]),
            ("ingest", "accept") => self.dimensions(),
            ("subscription", "publish") => self.subscribed(true),
            ("subscription", "listen") => self.listened(),
            ("subscription", "when") | ("state", "closes") => self.expression(),
            ("space", "store") => words(&[
                ("mysql", "MySQL, MariaDB or TiDB"),
                ("redis", "Redis"),
                ("embedded", "the store inside the runtime"),
            ]),
            ("state", "store") => connectors(Role::State),
            ("table", "from") => connectors(Role::Table),
            (_, "from") => connectors(Role::Source),
            (_, "retry" | "reject" | "to") => connectors(Role::Sink),
            (_, "keep") => words(&[("forever", "nothing ends")]),
            (_, "record") => self.types(),
            ("tenant", "app_key") => {
                vec![Candidate::word("secret", "a credential by its name").snippet("secret(\"${1:APP_KEY}\")")]
            }
            _ => Vec::new(),
        }
    }

    /// The fields of the record that the item declares, from its tokens; those of time first where time is due.
    fn record_fields(&self, is_time: bool) -> Vec<Candidate> {
        let context = self.context;
        let (fields, rest) = context.text.split_at(context.word.start as usize);
        let start = context.tokens.first().map_or(0, |token| token.span.start as usize);
        let whole =
            format!("{}{}", fields.get(start..).unwrap_or_default(), rest.split("\n}").next().unwrap_or_default());
        let tokens = nsf_syntax::tokens(&whole);
        let at = |index: usize| tokens.get(index).map_or("", |token| token.text(&whole));
        let Some(open) = (0..tokens.len()).find(|index| at(*index) == "record") else { return Vec::new() };
        let mut depth = 0_usize;
        let mut found = Vec::new();
        for index in open + 1..tokens.len() {
            match at(index) {
                "{" => depth += 1,
                "}" if depth <= 1 => break,
                "}" => depth -= 1,
                name if depth == 1 && at(index + 1) == ":" => {
                    let ty = at(index + 2);
                    let is_due = !is_time || ty == "timestamp";
                    let rank = if is_due { Rank::Due } else { Rank::Other };
                    found.push(Candidate::new(name, CompletionItemKind::Field, rank).detail(ty));
                }
                _ => {}
            }
        }
        found
    }

    /// The dimension of the subscription at hand.
    fn subscribed_dimension(&self) -> Option<nsf_plan::HandleTarget> {
        (self.context.at(2) == "on").then(|| self.known.row_named(self.context.at(3)))?
    }

    fn subscribed(&self, with_keys: bool) -> Vec<Candidate> {
        let Some(target) = self.subscribed_dimension() else { return Vec::new() };
        let mut found: Vec<Candidate> = self
            .known
            .row(target)
            .iter()
            .filter(|own| with_keys || !own.is_key)
            .map(|own| self.row_field(own, target))
            .collect();
        if with_keys {
            found.push(
                Candidate::new("updated", CompletionItemKind::Field, Rank::Near).detail("timestamp, of the change"),
            );
        }
        found.retain(|own| !self.is_written(&own.label));
        found
    }

    fn listened(&self) -> Vec<Candidate> {
        if self.context.before(0) == "." {
            return self.subscribed(false);
        }
        let mut found = self.subscribed(false);
        found.extend(self.settings_items(&[SettingsKeyword::Ingest]));
        found.extend(self.flows());
        found
    }

    /// Whether a word stands in the statement at hand already.
    pub(super) fn is_written(&self, word: &str) -> bool {
        (self.context.statement()..self.context.tokens.len()).any(|index| self.context.at(index) == word)
    }

    /// A field of `record { … }`, `value { … }`, `fields DIM { … }`.
    pub(super) fn declared_field(&self) -> Vec<Candidate> {
        let context = self.context;
        let before = context.before(0);
        if matches!(before, ":" | "<")
            || (before == "," && context.at(context.statement() + 1) == ":" && self.in_type())
        {
            return self.types();
        }
        if context.is_first_on_line() || !context.follows_operand() {
            return Vec::new();
        }
        match context.frame().kind {
            Kind::DimensionFields => vec![Candidate::word("derived", "computed by exactly one flow")],
            _ => vec![Candidate::word("from", "the member that it is read from")],
        }
    }

    /// Whether the cursor is between the brackets of `map<K, …>`.
    fn in_type(&self) -> bool {
        let words = (self.context.statement()..self.context.tokens.len()).map(|index| self.context.at(index));
        let (open, close) = words
            .fold((0, 0), |(open, close), word| (open + usize::from(word == "<"), close + usize::from(word == ">")));
        open > close
    }

    /// The fields that an ingest may map: those of the dimensions that it accepts.
    pub(super) fn mapped(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.begins() || (context.follows_operand() && context.is_first_on_line()) {
            let accepted: Vec<&str> = (0..context.tokens.len())
                .skip_while(|index| context.at(*index) != "accept")
                .skip(2)
                .take_while(|index| !matches!(context.at(index + 1), ":" | "{"))
                .map(|index| context.at(index))
                .filter(|word| *word != ",")
                .collect();
            let targets = accepted.iter().filter_map(|name| self.known.row_named(name));
            let fields = targets.flat_map(|target| {
                self.known.row(target).into_iter().map(move |own| (own, target)).collect::<Vec<_>>()
            });
            let mut found: Vec<Candidate> = fields
                .map(|(own, target)| self.row_field(&own, target).snippet(format!("{} = $0", own.name)))
                .collect();
            found.dedup_by(|one, other| one.label == other.label);
            return found;
        }
        self.functions(None)
    }
}

/// The connectors that can be used so, with a place for their names.
pub(super) fn connectors(role: Role) -> Vec<Candidate> {
    let may = |own: &&nsf_plan::connector::Descriptor| {
        own.roles.contains(&role) || (role == Role::Values && own.roles.contains(&Role::Sink))
    };
    DESCRIPTORS
        .iter()
        .filter(may)
        .map(|own| {
            let form = match own.argument {
                Some(argument) => format!("{}(\"${{1:{argument}}}\")", own.name),
                None => own.name.to_owned(),
            };
            Candidate::new(own.name, CompletionItemKind::Interface, Rank::Due).detail(own.summary).snippet(form)
        })
        .collect()
}
