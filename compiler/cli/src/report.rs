//! Diagnostics in the form that was asked for.

use clap::ValueEnum;
use nsf_diagnostics::render::{self, TerminalOptions};
use nsf_diagnostics::{Diagnostic, SourceMap};

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Excerpts of the files with the places marked
    #[default]
    Human,
    /// One line a message: path:line:column: error[CODE]: text
    Short,
    /// One JSON object a message and line
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// A SARIF 2.1.0 document
    Sarif,
}

/// The diagnostics in a form, with a last line that counts them where a person reads.
pub fn render(format: Format, diagnostics: &[Diagnostic], sources: &SourceMap, looks: TerminalOptions) -> String {
    match format {
        Format::Human => {
            let mut text = render::terminal(diagnostics, sources, looks);
            if let Some(summary) = summary(diagnostics) {
                text.push_str(&summary);
                text.push('\n');
            }
            text
        }
        Format::Short => render::short(diagnostics, sources),
        Format::Json => render::json(diagnostics, sources),
        Format::Github => render::github(diagnostics, sources),
        Format::Sarif => render::sarif(diagnostics, sources, env!("CARGO_PKG_VERSION")),
    }
}

/// "2 errors, 1 warning; `nsfc check --fix` mends 1 of them".
fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let counted = render::summary(diagnostics)?;
    let fixable = render::fixable(diagnostics);
    Some(match (fixable, diagnostics.len()) {
        (0, _) => counted,
        (1, 1) => format!("{counted}; `nsfc check --fix` mends it"),
        (fixable, all) if fixable == all => format!("{counted}; `nsfc check --fix` mends all of them"),
        (fixable, _) => format!("{counted}; `nsfc check --fix` mends {fixable} of them"),
    })
}
