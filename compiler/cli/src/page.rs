//! A page of the catalogue as it is shown at a terminal.

use nsf_diagnostics::{Code, PageFile, Severity};

use crate::output::{Output, Style};
use crate::problem::Problem;

/// The page of `code`: heading, prose, and both examples, indented.
///
/// # Errors
/// When the page that was built into the program does not have its form.
pub fn render(code: &Code, output: &Output) -> Result<String, Problem> {
    let page = code.page().map_err(|error| {
        Problem::failure(format!("the page of {} cannot be shown: {error}", code.id))
            .help("this is a mistake in nsfc, please report it")
    })?;
    let (word, style) = match code.severity {
        Severity::Error => ("error", Style::Bad),
        Severity::Warning => ("warning", Style::Careful),
    };
    let mut text = format!("{} {}\n\n", output.paint(&format!("{word}[{}]:", code.id), style), page.title);
    text.push_str(&page.prose);
    text.push('\n');
    example(&mut text, &output.paint("This is refused:", Style::Heading), &page.failing, output);
    example(&mut text, &output.paint("This is right:", Style::Heading), &page.mended, output);
    Ok(text)
}

fn example(text: &mut String, heading: &str, files: &[PageFile], output: &Output) {
    text.push_str(&format!("\n{heading}\n"));
    for file in files {
        text.push('\n');
        if files.len() > 1 || file.name != "example.nsf" {
            text.push_str(&format!("    {}\n", output.paint(&format!("// {}", file.name), Style::Dim)));
        }
        for line in file.text.trim_end().lines() {
            if line.is_empty() {
                text.push('\n');
            } else {
                text.push_str(&format!("    {line}\n"));
            }
        }
    }
}
