//! Sources of several kinds as one, for the engine knows one source whose partitions workers share.

use std::{
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{
    Change, Command, ConnectorError, ConnectorErrorKind, ConnectorResult, PartitionId, Polled, Position, RawBatch,
    Source,
};

/// Sources behind one another, with the numbers that their streams have in the whole.
#[derive(Default)]
pub struct Joined {
    parts: Vec<Part>,
    /// The one that is asked first.
    turn: usize,
    /// The one that waits for a moment where nobody has anything, so that what comes to it is there at once.
    waits: Option<usize>,
}

/// How long it is waited where nothing is there and no source waits by itself.
const IDLE: Duration = Duration::from_millis(20);

struct Part {
    source: Box<dyn Source>,
    /// By its own streams: the number in the whole.
    streams: Vec<u32>,
}

impl Part {
    fn to_whole(&self, stream: u32) -> u32 {
        self.streams.get(stream as usize).copied().unwrap_or(u32::MAX)
    }

    fn to_own(&self, stream: u32) -> Option<u32> {
        self.streams.iter().position(|own| *own == stream).map(|at| at as u32)
    }

    fn poll(&mut self, batch: &mut RawBatch, bytes: usize, waits: bool) -> ConnectorResult<Polled> {
        let polled = if waits { self.source.poll(batch, bytes)? } else { self.source.look(batch, bytes)? };
        if polled == Polled::Batch {
            batch.stream = self.to_whole(batch.stream);
        }
        Ok(polled)
    }

    fn changes(&mut self) -> Vec<Change> {
        let changes = self.source.changes();
        let whole = |partition: PartitionId| PartitionId { stream: self.to_whole(partition.stream), ..partition };
        let change = |change| match change {
            Change::Assigned(partition, log) => Change::Assigned(whole(partition), log),
            Change::Revoked(partition) => Change::Revoked(whole(partition)),
            Change::Gone(partition) => Change::Gone(whole(partition)),
            Change::Counted { stream, partitions } => Change::Counted { stream: self.to_whole(stream), partitions },
        };
        changes.into_iter().map(change).collect()
    }

    /// What of a command is for this one.
    fn own_of(&self, command: &Command) -> Option<Command> {
        let own =
            |partition: &PartitionId| self.to_own(partition.stream).map(|stream| PartitionId { stream, ..*partition });
        Some(match command {
            Command::Start { partition, next, generation } => {
                Command::Start { partition: own(partition)?, next: *next, generation: *generation }
            }
            Command::Pause(partition) => Command::Pause(own(partition)?),
            Command::Release(partition) => Command::Release(own(partition)?),
            Command::Count(stream) => Command::Count(self.to_own(*stream)?),
            Command::Commit(positions) => {
                let positions = positions.iter().filter_map(|(partition, next)| Some((own(partition)?, *next)));
                let positions: Vec<(PartitionId, u64)> = positions.collect();
                if positions.is_empty() {
                    return None;
                }
                Command::Commit(positions)
            }
        })
    }
}

impl Joined {
    /// Adds a source whose streams have these numbers in the whole; whether it waits where it has nothing.
    pub fn add(&mut self, source: Box<dyn Source>, streams: Vec<u32>, waits: bool) {
        if waits {
            self.waits = Some(self.parts.len());
        }
        self.parts.push(Part { source, streams });
    }
}

impl Source for Joined {
    fn open(&mut self, positions: &[(u32, Position)]) -> ConnectorResult<()> {
        if !positions.is_empty() {
            let message = "positions of shared streams are given one by one";
            return Err(ConnectorError::new(ConnectorErrorKind::Other, message)
                .with_help("report it: this is a fault of the runtime"));
        }
        self.parts.iter_mut().try_for_each(|part| part.source.open(&[]))
    }

    /// The first that has something.
    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        for _ in 0..self.parts.len() {
            let at = self.turn % self.parts.len();
            self.turn = at + 1;
            // Alone it need not be asked twice.
            let waits = self.parts.len() == 1 && self.waits == Some(at);
            let polled = self.parts[at].poll(batch, bytes, waits)?;
            if polled != Polled::Idle || waits {
                return Ok(polled);
            }
        }
        match self.waits {
            Some(at) => self.parts[at].poll(batch, bytes, true),
            None => {
                thread::sleep(IDLE);
                Ok(Polled::Idle)
            }
        }
    }

    fn waiting(&self) -> Option<u64> {
        self.parts.iter().filter_map(|part| part.source.waiting()).reduce(|a, b| a + b)
    }

    fn changes(&mut self) -> Vec<Change> {
        self.parts.iter_mut().flat_map(Part::changes).collect()
    }

    fn command(&mut self, command: Command) -> ConnectorResult<()> {
        for part in &mut self.parts {
            if let Some(own) = part.own_of(&command) {
                part.source.command(own)?;
            }
        }
        Ok(())
    }

    fn rest(&mut self) -> ConnectorResult<Polled> {
        let mut rested = Polled::Idle;
        for part in &mut self.parts {
            if part.source.rest()? == Polled::Changed {
                rested = Polled::Changed;
            }
        }
        Ok(rested)
    }

    fn close(&mut self, deadline: Duration) {
        // Those that wait for others' answers longest come last, with what is left of the time: leaving a group is what others
        // wait for, while leases end by themselves.
        let until = Instant::now() + deadline;
        let left = || until.saturating_duration_since(Instant::now());
        self.parts.iter_mut().rev().for_each(|part| part.source.close(left()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::{Arc, Mutex};

    use nsf_engine::connector::LogState;

    use super::*;

    /// Gives a batch of each of its streams by turns, and notes what it is told.
    struct Told {
        commands: Arc<Mutex<Vec<Command>>>,
        streams: u32,
        next: u32,
    }

    impl Source for Told {
        fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
            Ok(())
        }

        fn poll(&mut self, batch: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
            batch.stream = self.next % self.streams;
            self.next += 1;
            Ok(Polled::Batch)
        }

        fn changes(&mut self) -> Vec<Change> {
            vec![Change::Assigned(PartitionId { stream: self.streams - 1, partition: 3 }, LogState::default())]
        }

        fn command(&mut self, command: Command) -> ConnectorResult<()> {
            self.commands.lock().unwrap().push(command);
            Ok(())
        }
    }

    /// Has nothing, and notes how it was asked and closed.
    struct Empty(&'static str, Arc<Mutex<Vec<String>>>);

    impl Source for Empty {
        fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
            Ok(())
        }

        fn poll(&mut self, _: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
            self.1.lock().unwrap().push(format!("{} waits", self.0));
            Ok(Polled::Idle)
        }

        fn look(&mut self, _: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
            self.1.lock().unwrap().push(format!("{} looks", self.0));
            Ok(Polled::Idle)
        }

        fn close(&mut self, deadline: Duration) {
            let given = if deadline < Duration::from_secs(60) { "less" } else { "all" };
            self.1.lock().unwrap().push(format!("{} closes with {given}", self.0));
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn nobody_waits_while_another_has_something() {
        let told = Arc::<Mutex<Vec<String>>>::default();
        let take = || std::mem::take(&mut *told.lock().unwrap());
        let mut joined = Joined::default();
        let commands = Arc::<Mutex<Vec<Command>>>::default();
        joined.add(Box::new(Empty("first", Arc::clone(&told))), vec![0], true);
        joined.add(Box::new(Told { commands, streams: 1, next: 0 }), vec![1], false);
        for _ in 0..3 {
            assert_eq!(joined.poll(&mut RawBatch::default(), 1).unwrap(), Polled::Batch);
        }
        assert_eq!(take(), ["first looks"; 3]);
        // Where nobody has anything, the one that can waits, once.
        let mut joined = Joined::default();
        joined.add(Box::new(Empty("first", Arc::clone(&told))), vec![0], true);
        joined.add(Box::new(Empty("second", Arc::clone(&told))), vec![1], false);
        assert_eq!(joined.poll(&mut RawBatch::default(), 1).unwrap(), Polled::Idle);
        assert_eq!(take(), ["first looks", "second looks", "first waits"]);
        // At the end each has what the one before it left of the time.
        joined.close(Duration::from_secs(60));
        assert_eq!(take(), ["second closes with less", "first closes with less"]);
        let mut joined = Joined::default();
        joined.add(Box::new(Empty("first", Arc::clone(&told))), vec![0], true);
        assert_eq!(joined.poll(&mut RawBatch::default(), 1).unwrap(), Polled::Idle);
        assert_eq!(take(), ["first waits"], "alone it is not asked twice");
    }

    #[test]
    fn streams_have_their_numbers_in_the_whole() {
        let [first, second] = [(); 2].map(|()| Arc::<Mutex<Vec<Command>>>::default());
        let mut joined = Joined::default();
        joined.add(Box::new(Told { commands: Arc::clone(&first), streams: 2, next: 0 }), vec![0, 2], true);
        joined.add(Box::new(Told { commands: Arc::clone(&second), streams: 1, next: 0 }), vec![1], false);
        joined.open(&[]).unwrap();
        let mut seen = Vec::new();
        for _ in 0..4 {
            let mut batch = RawBatch::default();
            assert_eq!(joined.poll(&mut batch, 1).unwrap(), Polled::Batch);
            seen.push(batch.stream);
        }
        assert_eq!(seen, [0, 1, 2, 1]);
        let id = |stream, partition| PartitionId { stream, partition };
        let assigned = [2, 1].map(|stream| Change::Assigned(id(stream, 3), LogState::default()));
        assert_eq!(joined.changes(), assigned);
        joined.command(Command::Pause(id(2, 5))).unwrap();
        joined.command(Command::Commit(vec![(id(0, 1), 7), (id(1, 0), 8), (id(2, 1), 9)])).unwrap();
        joined.command(Command::Start { partition: id(1, 0), next: 4, generation: 6 }).unwrap();
        joined.command(Command::Count(2)).unwrap();
        let commit = Command::Commit(vec![(id(0, 1), 7), (id(1, 1), 9)]);
        assert_eq!(*first.lock().unwrap(), [Command::Pause(id(1, 5)), commit, Command::Count(1)]);
        let start = Command::Start { partition: id(0, 0), next: 4, generation: 6 };
        assert_eq!(*second.lock().unwrap(), [Command::Commit(vec![(id(0, 0), 8)]), start]);
    }
}
