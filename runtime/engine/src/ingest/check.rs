//! The checks of the protocol: is this message for this ingest, from its tenant, and of a form that it may have.

use nsf_plan::Coerce;

use crate::{
    decode::{number, scan::Cursor},
    fault::{Fallible, Fault, FaultCode},
};

use super::{
    convert::time_of_number,
    envelope::{Envelope, protocol},
};

/// What an ingest expects of every message.
pub(super) struct Expected {
    pub arris_id: String,
    pub tenant: String,
    pub app_id: String,
    /// The tenant's secret; none where it is not checked.
    pub app_key: Option<Box<[u8]>>,
    pub coerce: Coerce,
    /// Milliseconds.
    pub max_skew: i64,
}

/// What a message wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Insert,
    Update,
    Delete,
    Reset,
}

/// What a message that passed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub command: Command,
    /// The sender's time in milliseconds.
    pub time: i64,
}

impl Expected {
    /// Checks an envelope. `timestamp` is the message's own time, where the channel has one.
    ///
    /// # Errors
    /// [`FaultCode::Protocol`], [`FaultCode::Unauthorised`], [`FaultCode::Field`] and [`FaultCode::Future`] for the
    /// time.
    pub(super) fn check(&self, envelope: &Envelope<'_>, timestamp: Option<i64>) -> Fallible<Checked> {
        version(envelope)?;
        self.identity(envelope)?;
        let command = command(envelope)?;
        let time = self.time(envelope, timestamp)?;
        if envelope.names.is_none() {
            return Err(protocol("`arris_message` has no `fields`"));
        }
        if command == Command::Update {
            changed_are_there(envelope)?;
        }
        Ok(Checked { command, time })
    }

    fn identity(&self, envelope: &Envelope<'_>) -> Fallible<()> {
        let arris_id = envelope.arris_id.ok_or_else(|| absent("arris_id"))?;
        if arris_id != self.arris_id {
            let message = format!("the message is of the ingestion `{arris_id}`, not of `{}`", self.arris_id);
            return Err(protocol(message));
        }
        let app_id = envelope.app_id.ok_or_else(|| absent("app_id"))?;
        if app_id != self.app_id {
            let (tenant, own) = (&self.tenant, &self.app_id);
            let message = format!("the message is of the app `{app_id}`, not of `{own}`, the tenant `{tenant}`");
            return Err(protocol(message));
        }
        let Some(secret) = &self.app_key else { return Ok(()) };
        let sent = envelope.app_key.ok_or_else(|| {
            unauthorised(format!("the message has no `app_key`, which the tenant `{}` asks for", self.tenant))
        })?;
        if same_in_constant_time(sent.as_bytes(), secret) {
            Ok(())
        } else {
            Err(unauthorised(format!("the `app_key` of the message is not the one of the tenant `{}`", self.tenant)))
        }
    }

    fn time(&self, envelope: &Envelope<'_>, timestamp: Option<i64>) -> Fallible<i64> {
        let json = envelope.time.filter(|json| *json != "null");
        let json = json.ok_or_else(|| absent("arris_message.time"))?;
        let lenient = self.coerce == Coerce::Lenient && json.starts_with('"');
        let quoted = lenient.then(|| Cursor::new(json).string().ok()).flatten().map(|text| text.raw.trim());
        let number = Some(quoted.unwrap_or(json)).filter(|text| number::is_number(text));
        let time = number.and_then(time_of_number).ok_or_else(|| {
            let message = "`arris_message.time` is not a time in milliseconds between the years 2000 and 2100";
            Fault::new(FaultCode::Field, message)
        })?;
        if let Some(timestamp) = timestamp
            && time.saturating_sub(timestamp) > self.max_skew
        {
            let ahead = time.saturating_sub(timestamp);
            let message = format!(
                "`arris_message.time` is {ahead} ms ahead of the time at which the message was taken; {} ms are allowed",
                self.max_skew
            );
            return Err(Fault::new(FaultCode::Future, message));
        }
        Ok(time)
    }
}

fn version(envelope: &Envelope<'_>) -> Fallible<()> {
    match envelope.version {
        Some("v1.0" | "1.0") => Ok(()),
        Some(other) => Err(protocol(format!("the version is `{other}`; `v1.0` is due"))),
        None => Err(absent("version")),
    }
}

fn command(envelope: &Envelope<'_>) -> Fallible<Command> {
    match envelope.command.ok_or_else(|| absent("arris_message.cmd"))? {
        "insert" => Ok(Command::Insert),
        "update" => Ok(Command::Update),
        "delete" => Ok(Command::Delete),
        "reset" => Ok(Command::Reset),
        other => Err(protocol(format!("the cmd is `{other}`; `insert`, `update`, `delete` or `reset` is due"))),
    }
}

fn changed_are_there(envelope: &Envelope<'_>) -> Fallible<()> {
    let changed = envelope.changed.as_deref();
    let changed = changed.ok_or_else(|| protocol("an update must name its `change_fields`"))?;
    let names = envelope.names.as_deref().unwrap_or_default();
    match changed.iter().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => Err(protocol(format!("`change_fields` names `{name}`, which is not in `fields`"))),
    }
}

fn absent(name: &str) -> Box<Fault> {
    protocol(format!("the message has no `{name}`"))
}

fn unauthorised(message: String) -> Box<Fault> {
    Fault::new(FaultCode::Unauthorised, message)
}

/// Whether two byte strings are equal, in a time that depends on the length of the first alone: how long an answer
/// takes must not tell how much of a guess was right.
fn same_in_constant_time(sent: &[u8], secret: &[u8]) -> bool {
    let mut difference = usize::from(sent.len() != secret.len());
    for (index, byte) in sent.iter().enumerate() {
        let own = if secret.is_empty() { 0 } else { secret[index % secret.len()] };
        difference |= usize::from(std::hint::black_box(byte ^ own));
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_only_as_a_whole() {
        assert!(same_in_constant_time(b"key", b"key"));
        for sent in [&b""[..], b"k", b"kez", b"keykey", b"Key"] {
            assert!(!same_in_constant_time(sent, b"key"), "{sent:?}");
        }
        assert!(!same_in_constant_time(b"key", b""));
        assert!(same_in_constant_time(b"", b""));
    }
}
