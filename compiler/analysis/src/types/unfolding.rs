//! How much a name becomes when it is unfolded: functions, constants and types stand for what they say; what doubles at
//! each level would never end, and what is nested ever deeper would not fit the stack.

/// Most functions, constants or types that one name may become.
pub(super) const MOST: usize = 4096;

/// What the outermost name at hand has become so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unfolding {
    /// Names being unfolded.
    open: usize,
    /// All that were unfolded since the outermost began.
    count: usize,
    /// Levels of nesting around the place at hand.
    depth: usize,
    /// How many levels the outermost name may have at most, once it has more.
    too_deep: Option<usize>,
}

/// How the outermost name became more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMuch {
    /// More names than [`MOST`].
    Many,
    /// Nested deeper than this many levels.
    Deep(usize),
}

impl Unfolding {
    /// Begins a name; says whether it stands in no other.
    pub(super) fn begin(&mut self) -> bool {
        let outermost = self.open == 0;
        self.open += 1;
        self.count = if outermost { 1 } else { self.count + 1 };
        if outermost {
            self.too_deep = None;
        }
        outermost
    }

    /// Whether a name is being unfolded, so that what is found is not reported here, but where the name stands.
    pub(super) const fn is_open(self) -> bool {
        self.open > 0
    }

    /// Begins a level of nesting; says whether what is in it may be looked at. Outside of names the text's own limits
    /// hold.
    pub(super) fn descend(&mut self, most: usize, told: bool) -> bool {
        if self.open > 0 {
            let reached = self.depth >= if told { most / 4 } else { most };
            self.too_deep = self.too_deep.or(reached.then_some(most));
            if self.too_deep.is_some() {
                return false;
            }
        }
        self.depth += 1;
        true
    }

    /// Ends a level that was looked at.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Ends a name.
    pub(super) fn end(&mut self) {
        self.open -= 1;
    }

    /// Whether the outermost name has not become too much. Once that was told, less is waited for: mostly it is the
    /// same mistake again.
    pub(super) const fn may_go_on(self, told: bool) -> bool {
        self.too_deep.is_none() && self.count <= if told { MOST / 16 } else { MOST }
    }

    /// How the outermost name became too much, where it did.
    pub(super) const fn too_much(self, told: bool) -> Option<TooMuch> {
        match (self.too_deep, self.may_go_on(told)) {
            (Some(most), _) => Some(TooMuch::Deep(most)),
            (None, false) => Some(TooMuch::Many),
            (None, true) => None,
        }
    }
}
