//! The five kinds of steps, as every drawing tells them apart: a letter, a colour and a shape each.
//!
//! The colours are those of Okabe and Ito, which people see apart who do not see all colours.

/// One of the five kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Verify,
    Load,
    Calculate,
    Save,
    Expand,
}

impl Family {
    /// In the order of their letters in the language's name for them.
    pub(super) const ALL: [Self; 5] = [Self::Verify, Self::Load, Self::Calculate, Self::Save, Self::Expand];

    /// The kind of a node, if it is one of the five.
    pub(super) fn of(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.word() == kind)
    }

    /// As programs write it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Load => "load",
            Self::Calculate => "calculate",
            Self::Save => "save",
            Self::Expand => "expand",
        }
    }

    /// A background for dark text.
    pub(super) const fn pale(self) -> &'static str {
        match self {
            Self::Verify => "#bfe5d9",
            Self::Load => "#c7e0f1",
            Self::Calculate => "#fbe7bf",
            Self::Save => "#f1d9e6",
            Self::Expand => "#f5d4bf",
        }
    }

    /// Graphviz's name of the shape.
    pub(super) const fn dot_shape(self) -> &'static str {
        match self {
            Self::Verify => "hexagon",
            Self::Load => "invhouse",
            Self::Calculate => "box",
            Self::Save => "box3d",
            Self::Expand => "house",
        }
    }

    /// Mermaid's brackets of the shape.
    pub(super) const fn mermaid_shape(self) -> (&'static str, &'static str) {
        match self {
            Self::Verify => ("{{", "}}"),
            Self::Load => ("[/", "/]"),
            Self::Calculate => ("[", "]"),
            Self::Save => ("[[", "]]"),
            Self::Expand => ("[\\", "\\]"),
        }
    }
}
