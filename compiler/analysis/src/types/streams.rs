//! Streams: sources and tables, the fields of their records and their settings.

use nsf_diagnostics::{Location, Suggestion, closest};
use nsf_plan as plan;
use nsf_plan::connector::{Connector, Role};
use nsf_plan::{
    Coerce, Encoding, Format, IngestId, Late, OnError, RecordField, SourceId, SubscriptionId, TableId, TopicId, Type,
};
use nsf_syntax::ast::{self, ExprKind, FieldDeclaration, Name, SettingValue, SettingsItem, SettingsKeyword};
use smol_str::SmolStr;

use super::settings::Settings;
use super::{Checker, Global, message as words, relation, setting_message as message};
use crate::index::SymbolKind;
use crate::names::ItemRef;

const SOURCE: [&str; 14] = [
    "from", "record", "key", "time", "late", "max_skew", "idle", "format", "coerce", "strict", "retry", "on_error",
    "reject", "loop",
];
const FORMATS: [&str; 4] = ["json", "csv", "text", "bytes"];
/// Five minutes, in milliseconds.
pub(super) const MAX_SKEW: i64 = 300_000;

impl<'a> Checker<'a> {
    /// Declares sources, tables, ingests and subscriptions; bodies of the last two follow later.
    pub(super) fn stream_heads(&mut self) {
        for (item, source) in self.settings_items(SettingsKeyword::Source) {
            self.source(item, source);
        }
        for (item, table) in self.settings_items(SettingsKeyword::Table) {
            self.table(item, table);
        }
        let ingests = self.settings_items(SettingsKeyword::Ingest);
        for (index, (item, _)) in ingests.into_iter().enumerate() {
            self.globals.insert(item, Global::Ingest(IngestId(index as u32)));
        }
        let subscriptions = self.settings_items(SettingsKeyword::Subscription);
        for (index, (item, _)) in subscriptions.into_iter().enumerate() {
            self.globals.insert(item, Global::Subscription(SubscriptionId(index as u32)));
        }
    }

    fn source(&mut self, item: ItemRef, source: &'a SettingsItem) {
        let settings = self.settings(item.module, "source", source.name.span, &source.settings, &SOURCE);
        let from = self.require_setting(&settings, "from", "from: kafka(\"orders\")");
        let from = from.and_then(|setting| self.topic_setting(&settings, setting, Role::Source));
        let record = self.require_setting(&settings, "record", "record { id: text }");
        let encoding = self.encoding(&settings, record, true);
        let name = self.names.full_name(item);
        self.loop_setting(&settings, &name);
        let own = encoding.as_ref().map_or(&[][..], |(encoding, _)| &encoding.fields);
        let (late, late_else) = self.late(&settings, own);
        let max_skew = self.duration_setting(&settings, "max_skew").unwrap_or(MAX_SKEW);
        let idle = self.duration_setting(&settings, "idle");
        let (retry, reject) = (self.retry_topic(&settings), self.sink_topic(&settings, "reject"));
        let on_error = self.on_error(&settings);
        self.check_waiting(&settings, on_error, &source.name.text);
        let Some((encoding, mut broken)) = encoding else { return };
        // What reads the stream is checked even where nobody knows from where it comes.
        let from = from.unwrap_or_else(|| self.unknown_topic(&name, self.at(item.module, source.name.span)));
        let (key, is_whole) = self.key_fields(&settings, &encoding, &mut broken);
        if !is_whole {
            self.program.unclear_keys.insert(name.clone());
        }
        let time = self.time_field(&settings, record, &encoding, &mut broken);
        let value = plan::Source {
            id: name.clone(),
            name,
            from,
            encoding,
            key,
            time,
            late,
            late_else,
            max_skew,
            idle,
            retry,
            on_error,
            reject,
            origin: self.origin(item.module, source.name.span),
        };
        let id = SourceId(self.program.sources.len() as u32);
        let placed = self.placed(item, source.name.span, value);
        self.program.sources.push(placed);
        self.globals.insert(item, Global::Source(id));
        broken.iter().for_each(|name| self.break_field(Global::Source(id), name));
    }

