//! A page of the catalogue as it is shown at a terminal.

use nsf_diagnostics::{Code, PageFile, Severity};

use unicode_width::UnicodeWidthStr;

use crate::output::{Output, Style};
use crate::problem::Problem;

/// Columns in which prose is easy to read.
const PROSE_WIDTH: usize = 100;

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
    text.push_str(&reflow(&page.prose, output.result_looks().width.clamp(40, PROSE_WIDTH)));
    example(&mut text, &output.paint("This is refused:", Style::Heading), &page.failing, output);
    example(&mut text, &output.paint("This is right:", Style::Heading), &page.mended, output);
    Ok(text)
}

/// Paragraphs and list items in lines of at most `width` columns.
fn reflow(prose: &str, width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    let mut indent = "";
    for line in prose.lines() {
        let item = line.starts_with("- ");
        if line.trim().is_empty() || item {
            text.push_str(if column > 0 { "\n" } else { "" });
            text.push_str(if item { "" } else { "\n" });
            (column, indent) = (0, if item { "  " } else { "" });
        }
        for word in line.split_whitespace() {
            let wide = word.width();
            if column > 0 && column + 1 + wide > width {
                text.push('\n');
                text.push_str(indent);
                column = indent.len();
            } else if column > 0 {
                text.push(' ');
                column += 1;
            }
            text.push_str(word);
            column += wide;
        }
    }
    text.push('\n');
    text
}

fn example(text: &mut String, heading: &str, files: &[PageFile], output: &Output) {
    if files.is_empty() {
        return;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_lists_are_laid_out_anew() {
        let prose = "one two\nthree four five\n\nsix\n- seven eight nine\n- ten";
        assert_eq!(reflow(prose, 14), "one two three\nfour five\n\nsix\n- seven eight\n  nine\n- ten\n");
    }
}
