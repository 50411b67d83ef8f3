//! Writes a document as YAML: what fits on a line stands on one, as `{ op: slot, slot: 3, type: int64 }`, so that a
//! plan can be read and compared. A YAML library reads it; its writer would put every member on a line of its own.

use serde_json::{Map, Value};

/// The width of a line, where a text does not need more.
const WIDTH: usize = 120;
/// What stands at the top.
const TITLE: &str =
    "# A plan of NSF, written by `nsfc compile`. An edited plan is refused: change the .nsf files and compile again.\n";

/// The document as YAML.
pub(super) fn write(document: &Map<String, Value>) -> String {
    let mut writer = Writer { text: TITLE.to_owned(), line_start: TITLE.len() };
    writer.members(document, 0, true);
    writer.text.push('\n');
    writer.text
}

struct Writer {
    text: String,
    /// Where the line that is being written starts.
    line_start: usize,
}

impl Writer {
    /// A value after `name:` or `-`; its parts stand at `indent` if it takes more than the line.
    fn value(&mut self, value: &Value, indent: usize, after_dash: bool) {
        let used = self.text[self.line_start..].chars().count() + 1;
        let mut short = String::new();
        if flow(value, WIDTH.saturating_sub(used), &mut short) {
            self.text.push(' ');
            self.text.push_str(&short);
            return;
        }
        match value {
            Value::Object(members) => {
                if after_dash {
                    self.text.push(' ');
                }
                self.members(members, indent, after_dash);
            }
            Value::Array(items) => {
                if after_dash {
                    self.text.push(' ');
                }
                self.items(items, indent, after_dash);
            }
            // A scalar that is longer than the line.
            scalar => {
                self.text.push(' ');
                write_scalar(scalar, &mut self.text);
            }
        }
    }

    /// Members, each on lines of its own; the first goes on with the line where `here`.
    fn members(&mut self, members: &Map<String, Value>, indent: usize, here: bool) {
        for (index, (name, value)) in members.iter().enumerate() {
            self.start(indent, here && index == 0);
            write_text(name, &mut self.text);
            self.text.push(':');
            self.value(value, indent + 2, false);
        }
    }

    /// Items, each on lines of its own; the first goes on with the line where `here`.
    fn items(&mut self, items: &[Value], indent: usize, here: bool) {
        for (index, item) in items.iter().enumerate() {
            self.start(indent, here && index == 0);
            self.text.push('-');
            self.value(item, indent + 2, true);
        }
    }

    fn start(&mut self, indent: usize, here: bool) {
        if !here {
            self.text.push('\n');
            self.line_start = self.text.len();
            self.text.extend(std::iter::repeat_n(' ', indent));
        }
    }
}

/// Writes a value on one line; false when it takes more than `width` characters, and then what was written is void.
fn flow(value: &Value, width: usize, text: &mut String) -> bool {
    match value {
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Object(members) if members.is_empty() => text.push_str("{}"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "[" } else { ", " });
                if !flow(item, width, text) {
                    return false;
                }
            }
            text.push(']');
        }
        Value::Object(members) => {
            for (index, (name, member)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "{ " } else { ", " });
                write_text(name, text);
                text.push_str(": ");
                if !flow(member, width, text) {
                    return false;
                }
            }
            text.push_str(" }");
        }
        scalar => write_scalar(scalar, text),
    }
    // Bytes are at least characters; only where bytes are too many need characters be counted.
    text.len() <= width || text.chars().count() <= width
}

fn write_scalar(value: &Value, text: &mut String) {
    match value {
        Value::String(value) => write_text(value, text),
        other => text.push_str(&other.to_string()),
    }
}

/// Writes a text plainly where every YAML reader reads that as the same text, else in double quotes.
fn write_text(value: &str, text: &mut String) {
    if is_plain(value) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Readers refuse control characters, and fold the line ends of Unicode.
            '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

fn is_plain(value: &str) -> bool {
    // What one version of YAML or another reads as something else than a text.
    const RESERVED: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-' | b'<' | b'>'))
        && !RESERVED.iter().any(|reserved| value.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn short_values_stand_on_a_line_and_long_ones_on_many() {
        let document = json!({
            "name": "p",
            "long": [{ "op": "x".repeat(70), "text": "a: b" }, { "op": "y".repeat(70), "list": [1, null, true, "true"] }],
            "nested": [[{ "a": "z".repeat(120) }, 2]],
            "empty": { "list": [], "map": {} },
        });
        let text = super::write(document.as_object().unwrap());
        let expected = format!(
            "{}name: p\nlong:\n  - {{ op: {}, text: \"a: b\" }}\n  - {{ op: {}, list: [1, null, true, \"true\"] }}\n\
             nested:\n  - - a: {}\n    - 2\nempty: {{ list: [], map: {{}} }}\n",
            super::TITLE,
            "x".repeat(70),
            "y".repeat(70),
            "z".repeat(120)
        );
        assert_eq!(text, expected);
        assert_eq!(serde_yaml::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
