//! A round: batches are decoded and worked on in parallel, then the lanes run in parallel, then dimensions are written
//! and subscriptions told.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use bumpalo::Bump;
use nsf_plan::Late;

use super::{
    error::RunError,
    lane::Lane,
    output::{Sender, WorkOutput},
    pieces::Core,
    progress::Progress,
    stream::StreamWork,
    work::{Taken, Worked, Worker},
};
use crate::{
    connector::Sequence,
    fault::{Fault, FaultCode},
    observe::{Point, RecordId},
};

/// In which order the jobs of a round are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interleaving(Option<u64>);

impl Interleaving {
    /// The order of a seed, or the given one.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // The generator below stays at zero.
        Self(seed.map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    fn order<T>(&mut self, jobs: &mut [T]) {
        let Some(state) = &mut self.0 else { return };
        for last in (1..jobs.len()).rev() {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            jobs.swap(last, (*state % (last as u64 + 1)) as usize);
        }
    }
}

/// Lets workers work on batches; gives what they made in the batches' order.
pub(crate) fn work_all<'r>(
    core: &Core,
    interleaving: &mut Interleaving,
    workers: &mut [Worker],
    batches: &'r [Taken],
    arenas: &'r mut [Bump],
    outputs: &mut Vec<WorkOutput>,
) -> Result<Vec<Worked<'r>>, RunError> {
    let mut output = || outputs.pop().unwrap_or_else(|| core.output());
    let mut jobs = Vec::with_capacity(batches.len());
    for ((index, taken), arena) in batches.iter().enumerate().zip(arenas) {
        let arena: &'r mut Bump = arena;
        jobs.push((index, taken, arena, output()));
    }
    interleaving.order(&mut jobs);
    if let ([worker, ..], true) = (&mut *workers, jobs.len() < 2) {
        return Ok(jobs.into_iter().map(|(_, taken, arena, output)| worker.work(core, taken, arena, output)).collect());
    }
    let count = jobs.len();
    let jobs = Mutex::new(jobs.into_iter());
    let mut done: Vec<Option<Worked<'r>>> = Vec::new();
    done.resize_with(count, || None);
    let work = |worker: &mut Worker| {
        let mut mine = Vec::new();
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, taken, arena, output)) = job else { return mine };
            mine.push((index, worker.work(core, taken, arena, output)));
        }
    };
    let joined: Vec<_> = thread::scope(|scope| {
        // This thread is one of the workers: a thread less to start.
        let Some((own, others)) = workers.split_first_mut() else { return Vec::new() };
        let threads: Vec<_> = others.iter_mut().map(|worker| scope.spawn(|| work(worker))).collect();
        let mine = work(own);
        threads.into_iter().map(thread::ScopedJoinHandle::join).chain([Ok(mine)]).collect()
    });
    for mine in joined {
        let mine = mine.map_err(|_| RunError::Internal("a worker broke off".to_owned()))?;
        for (index, worked) in mine {
            done[index] = Some(worked);
        }
    }
    done.into_iter().collect::<Option<_>>().ok_or_else(|| RunError::Internal("a worker gave nothing".to_owned()))
}

/// Lets the lanes run that have records.
pub(crate) fn run_lanes<'r>(
    core: &Core,
    interleaving: &mut Interleaving,
    lanes: &mut [Lane],
    threads: usize,
    batches: &'r [Taken],
    worked: &'r [Worked<'r>],
    arenas: &'r mut [Bump],
) -> Result<(), RunError> {
    let ends = batches.iter().any(|taken| !core.expiring.of(taken.stream).is_empty());
    // In which lane a message waits that cannot be read any more, only the lanes know.
    let refused = worked.iter().any(|worked| !worked.refused.is_empty());
    let mut active = vec![ends || refused; lanes.len()];
    for entry in worked.iter().flat_map(|worked| &worked.entries) {
        active[entry.lane as usize] = true;
    }
    let lanes = lanes.iter_mut().zip(arenas).zip(active).filter(|(_, active)| *active).map(|(lane, _)| lane);
    let lanes = lanes.filter(|(lane, _)| !lane.closed);
    let mut lanes: Vec<(&mut Lane, &'r mut Bump)> = lanes.collect();
    interleaving.order(&mut lanes);
    if threads < 2 {
        lanes.into_iter().for_each(|(lane, arena)| lane.run(core, batches, worked, arena));
        return Ok(());
    }
    let jobs = Mutex::new(lanes.into_iter());
    let run = || {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((lane, arena)) = job else { return };
            lane.run(core, batches, worked, arena);
        }
    };
    let all_well = thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        run();
        threads.into_iter().all(|thread| thread.join().is_ok())
    });
    if all_well { Ok(()) } else { Err(RunError::Internal("a lane broke off".to_owned())) }
}

/// Goes through the batches in the order of their partitions: raises watermarks and finds what is late.
pub(crate) fn watermarks(core: &Core, progress: &mut Progress, batches: &[Taken], worked: &mut [Worked<'_>]) {
    for (taken, worked) in batches.iter().zip(worked) {
        let Some(StreamWork::Source(source)) = core.streams.get(taken.stream).map(|stream| &stream.work) else {
            continue;
        };
        // What waited was not late when it came.
        let limit = source.late.filter(|_| core.stream(taken.stream).returned.is_none());
        let watermark = &mut progress.partition(taken.stream, taken.batch.partition).watermark;
        let mut late = Vec::new();
        for at in 0..worked.times.len() {
            let time = worked.times[at];
            if time == i64::MIN {
                worked.times[at] = *watermark;
                late.push(false);
                continue;
            }
            if let Some(limit) = limit {
                late.push(time < watermark.saturating_sub(limit));
            }
            *watermark = time.max(*watermark);
            worked.times[at] = *watermark;
        }
        if limit.is_some() {
            late_records(core, &source.late_else, taken, &late, worked);
            worked.late = late;
        }
    }
}

/// Drops, rejects or passes on the records that are late.
fn late_records(core: &Core, otherwise: &Late, taken: &Taken, late: &[bool], worked: &mut Worked<'_>) {
    let stream = &core.streams[taken.stream];
    let late = taken.batch.messages.iter().zip(late).filter(|(_, late)| **late);
    for (message, _) in late {
        let raw = taken.batch.message(message);
        let id = RecordId { stream: stream.number, partition: taken.batch.partition, offset: message.offset };
        let observer = core.shared.observer.as_deref();
        match otherwise {
            Late::Drop => {
                worked.output.stream.drop_one(0);
                if let Some(observer) = observer {
                    observer.observe(id, Point::Dropped("", "late"));
                }
            }
            Late::Reject => {
                let fault = Fault::new(FaultCode::Late, "the record is later than the source allows");
                let rejection = stream.rejection(&stream.id, &taken.batch, message, &fault);
                worked.output.reject_in_stream(rejection);
                if let Some(observer) = observer {
                    observer.observe(id, Point::Rejected("", fault.code.id()));
                }
            }
            Late::Topic(topic) => {
                worked.output.stream.drop_one(0);
                if let Some(observer) = observer {
                    observer.observe(id, Point::Dropped("", "late"));
                }
                worked.output.record = id;
                worked.output.made_in = Sequence::Partition;
                worked.output.set_sender(Sender::first_part(stream.number, 0));
                worked.output.send(topic.index(), taken.batch.key(message).unwrap_or_default(), raw);
            }
        }
    }
}