    fn table(&mut self, item: ItemRef, table: &'a SettingsItem) {
        let allowed = ["from", "record", "key", "format", "cache"];
        let settings = self.settings(item.module, "table", table.name.span, &table.settings, &allowed);
        let cache = self.duration_setting(&settings, "cache");
        let from = self.require_setting(&settings, "from", "from: file(\"plans.csv\")");
        let from = from.and_then(|setting| self.topic_setting(&settings, setting, Role::Table));
        let record = self.require_setting(&settings, "record", "record { id: text }");
        let encoding = self.encoding(&settings, record, false);
        if settings.get("key").is_none() && !settings.is_unclear("key") {
            let own = encoding.iter().flat_map(|(encoding, _)| &encoding.fields);
            let first = own.into_iter().find(|field| relation::is_key(&field.ty)).map(|field| field.name.clone());
            let at = self.at(item.module, table.name.span);
            self.report_missing(&settings, at, "key", "table", &[first.unwrap_or_else(|| "id".to_owned())]);
        }
        let Some((encoding, mut broken)) = encoding else { return };
        // Without a key nothing can be bound to it.
        if settings.get("key").is_none() {
            return;
        }
        let name = self.names.full_name(item);
        let from = from.unwrap_or_else(|| self.unknown_topic(&name, self.at(item.module, table.name.span)));
        let (key, _) = self.key_fields(&settings, &encoding, &mut broken);
        let origin = self.origin(item.module, table.name.span);
        let value = plan::Table { name, from, encoding, key, cache, origin };
        let id = TableId(self.program.tables.len() as u32);
        let placed = self.placed(item, table.name.span, value);
        self.program.tables.push(placed);
        self.globals.insert(item, Global::Table(id));
        broken.iter().for_each(|name| self.break_field(Global::Table(id), name));
    }

    /// Stands for a connector that could not be understood: nothing else names it.
    fn unknown_topic(&mut self, reader: &str, at: Location) -> TopicId {
        let connector = Connector { kind: "kafka".to_owned(), name: format!("{reader}.unknown"), cluster: None };
        self.topic(connector, at, true)
    }

    /// The topic of a `from:`, `retry:`, `reject:` or `to:`.
    pub(super) fn topic_setting(
        &mut self,
        settings: &Settings<'_>,
        setting: &ast::Setting,
        role: Role,
    ) -> Option<TopicId> {
        let SettingValue::Values(values) = &setting.value else { return None };
        let [expr] = values.as_slice() else {
            let location = self.value_at(settings, setting);
            self.diagnostics.push(message::wrong_value(
                location,
                &setting.name.text,
                "one connector, such as `kafka(\"orders\")`",
            ));
            return None;
        };
        let call = self.connector(settings.module, expr, role, false)?;
        let location = self.at(settings.module, expr.span);
        Some(self.topic(call.connector, location, matches!(role, Role::Source | Role::Table)))
    }

    /// The topic of an optional setting that is sent to.
    pub(super) fn sink_topic(&mut self, settings: &Settings<'_>, name: &str) -> Option<TopicId> {
        let setting = settings.get(name)?;
        self.topic_setting(settings, setting, Role::Sink)
    }

    /// `retry`, which is a topic of Kafka.
    pub(super) fn retry_topic(&mut self, settings: &Settings<'_>) -> Option<TopicId> {
        let setting = settings.get("retry")?;
        if let SettingValue::Values(values) = &setting.value
            && let [ast::Expr { kind, span }] = values.as_slice()
        {
            let name = match kind {
                ExprKind::Name(name) => Some((name, *span)),
                ExprKind::Call { function, .. } => match &function.kind {
                    ExprKind::Name(name) => Some((name, function.span)),
                    _ => None,
                },
                _ => None,
            };
            if let Some((name, at)) = name
                && name != "kafka"
                && nsf_plan::connector::descriptor(name).is_some()
            {
                let location = self.at(settings.module, at);
                self.diagnostics.push(message::retry_elsewhere(location, name));
                return None;
            }
        }
        self.sink_topic(settings, "retry")
    }

