//! Every page of the catalogue is executed by the passes: the failing example gives its code alone, the mended one
//! nothing.

use nsf_diagnostics::{CODES, PageFile};

use crate::project;

fn files(page: &[PageFile]) -> Vec<(String, String)> {
    page.iter().map(|file| (file.name.clone(), file.text.clone())).collect()
}

#[test]
fn a_failing_example_gives_its_code_alone_and_a_mended_one_nothing() {
    let mut complaints = Vec::new();
    for code in CODES {
        let page = code.page().unwrap();
        if page.failing.is_empty() {
            continue;
        }
        let failing = project::check(&files(&page.failing));
        if failing.is_empty() || failing.iter().any(|found| found.code != code.id) {
            complaints.push(format!("{}, failing: {}", code.id, project::shown(&failing)));
        }
        let mended = project::check(&files(&page.mended));
        if !mended.is_empty() {
            complaints.push(format!("{}, mended: {}", code.id, project::shown(&mended)));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
