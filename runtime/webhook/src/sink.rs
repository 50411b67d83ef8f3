//! A webhook as a sink.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult, OutputBatch, RefusedMessage, Sink};
use tokio::runtime::{Builder, Runtime};

use crate::{account::Account, courier, exchange::Exchange, resolve, settings::WebhookSettings, target::Target, tls};

/// For how long what went wrong is told, beside the time that a request may take.
const RECENT: Duration = Duration::from_secs(60);

/// A webhook. Nothing is looked up or connected to before it is opened.
pub struct Webhook {
    settings: Arc<WebhookSettings>,
    account: Arc<Account>,
    /// Where the couriers run, once it is open.
    couriers: Mutex<Option<Couriers>>,
}

struct Couriers {
    runtime: Option<Runtime>,
    target: Arc<Target>,
}

/// Does not wait for requests that are under way.
impl Drop for Couriers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where a webhook would send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookReport {
    /// Scheme, host and port.
    pub target: String,
    /// The addresses of the host, all of which may be sent to.
    pub addresses: Vec<IpAddr>,
}

impl Webhook {
    /// A webhook of these settings.
    #[must_use]
    pub fn new(settings: WebhookSettings) -> Arc<Self> {
        let account = Account::new(settings.concurrency, settings.memory);
        Arc::new(Self { settings: Arc::new(settings), account, couriers: Mutex::new(None) })
    }

    /// Looks where it would send to, and sends nothing.
    ///
    /// # Errors
    /// Where the address cannot be sent to, or cannot be looked up.
    pub fn check(&self) -> ConnectorResult<WebhookReport> {
        let target = Target::read(&self.settings)?;
        if target.encrypted {
            tls::configuration(&self.settings)?;
        }
        let addresses = self.look_up(&self.runtime()?, &target)?;
        Ok(WebhookReport { target: target.to_string(), addresses })
    }

    /// What is wrong just now though messages are tried again; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner);
        let target = &couriers.as_ref()?.target;
        let within = RECENT + self.settings.timeout;
        self.account.trouble(within).map(|trouble| trouble.error(&self.settings, target, 0).to_string())
    }

    /// It as a sink.
    #[must_use]
    pub fn sink(self: &Arc<Self>) -> WebhookSink {
        WebhookSink { webhook: Arc::clone(self) }
    }

    fn runtime(&self) -> ConnectorResult<Runtime> {
        let threads = Builder::new_multi_thread().worker_threads(1).thread_name("nsf-webhook").enable_all().build();
        threads.map_err(|error| {
            let message = format!("the webhook `{}` cannot begin to send: {error}", self.settings.name);
            ConnectorError::new(ConnectorErrorKind::Full, message)
                .with_help("see how many threads and files this user may have")
        })
    }

    fn look_up(&self, runtime: &Runtime, target: &Target) -> ConnectorResult<Vec<IpAddr>> {
        let found = runtime.block_on(async {
            let addresses = resolve::addresses(&self.settings, target);
            tokio::time::timeout(self.settings.timeout, addresses).await
        });
        let found = found.unwrap_or(Err(crate::fault::Trouble::Late));
        let addresses = found.map_err(|trouble| trouble.error(&self.settings, target, 0))?;
        Ok(addresses.into_iter().map(|address| address.ip()).collect())
    }

    /// Starts the couriers, where they do not run.
    fn start(&self) -> ConnectorResult<()> {
        let mut couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner);
        if couriers.is_some() {
            return Ok(());
        }
        let target = Arc::new(Target::read(&self.settings)?);
        let tls = if target.encrypted { Some(tls::configuration(&self.settings)?) } else { None };
        let runtime = self.runtime()?;
        self.look_up(&runtime, &target)?;
        for number in 0..self.settings.concurrency.max(1) {
            let exchange = Exchange::new(Arc::clone(&self.settings), Arc::clone(&target), tls.clone());
            runtime.spawn(courier::run(number, Arc::clone(&self.account), Arc::clone(&self.settings), exchange));
        }
        *couriers = Some(Couriers { runtime: Some(runtime), target });
        Ok(())
    }

    /// What ended the messages that were given, if something did.
    fn failed(&self) -> ConnectorResult<()> {
        let Some((trouble, tries)) = self.account.failure() else { return Ok(()) };
        let couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner);
        match couriers.as_ref() {
            Some(couriers) => Err(trouble.error(&self.settings, &couriers.target, tries)),
            None => Ok(()),
        }
    }

    /// That messages are not answered as fast as they come. They stay with the couriers.
    fn slow(&self) -> ConnectorError {
        let (name, waiting) = (&self.settings.name, self.account.outstanding());
        let message = format!("the webhook `{name}`: {waiting} messages wait for an answer");
        let why = self.trouble().map_or_else(String::new, |trouble| format!("; {trouble}"));
        ConnectorError::new(ConnectorErrorKind::Unavailable, message + &why).with_help(format!(
            "nothing is lost; if the receiver can take more at once, raise `webhooks.{name}.concurrency`"
        ))
    }
}

/// The sink of a webhook: a flush waits until the receiver has answered for every message.
pub struct WebhookSink {
    webhook: Arc<Webhook>,
}

impl Sink for WebhookSink {
    /// Looks the host up. There is no position: what was sent stays.
    fn open(&mut self, _position: Option<&[u8]>) -> ConnectorResult<()> {
        self.webhook.account.forget();
        self.webhook.start()
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        let account = &self.webhook.account;
        let until = Instant::now() + self.webhook.settings.patience;
        for (index, (key, message)) in batch.messages().enumerate() {
            self.webhook.failed()?;
            if !account.give(batch.ids.get(index).copied(), key, message, until) {
                return Err(self.webhook.slow());
            }
        }
        self.webhook.failed()
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        let settled = self.webhook.account.settled(Instant::now() + self.webhook.settings.patience);
        self.webhook.failed()?;
        if settled { Ok(Vec::new()) } else { Err(self.webhook.slow()) }
    }

    fn refused(&mut self) -> Vec<RefusedMessage> {
        self.webhook.account.refused()
    }

    fn belongs_to_commit(&self) -> bool {
        false
    }

    fn wants_ids(&self) -> bool {
        true
    }
}
