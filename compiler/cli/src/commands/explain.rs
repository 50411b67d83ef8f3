//! `nsfc explain`: the page of a diagnostic.

use nsf_diagnostics::{CODES, Code, Stage, closest};

use crate::Outcome;
use crate::output::{Output, Style};
use crate::page;
use crate::problem::Problem;

/// Explain an error or a warning, with an example that has it and the example mended
#[derive(clap::Args)]
pub struct Explain {
    /// The code in brackets beside a message, such as E0101, or its name in words; without one, all codes are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl Explain {
    /// Shows one page, or the list of all.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let text = match self.code {
            None => list(output),
            Some(written) => page::render(find(&written)?, output)?,
        };
        output.result(&text)?;
        Ok(Outcome::Clean)
    }
}

/// The code that was asked for by id or by name.
fn find(written: &str) -> Result<&'static Code, Problem> {
    let trimmed = written.trim().trim_start_matches("error").trim_start_matches("warning").trim_matches(['[', ']']);
    let by_slug = || CODES.iter().copied().find(|code| code.slug.eq_ignore_ascii_case(trimmed));
    if let Some(code) = Code::find(trimmed).or_else(by_slug) {
        return Ok(code);
    }
    let names = CODES.iter().flat_map(|code| [code.id, code.slug]);
    let problem = Problem::usage(format!("there is no diagnostic `{written}`"));
    Err(match closest(trimmed, names) {
        Some(near) => problem.help(format!("did you mean `{near}`? `nsfc explain` lists all")),
        None => problem.help("`nsfc explain` lists all"),
    })
}

/// Every code by the pass that finds it.
fn list(output: &Output) -> String {
    let width = CODES.iter().map(|code| code.slug.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (stage, heading) in STAGES {
        let mut codes: Vec<&Code> = CODES.iter().copied().filter(|code| code.stage == *stage).collect();
        if codes.is_empty() {
            continue;
        }
        codes.sort_by_key(|code| code.id);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&output.paint(heading, Style::Heading));
        text.push('\n');
        for code in codes {
            text.push_str(&format!("  {}  {:width$}  {}\n", code.id, code.slug, code.summary));
        }
    }
    text
}

/// The passes in their order, in a reader's words.
const STAGES: &[(Stage, &str)] = &[
    (Stage::Syntax, "Syntax"),
    (Stage::Names, "Names"),
    (Stage::Types, "Types"),
    (Stage::Graph, "The graph and what is proved over it"),
    (Stage::Settings, "Settings and connectors"),
    (Stage::Project, "Project, lock file and plan"),
    (Stage::Tests, "Tests"),
];
