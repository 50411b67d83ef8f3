//! Each proof of the graph refuses its bad programs at the line of the cause, lets their look-alikes pass, and is the
//! one that refuses them: switched off, the bad programs pass.
//!
//! The programs stand in `tests/language/proofs/PROOF/{refuses,passes}/*.nsf`. Lines `// file: NAME` divide one into
//! several files, as in the catalogue. In a program that is refused the line of the cause ends in `// here`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nsf_analysis::graph::Proofs;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check_with};
use nsf_diagnostics::{CODES, PageFile, Stage};

/// Where the cause stands.
const MARK: &str = "// here";

struct Proof {
    folder: &'static str,
    codes: &'static [&'static str],
    off: Proofs,
}

/// All proofs, and no lints.
const ON: Proofs = Proofs {
    topic_types: true,
    dataflow: true,
    key_safety: true,
    replay_safety: true,
    bounded_state: true,
    termination: true,
    secrets: true,
    identity: true,
    derived: true,
    constants: true,
    lints: false,
};

fn proofs() -> Vec<Proof> {
    // Those of proofs alone; lints have cases of their own.
    let on = ON;
    vec![
        Proof { folder: "topic_types", codes: &["E0401"], off: Proofs { topic_types: false, ..on } },
        Proof {
            folder: "dataflow",
            codes: &["W0402", "W0403", "W0404", "W0405"],
            off: Proofs { dataflow: false, ..on },
        },
        Proof {
            folder: "key_safety",
            codes: &["E0402", "E0403", "E0404", "E0407"],
            off: Proofs { key_safety: false, ..on },
        },
        Proof { folder: "replay_safety", codes: &["E0408"], off: Proofs { replay_safety: false, ..on } },
        Proof { folder: "bounded_state", codes: &["W0401"], off: Proofs { bounded_state: false, ..on } },
        Proof { folder: "termination", codes: &["E0409"], off: Proofs { termination: false, ..on } },
        Proof { folder: "secrets", codes: &["E0410"], off: Proofs { secrets: false, ..on } },
        Proof { folder: "identity", codes: &["E0412", "E0414"], off: Proofs { identity: false, ..on } },
        Proof { folder: "derived", codes: &["E0405", "E0406"], off: Proofs { derived: false, ..on } },
        Proof { folder: "constants", codes: &["E0415"], off: Proofs { constants: false, ..on } },
    ]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/language/proofs")
}

/// The programs of a folder, with their names.
fn programs(proof: &Proof, kind: &str) -> Vec<(String, Vec<PageFile>)> {
    let folder = root().join(proof.folder).join(kind);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| (path.display().to_string(), files(&std::fs::read_to_string(&path).unwrap()));
    paths.into_iter().map(read).collect()
}

fn files(text: &str) -> Vec<PageFile> {
    let mut files: Vec<PageFile> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("// file:"), files.last_mut()) {
            (Some(name), _) => files.push(PageFile { name: name.trim().to_owned(), text: String::new() }),
            (None, Some(file)) => file.text.push_str(line),
            (None, None) => files.push(PageFile { name: "program.nsf".to_owned(), text: line.to_owned() }),
        }
    }
    files
}

fn check(files: &[PageFile], proofs: &Proofs) -> Analysis {
    let mut input = ProjectInput { name: "proofs".to_owned(), ..ProjectInput::default() };
    for file in files {
        if file.name == "nsf.lock" {
            input.lock = Some(file.text.clone());
        } else if file.name.ends_with(".nsf") {
            input.files.push(InputFile { path: file.name.clone(), text: file.text.clone() });
        }
    }
    check_with(&input, proofs)
}

/// Codes with path, line and message.
fn found(analysis: &Analysis) -> Vec<(String, String, u32, String)> {
    let place = |diagnostic: &nsf_diagnostics::Diagnostic| {
        let (path, place) = analysis.sources.place(diagnostic.location()).unwrap();
        (diagnostic.code.id.to_owned(), path.to_owned(), place.line, diagnostic.message.clone())
    };
    analysis.diagnostics.iter().map(place).collect()
}

/// The file and line of the mark.
fn marked(files: &[PageFile]) -> Option<(String, u32)> {
    files.iter().find_map(|file| {
        let line = file.text.lines().position(|line| line.trim_end().ends_with(MARK))?;
        Some((file.name.clone(), line as u32 + 1))
    })
}