    /// `loop: allowed`: what comes in over this stream may lead to what it sends.
    pub(super) fn loop_setting(&mut self, settings: &Settings<'_>, id: &str) {
        let Some(setting) = settings.get("loop") else { return };
        // Whatever it says, the loop is known.
        self.program.loops_allowed.insert(id.to_owned());
        if let SettingValue::Values(values) = &setting.value
            && let [ast::Expr { kind: ExprKind::Literal(ast::Literal::Bool(true)), span }] = values.as_slice()
        {
            let location = self.at(settings.module, *span);
            let diagnostic = message::wrong_value(location, "loop", "`allowed`");
            self.diagnostics.push(diagnostic.suggest(Suggestion::certain("write `allowed`", location, "allowed")));
            return;
        }
        self.word_setting(settings, "loop", &["allowed"]);
    }

    /// `on_error`.
    pub(super) fn on_error(&mut self, settings: &Settings<'_>) -> OnError {
        match self.word_setting(settings, "on_error", &["block_lane", "park_key", "skip_order", "dead_letter"]) {
            Some("park_key") => OnError::ParkKey,
            Some("skip_order") => OnError::SkipOrder,
            Some("dead_letter") => OnError::DeadLetter,
            _ => OnError::BlockLane,
        }
    }

    /// Records that wait in a topic need one, and a key where others wait behind them.
    fn check_waiting(&mut self, settings: &Settings<'_>, on_error: OnError, source: &str) {
        let (word, needs_key) = match on_error {
            OnError::ParkKey => ("park_key", true),
            OnError::SkipOrder => ("skip_order", false),
            OnError::BlockLane | OnError::DeadLetter => return self.check_retry(settings),
        };
        let Some(setting) = settings.get("on_error") else { return };
        let (location, item) = (self.value_at(settings, setting), format!("source with `on_error: {word}`"));
        if settings.get("retry").is_none() && !settings.is_unclear("retry") {
            let example = format!("retry: kafka(\"{source}_retry\")");
            self.diagnostics.push(message::missing(location, "retry", &item, &example));
        }
        if needs_key && settings.get("key").is_none() && !settings.is_unclear("key") {
            self.diagnostics.push(message::missing(location, "key", &item, "key: id"));
        }
    }

    /// `retry` without the `on_error` that sends something there.
    fn check_retry(&mut self, settings: &Settings<'_>) {
        let Some(setting) = settings.get("retry").filter(|_| !settings.is_unclear("on_error")) else { return };
        let location = self.at(settings.module, setting.name.span);
        let is_given = settings.get("on_error").is_some_and(|own| matches!(own.value, SettingValue::Error));
        if !is_given {
            self.diagnostics.push(message::retry_alone(location));
        }
    }

    /// `coerce`.
    pub(super) fn coerce_setting(&mut self, settings: &Settings<'_>, default: Coerce) -> Coerce {
        match self.word_setting(settings, "coerce", &["strict", "lenient"]) {
            Some("strict") => Coerce::Strict,
            Some("lenient") => Coerce::Lenient,
            _ => default,
        }
    }

