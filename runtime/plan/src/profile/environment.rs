//! The world that references are looked up in, given by the one who runs the program: this crate reads nothing itself.

use zeroize::{Zeroize, Zeroizing};

use super::mistake::ProfileErrorKind;
use super::reference::{Part, Text};
use super::secret::Secret;

/// Modes of a file that let others than its owner at it.
const OTHERS: u32 = 0o077;

/// A file as it was read.
#[derive(Clone)]
pub struct FileText {
    /// What it holds.
    pub text: Zeroizing<String>,
    /// Its mode, where the system has such.
    pub mode: Option<u32>,
}

/// Where variables and files are looked up.
#[derive(Clone, Copy)]
pub struct Environment<'e> {
    /// The value of an environment variable; none where it is not set or not UTF-8.
    pub variable: &'e dyn Fn(&str) -> Option<String>,
    /// The file of a path; a relative one should begin at the folder of `nsf.yaml`.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub file: &'e dyn Fn(&str) -> Result<FileText, String>,
}

impl Environment<'_> {
    /// The secret in a file, as for a token that is read again before it expires. `setting` is named in messages.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, or can be read by others than its owner.
    pub fn secret_file(&self, setting: &str, path: &str) -> Result<Secret, ProfileErrorKind> {
        Ok(Secret::new(self.content(setting, path, true)?))
    }

    /// What a text is with all its references.
    pub(super) fn look_up(
        &self,
        setting: &str,
        text: &Text,
        secret: bool,
    ) -> Result<Zeroizing<String>, ProfileErrorKind> {
        let found = match text {
            Text::Inline(parts) => self.joined(setting, parts)?,
            Text::File(parts) => {
                let path = self.joined(setting, parts)?;
                return self.content(setting, &path, secret);
            }
        };
        match found.trim().is_empty() && !text.is_literal() {
            true => Err(ProfileErrorKind::Empty { setting: setting.to_owned(), reference: text.references() }),
            false => Ok(found),
        }
    }

    /// The path of a file with its variables.
    pub(super) fn path(&self, setting: &str, text: &Text) -> Result<String, ProfileErrorKind> {
        let (Text::Inline(parts) | Text::File(parts)) = text;
        self.joined(setting, parts).map(|path| path.to_string())
    }

    fn joined(&self, setting: &str, parts: &[Part]) -> Result<Zeroizing<String>, ProfileErrorKind> {
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            values.push(match part {
                Part::Literal(text) => Zeroizing::new(text.clone()),
                Part::Variable(name) => {
                    Zeroizing::new((self.variable)(name).ok_or_else(|| ProfileErrorKind::Unset {
                        setting: setting.to_owned(),
                        variable: name.clone(),
                    })?)
                }
            });
        }
        // A text that grows would leave copies of itself behind.
        let mut joined = Zeroizing::new(String::with_capacity(values.iter().map(|value| value.len()).sum()));
        values.iter().for_each(|value| joined.push_str(value));
        Ok(joined)
    }

    fn content(&self, setting: &str, path: &str, secret: bool) -> Result<Zeroizing<String>, ProfileErrorKind> {
        let FileText { mut text, mode } = (self.file)(path).map_err(|reason| ProfileErrorKind::Unreadable {
            setting: setting.to_owned(),
            path: path.to_owned(),
            reason,
        })?;
        if let Some(mode) = mode.filter(|mode| secret && mode & OTHERS != 0) {
            let (setting, path) = (setting.to_owned(), path.to_owned());
            return Err(ProfileErrorKind::ReadByOthers { setting, path, mode: mode & 0o7777 });
        }
        let trimmed = Zeroizing::new(text.trim().to_owned());
        text.zeroize();
        match trimmed.is_empty() {
            true => Err(ProfileErrorKind::Empty { setting: setting.to_owned(), reference: format!("file:{path}") }),
            false => Ok(trimmed),
        }
    }
}
