//! Sends messages, one after the other, each until the receiver has taken it, refused it, or was tried often enough.

use std::{io::Write as _, sync::Arc, time::Duration};

use hyper::{StatusCode, header::HeaderValue};

use crate::{
    ID_HEADER, IDEMPOTENCY_HEADER,
    account::{Account, Job, Outcome},
    exchange::{Answer, Exchange, Posted},
    fault::Trouble,
    settings::WebhookSettings,
};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest time for which a receiver is left alone because it asks for it.
const LONGEST_WISH: Duration = Duration::from_secs(60);

/// What an answer means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It was taken.
    Taken,
    /// It will never be taken as it is; the next may be.
    Refused,
    /// The same, unless it is still being worked on because it was sent before.
    RefusedAtLast,
    /// It may be taken later, or what is wrong has nothing to do with it.
    Later,
}

/// What a status means. What concerns the address or who asks (redirects, 401, 403, 407) says nothing of the message: all
/// messages would get the same answer, so the work waits until a person has mended it.
pub(crate) fn meaning(status: StatusCode) -> Meaning {
    match status.as_u16() {
        200..=299 => Meaning::Taken,
        401 | 403 | 407 | 408 | 421 | 423 | 425 | 426 | 429 | 431 | 451 => Meaning::Later,
        409 => Meaning::RefusedAtLast,
        400..=499 => Meaning::Refused,
        _ => Meaning::Later,
    }
}

/// Sends what an account gives to one courier, for ever.
pub(crate) async fn run(number: usize, account: Arc<Account>, settings: Arc<WebhookSettings>, mut exchange: Exchange) {
    loop {
        let job = account.next(number).await;
        deliver(&job, &account, &settings, &mut exchange).await;
    }
}

async fn deliver(job: &Job, account: &Account, settings: &WebhookSettings, exchange: &mut Exchange) {
    let posted = Posted { body: job.message.clone(), headers: headers(settings, job) };
    let mut tries = 0;
    let mut pause = settings.pause;
    while account.wants(job) {
        tries += 1;
        let (trouble, wish) = match exchange.post(&posted).await {
            Ok(Answer { status, retry_after }) => match meaning(status) {
                Meaning::Taken => return account.settle(job, Outcome::Taken),
                Meaning::Refused => return account.settle(job, Outcome::Refused(status)),
                Meaning::RefusedAtLast if tries > settings.retries => {
                    return account.settle(job, Outcome::Refused(status));
                }
                Meaning::RefusedAtLast | Meaning::Later => (Trouble::Answer(status), retry_after),
            },
            Err(trouble) => (trouble, None),
        };
        if tries > settings.retries {
            return account.fail(job, trouble, tries);
        }
        account.note(&trouble);
        tokio::time::sleep(wish.map_or(pause, |wish| wish.min(LONGEST_WISH).max(pause))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The headers that name a message. The first is the id as in topics; the second also depends on the message, so that a
/// receiver which remembers ids for long cannot take one message for another that had its place before: the topic may be made
/// anew, and the program may get a further source.
fn headers(settings: &WebhookSettings, job: &Job) -> Vec<(&'static str, HeaderValue)> {
    let Some(own) = job.id else { return Vec::new() };
    let mut id = Vec::new();
    own.write(&settings.application, &mut id);
    let plain = HeaderValue::from_bytes(&id);
    // Writing to memory does not fail.
    let _ = write!(id, "/{:016x}", job.hash);
    let values = [(ID_HEADER, plain), (IDEMPOTENCY_HEADER, HeaderValue::from_bytes(&id))];
    values.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_the_message_alone_refuses_it() {
        let meaning = |status: u16| meaning(StatusCode::from_u16(status).unwrap());
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(meaning(status), Meaning::Taken, "{status}");
        }
        for status in [400, 404, 405, 406, 410, 411, 412, 413, 414, 415, 417, 422, 428, 499] {
            assert_eq!(meaning(status), Meaning::Refused, "{status}");
        }
        assert_eq!(meaning(409), Meaning::RefusedAtLast);
        for status in
            [301, 302, 303, 304, 307, 308, 401, 403, 407, 408, 421, 425, 429, 500, 501, 502, 503, 504, 599, 999]
        {
            assert_eq!(meaning(status), Meaning::Later, "{status}");
        }
    }
}
