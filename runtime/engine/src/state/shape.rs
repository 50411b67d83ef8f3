//! A state as the engine runs it: types of its fields, defaults, and when its values end.

use bumpalo::Bump;
use nsf_plan::{Handle, Order, Plan, Slot, State, Type};

use super::{origin::Origins, row::Fields};
use crate::{
    cell::Cell,
    expression::{Build, Code, Integer, Scope},
    frame::{Context, Frame, Layout, NoRows},
    state::Doubled,
    store::{Form, SLACK},
    text::{self, TextRow},
};

/// A state of the plan, built.
pub(crate) struct StateShape {
    /// Number of the state in stored keys.
    pub number: u16,
    /// Its stable identity: what its rows, their ends and what they cause are known by.
    pub id: String,
    /// Its name for messages.
    pub name: String,
    /// Names of the keys, then of the fields.
    pub names: Vec<String>,
    /// Types of the keys.
    pub keys: Vec<Type>,
    /// Types of the fields.
    pub fields: Vec<Type>,
    /// Values before the first save.
    pub defaults: Fields,
    /// Milliseconds of record time that a value is kept after its last save.
    pub keep: Option<i64>,
    /// When a value ends, from its keys.
    closes: Option<Closes>,
    /// Whether the latest record time wins, field by field.
    pub by_time: bool,
    /// Whether a flow is told of values that have ended.
    pub told: bool,
    /// How late records of the sources that save it may be, in milliseconds, where a flow is told.
    pub late: i64,
    /// Rows as JSON, where the store's rows are to be read by people.
    pub text: Option<TextRow>,
    /// For rows as JSON: fields that were of `float32` and are of `float64` now, in the order in which they became so.
    pub doubled: Vec<Doubled>,
    /// Where its records come from, where their partitions are shared with other workers.
    pub origins: Option<std::sync::Arc<Origins>>,
}

struct Closes {
    layout: Layout,
    code: Code<Integer>,
}

/// The slots that a state's `closes` is written over: its keys.
fn closes_scope(state: &State) -> Vec<Slot> {
    state.keys.iter().map(|(name, ty)| Slot { name: name.clone(), ty: ty.clone() }).collect()
}

impl StateShape {
    /// Builds a state.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new(plan: &Plan, state: &State, number: u16, form: Form) -> Build<Self> {
        let slots = closes_scope(state);
        let layout = Layout::new(&slots);
        let handles: [Handle; 0] = [];
        let closes = match &state.closes {
            None => None,
            Some(expression) => {
                let scope = Scope { plan, slots: &slots, layout: &layout, handles: &handles };
                let code = scope.integer(expression)?;
                Some(Closes { layout, code })
            }
        };
        let text = match form {
            Form::Binary => None,
            Form::Text => Some(TextRow::carrying(state.fields.iter().map(|field| (field.stored_name(), &field.ty)))?),
        };
        let defaults = state.fields.iter().map(|field| Cell::from_literal(&field.ty, &field.default)).collect();
        Ok(Self {
            number,
            id: state.id.clone(),
            name: state.name.clone(),
            names: state
                .keys
                .iter()
                .map(|(name, _)| name)
                .chain(state.fields.iter().map(|field| &field.name))
                .cloned()
                .collect(),
            keys: state.keys.iter().map(|(_, ty)| ty.clone()).collect(),
            fields: state.fields.iter().map(|field| field.ty.clone()).collect(),
            defaults,
            keep: state.keep,
            closes,
            by_time: state.order == Order::Time,
            told: false,
            late: 0,
            text,
            doubled: Vec::new(),
            origins: None,
        })
    }

    /// Appends the key of a row in the store.
    pub(crate) fn write_stored_key(&self, key: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if self.text.is_some() && text::write_key(&self.id, self.keys.iter(), key, out).is_ok() {
            return;
        }
        out.truncate(start);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(key);
    }

    /// The key of a row whose text it is in a store of texts; none where it is another's.
    pub(crate) fn read_text_key(&self, text: &[u8]) -> Option<Vec<u8>> {
        text::read_key(&self.id, self.keys.iter(), text)
    }

    /// Milliseconds after a save at a watermark after which a store may forget a row that closes then; 0 for never.
    ///
    /// A value whose end a flow is told of must be there until then, however long its source stands still.
    pub(crate) fn expires(&self, saved: i64, closes: i64) -> u64 {
        if self.told {
            return 0;
        }
        let by_keep = self.keep.map(|keep| keep.saturating_add(SLACK));
        let by_closes = (closes != i64::MAX).then(|| closes.saturating_sub(saved).max(0).saturating_add(SLACK));
        let least = by_keep.into_iter().chain(by_closes).min();
        least.map_or(0, |least| u64::try_from(least).unwrap_or(0))
    }

    /// When the value of a key ends, in milliseconds; never where the state has no `closes` or it cannot be computed.
    pub(crate) fn closes(&self, key: &[u8]) -> i64 {
        let Some(closes) = &self.closes else { return i64::MAX };
        let arena = Bump::new();
        let frame = Frame::new(&closes.layout);
        let mut rest = key;
        for (index, ty) in self.keys.iter().enumerate() {
            let Ok(cell) = crate::encode::key::read_part(ty, &mut rest) else { return i64::MAX };
            let Some(place) = closes.layout.place(nsf_plan::SlotId(index as u32)) else { return i64::MAX };
            frame.set(place, cell.to_value(ty, &arena));
        }
        (closes.code)(&Context { frame: &frame, arena: &arena, rows: &NoRows }).unwrap_or(i64::MAX)
    }

    /// Whether values end by `closes`.
    pub(crate) const fn has_closes(&self) -> bool {
        self.closes.is_some()
    }
}
