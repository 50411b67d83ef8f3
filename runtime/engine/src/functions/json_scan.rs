//! Walking over JSON texts without building them: members and elements as slices of the text.
//!
//! The texts are valid JSON, because whatever made them checked them. What a damaged one would give is nothing, not a
//! panic. Nesting costs no stack.

use std::borrow::Cow;

/// The text without white space at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// The place after white space.
fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The place after a text in quotes that begins at a place.
fn text_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The place after a value that begins at a place.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => at = text_end(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ if depth > 0 => at += 1,
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                return Some(bytes.iter().skip(at).position(ends).map_or(bytes.len(), |length| at + length));
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The elements of an array, one slice each; none for another value.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    Walk::new(text, b'[').map(|(_, value)| value)
}

/// The members of an object, name in quotes and value; none for another value.
pub(super) fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    Walk::new(text, b'{')
}

/// Walks over an array (names are empty) or an object.
struct Walk<'t> {
    text: &'t str,
    at: usize,
    named: bool,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str, open: u8) -> Self {
        let text = trimmed(text);
        // Past the end where the value is another one, so that there is nothing to walk over.
        let at = if text.as_bytes().first() == Some(&open) { 1 } else { text.len() };
        Self { text, at, named: open == b'{' }
    }

    fn name(&mut self) -> Option<&'t str> {
        if !self.named {
            return Some("");
        }
        let bytes = self.text.as_bytes();
        let end = text_end(bytes, self.at)?;
        let name = self.text.get(self.at..end)?;
        let colon = skip_blank(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        self.at = skip_blank(bytes, colon + 1);
        Some(name)
    }
}

impl<'t> Iterator for Walk<'t> {
    type Item = (&'t str, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        self.at = skip_blank(bytes, self.at);
        if bytes.get(self.at) == Some(&b',') {
            self.at = skip_blank(bytes, self.at + 1);
        }
        if matches!(bytes.get(self.at)?, b']' | b'}') {
            return None;
        }
        let name = self.name()?;
        let end = value_end(bytes, self.at)?;
        let value = self.text.get(self.at..end)?;
        self.at = end;
        Some((name, value))
    }
}

/// The characters of a text in quotes.
pub(super) fn unquoted(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or("");
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    // Half a surrogate pair has no character; whatever let it through, the rest is kept.
    serde_json::from_str(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// The value of an object's member; the last where its name is written twice.
pub(super) fn get<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    members(text).filter(|(quoted, _)| unquoted(quoted) == name).last().map(|(_, value)| value)
}

/// Whether every text in quotes has characters: half a surrogate pair has none.
pub(super) fn has_whole_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = memchr::memchr(b'"', bytes.get(at..).unwrap_or(&[])).map(|found| at + found) {
        let Some(end) = text_end(bytes, start) else { return false };
        let quoted = text.get(start..end).unwrap_or("");
        if quoted.contains("\\u") && serde_json::from_str::<String>(quoted).is_err() {
            return false;
        }
        at = end;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_slices_of_the_text() {
        let text = r#" { "a" : [1, {"b":"}"}, "]"] , "c\"d":null,"e":-1.5e3} "#;
        let found: Vec<_> = members(text).collect();
        assert_eq!(found, [("\"a\"", r#"[1, {"b":"}"}, "]"]"#), (r#""c\"d""#, "null"), ("\"e\"", "-1.5e3")]);
        assert_eq!(elements(found[0].1).collect::<Vec<_>>(), ["1", r#"{"b":"}"}"#, r#""]""#]);
        assert_eq!(elements("[]").count() + members("{ }").count() + elements("{}").count() + elements("7").count(), 0);
    }

    #[test]
    fn a_damaged_text_gives_nothing_and_ends() {
        for text in ["{", "[", "[1", "{\"a\"", "{\"a\":", "{\"a\" 1}", "[\"", "]", "", "[}", "{]}", "[1,,2]", "\"\\"] {
            let found = members(text).count() + elements(text).count();
            assert!(found < 4, "{text}");
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let text = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(elements(&text).count(), 1);
    }

    #[test]
    fn a_name_is_found_by_its_characters() {
        let text = r#"{"a": 1, "\u0061": 2, "班": 3}"#;
        assert_eq!(get(text, "a"), Some("2"));
        assert_eq!(get(text, "班"), Some("3"));
        assert_eq!(get(text, "b"), None);
    }
}
