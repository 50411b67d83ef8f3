//! Reads a document, or says why it is refused.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{END, HASH, MAX_BYTES, PlanError, VERSION, contents_hash};
use crate::{
    Dimension, Ingest, Mapping, MonitorPlan, Pipeline, Plan, PlanVersion, Primary, Source, SourceText, Space, State,
    Subscription, Table, Tenant, Topic,
};

/// Reads a plan from the bytes of a file and checks that its parts fit one another, so that it can be built.
///
/// # Errors
/// Whatever [`from_text`] refuses, and a plan in which [`Plan::problems`] finds something.
pub fn load(bytes: &[u8]) -> Result<Plan, PlanError> {
    if bytes.len() > MAX_BYTES {
        return Err(PlanError::TooBig { bytes: bytes.len() });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            // A plan of which a part was overwritten is told from a file of another kind by its beginning.
            let start = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            if !looks_like_a_plan(start) {
                return Err(PlanError::NotAPlan { reason: "it is not text" });
            }
            return Err(PlanError::Damaged { hash: None, line: Some(start.matches('\n').count() + 1) });
        }
    };
    let plan = from_text(text)?;
    let problems = plan.problems();
    if problems.is_empty() { Ok(plan) } else { Err(PlanError::Invalid { problems }) }
}

/// Reads a plan that [`super::to_yaml`] or [`super::to_json`] has written. Whether its parts fit one another is not
/// checked: see [`load`].
///
/// # Errors
/// Whatever was not written so, was changed since, or is of another major version.
pub fn from_text(text: &str) -> Result<Plan, PlanError> {
    if text.len() > MAX_BYTES {
        return Err(PlanError::TooBig { bytes: text.len() });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(PlanError::NotAPlan { reason: "it is empty" });
    }
    if is_nested_too_deeply(text) {
        let known = looks_like_a_plan(text);
        return Err(if known { PlanError::TooDeep } else { PlanError::NotAPlan { reason: NO_HEADER } });
    }
    let Value::Object(mut document) = tree(text)? else {
        return Err(PlanError::NotAPlan { reason: NO_HEADER });
    };
    check_version(&document)?;
    if document.get(END) != Some(&Value::Bool(true)) {
        return Err(PlanError::Truncated);
    }
    let hash = document.shift_remove(HASH);
    let Some(Value::String(hash)) = hash else { return Err(PlanError::Damaged { hash: None, line: None }) };
    if contents_hash(&document) != hash {
        return Err(PlanError::Damaged { hash: Some(hash), line: None });
    }
    let document = Value::Object(document);
    Plan::deserialize(&document).map_err(|_| PlanError::Unreadable { part: unreadable_part(&document) })
}

const NO_HEADER: &str = "it does not start with a line `nsf_plan: …`";

/// Whether the text was meant to be a plan.
fn looks_like_a_plan(text: &str) -> bool {
    text.char_indices().nth(1000).map_or(text, |(end, _)| &text[..end]).contains(VERSION)
}

/// The document as a tree of values.
fn tree(text: &str) -> Result<Value, PlanError> {
    let (error, line, cut_off) = if text.trim_start().starts_with('{') {
        match serde_json::from_str(text) {
            Ok(tree) => return Ok(tree),
            Err(error) => (error.to_string(), Some(error.line()), error.is_eof()),
        }
    } else {
        match serde_yaml::from_str(text) {
            Ok(tree) => return Ok(tree),
            Err(error) => {
                let whole = text.trim_end().ends_with("\nend: true");
                (error.to_string(), error.location().map(|location| location.line()), !whole)
            }
        }
    };
    // Both libraries say it so, and neither says it otherwise.
    let too_deep = error.contains("recursion limit exceeded");
    Err(match (looks_like_a_plan(text), too_deep, cut_off) {
        (false, ..) => PlanError::NotAPlan { reason: NO_HEADER },
        (true, true, _) => PlanError::TooDeep,
        (true, false, true) => PlanError::Truncated,
        (true, false, false) => PlanError::Damaged { hash: None, line },
    })
}

/// Whether brackets are nested deeper than both libraries read. Asked before, because the YAML library's time grows
/// with the square of the depth. Brackets in texts do not count; a plan is written with no quotes but `"`.
fn is_nested_too_deeply(text: &str) -> bool {
    const DEEPEST: usize = 128;
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn check_version(document: &Map<String, Value>) -> Result<(), PlanError> {
    let Some(version) = document.get(VERSION) else { return Err(PlanError::NotAPlan { reason: NO_HEADER }) };
    let Ok(version) = PlanVersion::deserialize(version) else {
        return Err(PlanError::Damaged { hash: None, line: None });
    };
    match version.major.cmp(&PlanVersion::CURRENT.major) {
        std::cmp::Ordering::Greater => Err(PlanError::Newer { version }),
        std::cmp::Ordering::Less => Err(PlanError::Older { version }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Names the first part of a document that cannot be read.
fn unreadable_part(document: &Value) -> String {
    let lists = [
        bad_item::<SourceText>(document, "files"),
        bad_item::<Tenant>(document, "tenants"),
        bad_item::<Mapping>(document, "mappings"),
        bad_item::<Topic>(document, "topics"),
        bad_item::<Source>(document, "sources"),
        bad_item::<Ingest>(document, "ingests"),
        bad_item::<Table>(document, "tables"),
        bad_item::<State>(document, "states"),
        bad_item::<Space>(document, "spaces"),
        bad_item::<Primary>(document, "primaries"),
        bad_item::<Dimension>(document, "dimensions"),
        bad_item::<Subscription>(document, "subscriptions"),
        bad_item::<Pipeline>(document, "pipelines"),
        bad_item::<MonitorPlan>(document, "monitors"),
    ];
    lists.into_iter().flatten().next().unwrap_or_else(|| "the header".to_owned())
}

fn bad_item<T: DeserializeOwned>(document: &Value, list: &str) -> Option<String> {
    let Some(Value::Array(items)) = document.get(list) else { return Some(format!("the list `{list}`")) };
    let (index, item) = items.iter().enumerate().find(|(_, item)| T::deserialize(*item).is_err())?;
    let name = item.get("name").and_then(Value::as_str).map(|name| format!(" (`{name}`)")).unwrap_or_default();
    Some(format!("`{list}[{index}]`{name}"))
}
