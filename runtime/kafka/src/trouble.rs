//! The last problem with a cluster that did not end the run: the client tries again by itself, and a person may have to
//! do something meanwhile.

use std::sync::{Mutex, PoisonError};

use nsf_engine::connector::ConnectorError;
use rdkafka::error::RDKafkaErrorCode;

use crate::{
    fault::{self, About},
    settings::KafkaSettings,
};

/// A problem that lasts.
#[derive(Clone, Debug)]
struct Problem {
    about: About,
    code: RDKafkaErrorCode,
    reason: String,
}

/// The last problem, shared by everything of one client.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    last: Mutex<Option<Problem>>,
}

impl Trouble {
    /// Takes note of an error that the client told of.
    pub(crate) fn tell(&self, code: RDKafkaErrorCode, reason: &str) {
        // Told by their own ways, or nothing that anyone could act on.
        use RDKafkaErrorCode as Code;
        if matches!(code, Code::PartitionEOF | Code::AutoOffsetReset | Code::NoError) {
            return;
        }
        // A producer that is of no use any more; each message that it could not send tells why by itself.
        if matches!(code, Code::Fatal | Code::GaplessGuarantee) {
            return;
        }
        let mut last = self.last();
        // That no broker is left says less than why the last one went.
        if code == Code::AllBrokersDown && last.is_some() {
            return;
        }
        *last = Some(Problem { about: fault::about(code), code, reason: reason.to_owned() });
    }

    /// The cluster answered: it is there, and lets this user in.
    pub(crate) fn answered(&self) {
        let mut last = self.last();
        if last.as_ref().is_some_and(|problem| problem.about != About::GroupRight && problem.about != About::Strategy) {
            *last = None;
        }
    }

    /// The group let this member in, or messages come: nothing is wrong.
    pub(crate) fn over(&self) {
        *self.last() = None;
    }

    /// Whether there is any.
    pub(crate) fn is_any(&self) -> bool {
        self.last().is_some()
    }

    /// What it is, where what could not be done is `doing`.
    pub(crate) fn error(&self, settings: &KafkaSettings, doing: &str) -> Option<ConnectorError> {
        let problem = self.last().clone()?;
        Some(fault::of_code(settings, problem.code, doing, Some(&problem.reason)))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Problem>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
