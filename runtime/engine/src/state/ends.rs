//! When the values of a lane end that a flow `from expired` is told of.
//!
//! An end is only a hint: the row itself says when its value ends, and that may be later than its end says here, never
//! earlier, since a value that is saved again ends later. So a save need not touch what is noted of a value already; an
//! end that comes too early is noted again for when it is due.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use nsf_plan::StateId;

/// Ends of one state's values that were saved from partitions of one number.
#[derive(Debug)]
struct Part {
    /// The last watermark at which a value is there, and its key.
    due: BTreeSet<(i64, Box<[u8]>)>,
    /// Every stored end up to here is in `due`.
    known: i64,
}

/// Of which state and partition, and the key.
type Place = (StateId, u32, Box<[u8]>);

/// A change of what is stored of ends: whose, and the end; none where it is gone.
pub(crate) type EndChange = (Place, Option<i64>);

/// The ends of a lane's values.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    parts: BTreeMap<(StateId, u32), Part>,
    /// What the next save must write.
    changed: BTreeMap<Place, Option<i64>>,
    /// Whether the store keeps ends; otherwise all are in memory.
    stored: bool,
}

impl Ends {
    /// None yet, of a store that keeps ends or not.
    pub(crate) fn new(stored: bool) -> Self {
        Self { stored, ..Self::default() }
    }

    fn part(&mut self, state: StateId, partition: u32) -> &mut Part {
        let known = if self.stored { i64::MIN } else { i64::MAX };
        self.parts.entry((state, partition)).or_insert_with(|| Part { due: BTreeSet::new(), known })
    }

    /// Notes when a value ends.
    pub(crate) fn note(&mut self, state: StateId, partition: u32, key: &[u8], due: i64) {
        self.part(state, partition).due.insert((due, key.into()));
        if self.stored {
            self.changed.insert((state, partition, key.into()), Some(due));
        }
    }

    /// Notes that nothing is to end under a key any more.
    pub(crate) fn forget(&mut self, state: StateId, partition: u32, key: &[u8]) {
        if self.stored {
            self.changed.insert((state, partition, key.into()), None);
        }
    }

    /// The first end.
    pub(crate) fn first(&self, state: StateId, partition: u32) -> Option<i64> {
        self.parts.get(&(state, partition))?.due.first().map(|(due, _)| *due)
    }

    /// Takes the first end and its key.
    pub(crate) fn take_first(&mut self, state: StateId, partition: u32) -> Option<(i64, Box<[u8]>)> {
        self.parts.get_mut(&(state, partition))?.due.pop_first()
    }

    /// The keys of what is due when the watermark is here.
    pub(crate) fn due(&self, state: StateId, partition: u32, watermark: i64) -> impl Iterator<Item = &[u8]> {
        let part = self.parts.get(&(state, partition));
        let due = part.into_iter().flat_map(|part| &part.due);
        due.take_while(move |(due, _)| *due < watermark).map(|(_, key)| &**key)
    }

    /// Up to where all stored ends are known.
    pub(crate) fn known(&mut self, state: StateId, partition: u32) -> i64 {
        self.part(state, partition).known
    }

    /// Adds ends that the store has, and says up to where all of them are known now. What was changed since is not as the
    /// store has it.
    pub(crate) fn add_stored(
        &mut self,
        state: StateId,
        partition: u32,
        ends: impl Iterator<Item = (i64, Box<[u8]>)>,
        known: i64,
    ) {
        let fresh = |(_, key): &(i64, Box<[u8]>)| !self.changed.contains_key(&(state, partition, key.clone()));
        let ends: Vec<(i64, Box<[u8]>)> = ends.filter(fresh).collect();
        let part = self.part(state, partition);
        part.due.extend(ends);
        part.known = part.known.max(known);
    }

    /// What was changed since it was last asked for.
    pub(crate) fn take_changed(&mut self) -> impl Iterator<Item = EndChange> {
        std::mem::take(&mut self.changed).into_iter()
    }

    /// After a save: keeps about so many ends of each state and partition in memory, those that are due first.
    pub(crate) fn shrink(&mut self, most: usize) {
        if !self.stored || !self.changed.is_empty() {
            return;
        }
        for part in self.parts.values_mut().filter(|part| part.due.len() > most.saturating_mul(2)) {
            let Some((due, _)) = part.due.iter().nth(most) else { continue };
            let known = due.saturating_sub(1);
            part.due.retain(|(due, _)| *due <= known);
            part.known = part.known.min(known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: StateId = StateId(3);

    fn key(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    fn all(ends: &mut Ends) -> Vec<(i64, String)> {
        let taken = std::iter::from_fn(|| ends.take_first(STATE, 0));
        taken.map(|(due, key)| (due, String::from_utf8_lossy(&key).into_owned())).collect()
    }

    #[test]
    fn ends_come_in_their_order() {
        let mut ends = Ends::new(false);
        ends.note(STATE, 0, b"b", 20);
        ends.note(STATE, 0, b"c", 10);
        ends.note(STATE, 0, b"a", 20);
        ends.note(STATE, 1, b"other", 1);
        assert_eq!(ends.known(STATE, 0), i64::MAX);
        assert_eq!(ends.due(STATE, 0, 20).collect::<Vec<_>>(), [b"c"]);
        assert_eq!(all(&mut ends), [(10, "c".to_owned()), (20, "a".to_owned()), (20, "b".to_owned())]);
        assert_eq!(ends.take_changed().count(), 0, "nothing is to be stored");
    }

    #[test]
    fn what_was_changed_since_is_not_as_the_store_has_it() {
        let mut ends = Ends::new(true);
        assert_eq!(ends.known(STATE, 0), i64::MIN);
        ends.note(STATE, 0, b"moved", 50);
        ends.forget(STATE, 0, b"ended");
        let stored = [(10, key("moved")), (11, key("ended")), (12, key("there"))];
        ends.add_stored(STATE, 0, stored.into_iter(), 12);
        assert_eq!(ends.known(STATE, 0), 12);
        assert_eq!(all(&mut ends), [(12, "there".to_owned()), (50, "moved".to_owned())]);
        let changed: Vec<EndChange> = ends.take_changed().collect();
        assert_eq!(changed, [((STATE, 0, key("ended")), None), ((STATE, 0, key("moved")), Some(50))]);
    }

    #[test]
    fn what_is_due_late_is_left_to_the_store() {
        let mut ends = Ends::new(true);
        ends.add_stored(STATE, 0, (0..10).map(|due| (due / 2, key(&due.to_string()))), i64::MAX);
        ends.note(STATE, 0, b"new", 100);
        ends.shrink(3);
        assert_eq!(ends.known(STATE, 0), i64::MAX, "what is not saved yet stays");
        assert_eq!(ends.take_changed().count(), 1);
        ends.shrink(3);
        // The fourth is due at 1, as is the third: both are left.
        assert_eq!(ends.known(STATE, 0), 0);
        assert_eq!(all(&mut ends).len(), 2);
    }
}
