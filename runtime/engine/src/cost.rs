//! What one record may cost a flow, so that no program makes a run stand still or take all memory over one record.

use crate::fault::{Fault, FaultCode};

/// What a record may cost in one flow, in units of [`Cost::Look`]: some ten passes over the elements of a record of a
/// megabyte, one over those of the longest record.
pub const MOST: u64 = 1 << 30;

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// An element that is looked at.
    Look,
    /// A byte of a text that is made.
    Byte,
    /// An element of `each`, a call of a lambda.
    Repetition,
    /// An element of a list that is made.
    Element,
}

impl Cost {
    /// The cost of one.
    const fn one(self) -> u64 {
        match self {
            Self::Look => 1,
            Self::Byte => 4,
            Self::Repetition => 16,
            Self::Element => 64,
        }
    }

    /// The cost of so many.
    #[must_use]
    pub const fn times(self, count: usize) -> u64 {
        (count as u64).saturating_mul(self.one())
    }
}

/// The fault of a record that costs more.
#[cold]
pub(crate) fn too_much() -> Box<Fault> {
    let most = |cost: Cost| MOST / cost.one();
    let words = format!(
        "the record costs the flow too much: one record may make {} list elements or {} MiB of text, and repeat {} times",
        most(Cost::Element),
        most(Cost::Byte) >> 20,
        most(Cost::Repetition)
    );
    Fault::new(FaultCode::Limit, words)
}
