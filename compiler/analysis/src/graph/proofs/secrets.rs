//! Secrets: no credential stands in a text of the program, from where it would go into the plan, into messages and
//! into logs. (That a setting which is a credential is named by `secret("NAME")` is checked with the settings.)

use nsf_diagnostics::{Diagnostic, Location, SourceMap, Span, codes};
use nsf_syntax::{TokenKind, tokens};

use crate::graph::Dag;

/// Beginnings by which well-known services mark their keys, how long the rest is at least, and the service.
const MARKS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an access key of AWS"),
    ("ASIA", 16, "an access key of AWS"),
    ("ghp_", 36, "a token of GitHub"),
    ("gho_", 36, "a token of GitHub"),
    ("github_pat_", 22, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxb-", 20, "a token of Slack"),
    ("xoxp-", 20, "a token of Slack"),
    ("sk_live_", 16, "a key of Stripe"),
    ("AIza", 35, "a key of Google"),
    ("LTAI", 12, "an access key of Aliyun"),
];

/// What connection strings write before a password.
const WORDS: [&str; 6] = ["password=", "passwd=", "pwd=", "Password=", "Pwd=", "PASSWORD="];

pub(super) fn prove(dag: &Dag, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    for module in &dag.files {
        let Some(file) = sources.get(module.file) else { continue };
        // Most programs have no such sign at all.
        if !may_hold(&file.text) {
            continue;
        }
        for token in
            tokens(&file.text).into_iter().filter(|token| matches!(token.kind, TokenKind::Text | TokenKind::RawText))
        {
            let text = token.text(&file.text);
            if let Some((start, end, what)) = credential(text) {
                let span = Span::new(token.span.start + start as u32, token.span.start + end as u32);
                found.push(diagnostic(span.in_file(module.file), what));
            }
        }
    }
}

fn may_hold(text: &str) -> bool {
    text.contains("://")
        || text.contains(".eyJ")
        || WORDS.iter().any(|word| text.contains(word))
        || text.contains("-----BEGIN")
        || MARKS.iter().any(|(mark, ..)| text.contains(mark))
}

fn diagnostic(at: Location, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0410, at, format!("this text holds {what}: it would stand in the plan for everyone to read"))
        .help("give it to the profile in `nsf.yaml` as `${NAME}`, or to a tenant as `secret(\"NAME\")`, and take it back where it was given out")
}

/// The credential in a text: its range and what it is.
fn credential(text: &str) -> Option<(usize, usize, &'static str)> {
    if let Some((start, end)) = password_in_url(text) {
        return Some((start, end, "a password"));
    }
    if let Some((start, end)) = password_behind_word(text) {
        return Some((start, end, "a password"));
    }
    if let Some((start, end)) = web_token(text) {
        return Some((start, end, "a JSON Web Token"));
    }
    if let Some(start) = text.find("-----BEGIN").filter(|start| text[*start..].contains("PRIVATE KEY")) {
        return Some((start, text.len(), "a private key"));
    }
    MARKS.iter().find_map(|(mark, length, what)| {
        let start = text.find(mark)?;
        let alone = !text[..start].ends_with(|character: char| character.is_ascii_alphanumeric());
        let rest = &text[start + mark.len()..];
        let size = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count();
        (alone && size >= *length).then_some((start, start + mark.len() + size, *what))
    })
}

/// What stands behind `password=`; `${NAME}`, `{expr}`, `<password>` and `***` there are no password.
fn password_behind_word(text: &str) -> Option<(usize, usize)> {
    WORDS.iter().find_map(|word| {
        let start = text.find(word)? + word.len();
        let rest = &text[start..];
        let end = rest.find(|sign: char| sign.is_whitespace() || ";&\"'\\,)".contains(sign)).unwrap_or(rest.len());
        let value = &rest[..end];
        let is_stand_in =
            value.contains(['{', '$', '<', '%']) || value.bytes().all(|byte| matches!(byte, b'*' | b'x' | b'.'));
        (value.len() >= 4 && !is_stand_in).then_some((start, start + end))
    })
}

/// A JSON Web Token: three parts in Base64, of which the first two begin as every JSON object does.
fn web_token(text: &str) -> Option<(usize, usize)> {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    let start = text.find("eyJ")?;
    let end = text[start..].find(|sign: char| !is_part(sign) && sign != '.').map_or(text.len(), |end| start + end);
    let parts: Vec<&str> = text[start..end].split('.').collect();
    let is_token =
        matches!(parts.as_slice(), [head, body, sign] if head.len() > 8 && body.starts_with("eyJ") && sign.len() > 8);
    is_token.then_some((start, end))
}

/// `user:password@` after `://`; `${NAME}` and `{expr}` there are no password.
fn password_in_url(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..].find(['/', '?', '#', ' ', '"', '\\']).map_or(text.len(), |end| start + end);
        let authority = &text[start..end];
        if let Some(at) = authority.rfind('@')
            && let Some((_, password)) = authority[..at].split_once(':')
            && !password.is_empty()
            && !password.contains('{')
        {
            return Some((start, start + at));
        }
        from = start;
    }
    None
}
