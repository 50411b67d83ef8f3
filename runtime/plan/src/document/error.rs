//! Why a plan is refused.

use crate::{PlanVersion, Problem};

/// Why a text is not a plan that this runtime runs. The messages are for the user and name no file; whoever reads the
/// file puts its path in front.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    /// The file is something else.
    NotAPlan {
        /// What it is instead, in words: "it is empty".
        reason: &'static str,
    },
    /// Its major version is above this crate's.
    Newer {
        /// The plan's version.
        version: PlanVersion,
    },
    /// Its major version is below this crate's.
    Older {
        /// The plan's version.
        version: PlanVersion,
    },
    /// Its end is missing.
    Truncated,
    /// It is not as it was written.
    Damaged {
        /// The hash it carries; none where it cannot be read as YAML or JSON.
        hash: Option<String>,
        /// The line from which it cannot be read, from 1, where that is known.
        line: Option<usize>,
    },
    /// It is nested more deeply than any plan.
    TooDeep,
    /// It is larger than any plan.
    TooBig {
        /// Its size in bytes.
        bytes: usize,
    },
    /// Its hash is right, but a part is not of a form that this runtime knows.
    Unreadable {
        /// The part: "`pipelines[2]` (`plan_duration`)".
        part: String,
    },
    /// It reads, but parts of it do not fit one another.
    Invalid {
        /// What is wrong; at least one.
        problems: Vec<Problem>,
    },
}

impl std::error::Error for PlanError {}

const AGAIN: &str = "compile the project again with `nsfc compile`";

impl std::fmt::Display for PlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let major = PlanVersion::CURRENT.major;
        match self {
            Self::NotAPlan { reason } => {
                write!(f, "this is not a plan: {reason}; a plan is what `nsfc compile -o plan.yaml` writes")
            }
            Self::Newer { version } => write!(
                f,
                "the plan has format {}.{} and this program reads format {major}; run it with a newer `nsflow`, or \
                 compile the project again with the `nsfc` that came with this one",
                version.major, version.minor
            ),
            Self::Older { version } => write!(
                f,
                "the plan has format {}.{} and this program reads format {major}; {AGAIN} of this version",
                version.major, version.minor
            ),
            Self::Truncated => {
                write!(f, "the plan is cut off: its last line, `end: true`, is missing; copy it again, or {AGAIN}")
            }
            Self::Damaged { hash: Some(hash), .. } => {
                let start: String = hash.chars().take(12).collect();
                write!(
                    f,
                    "the plan was changed after it was compiled: its contents do not give its hash `{start}…`; change \
                     the `.nsf` files instead and {AGAIN}"
                )
            }
            Self::Damaged { hash: None, line: Some(line) } => {
                write!(f, "the plan is damaged: it cannot be read from line {line} on; copy it again, or {AGAIN}")
            }
            Self::Damaged { hash: None, line: None } => {
                write!(f, "the plan is damaged: its header is not one; copy it again, or {AGAIN}")
            }
            Self::TooDeep => write!(f, "the plan is nested more deeply than any that `nsfc` writes; {AGAIN}"),
            Self::TooBig { bytes } => write!(
                f,
                "the plan has {} MiB and no more than {} MiB are read; split the project into several",
                bytes.div_ceil(1024 * 1024),
                super::MAX_BYTES / (1024 * 1024)
            ),
            Self::Unreadable { part } => write!(
                f,
                "this program does not understand {part} of the plan, although the plan is undamaged: another version \
                 of `nsfc` wrote it; {AGAIN} of this version"
            ),
            Self::Invalid { problems } => {
                write!(f, "the parts of the plan do not fit one another; {AGAIN}")?;
                for problem in problems.iter().take(5) {
                    write!(f, "\n  {problem}")?;
                }
                match problems.len() {
                    0..=5 => Ok(()),
                    all => write!(f, "\n  and {} more", all - 5),
                }
            }
        }
    }
}
