//! Webhooks against servers that misbehave, and addresses that must not be sent to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod addresses;
mod delivery;
mod encrypted;
mod receiver;
