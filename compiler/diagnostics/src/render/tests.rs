//! What every renderer makes of the same diagnostics.

use super::*;
use crate::{Diagnostic, FileId, SourceMap, Span, Suggestion, codes};

const PLAIN: TerminalOptions = TerminalOptions { color: false, ascii: false, width: 100 };
const ASCII: TerminalOptions = TerminalOptions { ascii: true, ..PLAIN };

fn one(text: &str, span: Span) -> (SourceMap, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    let file = sources.add("a.nsf", text);
    (sources, vec![Diagnostic::new(&codes::E0101, span.in_file(file), "something is wrong").label("here")])
}

#[test]
fn terminal_in_box_signs() {
    let (sources, diagnostics) = sample::project();
    insta::assert_snapshot!(terminal(&diagnostics, &sources, PLAIN));
}

#[test]
fn terminal_in_ascii() {
    let (sources, diagnostics) = sample::project();
    let text = terminal(&diagnostics, &sources, ASCII);
    assert!(!text.contains('─') && !text.contains('│'));
    insta::assert_snapshot!(text);
}

#[test]
fn terminal_colours_only_when_told() {
    let (sources, diagnostics) = sample::project();
    assert!(!terminal(&diagnostics, &sources, PLAIN).contains('\u{1b}'));
    let colored = terminal(&diagnostics, &sources, TerminalOptions { color: true, ..PLAIN });
    assert!(colored.contains("\u{1b}["));
}

#[test]
fn terminal_speaks_our_severities() {
    assert!(super::terminal::severity_words_agree());
}

#[test]
fn terminal_keeps_a_very_long_line_readable() {
    let line = format!("const a = [{}oops{}]\nconst b = 1\n", "1, ".repeat(30_000), ", 2".repeat(30_000));
    let start = line.find("oops").unwrap() as u32;
    let (sources, mut diagnostics) = one(&line, Span::new(start, start + 4));
    let fix = Suggestion::certain("write 3", diagnostics[0].location(), "3");
    diagnostics[0].suggestions.push(fix);
    let text = terminal(&diagnostics, &sources, PLAIN);
    assert!(text.lines().all(|line| line.chars().count() < 130), "{text}");
    assert!(text.contains(&format!("a.nsf:1:{}", start + 1)), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn terminal_shows_a_line_that_a_fix_adds() {
    let text = "space main {\n}\n";
    let (sources, mut diagnostics) = one(text, Span::new(0, 5));
    let inside = Span::at(13).in_file(FileId(0));
    diagnostics[0].suggestions.push(Suggestion::certain("name the store", inside, "  store: mysql\n"));
    insta::assert_snapshot!(terminal(&diagnostics, &sources, PLAIN));
}

#[test]
fn odd_spans_are_drawn_all_the_same() {
    let text = "学生\r\n\tkey: 1\u{0}\r\n";
    let end = text.len() as u32;
    let spans = [
        Span { start: 6, end: 0 },
        Span::new(1, 2),
        Span::at(end),
        Span::new(end + 50, end + 90),
        Span::new(0, end + 1),
        Span::at(6),
        Span::at(7),
    ];
    let mut all = String::new();
    for span in spans {
        let (sources, diagnostics) = one(text, span);
        all.push_str(&terminal(&diagnostics, &sources, ASCII));
        for output in [
            short(&diagnostics, &sources),
            json(&diagnostics, &sources),
            github(&diagnostics, &sources),
            sarif(&diagnostics, &sources, "0"),
        ] {
            assert!(output.contains("something is wrong"));
        }
    }
    assert!(!all.contains('\u{0}'));
    insta::assert_snapshot!(all);
}

#[test]
fn a_message_without_a_text_is_still_given() {
    let sources = SourceMap::default();
    let (_, diagnostics) = one("x", Span::at(0));
    let text = terminal(&diagnostics, &sources, PLAIN);
    assert_eq!(text, "error[E0101]: something is wrong\n\n");
    assert_eq!(short(&diagnostics, &sources), "error[E0101]: something is wrong (here)\n");
}

#[test]
fn short_is_one_line_each() {
    let (sources, diagnostics) = sample::project();
    insta::assert_snapshot!(short(&diagnostics, &sources));
}

#[test]
fn github_escapes_messages_and_properties() {
    let (sources, mut diagnostics) = sample::project();
    let label = diagnostics[1].labels.remove(1);
    let moved = Diagnostic::new(&codes::E0101, label.location, label.message);
    diagnostics.push(moved);
    insta::assert_snapshot!(github(&diagnostics, &sources));
}

#[test]
fn json_is_one_versioned_object_a_line() {
    let (sources, diagnostics) = sample::project();
    let text = json(&diagnostics, &sources);
    assert_eq!(text.lines().count(), diagnostics.len());
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["version"], 1);
    }
    let first = json_value(&diagnostics[0], &sources);
    insta::assert_snapshot!(serde_json::to_string_pretty(&first).unwrap());
}

#[test]
fn sarif_holds_rules_results_places_and_fixes() {
    let (sources, diagnostics) = sample::project();
    let text = sarif(&diagnostics, &sources, "0.1.0");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "E0101");
    let related = &run["results"][1]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(related["artifactLocation"]["uri"], "shop%2C%20a/100%25.nsf");
    insta::assert_snapshot!(serde_json::to_string_pretty(&run["results"]).unwrap());
}

#[test]
fn the_summary_counts_errors_and_warnings() {
    let (_, diagnostics) = sample::project();
    assert_eq!(summary(&diagnostics).as_deref(), Some("4 errors"));
    assert_eq!(summary(&diagnostics[..1]).as_deref(), Some("1 error"));
    assert_eq!(summary(&[]), None);
    assert_eq!(fixable(&diagnostics), 1);
}