    fn late(&mut self, settings: &Settings<'_>, fields: &[RecordField]) -> (Option<i64>, Late) {
        let Some(setting) = settings.get("late") else { return (None, Late::Drop) };
        let late = self.duration_setting(settings, "late");
        // Of a watermark in words of another language it is said that it is none.
        let is_read = !matches!(setting.value, SettingValue::Error) && setting.name.text == "late";
        if is_read && settings.get("time").is_none() && !settings.is_unclear("time") {
            let location = self.at(settings.module, setting.name.span);
            let times = fields.iter().filter(|field| field.ty == Type::Timestamp).map(|field| field.name.clone());
            let mut times: Vec<String> = times.collect();
            if times.is_empty() {
                times.push("…".to_owned());
            }
            self.report_missing(settings, location, "time", "source with `late`", &times);
        }
        let Some(otherwise) = &setting.otherwise else { return (late, Late::Drop) };
        let action = match &otherwise.kind {
            ExprKind::Name(name) if name == "drop" => Late::Drop,
            ExprKind::Name(name) if name == "reject" => Late::Reject,
            ExprKind::Reject(_) => {
                let location = self.at(settings.module, otherwise.span);
                self.diagnostics.push(message::reason_of_late(location));
                Late::Reject
            }
            ExprKind::Name(name) if closest(name, ["drop", "reject"]).is_some() => {
                let location = self.at(settings.module, otherwise.span);
                let near = closest(name, ["drop", "reject"]).map(str::to_owned);
                self.diagnostics.push(message::wrong_word(location, "late … else", name, &["drop", "reject"], near));
                Late::Drop
            }
            _ => match self.connector(settings.module, otherwise, Role::Sink, false) {
                Some(call) => {
                    let location = self.at(settings.module, otherwise.span);
                    Late::Topic(self.topic(call.connector, location, false))
                }
                None => Late::Drop,
            },
        };
        (late, action)
    }

    /// The fields of a record, and the names of those that could not be understood.
    fn encoding(
        &mut self,
        settings: &Settings<'a>,
        record: Option<&'a ast::Setting>,
        metadata: bool,
    ) -> Option<(Encoding, Vec<SmolStr>)> {
        let format = match self.word_setting(settings, "format", &FORMATS) {
            Some("csv") => Format::Csv,
            Some("text") => Format::Text,
            Some("bytes") => Format::Bytes,
            Some(_) => Format::Json,
            None => self.format_of_path(settings),
        };
        let coerce = self.coerce_setting(settings, Coerce::Strict);
        let strict = self.bool_setting(settings, "strict").unwrap_or(false);
        let owner = self.at(settings.module, settings.name);
        let kind = if metadata { SymbolKind::SourceField } else { SymbolKind::TableField };
        let (module, declarations) = self.fields_setting(settings, record?)?;
        let mut fields: Vec<(RecordField, Location)> = Vec::with_capacity(declarations.len());
        let mut broken = Vec::new();
        for declaration in declarations {
            let name = self.at(module, declaration.name.span);
            let earlier = fields.iter().find(|(field, _)| field.name == declaration.name.text).map(|(_, at)| *at);
            if let Some(earlier) = earlier
                && declaration.ty.kind != ast::TypeExprKind::Error
            {
                self.diagnostics.push(message::field_twice(name, &declaration.name.text, earlier));
                continue;
            }
            match self.record_field(module, declaration, format, metadata) {
                Some(field) => {
                    self.declare_field(owner, &field.name, name, kind, Some(&field.ty));
                    fields.push((field, name));
                }
                None => broken.push(declaration.name.text.clone()),
            }
        }
        if broken.is_empty() && matches!(format, Format::Text | Format::Bytes) {
            self.whole_line(format, coerce, &fields);
        }
        let fields = fields.into_iter().map(|(field, _)| field).collect();
        Some((Encoding { format, coerce, strict, fields }, broken))
    }

    /// `format: text` and `bytes` give a line as it is, so one field can hold it, beside parts of the message.
    fn whole_line(&mut self, format: Format, coerce: Coerce, fields: &[(RecordField, Location)]) {
        let is_part = |field: &RecordField| matches!(field.path.as_slice(), [part] if part.starts_with('$'));
        let own: Vec<&(RecordField, Location)> = fields.iter().filter(|(field, _)| !is_part(field)).collect();
        if let Some((_, second)) = own.get(1) {
            let expected = "one field, which holds the whole line; others read parts such as `$key`";
            self.diagnostics.push(message::wrong_value(*second, "record", expected));
            return;
        }
        let Some((field, location)) = own.first() else { return };
        let due = if format == Format::Bytes { Type::Bytes } else { Type::Text };
        let fits = *field.ty.non_null() == due || (format == Format::Text && coerce == Coerce::Lenient);
        if !fits {
            self.diagnostics.push(words::mismatch(*location, &field.ty, &due));
        }
    }

