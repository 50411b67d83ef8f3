//! Standard output and standard error, and what the terminal behind them can show.

use std::io::{self, IsTerminal, Write};

use nsf_diagnostics::render::TerminalOptions;

use crate::problem::Problem;

/// Where a command writes.
pub struct Output {
    result: Box<dyn Write>,
    errors: Box<dyn Write>,
    result_looks: TerminalOptions,
    error_looks: TerminalOptions,
    /// Whether standard output is a terminal.
    terminal: bool,
    /// Nobody reads standard output any more; the rest is not written.
    closed: bool,
}

/// Text with a meaning that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A heading.
    Heading,
    /// Something went well.
    Good,
    /// Something is wrong.
    Bad,
    /// Something to be careful about.
    Careful,
    /// Less important.
    Dim,
}

impl Output {
    /// The streams of this process.
    pub fn of_process() -> Self {
        Self {
            result_looks: looks(io::stdout().is_terminal()),
            error_looks: looks(io::stderr().is_terminal()),
            result: Box::new(io::BufWriter::new(io::stdout())),
            errors: Box::new(io::stderr()),
            terminal: io::stdout().is_terminal(),
            closed: false,
        }
    }

    /// Whether somebody looks at standard output.
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether nobody reads standard output any more.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What standard output can show.
    pub const fn result_looks(&self) -> TerminalOptions {
        self.result_looks
    }

    /// What standard error can show.
    pub const fn error_looks(&self) -> TerminalOptions {
        self.error_looks
    }

    /// Writes to standard output. A reader that went away is no error: the rest is left out.
    ///
    /// # Errors
    /// When standard output is a file that cannot be written.
    pub fn result(&mut self, text: &str) -> Result<(), Problem> {
        if self.closed {
            return Ok(());
        }
        match self.result.write_all(text.as_bytes()).and_then(|()| self.result.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => {
                Err(Problem::failure(format!("cannot write to standard output: {}", crate::problem::cause(&error))))
            }
        }
    }

    /// Writes to standard error, as well as it can be done.
    pub fn error(&mut self, text: &str) {
        // Where even standard error fails there is nobody left to tell.
        let _ = self.errors.write_all(text.as_bytes()).and_then(|()| self.errors.flush());
    }

    /// Shows why a command stopped.
    pub fn problem(&mut self, problem: &Problem) {
        let mut text = format!("{}: {}\n", paint("error", Style::Bad, self.error_looks.color), problem.message);
        if let Some(help) = &problem.help {
            text.push_str(&format!("  = help: {}\n", help.replace('\n', "\n          ")));
        }
        self.error(&text);
    }

    /// `text` in a style, if standard output shows styles.
    pub fn paint(&self, text: &str, style: Style) -> String {
        paint(text, style, self.result_looks.color)
    }
}

fn paint(text: &str, style: Style, color: bool) -> String {
    let code = match style {
        Style::Heading => "1",
        Style::Good => "1;32",
        Style::Bad => "1;31",
        Style::Careful => "1;33",
        Style::Dim => "2",
    };
    if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// What the environment says of the terminal.
fn looks(terminal: bool) -> TerminalOptions {
    looks_of(terminal, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn looks_of(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> TerminalOptions {
    let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let refused = variable("NO_COLOR").is_some() || variable("TERM").as_deref() == Some("dumb");
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&variable).unwrap_or_default().to_lowercase();
    TerminalOptions {
        color: (terminal && !refused) || (forced && variable("NO_COLOR").is_none()),
        // A locale that is not said to be UTF-8 gets frames that every terminal can draw.
        ascii: !(locale.contains("utf-8") || locale.contains("utf8") || cfg!(windows)),
        width: variable("COLUMNS").and_then(|value| value.parse().ok()).unwrap_or(140),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(terminal: bool, variables: &[(&str, &str)]) -> TerminalOptions {
        looks_of(terminal, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_file_gets_no_colour() {
        assert!(!with(false, &[("TERM", "xterm-256color")]).color);
        assert!(with(true, &[("TERM", "xterm-256color")]).color);
    }

    #[test]
    fn colour_can_be_refused_and_forced() {
        assert!(!with(true, &[("NO_COLOR", "1")]).color);
        assert!(!with(true, &[("TERM", "dumb")]).color);
        assert!(with(false, &[("CLICOLOR_FORCE", "1")]).color);
        assert!(!with(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).color);
    }

    #[test]
    fn frames_are_ascii_unless_the_locale_is_utf8() {
        assert!(with(true, &[]).ascii);
        assert!(with(true, &[("LANG", "C")]).ascii);
        assert!(!with(true, &[("LANG", "zh_CN.UTF-8")]).ascii);
        assert!(with(true, &[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]).ascii);
    }
}
