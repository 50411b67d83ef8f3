//! Documents that are refused, each with what its reader is told, and how deep a plan may go.

mod support;

use nsf_plan::{
    Block, Expr, ExprKind, Literal, Origin, Plan, PlanError, PlanVersion, Step, StepKind, Type,
    document::{from_text, hash, load, to_json, to_yaml},
};
use support::sample::{small, whole};

fn refusal(text: &str) -> String {
    from_text(text).map_or_else(|error| error.to_string(), |_| "read".to_owned())
}

#[allow(clippy::unwrap_used)] // A README without the block fails the test.
/// The text between the fences of the README's first block of a language.
fn readme(language: &str) -> String {
    let readme = include_str!("../README.md");
    let (_, block) = readme.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_readme_shows_a_plan_as_it_is_written() {
    assert_eq!(readme("yaml"), to_yaml(&small()));
    assert_eq!(load(readme("yaml").as_bytes()), Ok(small()));
}

#[test]
fn a_valid_plan_loads_from_both_formats() {
    for text in [to_yaml(&whole()), to_json(&whole())] {
        assert_eq!(load(text.as_bytes()), Ok(whole()));
        // As tools and editors may hand it on.
        assert_eq!(from_text(&text.replace('\n', "\r\n")), Ok(whole()));
        assert_eq!(from_text(&format!("\u{feff}{text}\n\n")), Ok(whole()));
    }
    assert_eq!(hash(&whole()), hash(&from_text(&to_json(&whole())).unwrap()));
    assert_ne!(hash(&whole()), hash(&small()));
}

#[test]
fn other_files_are_not_plans() {
    let made_by = "a plan is what `nsfc compile -o plan.yaml` writes";
    for (text, reason) in [
        ("", "it is empty"),
        (" \n\t\n", "it is empty"),
        ("source a { }", "it does not start with a line `nsf_plan: …`"),
        ("{", "it does not start with a line `nsf_plan: …`"),
        ("{}", "it does not start with a line `nsf_plan: …`"),
        ("[1, 2]", "it does not start with a line `nsf_plan: …`"),
        ("name: classroom\nprofiles: {}\n", "it does not start with a line `nsf_plan: …`"),
        ("a: &a [*a, *a]\n", "it does not start with a line `nsf_plan: …`"),
    ] {
        assert_eq!(refusal(text), format!("this is not a plan: {reason}; {made_by}"), "{text}");
    }
    assert_eq!(
        load(b"\xff\xfe\x00").unwrap_err().to_string(),
        format!("this is not a plan: it is not text; {made_by}")
    );
}

#[test]
fn a_newer_or_older_format_is_refused() {
    let newer = to_yaml(&small()).replace("{ major: 1, minor: 0 }", "{ major: 2, minor: 3 }");
    assert_eq!(
        refusal(&newer),
        "the plan has format 2.3 and this program reads format 1; run it with a newer `nsflow`, or compile the project \
         again with the `nsfc` that came with this one"
    );
    let older = to_yaml(&small()).replace("{ major: 1, minor: 0 }", "{ major: 0, minor: 9 }");
    assert_eq!(
        refusal(&older),
        "the plan has format 0.9 and this program reads format 1; compile the project again with `nsfc compile` of this \
         version"
    );
}

#[test]
fn a_newer_minor_version_is_read_without_what_it_adds() {
    let mut plan = small();
    plan.version = PlanVersion { major: 1, minor: 7 };
    let json: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
    assert_eq!(from_text(&json.to_string()), Ok(plan));
}

#[test]
fn an_edited_plan_is_refused() {
    let text = to_yaml(&small());
    for (from, to) in
        [("line: 9", "line: 10"), ("no score", "no points"), ("scores", "score"), ("name: passed", "name: past")]
    {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        let start = &hash(&small())[..12];
        assert_eq!(
            refusal(&edited),
            format!(
                "the plan was changed after it was compiled: its contents do not give its hash `{start}…`; change the \
                 `.nsf` files instead and compile the project again with `nsfc compile`"
            )
        );
    }
    let without_hash: String =
        text.lines().filter(|line| !line.starts_with("hash:")).fold(String::new(), |all, line| all + line + "\n");
    assert_eq!(
        refusal(&without_hash),
        "the plan is damaged: its header is not one; copy it again, or compile the project again with `nsfc compile`"
    );
    assert_eq!(
        refusal(&text.replacen("sources:\n", "sources:\n\t{", 1)),
        "the plan is damaged: it cannot be read from line 12 on; copy it again, or compile the project again with `nsfc compile`"
    );
    let mut bytes = text.into_bytes();
    bytes[400] = 0xff;
    assert!(matches!(load(&bytes), Err(PlanError::Damaged { hash: None, line: Some(_) })));
}

#[test]
fn a_plan_cut_off_anywhere_is_refused() {
    for text in [to_yaml(&small()), to_json(&small())] {
        let header = text.find("\n").unwrap() + 40;
        for end in 0..text.trim_end().len() {
            let Some(cut) = text.get(..end) else { continue };
            let error = from_text(cut).unwrap_err();
            if end > header {
                assert!(matches!(error, PlanError::Truncated | PlanError::Damaged { .. }), "cut at {end}: {error}");
            }
        }
    }
    let text = to_yaml(&small());
    assert_eq!(
        refusal(&text[..text.len() / 2]),
        "the plan is cut off: its last line, `end: true`, is missing; copy it again, or compile the project again with \
         `nsfc compile`"
    );
}

#[test]
fn a_part_of_an_unknown_form_is_named() {
    // A plan of another compiler: the hash is right, the step is not known.
    let mut plan = small();
    let StepKind::Require { reason, .. } = &mut plan.pipelines[0].body.steps[0].kind else { panic!("a require") };
    *reason = "x".into();
    let mut json: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
    json["pipelines"][0]["body"][0][0]["step"] = "teleport".into();
    let document = json.as_object_mut().unwrap();
    document.shift_remove("hash");
    let text = with_hash(document);
    assert_eq!(
        refusal(&text),
        "this program does not understand `pipelines[0]` (`passed`) of the plan, although the plan is undamaged: another \
         version of `nsfc` wrote it; compile the project again with `nsfc compile` of this version"
    );
}

/// A document of contents as a compiler with other forms would write it.
fn with_hash(contents: &serde_json::Map<String, serde_json::Value>) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for (name, value) in contents {
        hasher.update(format!("{name}\0{value}\0"));
    }
    let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut document = contents.clone();
    document.insert("hash".into(), hash.into());
    serde_json::Value::Object(document).to_string()
}