    /// A file whose name ends in `.csv` is read as CSV unless `format` says otherwise.
    fn format_of_path(&self, settings: &Settings<'_>) -> Format {
        let csv = settings.get("from").is_some_and(|setting| match &setting.value {
            SettingValue::Values(values) => values.iter().any(|expr| match &expr.kind {
                ExprKind::Call { arguments, .. } => arguments.iter().any(|argument| {
                    matches!(&argument.value.kind, ExprKind::Literal(ast::Literal::Text(text)) if text.ends_with(".csv"))
                }),
                _ => false,
            }),
            _ => false,
        });
        if csv { Format::Csv } else { Format::Json }
    }

    fn record_field(
        &mut self,
        module: u32,
        declaration: &FieldDeclaration,
        format: Format,
        metadata: bool,
    ) -> Option<RecordField> {
        let ty = self.type_of(module, &declaration.ty);
        let path = match &declaration.from {
            None => vec![declaration.name.text.to_string()],
            Some(from) => self.member_path(module, from, format, metadata)?,
        };
        let ty = ty?;
        if let [part] = path.as_slice()
            && matches!(part.as_str(), "$offset" | "$partition")
            && !matches!(ty.non_null(), Type::Integer(_))
        {
            let location = self.at(module, declaration.ty.span);
            self.diagnostics.push(message::whole_number_part(location, part));
            return None;
        }
        if self.is_null_default(module, declaration, &ty) {
            return None;
        }
        let default = match &declaration.default {
            Some(default) => Some(self.constant_of(module, default, &ty, "a default")?),
            None => None,
        };
        let mut renames = Vec::new();
        nested_renames(&declaration.ty, &mut Vec::new(), &mut renames);
        Some(RecordField { name: declaration.name.text.to_string(), path, ty, default, used: false, renames })
    }

    /// `"StuID"`, `"meta.id"` (a nested member; `\.` is a dot in a name), `"$key"`, `"$header.h"`.
    fn member_path(
        &mut self,
        module: u32,
        from: &ast::TextLiteral,
        format: Format,
        metadata: bool,
    ) -> Option<Vec<String>> {
        let text = from.value.as_str();
        let location = self.at(module, from.span);
        if let Some(diagnostic) = message::path_of_another_language(location, text) {
            self.diagnostics.push(diagnostic);
            return None;
        }
        if let Some(name) = text.strip_prefix('$') {
            const ALONE: [&str; 5] = ["key", "topic", "partition", "offset", "timestamp"];
            let known = ALONE.contains(&name) || name.starts_with("key.") || name.starts_with("header.");
            if known && metadata {
                return Some(vec![text.to_owned()]);
            }
            let near = closest(name, ALONE.iter().copied()).map(|near| format!("${near}"));
            let text = format!("`{text}` is not a part of a message");
            let mut diagnostic = message::member_path(location, text).note(
                "parts are `$key`, `$key.member`, `$header.name`, `$topic`, `$partition`, `$offset` and `$timestamp`",
            );
            if let Some(near) = near {
                diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
            }
            self.diagnostics.push(diagnostic);
            return None;
        }
        if format == Format::Csv {
            return Some(vec![text.to_owned()]);
        }
        let mut parts = vec![String::new()];
        let mut signs = text.chars();
        while let Some(sign) = signs.next() {
            match sign {
                '.' => parts.push(String::new()),
                '\\' => parts.last_mut()?.extend(signs.next()),
                sign => parts.last_mut()?.push(sign),
            }
        }
        if parts.iter().any(String::is_empty) {
            let text = format!("`{text}` has an empty member name");
            self.diagnostics.push(message::member_path(location, text).help("write a dot inside a name as `\\\\.`"));
            return None;
        }
        Some(parts)
    }

