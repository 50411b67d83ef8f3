//! A document: text with the places where lines may end, before it is decided which of them do.

use std::rc::Rc;

use unicode_width::UnicodeWidthStr;

/// A document. Cheap to clone; a part may stand in several documents.
#[derive(Clone, Debug)]
pub(super) struct Doc {
    pub kind: Rc<Kind>,
    /// Columns when printed on one line; none where it cannot be.
    pub width: Option<usize>,
}

/// The forms of a document.
#[derive(Debug)]
pub(super) enum Kind {
    /// Text without a line end.
    Text(String),
    /// That many spaces; none at the end of a line.
    Spaces(usize),
    /// Spaces on one line, else a line end.
    Line {
        /// How many spaces.
        flat: usize,
        /// Whether the line end leaves an empty line.
        blank: bool,
    },
    /// A line end.
    Newline {
        /// Whether it leaves an empty line.
        blank: bool,
    },
    /// One step further in.
    Nest(Doc),
    /// On one line if it fits, else with all its own line ends.
    Group(Doc),
    /// Text that only stands where the group around it is broken.
    IfBroken(&'static str),
    /// One of two forms: the first if it fits on the line, else the second.
    Choice(Doc, Doc),
    /// One after the other.
    Sequence(Vec<Doc>),
    /// A comment; after it a new line starts.
    Comment { text: String, own_line: bool, blank: bool },
}

impl Doc {
    fn new(kind: Kind, width: Option<usize>) -> Self {
        Self { kind: Rc::new(kind), width }
    }

    /// Nothing.
    pub fn nothing() -> Self {
        Self::new(Kind::Sequence(Vec::new()), Some(0))
    }

    /// Text as it is; a raw text over several lines has no width.
    pub fn text(text: &str) -> Self {
        let width = (!text.contains('\n')).then(|| text.width());
        Self::new(Kind::Text(text.to_owned()), width)
    }

    /// That many spaces.
    pub fn spaces(count: usize) -> Self {
        Self::new(Kind::Spaces(count), Some(count))
    }

    /// One space.
    pub fn space() -> Self {
        Self::spaces(1)
    }

    /// A place where a line may end; `flat` spaces where it does not.
    pub fn line(flat: usize, blank: bool) -> Self {
        Self::new(Kind::Line { flat, blank }, Some(flat))
    }

    /// A place where a line ends.
    pub fn newline(blank: bool) -> Self {
        Self::new(Kind::Newline { blank }, None)
    }

    /// `doc` one step further in.
    pub fn nest(doc: Self) -> Self {
        let width = doc.width;
        Self::new(Kind::Nest(doc), width)
    }

    /// `doc` on one line if it fits.
    pub fn group(doc: Self) -> Self {
        let width = doc.width;
        Self::new(Kind::Group(doc), width)
    }

    /// `doc` as a group that is broken even if it fits.
    pub fn broken_group(doc: Self) -> Self {
        Self::new(Kind::Group(doc), None)
    }

    /// `text` where the group around it is broken.
    pub fn if_broken(text: &'static str) -> Self {
        Self::new(Kind::IfBroken(text), Some(0))
    }

    /// `flat` if it fits on the line, else `broken`.
    pub fn choice(flat: Self, broken: Self) -> Self {
        let width = flat.width;
        Self::new(Kind::Choice(flat, broken), width)
    }

    /// A comment.
    pub fn comment(text: &str, own_line: bool, blank: bool) -> Self {
        Self::new(Kind::Comment { text: text.to_owned(), own_line, blank }, None)
    }

    /// One after the other.
    pub fn sequence(parts: Vec<Self>) -> Self {
        let width = parts.iter().try_fold(0, |sum, part| part.width.map(|width| sum + width));
        Self::new(Kind::Sequence(parts), width)
    }

    /// Whether nothing is printed for it.
    pub fn is_nothing(&self) -> bool {
        matches!(&*self.kind, Kind::Sequence(parts) if parts.is_empty())
    }
}

/// `[a, b, c]` as a sequence; each part is anything that is a [`Doc`].
macro_rules! sequence {
    ($($part:expr),* $(,)?) => {
        $crate::format::doc::Doc::sequence(vec![$($part),*])
    };
}
pub(super) use sequence;
