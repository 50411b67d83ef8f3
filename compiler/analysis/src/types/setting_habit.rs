//! Settings as other languages and people in a hurry write them: other words for them, names in quotes and brackets, fields
//! without their block.

use nsf_diagnostics::{Applicability, Diagnostic, Location, Span, Suggestion, TextEdit, codes};
use nsf_plan::Type;
use nsf_plan::connector::descriptor;
use nsf_syntax::ast::{self, Expr, ExprKind, RecordEntry, Setting, SettingValue};

use super::settings::Settings;
use super::{Checker, setting_message as message};

/// What a setting is called elsewhere.
const WORDS: [(&str, &[&str]); 29] = [
    ("event_time", &["time"]),
    ("eventtime", &["time"]),
    ("timestamp", &["time"]),
    ("ts", &["time"]),
    ("primary_key", &["key"]),
    ("partition_key", &["key"]),
    ("partition_by", &["key"]),
    ("keys", &["key"]),
    ("lateness", &["late"]),
    ("allowed_lateness", &["late"]),
    ("watermark", &["late"]),
    ("grace", &["late"]),
    ("ttl", &["keep", "cache"]),
    ("retention", &["keep", "cache"]),
    ("expire", &["keep", "cache"]),
    ("expires", &["keep", "cache"]),
    ("schema", &["record", "value"]),
    ("fields", &["record", "value"]),
    ("columns", &["record", "value"]),
    ("values", &["value"]),
    ("topic", &["from", "to"]),
    ("input", &["from"]),
    ("reads", &["from"]),
    ("output", &["to"]),
    ("sink", &["to"]),
    ("target", &["to"]),
    ("dead_letter", &["reject"]),
    ("dlq", &["reject"]),
    ("mapping", &["map"]),
];

/// The types that are one word.
const PLAIN_TYPES: [&str; 18] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal",
    "text",
    "bytes",
    "timestamp",
    "date",
    "duration",
    "json",
];

/// The setting that another word means, if the item has it.
fn other_word<'w>(written: &str, allowed: &[&'w str]) -> Option<&'w str> {
    let written = written.to_ascii_lowercase();
    let (_, meant) = WORDS.iter().find(|(word, _)| *word == written)?;
    allowed.iter().copied().find(|allowed| meant.contains(allowed))
}

/// The settings that a value of this form can be of.
fn of_form(value: &SettingValue) -> &'static [&'static str] {
    match value {
        SettingValue::Values(values) => match values.as_slice() {
            [Expr { kind: ExprKind::Call { function, .. }, .. }] => match &function.kind {
                ExprKind::Name(name) if descriptor(name).is_some() => &["from", "to"],
                _ => &[],
            },
            _ => &[],
        },
        SettingValue::Fields(fields) if fields.len() != 1 => &["record", "value"],
        SettingValue::Fields(_) | SettingValue::Error => &[],
        SettingValue::Assignments(_) => &["map"],
    }
}

/// The setting that is meant by an unknown one, and whether nothing else can be: its value has the form of the one that is
/// missing.
pub(super) fn meant<'w>(setting: &Setting, settings: &[Setting], allowed: &[&'w str]) -> Option<(&'w str, bool)> {
    let is_missing = |name: &&str| !settings.iter().any(|other| other.name.text == *name);
    let of_form = of_form(&setting.value);
    let only = allowed.iter().copied().filter(is_missing).find(|name| of_form.contains(name));
    let sure = only.is_some();
    only.or_else(|| other_word(&setting.name.text, allowed).filter(is_missing)).map(|name| (name, sure))
}

/// A setting that is called otherwise.
pub(super) fn called_otherwise(location: Location, name: &str, item: &str, meant: &str, sure: bool) -> Diagnostic {
    let article = message::article(item);
    let diagnostic = Diagnostic::new(&codes::E0501, location, format!("{article} {item} has no setting `{name}`"))
        .label(match nsf_diagnostics::closest(name, [meant]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`{meant}` is what NSF says"),
        });
    let fix = if sure { Suggestion::certain } else { Suggestion::likely };
    diagnostic.suggest(fix(format!("write `{meant}`"), location, meant))
}

