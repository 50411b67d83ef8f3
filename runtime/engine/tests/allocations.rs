//! Workload W1 allocates nothing for a record: blocks with ten times as many records need no more allocations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use nsf_engine::{
    connector::{
        ConnectorResult, Connectors, Export, Message, OutputBatch, Polled, Position, RawBatch, Sink, Source,
        StreamRequest,
    },
    run::{Engine, Options},
    store::{Store, StoreBatch, StoreTable},
};

/// Counts allocations of the whole process.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Gives the same records in every block, and notes how many allocations there had been half-way and at the end.
struct Endless {
    lines: Vec<u8>,
    blocks: u64,
    given: u64,
    notes: Arc<Mutex<Vec<u64>>>,
}

impl Source for Endless {
    fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
        Ok(())
    }

    fn poll(&mut self, batch: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
        if self.given == self.blocks / 2 || self.given == self.blocks {
            self.notes.lock().unwrap().push(ALLOCATIONS.load(Ordering::Relaxed));
        }
        if self.given == self.blocks {
            return Ok(Polled::End);
        }
        batch.bytes.extend_from_slice(&self.lines);
        let mut start = 0;
        let mut offset = self.given * 1_000_000;
        for (at, _) in self.lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let (from, end) = (start, at as u32);
            batch.messages.push(Message {
                start: from,
                end,
                offset,
                timestamp: None,
                key: None,
                oversized: None,
                ..Message::default()
            });
            (start, offset) = (end + 1, offset + 1);
        }
        batch.end.next = offset;
        self.given += 1;
        Ok(Polled::Batch)
    }
}

/// Takes everything and keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn open(&mut self, _: Option<&[u8]>) -> ConnectorResult<()> {
        Ok(())
    }

    fn append(&mut self, _: &OutputBatch) -> ConnectorResult<()> {
        Ok(())
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        Ok(Vec::new())
    }
}

impl Store for Nothing {
    fn get_many(&self, _: StoreTable, _: &[&[u8]], _: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        Ok(())
    }

    fn scan(&self, _: StoreTable, _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        Ok(())
    }

    fn commit(&self, _: &StoreBatch) -> ConnectorResult<()> {
        Ok(())
    }
}

struct Given {
    lines: Vec<u8>,
    notes: Arc<Mutex<Vec<u64>>>,
}

const BLOCKS: u64 = 600;

impl Connectors for Given {
    fn source(&self, _: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        let (lines, notes) = (self.lines.clone(), Arc::clone(&self.notes));
        Ok(Box::new(Endless { lines, blocks: BLOCKS, given: 0, notes }))
    }

    fn table(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        self.source(request)
    }

    fn sink(&self, _: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        Ok(Box::new(Nothing))
    }

    fn export(&self, _: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        Ok(None)
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        Ok(Arc::new(Nothing))
    }
}

/// Records in the ingest envelope; every fifth is dropped.
fn lines(count: u64) -> Vec<u8> {
    let line = |n: u64| {
        let duration = if n.is_multiple_of(5) { 0 } else { 100 + n };
        format!(
            "{{\"version\":\"1.0\",\"arris_id\":\"ARRIS-f0102\",\"app_id\":\"0102\",\"arris_message\":{{\"time\":{n},\
             \"cmd\":\"update\",\"fields\":{{\"class_id\":{n},\"stu_id\":{},\"plan_id\":{},\"class_name\":\"class \\\"{n}\\\"\",\
             \"duration\":{duration},\"score\":{}.5,\"status\":\"2\"}},\"change_fields\":[\"score\",\"status\"]}}}}\n",
            n * 7,
            n % 10,
            n % 100
        )
    };
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}

/// Allocations over half of the blocks, when the other half has been worked on.
fn allocations(records: u64) -> u64 {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let connectors = Given { lines: lines(records), notes: Arc::clone(&notes) };
    let options = Options { workers: 1, blocks: 4, ..Options::default() };
    let plan = Arc::new(support::workload(false));
    let summary =
        Engine::build(plan, options, &connectors).map_err(|errors| errors[0].to_string()).unwrap().run().unwrap();
    assert_eq!(summary.records, records * BLOCKS);
    assert_eq!(summary.outputs[0].messages, summary.records * 4 / 5);
    let notes = notes.lock().unwrap();
    notes[1] - notes[0]
}

#[test]
fn a_record_of_w1_allocates_nothing() {
    let (few, many) = (allocations(50), allocations(500));
    let records = 450 * BLOCKS / 2;
    let each = many.saturating_sub(few) as f64 / records as f64;
    // What remains is made once a block or once a round, however many records it has.
    assert!(each < 0.002, "{few} allocations with small blocks, {many} with large ones: {each} a record");
    assert!((many as f64) < 100.0 * BLOCKS as f64 / 2.0, "{many} allocations for {} blocks", BLOCKS / 2);
}
