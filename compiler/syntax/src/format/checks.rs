//! What must hold for every text: nothing is lost wherever a comment or a line end stands, and formatting twice is
//! formatting once.

use super::token::{Token, tokens};
use super::{format_text, without_last_commas};

const FILES: [&str; 3] = [
    include_str!("../../../../examples/classroom/classroom/fields.nsf"),
    include_str!("../../../../examples/classroom/classroom/live.nsf"),
    include_str!("../../../../examples/classroom/classroom/duration.nsf"),
];

/// Every construct of the language once.
const EVERYTHING: &str = include_str!("../../tests/format/everything.nsf");

fn programs() -> impl Iterator<Item = &'static str> {
    FILES.into_iter().chain([EVERYTHING])
}

/// Formats, and checks that formatting again changes nothing.
fn formatted(text: &str) -> String {
    let once = format_text(text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let twice = format_text(&once).unwrap_or_else(|refusal| panic!("{refusal}\n{once}"));
    assert_eq!(difference(&once, &twice), None, "formatting twice differs from formatting once; the text was:\n{text}");
    once
}

fn words(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    without_last_commas(&tokens).map(str::to_owned).collect()
}

/// Offsets of the tokens that start an item.
fn item_starts(text: &str) -> Vec<u32> {
    let parsed = crate::parse::parse(nsf_diagnostics::FileId::default(), text);
    parsed.file.items.iter().map(|item| item.span.start).collect()
}

/// A random generator with a seed; the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// `text` with what `between` gives between its tokens; whether an item starts there is its second argument. Comments
/// are left out.
fn rewoven(text: &str, mut between: impl FnMut(&Token<'_>, bool) -> String) -> String {
    let starts = item_starts(text);
    let mut result = String::new();
    for token in tokens(text) {
        result.push_str(&between(&token, starts.contains(&token.start)));
        result.push_str(token.text);
    }
    result.push('\n');
    result
}

/// The first line in which two texts differ.
fn difference(left: &str, right: &str) -> Option<String> {
    let mut lines = left.lines().zip(right.lines()).enumerate();
    let differing = lines.find(|(_, (left, right))| left != right);
    match differing {
        Some((line, (left, right))) => Some(format!("line {}:\n  {left}\n  {right}", line + 1)),
        None if left == right => None,
        None => Some(format!("{} and {} bytes", left.len(), right.len())),
    }
}

#[test]
fn the_programs_of_the_design_page_stay_as_they_are() {
    for text in programs() {
        assert_eq!(difference(&formatted(text), text), None);
    }
}

#[test]
fn a_comment_at_any_place_survives() {
    for text in programs() {
        let mut starts = item_starts(text);
        starts.push(u32::try_from(text.len()).unwrap());
        for range in starts.windows(2) {
            let item = &text[range[0] as usize..range[1] as usize];
            tokens(item).windows(2).for_each(|pair| a_comment_survives_before(item, pair));
        }
    }
}

/// Puts comments before the second of two neighbouring tokens of an item.
fn a_comment_survives_before(item: &str, pair: &[Token<'_>]) {
    // `not in` is one word of the grammar, and so is `max=`.
    if matches!((pair[0].text, pair[1].text), ("not", "in") | ("max" | "min", "=")) {
        return;
    }
    let (before, after) = item.split_at(pair[1].start as usize);
    for comment in [" // a note\n    ", "\n    // a note\n\n    // two\n    "] {
        let changed = format!("{before}{comment}{after}");
        let printed = formatted(&changed);
        assert!(printed.contains("// a note"));
        assert_eq!(words(&printed), words(item), "{changed}");
    }
    // What documents a field goes on to do so, and nothing else comes to do so.
    for comment in [" /// a note\n    ", "\n    /// a note\n    "] {
        let changed = format!("{before}{comment}{after}");
        assert_eq!(plain_comments(&formatted(&changed)), plain_comments(&changed), "{changed}");
    }
}

#[test]
fn a_function_that_may_be_null_and_give_null_keeps_both_signs_apart() {
    let text = "type a = fn(text) -> text? ?\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn two_signs_of_a_number_stay_apart() {
    assert_eq!(formatted("const a = - - b\n"), "const a = - -b\n");
}

#[test]
fn what_documents_nothing_before_a_comma_stays_there() {
    let text = "type a = {\n  x: text\n  /// of x\n  , y: text /// of x, too\n  , z: text }\n";
    assert_eq!(plain_comments(&formatted(text)), 2);
    let without = text.replace("///", "//");
    assert!(formatted(&without).contains("x: text,\n  // of x\n"), "{}", formatted(&without));
}

/// How many comments document nothing.
fn plain_comments(text: &str) -> usize {
    crate::parse::parse(nsf_diagnostics::FileId::default(), text).file.comments.len()
}

#[test]
fn comments_at_all_places_at_once_survive() {
    for text in programs() {
        let mut before = "";
        let mut count = 0;
        let changed = rewoven(text, |token, starts| {
            let word = matches!((before, token.text), ("not", "in") | ("max" | "min", "="));
            before = token.text.to_owned().leak();
            count += usize::from(!word);
            match (word, starts) {
                (true, _) if token.text == "in" => " ".to_owned(),
                (true, _) => String::new(),
                (false, true) => format!("\n// note {count}\n"),
                (false, false) => format!(" // note {count}\n  "),
            }
        });
        let printed = formatted(&changed);
        assert_eq!(printed.matches("// note").count(), count);
        assert_eq!(words(&printed), words(text));
    }
}

#[test]
fn a_program_on_one_line_an_item_keeps_its_words() {
    for text in programs() {
        let changed = rewoven(text, |_, starts| if starts { "\n" } else { " " }.to_owned());
        let changed = changed.replace("max =", "max=").replace("min =", "min=");
        assert_eq!(words(&formatted(&changed)), words(text));
    }
}

#[test]
fn the_number_of_blanks_on_a_line_does_not_matter() {
    for (seed, text) in programs().enumerate() {
        let mut random = Random(seed as u64 + 1);
        for _ in 0..rounds(20) {
            let starts = item_starts(text);
            let mut changed = String::new();
            let mut end = 0;
            for token in tokens(text) {
                let gap = &text[end..token.start as usize];
                end = token.start as usize + token.text.len();
                let extra = if starts.contains(&token.start) || gap.is_empty() { 0 } else { random.below(4) };
                changed.push_str(gap);
                changed.push_str(&" ".repeat(extra));
                changed.push_str(token.text);
            }
            changed.push_str(&" \n".repeat(random.below(3)));
            assert_eq!(difference(&formatted(&changed), text), None, "{changed}");
        }
    }
}

#[test]
fn line_ends_and_blanks_at_random_places_keep_the_words() {
    for (seed, text) in programs().enumerate() {
        let mut random = Random(seed as u64 + 100);
        for round in 0..rounds(60) {
            let mut before = String::new();
            let changed = rewoven(text, |token, starts| {
                let glued = matches!((before.as_str(), token.text), ("max" | "min", "="));
                before = token.text.to_owned();
                let gap = match random.below(4 + round % 17) {
                    0 => "\n ",
                    1 => "\n\n\n   ",
                    2 => "   ",
                    _ => " ",
                };
                match (glued, starts) {
                    (true, _) => "",
                    (_, true) => ["\n", "\n\n", "\n\n\n\n"][random.below(3)],
                    _ => gap,
                }
                .to_owned()
            });
            assert_eq!(words(&formatted(&changed)), words(text), "{changed}");
        }
    }
}

#[test]
fn comments_and_line_ends_at_random_places_survive() {
    for (seed, text) in programs().enumerate() {
        let mut random = Random(seed as u64 + 1000);
        for round in 0..rounds(60) {
            let mut before = String::new();
            let mut count = 0;
            let changed = rewoven(text, |token, starts| {
                let glued = matches!((before.as_str(), token.text), ("max" | "min", "="));
                let one_word = (before.as_str(), token.text) == ("not", "in");
                before = token.text.to_owned();
                let note = random.below(4 + round % 23);
                count += usize::from(note < 3 && !glued && !one_word);
                let gap = match note {
                    _ if glued => "",
                    _ if one_word => "  ",
                    0 => " // c\n ",
                    1 => "\n // c\n ",
                    2 => "\n\n // c\n\n ",
                    3 => "\n ",
                    _ => " ",
                };
                if starts { format!("{}\n", gap.trim_end_matches(' ')) } else { gap.to_owned() }
            });
            let printed = formatted(&changed);
            assert_eq!(printed.matches("// c").count(), count, "{changed}");
            assert_eq!(words(&printed), words(text), "{changed}");
        }
    }
}

/// Names that are only names in [`EVERYTHING`].
const NAMES: [&str; 16] = [
    "user", "total", "lines", "level", "item", "product", "seen", "orders", "sku", "amount", "lat", "lon", "finished",
    "shop", "price", "x",
];

/// [`EVERYTHING`] with long names, so that lines are broken by their width.
fn with_long_names(random: &mut Random) -> String {
    let longest = 2 + random.below(70);
    let names: Vec<String> = NAMES.iter().map(|name| format!("{name}{}", "y".repeat(random.below(longest)))).collect();
    let mut result = String::new();
    let mut end = 0;
    for token in tokens(EVERYTHING) {
        result.push_str(&EVERYTHING[end..token.start as usize]);
        end = token.start as usize + token.text.len();
        let name = NAMES.iter().position(|name| *name == token.text);
        result.push_str(name.map_or(token.text, |index| names[index].as_str()));
    }
    result
}

#[test]
fn names_of_any_length_keep_the_words() {
    let mut random = Random(7);
    for round in 0..rounds(60) {
        let text = with_long_names(&mut random);
        assert_eq!(words(&formatted(&text)), words(&text), "{text}");
        let mut before = String::new();
        let rate = 4 + round % 40;
        let changed = rewoven(&text, |token, starts| {
            let glued = matches!((before.as_str(), token.text), ("max" | "min", "="));
            let one_word = (before.as_str(), token.text) == ("not", "in");
            before = token.text.to_owned();
            let gap = match random.below(rate) {
                _ if glued => "",
                _ if one_word => "  ",
                0 => " // c\n ",
                1 => "\n // c\n ",
                2 => "\n\n ",
                3 => "\n ",
                _ => " ",
            };
            if starts { format!("{}\n", gap.trim_end_matches(' ')) } else { gap.to_owned() }
        });
        assert_eq!(words(&formatted(&changed)), words(&text), "{changed}");
    }
}

/// How many rounds a random test runs: `normal`, or more where `FORMAT_ROUNDS` says by how many times.
fn rounds(normal: usize) -> usize {
    let times = std::env::var("FORMAT_ROUNDS").ok().and_then(|times| times.parse::<usize>().ok());
    normal * times.unwrap_or(1)
}
