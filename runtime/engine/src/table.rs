//! Tables: rows read whole before the first record, or looked up at a server ([`looked_up`]).

pub(crate) mod looked_up;
mod patience;

use bumpalo::Bump;
use hashbrown::HashMap;
use nsf_plan::{Plan, SlotId, Table};

use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult, Message, Polled, RawBatch, Source},
    decode::{AbsentMember, Decoder, MessageMeta, Payload, Target},
    encode::key::write_part,
    expression::Build,
    fault::{Fallible, Fault},
    frame::{Frame, Layout},
};

use looked_up::LookedUp;

/// A table.
pub(crate) enum TableSource {
    /// All its rows.
    Whole(TableRows),
    /// Rows are asked for by key.
    LookedUp(Box<LookedUp>),
}

impl TableSource {
    /// How many keys are known, and how many rows were replaced by a later one of the same key.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match self {
            Self::Whole(rows) => (rows.len() as u64, rows.replaced),
            Self::LookedUp(rows) => (rows.len() as u64, 0),
        }
    }
}

/// The rows of a table.
#[derive(Debug, Default)]
pub(crate) struct TableRows {
    index: HashMap<Box<[u8]>, u32>,
    rows: Vec<Box<[Cell]>>,
    /// Rows that were replaced by a later one of the same key.
    pub replaced: u64,
}

impl TableRows {
    /// The row of a key.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// The fields of a row.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> &[Cell] {
        &self.rows[row as usize]
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    fn insert(&mut self, key: &[u8], row: Box<[Cell]>) {
        let at = self.rows.len() as u32;
        match self.index.get_mut(key) {
            Some(known) => {
                self.rows[*known as usize] = row;
                self.replaced += 1;
            }
            None => {
                self.rows.push(row);
                self.index.insert(key.into(), at);
            }
        }
    }
}

/// Reads tables.
#[derive(Clone)]
pub(crate) struct TableReader {
    decoder: Decoder,
    layout: Layout,
    fields: Vec<nsf_plan::Type>,
    key: Vec<u32>,
    name: String,
    place: String,
}

impl TableReader {
    /// A reader of a table's rows.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new(plan: &Plan, table: &Table) -> Build<Self> {
        let fields: Vec<_> = table.encoding.fields.iter().map(|field| field.ty.clone()).collect();
        let layout = Layout::of_types(fields.iter());
        let wanted = |at: &usize| table.encoding.fields[*at].used || table.key.contains(&(*at as u32));
        let target = |at: usize| Target { field: at as u32, slot: SlotId(at as u32) };
        let targets: Vec<_> = (0..fields.len()).filter(wanted).map(target).collect();
        let decoder = Decoder::new(&table.encoding, &targets, &layout, AbsentMember::Reject)?;
        let topic = plan.topics.get(table.from.index());
        let place = topic.map_or_else(String::new, |topic| topic.connector.name.clone());
        Ok(Self { decoder, layout, fields, key: table.key.clone(), name: table.name.clone(), place })
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// Where the table cannot be read, or a row is not one of it.
    pub(crate) fn read(&mut self, source: &mut dyn Source) -> ConnectorResult<TableRows> {
        source.open(&[])?;
        let mut rows = TableRows::default();
        let mut batch = RawBatch::default();
        loop {
            match source.poll(&mut batch, 1024 * 1024)? {
                Polled::End => {
                    self.take_header(source)?;
                    return Ok(rows);
                }
                Polled::Idle | Polled::Changed => {}
                Polled::Batch => {
                    self.take_header(source)?;
                    self.add(&batch, &mut rows)?;
                }
            }
            batch.clear();
        }
    }

    /// Takes the header, where the format has one and it was not taken yet; a file without a byte has none.
    fn take_header(&mut self, source: &dyn Source) -> ConnectorResult<()> {
        let header = source.header().filter(|header| self.decoder.wants_header() && !header.is_empty());
        let Some(header) = header else { return Ok(()) };
        self.decoder.header(Payload::Bytes(header)).map_err(|fault| self.error("its header", &fault))
    }

    fn add(&mut self, batch: &RawBatch, rows: &mut TableRows) -> ConnectorResult<()> {
        let arena = Bump::new();
        let frame = Frame::new(&self.layout);
        let mut key = Vec::new();
        for message in &batch.messages {
            let payload = Payload::Bytes(batch.message(message));
            let meta = MessageMeta { offset: message.offset.cast_signed(), topic: "", ..MessageMeta::default() };
            let row = self.row(payload, &meta, (&frame, &arena), &mut key);
            rows.insert(&key, row.map_err(|fault| self.row_error(message, &fault))?);
        }
        Ok(())
    }

    /// Reads a row; puts its key into `key`.
    fn row<'b>(
        &mut self,
        payload: Payload<'b>,
        meta: &MessageMeta<'b>,
        (frame, arena): (&Frame<'b>, &'b Bump),
        key: &mut Vec<u8>,
    ) -> Fallible<Box<[Cell]>> {
        self.decoder.decode(payload, meta, frame, arena)?;
        key.clear();
        let value =
            |slot: u32| self.layout.place(SlotId(slot)).map_or(crate::value::Value::Null, |place| frame.get(place));
        for &part in &self.key {
            write_part(value(part), key);
        }
        let cell = |(slot, ty)| Cell::from_value(ty, value(slot as u32));
        Ok(self.fields.iter().enumerate().map(cell).collect())
    }

    fn row_error(&self, message: &Message, fault: &Fault) -> ConnectorError {
        self.error(&format!("line {}", message.offset), fault)
    }

    fn error(&self, at: &str, fault: &Fault) -> ConnectorError {
        let message = format!("table `{}` cannot be read from `{}`: {at}: {}", self.name, self.place, fault.message);
        ConnectorError::new(ConnectorErrorKind::Other, message)
            .with_help("mend that row, or the table's `record`; a table is read whole or not at all")
    }
}