#[test]
fn every_proof_refuses_its_bad_programs_at_the_line_of_the_cause() {
    let mut wrong = Vec::new();
    for proof in proofs() {
        let programs = programs(&proof, "refuses");
        assert!(programs.len() >= 5, "{} has {} bad programs", proof.folder, programs.len());
        for (name, files) in programs {
            let found = found(&check(&files, &ON));
            let place = marked(&files).unwrap_or_else(|| panic!("{name} has no line that ends in `{MARK}`"));
            let fits = match found.as_slice() {
                [(code, path, line, _)] => proof.codes.contains(&code.as_str()) && (path.clone(), *line) == place,
                _ => false,
            };
            if !fits {
                wrong.push(format!("{name} (cause at {}:{}): {found:#?}", place.0, place.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_proof_lets_look_alikes_pass() {
    let mut wrong = Vec::new();
    for proof in proofs() {
        let programs = programs(&proof, "passes");
        assert!(programs.len() >= 5, "{} has {} look-alikes", proof.folder, programs.len());
        for (name, files) in programs {
            let found = found(&check(&files, &ON));
            if !found.is_empty() {
                wrong.push(format!("{name}: {found:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_its_proof_a_bad_program_passes() {
    let mut wrong = Vec::new();
    for proof in proofs() {
        for (name, files) in programs(&proof, "refuses") {
            let found = found(&check(&files, &proof.off));
            if !found.is_empty() {
                wrong.push(format!("{name}: {found:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pages_of_the_graphs_codes_do_what_they_say() {
    let mut wrong = Vec::new();
    for code in CODES.iter().filter(|code| code.stage == Stage::Graph) {
        let page = code.page().unwrap_or_else(|error| panic!("{}: {error}", code.id));
        if page.failing.is_empty() {
            continue;
        }
        let failing = found(&check(&page.failing, &Proofs::default()));
        if failing.len() != 1 || failing[0].0 != code.id {
            wrong.push(format!("{}: the failing example raises {failing:#?}", code.id));
        }
        let mended = found(&check(&page.mended, &Proofs::default()));
        if !mended.is_empty() {
            wrong.push(format!("{}: the mended example raises {mended:#?}", code.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A program whose functions call one another, each adding 200 to the depth.
fn layers(count: usize) -> Vec<PageFile> {
    let chain = " + 1".repeat(200);
    let mut text = format!("fn layer0(x: int64) -> int64 = x{chain}\n");
    for layer in 1..count {
        text.push_str(&format!("fn layer{layer}(x: int64) -> int64 = layer{}(x){chain}\n", layer - 1));
    }
    text.push_str("source visit {\n  from: kafka(\"visits\")\n  record { student: int64 }\n}\n");
    let last = count - 1;
    text.push_str(&format!(
        "flow tell from visit {{\n  calculate {{ code = layer{last}(student) }}\n  expand kafka(\"told\", key: student) {{ code }}\n}}\n"
    ));
    files(&text)
}

#[test]
fn an_expression_too_deep_for_a_plan_is_an_error_of_the_program() {
    assert_eq!(found(&check(&layers(5), &Proofs::default())), []);
    let found = found(&check(&layers(6), &Proofs::default()));
    let codes: Vec<&str> = found.iter().map(|(code, ..)| code.as_str()).collect();
    assert_eq!(codes, ["E0413"]);
}

#[test]
fn functions_that_double_at_each_level_are_refused_at_once() {
    let mut text = "fn f0(x: int64) -> int64 = x + 1\n".to_owned();
    for level in 1..60 {
        text.push_str(&format!("fn f{level}(x: int64) -> int64 = f{0}(x) + f{0}(x)\n", level - 1));
    }
    let found = found(&check(&files(&text), &Proofs::default()));
    let codes: Vec<(&str, u32)> = found.iter().map(|(code, _, line, _)| (code.as_str(), *line)).collect();
    assert_eq!(codes, [("E0413", 14)]);
}

#[test]
fn expand_functions_that_call_themselves_or_double_are_refused_at_once() {
    let source = "source visit {\n  from: kafka(\"visits\")\n  record { student: int64 }\n}\n";
    let ring = "expand a(student: int64) {\n  expand b\n}\nexpand b(student: int64) {\n  expand a\n}\nflow tell from visit {\n  expand a\n}\n";
    let codes = |text: &str| -> Vec<String> {
        found(&check(&files(text), &Proofs::default())).into_iter().map(|(code, ..)| code).collect()
    };
    assert_eq!(codes(&format!("{source}{ring}")), ["E0312"]);
    let mut doubling =
        format!("{source}expand e0(student: int64) {{\n  expand kafka(\"o\", key: student) {{ student }}\n}}\n");
    for level in 1..40 {
        let below = level - 1;
        doubling.push_str(&format!("expand e{level}(student: int64) {{\n  expand e{below}\n  expand e{below}\n}}\n"));
    }
    doubling.push_str("flow tell from visit {\n  expand e39\n}\n");
    assert_eq!(codes(&doubling), ["E0413"]);
}

#[test]
fn types_that_double_at_each_level_are_refused_at_once() {
    let mut text = "type A0 = { x: int64 }\n".to_owned();
    for level in 1..60 {
        text.push_str(&format!("type A{level} = {{ x: A{0}, y: A{0} }}\n", level - 1));
    }
    let found = found(&check(&files(&text), &Proofs::default()));
    let codes: Vec<(&str, u32)> = found.iter().map(|(code, _, line, _)| (code.as_str(), *line)).collect();
    assert_eq!(codes, [("E0413", 14)]);
}

#[test]
fn constants_that_double_or_are_nested_ever_deeper_are_refused_at_once() {
    let mut doubling = "const C0: int64 = 1\n".to_owned();
    let mut deeper = "const C0: int64 = 1\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        doubling.push_str(&format!("const C{level}: int64 = C{below} - C{below}\n"));
        deeper.push_str(&format!("const C{level}: int64 = C{below}{}\n", " + 1".repeat(200)));
    }
    for (text, line) in [(doubling, 14), (deeper, 7)] {
        let found = found(&check(&files(&text), &Proofs::default()));
        let codes: Vec<(&str, u32)> = found.iter().map(|(code, _, line, _)| (code.as_str(), *line)).collect();
        assert_eq!(codes, [("E0413", line)]);
    }
}

#[test]
fn what_is_nested_ever_deeper_through_names_is_no_circle_and_fits_the_stack() {
    let chain = |count: usize, make: &dyn Fn(usize) -> String, last: String| -> String {
        (0..count).map(make).chain([last]).collect()
    };
    let texts = [
        chain(
            600,
            &|index| format!("fn f{index}(x: int64) -> int64 = abs(f{}(x)) + 1\n", index + 1),
            "fn f600(x: int64) -> int64 = x\n".to_owned(),
        ),
        chain(
            200,
            &|index| format!("type T{index} = {}T{}{}\n", "list<".repeat(200), index + 1, ">".repeat(200)),
            "type T200 = int64\n".to_owned(),
        ),
        chain(
            200,
            &|index| format!("const C{index} = {}C{}{}\n", "[".repeat(200), index + 1, "]".repeat(200)),
            "const C200 = 1\n".to_owned(),
        ),
        chain(
            400,
            &|index| {
                let (open, close) = ("when x > 1 {\n  ".repeat(20), "  }\n".repeat(20));
                format!("expand e{index}(x: int64) {{\n  {open}expand e{}\n{close}}}\n", index + 1)
            },
            "expand e400(x: int64) {\n  expand kafka(\"o\", key: x) { x }\n}\nsource s {\n  from: kafka(\"s\")\n  \
             record { x: int64 }\n}\nflow f from s {\n  expand e0\n}\n"
                .to_owned(),
        ),
    ];
    for text in texts {
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        let codes = small.spawn(move || -> Vec<String> {
            found(&check(&files(&text), &Proofs::default())).into_iter().map(|(code, ..)| code).collect()
        });
        assert_eq!(codes.unwrap().join().unwrap(), ["E0413"]);
    }
}

#[test]
fn records_spread_in_records_are_unfolded_once() {
    let spread = format!("{}{{ a: x, b: x }}{}", "{ ...".repeat(100), " }".repeat(100));
    let text = format!(
        "source s {{\n  from: kafka(\"s\")\n  record {{ x: int64 }}\n}}\nflow f from s {{\n  calculate {{ y = {spread} }}\n  \
         expand kafka(\"o\", key: x) {{ x, y }}\n}}\n"
    );
    assert_eq!(found(&check(&files(&text), &Proofs::default())), []);
}
