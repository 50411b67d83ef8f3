//! What librdkafka calls back. Callbacks only take notes: the threads that poll act on them.

use std::{
    collections::VecDeque,
    error::Error,
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};

use crate::{
    fault,
    settings::{KafkaSettings, Sasl},
    trouble::Trouble,
};

/// How long a token is used before its file is read again.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// What every client calls back.
pub(crate) struct Calls {
    settings: Arc<KafkaSettings>,
    trouble: Arc<Trouble>,
}

impl Calls {
    pub(crate) const fn new(settings: Arc<KafkaSettings>, trouble: Arc<Trouble>) -> Self {
        Self { settings, trouble }
    }

    fn told(&self, error: &KafkaError, reason: &str) {
        if let Some(code) = fault::code(error) {
            self.trouble.tell(code, reason);
        }
    }

    fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let Some(Sasl::Token { file }) = &self.settings.security.sasl else {
            return Err("the profile names no token".into());
        };
        let token = fs::read_to_string(file)
            .map_err(|error| format!("the token file `{}` could not be read: {error}", file.display()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let lifetime_ms = i64::try_from((now + TOKEN_LIFETIME).as_millis()).unwrap_or(i64::MAX);
        // The broker reads the user out of the token; the name here is for the client's own log alone.
        Ok(OAuthToken { token: token.trim().to_owned(), principal_name: self.settings.application.clone(), lifetime_ms })
    }
}

impl ClientContext for Calls {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {
        // What matters comes as an error too.
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told(&error, reason);
    }

    fn generate_oauth_token(&self, _configuration: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.token()
    }
}

/// A change of the assignment that waits for this member's answer.
#[derive(Debug)]
pub(crate) enum Rebalance {
    /// Partitions that came.
    Assign(Vec<(String, i32)>),
    /// Partitions that are to go, or that are gone already.
    Revoke {
        /// Which.
        partitions: Vec<(String, i32)>,
        /// Whether others may have them already.
        lost: bool,
    },
}

/// What a member of the group calls back.
pub(crate) struct GroupCalls {
    calls: Calls,
    rebalances: Mutex<VecDeque<Rebalance>>,
    any: AtomicBool,
}

impl GroupCalls {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls, rebalances: Mutex::new(VecDeque::new()), any: AtomicBool::new(false) }
    }

    /// The next change that was told of.
    pub(crate) fn next(&self) -> Option<Rebalance> {
        // Cheap, as it is asked after every poll.
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut rebalances = self.rebalances.lock().unwrap_or_else(PoisonError::into_inner);
        let next = rebalances.pop_front();
        self.any.store(!rebalances.is_empty(), Ordering::Release);
        next
    }
}

impl ClientContext for GroupCalls {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.calls.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.calls.told(&error, reason);
    }

    fn generate_oauth_token(&self, _configuration: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.calls.token()
    }
}

impl ConsumerContext for GroupCalls {
    /// librdkafka waits for the assign or unassign call that answers, and goes on with heartbeats meanwhile.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions =
            list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
        let rebalance = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Rebalance::Assign(partitions)
        } else {
            Rebalance::Revoke { partitions, lost: consumer.assignment_lost() }
        };
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
        self.any.store(true, Ordering::Release);
    }

    /// Commits are for those who look at the group from outside; one that fails is followed by others.
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        use fault::About;
        if let Err(error) = result
            && let Some(code) = fault::code(&error)
            && matches!(fault::about(code), About::GroupRight | About::TopicRight)
        {
            self.calls.trouble.tell(code, "");
        }
    }
}
