//! What a webhook needs to know.

use std::{fmt, io, net::IpAddr, sync::Arc, time::Duration};

use nsf_plan::profile::Secret;

use crate::address;

/// Looks names up: a host's name gives all its addresses.
pub type Resolve = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// An HTTP endpoint that messages are sent to, and how.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Its name in the program and the profile.
    pub name: String,
    /// Where it is; what stands behind the host may be a token.
    pub url: Secret,
    /// The application's name, the first part of every message's id.
    pub application: String,
    /// Whether it may be in a private network or on this machine.
    pub allow_private: bool,
    /// How many requests are under way at once.
    pub concurrency: usize,
    /// How long one request may take, from the connection to the answer's head.
    pub timeout: Duration,
    /// How often a request is made again before the work waits as a whole.
    pub retries: u32,
    /// The first pause between two tries; each further one is twice as long, up to 10 s.
    pub pause: Duration,
    /// How long the engine waits in one call until it is told that the receiver is slow; nothing is sent anew then.
    pub patience: Duration,
    /// How many bytes of messages may wait to be sent.
    pub memory: usize,
    /// Certificates in PEM of authorities that are trusted instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// How names are looked up; the system's way where it is none.
    pub resolve: Option<Resolve>,
}

impl WebhookSettings {
    /// A webhook with what a profile does not say: 8 requests at once, 10 s each, tried again 5 times.
    #[must_use]
    pub fn new(name: impl Into<String>, url: Secret, application: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url,
            application: application.into(),
            allow_private: false,
            concurrency: 8,
            timeout: Duration::from_secs(10),
            retries: 5,
            pause: Duration::from_millis(200),
            patience: Duration::from_secs(20),
            memory: 8 * 1024 * 1024,
            authorities: None,
            resolve: None,
        }
    }

    /// Why an address may not be sent to; none where it may.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        address::kind(address).refusal(self.allow_private)
    }
}

/// The address is not shown.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WebhookSettings").field("name", &self.name).finish_non_exhaustive()
    }
}
