//! Records that end before their last step: dropped, rejected, too late, or what keeps the run from going on.

use nsf_plan::Late;

use super::{
    output::WorkOutput,
    pieces::Core,
    stream::{Stream, StreamWork},
};
use crate::{
    connector::{ConnectorError, RawBatch},
    fault::{Fault, FaultCode},
    observe::Point,
    steps::{Ending, Program, Record},
};

/// A record that did not come to its last step.
pub(crate) struct Ended<'e> {
    /// The pipeline.
    pub program: &'e Program,
    /// The stream that the record came from.
    pub stream: &'e Stream,
    /// The batch that its message is in, and which message of it.
    pub batch: &'e RawBatch,
    pub message: usize,
    /// The record.
    pub record: Record,
}

impl Ended<'_> {
    /// Counts and reports it; gives what keeps the run from going on.
    pub(crate) fn report(self, core: &Core, ending: Ending, output: &mut WorkOutput) -> Option<ConnectorError> {
        let Self { program, stream, batch, message, record } = self;
        let observer = core.shared.observer.as_deref();
        let step = |point: u32| program.points[point as usize].id.as_str();
        match ending {
            Ending::Broken(error) | Ending::Away(error, _) => return Some(error),
            Ending::Dropped(reason, point) => {
                output.count().drop_one(reason);
                if let Some(observer) = observer {
                    observer.observe(record.id, Point::Dropped(step(point), &program.reasons[reason as usize]));
                }
            }
            Ending::Late(point) => return self.late(core, point, output),
            Ending::Rejected(fault, point) => {
                let message = &batch.messages[message];
                let mut rejection = stream.rejection(&program.id, batch, message, &fault);
                rejection.step = step(point).to_owned();
                rejection.origin.get_or_insert(program.points[point as usize].origin);
                if let Some(observer) = observer {
                    observer.observe(record.id, Point::Rejected(step(point), fault.code.id()));
                }
                output.reject(rejection);
            }
        }
        None
    }

    /// The record would save to a value that has ended for good: dropped, rejected or sent on, as its source says.
    fn late(self, core: &Core, point: u32, output: &mut WorkOutput) -> Option<ConnectorError> {
        let otherwise = match &self.stream.work {
            StreamWork::Source(source) => source.late_else.clone(),
            StreamWork::Ingest(_) | StreamWork::Subscription | StreamWork::Ended => Late::Drop,
        };
        match otherwise {
            Late::Drop => {}
            Late::Reject => {
                let fault = Fault::new(FaultCode::Late, "the value that the record would change has ended");
                return self.report(core, Ending::Rejected(fault, point), output);
            }
            Late::Topic(topic) => {
                let message = &self.batch.messages[self.message];
                output.send(topic.index(), self.batch.key(message).unwrap_or_default(), self.batch.message(message));
            }
        }
        // The first reason of every program.
        self.report(core, Ending::Dropped(0, point), output)
    }
}
