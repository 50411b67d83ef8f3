//! `examples/oulad` over the real data, against an independent computation in Python.

use std::fs;
use std::process::Command;

use nsf_tests::{read, records, root, shared_data, tool, tree};

#[test]
fn the_real_data_gives_what_the_independent_computation_gives() {
    let Some(data) = shared_data() else {
        eprintln!("NOT SHOWN: oulad over the real data (../shared/data/oulad is not there)");
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let (actual, expected) = (work.path().join("actual"), work.path().join("expected"));
    tree::copy(&root().join("examples/oulad"), &work.path().join("oulad")).unwrap();
    let (submission, assessment) = (data.join("studentAssessment.csv"), data.join("assessments.csv"));
    let script = root().join("examples/oulad/totals.py");
    let python = Command::new("python3").arg(script).args([&submission, &assessment, &expected]).status().unwrap();
    assert!(python.success());
    let mut arguments = vec!["run".to_owned(), "oulad".to_owned()];
    for (name, file) in [("submission", &submission), ("assessment", &assessment)] {
        arguments.extend(["--input".to_owned(), format!("{name}={}", file.display())]);
    }
    for name in ["student_course", "passing_reached", "rejected"] {
        arguments.extend([
            "--output".to_owned(),
            format!("{name}={}", actual.join(name).with_extension("ndjson").display()),
        ]);
    }
    let first = tool::call(work.path(), &arguments).succeeded();
    let mut texts = Vec::new();
    for file in tree::files(&expected, "ndjson") {
        let text = read(&actual.join(file.file_name().unwrap()));
        let difference = records::difference(&read(&file), &text).unwrap();
        assert_eq!(difference, None, "{}\n{}", file.display(), first.output);
        texts.push((file.file_name().unwrap().to_owned(), text));
    }
    let second = tool::call(work.path(), &arguments).succeeded();
    assert!(second.output.contains("nothing new since the last run, nothing was changed"), "{}", second.output);
    for (name, text) in texts {
        assert_eq!(fs::read_to_string(actual.join(&name)).unwrap(), text, "{name:?} changed in the second run");
    }
}
