//! How much a name becomes when it is unfolded: functions and types stand for what they say, and what doubles at each
//! level would never end.

/// Most functions or types that one name may become.
pub(super) const MOST: usize = 4096;

/// What the outermost name at hand has become so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unfolding {
    /// Names being unfolded.
    open: usize,
    /// All that were unfolded since the outermost began.
    count: usize,
}

impl Unfolding {
    /// Begins a name; says whether it stands in no other.
    pub(super) fn begin(&mut self) -> bool {
        let outermost = self.open == 0;
        self.open += 1;
        self.count = if outermost { 1 } else { self.count + 1 };
        outermost
    }

    /// Ends a name.
    pub(super) fn end(&mut self) {
        self.open -= 1;
    }

    /// Whether the outermost name has not become too much. Once that was told, less is waited for: mostly it is the
    /// same mistake again.
    pub(super) const fn may_go_on(self, told: bool) -> bool {
        self.count <= if told { MOST / 16 } else { MOST }
    }
}
