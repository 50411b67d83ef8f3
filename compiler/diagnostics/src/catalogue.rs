//! The form of a catalogue page, read as data: for `nsfc explain`, and for the tests that execute its examples.
//!
//! The form is described in `catalogue/README.md`.

use crate::Code;

/// Codes of which a page cannot show the mistake: a file of megabytes, bytes that are no text, a mistake
/// of the compiler itself.
pub const WITHOUT_EXAMPLE: [&str; 3] = ["E0123", "E0124", "E0416"];

/// What introduces a further file in an example of several.
const FILE_MARK: &str = "// file:";

/// A page taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The heading without the code: "unexpected token".
    pub title: String,
    /// What the mistake is and why it is one, in Markdown.
    pub prose: String,
    /// The files of the example that raises the code; none for the codes of `WITHOUT_EXAMPLE`.
    pub failing: Vec<PageFile>,
    /// The same example, mended.
    pub mended: Vec<PageFile>,
}

/// A file of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Its path in the project of the example.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What is wrong with the form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// The rule that the page breaks.
    pub reason: String,
}

impl std::fmt::Display for PageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for PageError {}

fn broken(reason: impl Into<String>) -> PageError {
    PageError { reason: reason.into() }
}

impl Code {
    /// The page of the code, taken apart.
    ///
    /// # Errors
    /// What is wrong with its form; the tests see to it that no page of the table is.
    pub fn page(&self) -> Result<Page, PageError> {
        Page::parse(self.id, self.page)
    }
}

impl Page {
    /// Takes the page of the code `id` apart.
    ///
    /// # Errors
    /// The first rule of the form that the page breaks.
    pub fn parse(id: &str, text: &str) -> Result<Self, PageError> {
        let text = text.replace("\r\n", "\n");
        let (heading, rest) = text.split_once('\n').ok_or_else(|| broken("the page is empty"))?;
        let title = heading
            .strip_prefix(&format!("# {id}: "))
            .map(str::trim)
            .filter(|title| !title.is_empty())
            .ok_or_else(|| broken(format!("the first line must read `# {id}: ` and words")))?;
        let (prose, examples) = match rest.split_once("\n## Failing\n") {
            Some((prose, examples)) => (prose, Some(examples)),
            None if WITHOUT_EXAMPLE.contains(&id) => (rest, None),
            None => return Err(broken("`## Failing` is missing")),
        };
        let prose = prose.trim();
        if prose.is_empty() {
            return Err(broken("there is no prose between the heading and `## Failing`"));
        }
        if prose.lines().any(|line| line.starts_with("## ")) {
            return Err(broken("only `## Failing` and `## Mended` may be headings of the second level"));
        }
        let (failing, mended) = match examples {
            None => (Vec::new(), Vec::new()),
            Some(examples) => {
                let halves = examples.split_once("\n## Mended\n");
                let (failing, mended) = halves.ok_or_else(|| broken("`## Mended` is missing"))?;
                (example("Failing", failing)?, example("Mended", mended)?)
            }
        };
        Ok(Self { title: title.to_owned(), prose: prose.to_owned(), failing, mended })
    }
}

/// The one `nsf` block of a section, as files.
fn example(section: &str, text: &str) -> Result<Vec<PageFile>, PageError> {
    let body = text
        .trim()
        .strip_prefix("```nsf\n")
        .ok_or_else(|| broken(format!("`## {section}` must be followed by a block that opens with ```nsf")))?;
    let body = body
        .strip_suffix("```")
        .filter(|body| !body.contains("```"))
        .ok_or_else(|| broken(format!("`## {section}` must hold one block and nothing after it")))?;
    let files = split_files(body);
    if files.iter().any(|file| file.text.trim().is_empty()) {
        return Err(broken(format!("an example file under `## {section}` is empty")));
    }
    Ok(files)
}

/// A block is one file, `example.nsf`, unless lines `// file: name.nsf` divide it.
fn split_files(body: &str) -> Vec<PageFile> {
    let mut files: Vec<PageFile> = Vec::new();
    for line in body.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(FILE_MARK) {
            files.push(PageFile { name: name.trim().to_owned(), text: String::new() });
        } else {
            match files.last_mut() {
                Some(file) => file.text.push_str(line),
                None => files.push(PageFile { name: "example.nsf".to_owned(), text: line.to_owned() }),
            }
        }
    }
    if files.is_empty() {
        files.push(PageFile { name: "example.nsf".to_owned(), text: String::new() });
    }
    files
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::{CODES, Severity, Stage};

    #[test]
    fn every_page_has_the_form() {
        for code in CODES {
            if let Err(error) = code.page() {
                panic!("catalogue/{}-{}.md: {error}", code.id, code.slug);
            }
        }
    }

    #[test]
    fn every_file_of_the_catalogue_belongs_to_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
        let known: HashSet<String> = CODES.iter().map(|code| format!("{}-{}.md", code.id, code.slug)).collect();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name == "README.md" || known.contains(&name), "no code is named like catalogue/{name}");
        }
    }

    #[test]
    fn ids_and_slugs_are_unique() {
        let mut ids = HashSet::new();
        let mut slugs = HashSet::new();
        for code in CODES {
            assert!(ids.insert(code.id), "{} stands twice in the table", code.id);
            assert!(slugs.insert(code.slug), "{} stands twice in the table", code.slug);
        }
    }

    #[test]
    fn ids_tell_severity_and_stage() {
        for code in CODES {
            let letter = if code.severity == Severity::Error { "E" } else { "W" };
            let range = match code.stage {
                Stage::Syntax => "01",
                Stage::Names => "02",
                Stage::Types => "03",
                Stage::Graph => "04",
                Stage::Settings => "05",
                Stage::Project => "06",
                Stage::Tests => "07",
            };
            assert!(
                code.id.len() == 5 && code.id.starts_with(&format!("{letter}{range}")),
                "{} is out of range",
                code.id
            );
            assert!(
                code.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                code.slug
            );
            assert!(code.summary.ends_with('.') && !code.summary.contains('\n'), "summary of {}", code.id);
        }
    }

    #[test]
    fn a_block_may_hold_several_files() {
        let page = "# E0999: words\n\nProse.\n\n## Failing\n\n```nsf\n// file: a.nsf\nx\n// file: b/c.nsf\ny\n```\n\n\
                    ## Mended\n\n```nsf\nz\n```\n";
        let page = Page::parse("E0999", page).unwrap();
        let names: Vec<&str> = page.failing.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.nsf", "b/c.nsf"]);
        assert_eq!(page.failing[1].text, "y\n");
        assert_eq!(page.mended, [PageFile { name: "example.nsf".to_owned(), text: "z\n".to_owned() }]);
    }

    #[test]
    fn a_page_that_breaks_the_form_is_named() {
        let reason = |text: &str| Page::parse("E0999", text).unwrap_err().reason;
        assert!(reason("# E0101: words\n").contains("# E0999: "));
        assert!(reason("# E0999: words\n\nProse.\n").contains("## Failing"));
        assert!(reason("# E0999: words\n\n## Failing\n\n## Mended\n").contains("prose"));
        assert!(reason("# E0999: w\n\nP.\n\n## Failing\n\nno block\n\n## Mended\n").contains("```nsf"));
    }
}