#[test]
fn a_plan_whose_parts_do_not_fit_is_refused_with_the_first_five() {
    let mut plan = small();
    plan.sources[0].key = vec![2, 3, 4, 5, 6, 7];
    let text = to_yaml(&plan);
    assert_eq!(from_text(&text).as_ref(), Ok(&plan));
    let message = load(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 7, "{message}");
    assert!(message.contains("\n  source `score`: it names field 2, and there are 2\n"), "{message}");
    assert!(message.ends_with("\n  and 1 more"), "{message}");
}

#[test]
fn a_document_nested_without_end_is_refused() {
    let deep = "[".repeat(200_000);
    for text in [format!("{{\"nsf_plan\": {deep}"), format!("nsf_plan: {deep}")] {
        assert_eq!(
            refusal(&text),
            "the plan is nested more deeply than any that `nsfc` writes; compile the project again with `nsfc compile`"
        );
    }
}

#[test]
fn a_document_too_big_is_refused_before_it_is_read() {
    assert_eq!(
        PlanError::TooBig { bytes: 300 << 20 }.to_string(),
        "the plan has 300 MiB and no more than 256 MiB are read; split the project into several"
    );
    let big = vec![b' '; nsf_plan::document::MAX_BYTES + 1];
    assert_eq!(load(&big), Err(PlanError::TooBig { bytes: big.len() }));
}

/// A plan at every limit of depth at once.
fn deepest() -> Plan {
    let mut plan = small();
    let mut condition = Expr::bool(true);
    for _ in 1..Expr::MAX_DEPTH {
        condition = Expr::negated(condition);
    }
    let mut block: Block =
        vec![Step::new("bottom", StepKind::Stop { condition: Some(condition) }, Origin::default())].into();
    for depth in 1..Block::MAX_DEPTH {
        let arms = vec![(Expr::bool(false), Block::default()), (Expr::bool(true), block)];
        let when = StepKind::When { arms, otherwise: Block::default() };
        block = vec![Step::new(format!("when.{depth}"), when, Origin::default())].into();
    }
    let (mut literal, mut ty) = (Literal::Float(0.1), Type::Float64);
    for _ in 1..Literal::MAX_DEPTH {
        literal = Literal::Record(vec![literal]);
        ty = Type::record([("member", ty)]);
    }
    let constant = Expr::new(ExprKind::IsNull(Box::new(Expr::literal(literal, ty))), Type::Bool);
    let stop = StepKind::Stop { condition: Some(constant) };
    block.steps.push(Step::new("constant", stop, Origin::default()));
    plan.pipelines[0].body = block;
    plan
}

#[test]
fn the_deepest_plan_reads_back_from_both_formats() {
    let plan = deepest();
    assert_eq!(plan.pipelines[0].body.depth(), Block::MAX_DEPTH);
    assert_eq!(load(to_yaml(&plan).as_bytes()).as_ref(), Ok(&plan));
    assert_eq!(load(to_json(&plan).as_bytes()).as_ref(), Ok(&plan));
}