/// The block that an item's fields stand in.
fn block_of(item: &str) -> Option<&'static str> {
    match item {
        "source" | "table" => Some("record"),
        "state" => Some("value"),
        _ => None,
    }
}

impl Checker<'_> {
    /// The settings that are fields without the block around them, which is reported once.
    pub(super) fn fields_without_block<'s>(
        &mut self,
        module: u32,
        item: &'static str,
        name: Location,
        settings: &'s [Setting],
        allowed: &[&str],
    ) -> Vec<&'s Setting> {
        let Some(block) = block_of(item) else { return Vec::new() };
        let is_unknown = |own: &Setting| !allowed.contains(&own.name.text.as_str());
        let is_other_block =
            |own: &Setting| is_unknown(own) && !is_one_field(own) && matches!(own.value, SettingValue::Fields(_));
        if settings.iter().any(|own| own.name.text == block || own.name.text.is_empty() || is_other_block(own)) {
            return Vec::new();
        }
        let loose: Vec<&Setting> =
            settings.iter().filter(|own| is_unknown(own) && self.is_field(module, own, allowed)).collect();
        let (Some(first), Some(last)) = (loose.first(), loose.last()) else { return Vec::new() };
        let text = format!("the fields of {} {item} stand in `{block} {{ … }}`", message::article(item));
        let mut diagnostic = Diagnostic::new(&codes::E0503, name, text)
            .secondary(self.at(module, first.name.span), "a field, and no setting");
        let is_between = |own: &&Setting| first.span.start <= own.span.start && own.span.start <= last.span.start;
        if settings.iter().filter(is_between).count() == loose.len() {
            diagnostic = diagnostic.suggest(self.put_into_block(module, block, &loose, first.span, last.span));
        }
        self.diagnostics.push(diagnostic);
        loose
    }

    fn put_into_block(&self, module: u32, block: &str, loose: &[&Setting], first: Span, last: Span) -> Suggestion {
        let in_lines = self.is_first_on_line(module, first.start);
        let edit =
            |offset: u32, replacement: String| TextEdit { location: self.at(module, Span::at(offset)), replacement };
        let (open, close) = if in_lines {
            (
                "{
    ", "
  }",
            )
        } else {
            ("{ ", " }")
        };
        let mut edits = vec![edit(first.start, format!("{block} {open}"))];
        let lines = loose.iter().skip(1).filter(|own| in_lines && self.is_first_on_line(module, own.span.start));
        edits.extend(lines.map(|own| edit(own.span.start, "  ".to_owned())));
        edits.push(edit(last.end, close.to_owned()));
        let message = format!("put `{block} {{ … }}` around them");
        Suggestion { message, edits, applicability: Applicability::Certain }
    }

    /// Whether a setting is a field as it stands in a record: `note: text?`, or `id: text`, which reads as a setting too.
    fn is_field(&self, module: u32, setting: &Setting, allowed: &[&str]) -> bool {
        let SettingValue::Values(values) = &setting.value else { return is_one_field(setting) };
        let [Expr { kind: ExprKind::Name(name), .. }] = values.as_slice() else { return false };
        let is_type = || match self.names.lookup(module, name) {
            crate::names::Resolution::Item(item) => matches!(self.names.item(item).kind, ast::ItemKind::Type(_)),
            _ => false,
        };
        let is_plain = PLAIN_TYPES.contains(&name.as_str());
        setting.otherwise.is_none() && (is_plain || (other_word(&setting.name.text, allowed).is_none() && is_type()))
    }

    fn is_first_on_line(&self, module: u32, offset: u32) -> bool {
        let location = self.at(module, Span::at(offset));
        self.sources.get(location.file).is_some_and(|file| {
            let line = file.line_span(file.line_index(offset));
            Span::new(line.start, offset).text(&file.text).trim().is_empty()
        })
    }

    /// Names in quotes or brackets, where names are due: reported, and what is meant.
    pub(super) fn names_in_signs(
        &mut self,
        settings: &Settings<'_>,
        setting: &Setting,
        value: &Expr,
    ) -> Option<Vec<ast::Name>> {
        let location = self.at(settings.module, value.span);
        let named = |expr: &Expr| match &expr.kind {
            ExprKind::Name(text) => Some(ast::Name { text: text.clone(), span: expr.span }),
            _ => None,
        };
        let names: Option<Vec<ast::Name>> = match &value.kind {
            ExprKind::Literal(ast::Literal::Text(text)) if is_name(text) => {
                let said = format!("`{}` takes a name, and this is a text", setting.name.text);
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0504, location, said)
                        .label("names stand without quotes")
                        .suggest(Suggestion::certain(format!("write `{text}`"), location, text.as_str())),
                );
                return Some(vec![ast::Name { text: text.clone(), span: value.span }]);
            }
            ExprKind::List(items) => items.iter().map(named).collect(),
            ExprKind::Paren(inner) => named(inner).map(|name| vec![name]),
            ExprKind::Record(entries) => entries
                .iter()
                .map(|entry| match entry {
                    RecordEntry::Field { name, value: None, quoted: false } => Some(name.clone()),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let names = names.filter(|names| !names.is_empty())?;
        let bare: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let bare = bare.join(", ");
        let said = format!("the names stand without brackets: `{}: {bare}`", setting.name.text);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0504, location, said).label("not needed").suggest(Suggestion::certain(
                "take the brackets out",
                location,
                bare,
            )),
        );
        Some(names)
    }

    /// A number where a text is due: `app_id: 0044`.
    pub(super) fn number_for_text(&mut self, settings: &Settings<'_>, name: &str, expr: &Expr) -> bool {
        if !matches!(expr.kind, ExprKind::Literal(ast::Literal::Number(_))) {
            return false;
        }
        let location = self.at(settings.module, expr.span);
        let text = format!("\"{}\"", self.sources.text(location));
        let said = format!("`{name}` is a text: `{text}`");
        self.diagnostics.push(
            Diagnostic::new(&codes::E0301, location, said)
                .label(format!("this is {}", super::relation::show(&Type::INT64)))
                .suggest(Suggestion::certain(format!("write `{text}`"), location, text)),
        );
        true
    }

    /// A setting that is missing, with what can stand in it: offered where that is one thing.
    pub(super) fn report_missing(
        &mut self,
        settings: &Settings<'_>,
        at: Location,
        name: &str,
        item: &str,
        values: &[String],
    ) {
        let forms: Vec<String> = values.iter().map(|value| format!("{name}: {value}")).collect();
        let quoted: Vec<String> = forms.iter().map(|form| format!("`{form}`")).collect();
        let mut diagnostic = Diagnostic::new(&codes::E0503, at, format!("this {item} needs the setting `{name}`"))
            .help(format!("add {}", quoted.join(" or ")));
        if let ([form], Some(end)) = (forms.as_slice(), settings.end) {
            let place = self.line_behind(self.at(settings.module, Span::at(end)));
            diagnostic = diagnostic.suggest(Suggestion::likely(format!("add `{form}`"), place, format!("\n  {form}")));
        }
        self.diagnostics.push(diagnostic);
    }

    /// The end of a setting, or of its line where something that could not be read follows.
    fn line_behind(&self, end: Location) -> Location {
        let text = self.sources.get(end.file).map_or("", |file| &file.text);
        let rest = text.get(end.span.start as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let is_read = rest.trim_start().starts_with("//") || rest.trim().is_empty() || rest.contains('}');
        let behind = if is_read { 0 } else { rest.trim_end().len() as u32 };
        Location { span: Span::at(end.span.start + behind), ..end }
    }

    /// A name that stands a second time in a list.
    pub(super) fn report_named_twice(&mut self, module: u32, names: &[ast::Name], name: &ast::Name) {
        let first = names.iter().find(|other| other.text == name.text).map_or(name.span, |first| first.span);
        let (location, earlier) = (self.at(module, name.span), self.at(module, first));
        self.diagnostics.push(message::named_twice(location, &name.text, earlier));
    }

    /// The tenants that there are.
    pub(super) fn tenant_names(&self) -> Vec<String> {
        self.program.tenants.iter().map(|tenant| tenant.value.name.clone()).take(5).collect()
    }
}

/// Whether a setting was read as a field, since it is no setting.
fn is_one_field(setting: &Setting) -> bool {
    matches!(&setting.value, SettingValue::Fields(fields)
        if matches!(fields.as_slice(), [field] if field.span == setting.span))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|sign| sign.is_alphanumeric() || sign == '_')
}
