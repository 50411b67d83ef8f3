//! Webhooks: each message is one `POST` to an HTTP endpoint that the profile names.
//!
//! | module | holds |
//! |---|---|
//! | `settings` | what the profile says |
//! | `target` | the address taken apart, and what of it may be shown |
//! | `address` | which addresses may be sent to |
//! | `resolve` | from a name to addresses, every one checked |
//! | `tls` | whom an encrypted connection trusts |
//! | `exchange` | one request and its answer |
//! | `courier` | tries a message until its end is known |
//! | `account` | what was given and what became of it |
//! | `sink` | the sink that the engine writes to |
//! | `fault` | what may go wrong, in words |
//!
//! **Where it sends to.** Only to the host of the profile. Its name is looked up for each connection, every address is checked,
//! and the connection is made to one of the checked addresses: no second look-up can lead elsewhere. No redirect is followed.
//!
//! **Delivery.** At least once. A commit waits until every message is answered: with 2xx it is taken; with another 4xx that is
//! about the message it is refused and kept as a rejected record; with anything else it is tried again, and when it was tried
//! often enough the work waits as a whole, as for a broker that is down. A repetition has the same headers [`ID_HEADER`] and
//! [`IDEMPOTENCY_HEADER`]. Messages of one key are sent in their order, each after the one before it was answered.

mod account;
mod address;
mod courier;
mod exchange;
mod fault;
mod resolve;
mod settings;
mod sink;
mod target;
mod tls;

/// The header with a message's id: the same as messages to topics have.
pub use nsf_engine::marks::ID_HEADER;
pub use settings::{Resolve, WebhookSettings};
pub use sink::{Webhook, WebhookReport, WebhookSink};

/// The header by which a receiver tells a repetition: the id, and a hash of the message.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