    /// The fields that `key:` names, which must be keys and never null, and whether all of it was understood.
    fn key_fields(
        &mut self,
        settings: &Settings<'_>,
        encoding: &Encoding,
        broken: &mut Vec<SmolStr>,
    ) -> (Vec<u32>, bool) {
        let Some(setting) = settings.get("key") else { return (Vec::new(), !settings.is_unclear("key")) };
        let mut key = Vec::new();
        let names = self.names_setting(settings, setting);
        for name in &names {
            let Some(index) = self.field_index(settings, encoding, name, broken) else { continue };
            let ty = &encoding.fields[index as usize].ty;
            if !relation::is_key(ty) {
                let location = self.at(settings.module, name.span);
                self.diagnostics.push(words::not_a_key(location, ty, "a key"));
            } else if key.contains(&index) {
                self.report_named_twice(settings.module, &names, name);
            } else {
                key.push(index);
            }
        }
        let written = match &setting.value {
            SettingValue::Values(values) => values.len(),
            _ => usize::MAX,
        };
        let is_whole = key.len() == written;
        (key, is_whole)
    }

    fn time_field(
        &mut self,
        settings: &Settings<'a>,
        record: Option<&'a ast::Setting>,
        encoding: &Encoding,
        broken: &mut Vec<SmolStr>,
    ) -> Option<u32> {
        let setting = settings.get("time")?;
        let name = self.name_setting(settings, setting)?;
        let index = self.field_index(settings, encoding, &name, broken)?;
        let ty = &encoding.fields[index as usize].ty;
        if *ty != Type::Timestamp {
            let (location, ty) = (self.at(settings.module, name.span), ty.clone());
            // It was understood before.
            let declared =
                record.and_then(|record| self.fields_setting(settings, record)).and_then(|(module, fields)| {
                    let field = fields.iter().find(|field| field.name.text == name.text)?;
                    Some(self.at(module, field.ty.span))
                });
            self.diagnostics.push(message::time_of_another_type(location, &name.text, &ty, declared));
            return None;
        }
        Some(index)
    }

    /// The index of a field that a setting names. One that is not there is reported once, and broken from then on.
    fn field_index(
        &mut self,
        settings: &Settings<'_>,
        encoding: &Encoding,
        name: &Name,
        broken: &mut Vec<SmolStr>,
    ) -> Option<u32> {
        let module = settings.module;
        let symbol = self.field_of(self.at(module, settings.name), &name.text);
        self.refer(module, name.span, symbol, None);
        let index = encoding.fields.iter().position(|field| field.name == name.text);
        if index.is_none() && !broken.iter().any(|broken| *broken == name.text || broken.is_empty()) {
            let near = closest(&name.text, encoding.fields.iter().map(|field| field.name.as_str())).map(str::to_owned);
            let location = self.at(module, name.span);
            self.diagnostics.push(message::not_a_field(location, &name.text, near));
            broken.push(name.text.clone());
        }
        index.map(|index| index as u32)
    }
}

/// Renames inside a record type, by the path of field names.
fn nested_renames(ty: &ast::TypeExpr, at: &mut Vec<String>, renames: &mut Vec<(Vec<String>, String)>) {
    match &ty.kind {
        ast::TypeExprKind::Nullable(inner) => nested_renames(inner, at, renames),
        ast::TypeExprKind::Named(_, arguments) => {
            for argument in arguments {
                nested_renames(argument, at, renames);
            }
        }
        ast::TypeExprKind::Record(fields) => {
            for field in fields {
                at.push(field.name.text.to_string());
                if let Some(from) = &field.from {
                    renames.push((at.clone(), from.value.to_string()));
                }
                nested_renames(&field.ty, at, renames);
                at.pop();
            }
        }
        _ => {}
    }
}
