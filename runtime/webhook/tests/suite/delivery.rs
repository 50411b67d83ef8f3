//! Receivers that fail, are slow, answer by halves, refuse or lead elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorErrorKind, OutputBatch, Sink as _};
use nsf_webhook::Webhook;

use crate::receiver::{Answer, Receiver, batch, id, leads_to, send, settings};

const OK: Answer = Answer::Head("200 OK");

#[test]
fn a_message_is_posted_with_its_id_and_a_key_that_a_repetition_has_too() {
    let receiver = Receiver::start(|_, _| OK);
    let webhook = Webhook::new(receiver.settings());
    send(&webhook, &batch(7..8)).unwrap();
    // Another process, that knows nothing of the first, after a crash before the commit.
    send(&Webhook::new(receiver.settings()), &batch(7..8)).unwrap();
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    let first = &seen[0];
    assert_eq!(
        (first.line.as_str(), first.body.as_str()),
        ("POST /hook/canary-token?key=canary HTTP/1.1", "{\"n\":7}")
    );
    assert_eq!(first.headers["nsf-id"], "shop/00000000/3/7/00000000/0");
    assert!(first.headers["idempotency-key"].starts_with("shop/00000000/3/7/00000000/0/"), "{first:?}");
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["host"], receiver.address.to_string());
    assert_eq!(
        (&seen[1].headers, &seen[1].body),
        (&first.headers, &first.body),
        "a repetition is the same, byte by byte"
    );
    // Another message at the same place, of a topic that was made anew, is no repetition.
    let mut other = OutputBatch::default();
    other.ids.push(id(7));
    other.push(b"", b"{\"n\":\"other\"}");
    send(&webhook, &other).unwrap();
    assert_ne!(receiver.seen()[2].headers["idempotency-key"], first.headers["idempotency-key"]);
}

#[test]
fn a_failure_of_the_receiver_is_tried_again() {
    let receiver = Receiver::start(|_, before| match before {
        0 => Answer::Head("500 Internal Server Error"),
        1 => Answer::Head("503 Service Unavailable"),
        2 => Answer::Head("408 Request Timeout"),
        _ => OK,
    });
    let webhook = Webhook::new(receiver.settings());
    send(&webhook, &batch(0..1)).unwrap();
    let seen = receiver.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|request| request.headers == seen[0].headers && request.body == seen[0].body));
    assert!(webhook.trouble().is_none());
}

#[test]
fn what_is_tried_often_enough_ends_the_flush_and_only_what_was_not_taken_is_sent_anew() {
    let mended = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&mended);
    let receiver = Receiver::start(move |request, _| {
        if request.body.contains(":5}") && !own.load(Ordering::Acquire) { Answer::Head("502 Bad Gateway") } else { OK }
    });
    let mut settings = receiver.settings();
    settings.retries = 2;
    // One at a time, so that what is behind the one that fails was certainly not sent.
    settings.concurrency = 1;
    let webhook = Webhook::new(settings);
    let error = send(&webhook, &batch(0..10)).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
    let address = receiver.address;
    assert_eq!(
        error.message,
        format!("the webhook `crm` (http://{address}): it answers 502 Bad Gateway, after 3 tries")
    );
    assert!(webhook.trouble().unwrap().contains("502 Bad Gateway"));
    assert_eq!(receiver.bodies().len(), 5 + 3);
    mended.store(true, Ordering::Release);
    let mut sink = webhook.sink();
    sink.append(&batch(0..10)).unwrap();
    sink.flush().unwrap();
    assert!(sink.refused().is_empty() && webhook.trouble().is_none());
    let bodies = receiver.bodies();
    let count = |n: u64| bodies.iter().filter(|body| **body == format!("{{\"n\":{n}}}")).count();
    let counts: Vec<usize> = (0..10).map(count).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 4, 1, 1, 1, 1]);
}

#[test]
fn a_refused_message_is_told_with_its_reason_and_the_others_go_on() {
    let receiver = Receiver::start(|request, _| match request.body.as_str() {
        "{\"n\":1}" => Answer::Head("422 Unprocessable Entity"),
        "{\"n\":2}" => Answer::Head("404 Not Found"),
        _ => OK,
    });
    let webhook = Webhook::new(receiver.settings());
    let mut sink = webhook.sink();
    sink.open(None).unwrap();
    sink.append(&batch(0..4)).unwrap();
    sink.flush().unwrap();
    let refused = sink.refused();
    let told: Vec<(u64, &[u8], &str)> =
        refused.iter().map(|own| (own.id.offset, own.message.as_slice(), own.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, &b"{\"n\":1}"[..], "the receiver refuses the message: 422 Unprocessable Entity"),
            (2, &b"{\"n\":2}"[..], "the receiver refuses the message: 404 Not Found"),
        ]
    );
    assert!(sink.refused().is_empty(), "each is told once");
    // The commit failed behind the flush: they are given again, not sent again, and told again.
    sink.append(&batch(0..4)).unwrap();
    sink.flush().unwrap();
    assert_eq!((sink.refused(), receiver.bodies().len()), (refused, 4));
}

#[test]
fn a_conflict_may_be_one_with_itself_and_is_refused_at_last() {
    let receiver = Receiver::start(|_, before| if before < 2 { Answer::Head("409 Conflict") } else { OK });
    let webhook = Webhook::new(receiver.settings());
    send(&webhook, &batch(0..1)).unwrap();
    assert_eq!(receiver.bodies().len(), 3);
    let receiver = Receiver::start(|_, _| Answer::Head("409 Conflict"));
    let mut settings = receiver.settings();
    settings.retries = 1;
    let webhook = Webhook::new(settings);
    send(&webhook, &batch(0..1)).unwrap();
    assert_eq!((webhook.sink().refused().len(), receiver.bodies().len()), (1, 2));
}

#[test]
fn nobody_is_followed_elsewhere() {
    let other = Receiver::start(|_, _| OK);
    let location: &'static str = format!("302 Found\r\nlocation: http://{}/stolen", other.address).leak();
    let receiver = Receiver::start(move |_, _| Answer::Head(location));
    let mut settings = receiver.settings();
    settings.retries = 1;
    let error = send(&Webhook::new(settings), &batch(0..1)).unwrap_err();
    assert!(error.message.ends_with("it answers 302 Found, after 2 tries"), "{error}");
    assert!(error.help.unwrap().contains("nobody is followed elsewhere"));
    assert!(other.seen().is_empty());
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is_left_alone() {
    let receiver =
        Receiver::start(
            |_, before| {
                if before == 0 { Answer::Head("429 Too Many Requests\r\nretry-after: 1") } else { OK }
            },
        );
    let begun = Instant::now();
    send(&Webhook::new(receiver.settings()), &batch(0..1)).unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(receiver.bodies().len(), 2);
}

#[test]
fn half_an_answer_is_none() {
    for half in [&b"HTTP/1.1 20"[..], b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"no HTTP at all\r\n\r\n"] {
        let receiver = Receiver::start(move |_, before| if before == 0 { Answer::Raw(half.to_vec()) } else { OK });
        send(&Webhook::new(receiver.settings()), &batch(0..1)).unwrap();
        assert_eq!(receiver.bodies().len(), 2, "{:?}", String::from_utf8_lossy(half));
    }
}

#[test]
fn what_follows_the_head_changes_nothing() {
    // Half a body, one without end: the message was taken, and the connection is not used again.
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    let receiver = Receiver::start(move |_, before| match before {
        0 => Answer::Raw(half.clone()),
        1 => Answer::Endless,
        _ => OK,
    });
    let mut settings = receiver.settings();
    settings.concurrency = 1;
    let webhook = Webhook::new(settings);
    send(&webhook, &batch(0..4)).unwrap();
    assert_eq!(receiver.bodies().len(), 4);
    assert_eq!(receiver.connections.load(Ordering::Acquire), 3, "the last two went over one connection");
}

#[test]
fn a_head_without_end_is_a_failure_and_takes_no_memory() {
    let receiver = Receiver::start(|_, before| if before == 0 { Answer::EndlessHead } else { OK });
    send(&Webhook::new(receiver.settings()), &batch(0..1)).unwrap();
    assert_eq!(receiver.bodies().len(), 2);
}

#[test]
fn a_receiver_that_does_not_answer_is_given_up_after_its_time() {
    let receiver = Receiver::start(|_, _| Answer::Late(Duration::from_secs(30)));
    let mut settings = receiver.settings();
    (settings.timeout, settings.retries) = (Duration::from_millis(200), 1);
    let error = send(&Webhook::new(settings), &batch(0..1)).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
    assert!(error.message.ends_with("it does not answer in time, after 2 tries"), "{error}");
}

#[test]
fn a_receiver_that_is_not_there_is_waited_for() {
    let mut settings = settings("http://127.0.0.1:1/");
    (settings.allow_private, settings.retries) = (true, 1);
    let error = send(&Webhook::new(settings), &batch(0..1)).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
    assert!(error.message.starts_with("the webhook `crm` (http://127.0.0.1:1): no connection can be made"), "{error}");
}

#[test]
fn a_slow_receiver_is_told_of_and_nothing_is_sent_anew() {
    let receiver = Receiver::start(|_, before| if before < 2 { Answer::Late(Duration::from_secs(3)) } else { OK });
    let mut settings = receiver.settings();
    (settings.concurrency, settings.patience) = (2, Duration::from_millis(300));
    let webhook = Webhook::new(settings);
    let error = send(&webhook, &batch(0..6)).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
    assert!(error.message.contains(" messages wait for an answer"), "{error}");
    // The engine begins again from the last commit; the first two are still under way.
    let mut sink = webhook.sink();
    let begun = Instant::now();
    while sink.append(&batch(0..6)).is_err() || sink.flush().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    assert_eq!(receiver.bodies().len(), 6);
}

#[test]
fn no_more_requests_are_under_way_than_are_allowed() {
    let receiver = Receiver::start(|_, _| Answer::Late(Duration::from_millis(20)));
    let mut settings = receiver.settings();
    settings.concurrency = 3;
    send(&Webhook::new(settings), &batch(0..30)).unwrap();
    assert_eq!(receiver.bodies().len(), 30);
    assert!(receiver.most.load(Ordering::Acquire) <= 3);
    assert_eq!(receiver.connections.load(Ordering::Acquire), 3, "connections are used again");
}

#[test]
fn no_more_bytes_wait_than_are_allowed() {
    let receiver = Receiver::start(|_, _| OK);
    let mut settings = receiver.settings();
    settings.memory = 1000;
    send(&Webhook::new(settings), &batch(0..500)).unwrap();
    assert_eq!(receiver.bodies().len(), 500);
}

#[test]
fn messages_of_one_key_come_in_their_order() {
    // Some of them at the second try.
    let receiver =
        Receiver::start(|_, before| if before % 7 == 3 { Answer::Head("500 Internal Server Error") } else { OK });
    let mut batch = OutputBatch::default();
    for offset in 0..200 {
        batch.ids.push(id(offset));
        batch.push(format!("k{}", offset % 10).as_bytes(), format!("{{\"n\":{offset}}}").as_bytes());
    }
    send(&Webhook::new(receiver.settings()), &batch).unwrap();
    let numbers: Vec<u64> =
        receiver.bodies().iter().map(|body| body["{\"n\":".len()..body.len() - 1].parse().unwrap()).collect();
    for key in 0..10 {
        let mut own: Vec<u64> = numbers.iter().copied().filter(|number| number % 10 == key).collect();
        own.dedup();
        assert!(own.is_sorted() && own.len() == 20, "{own:?}");
    }
}

#[test]
fn a_connection_that_the_receiver_closed_is_no_failure() {
    let receiver = Receiver::start(|_, _| Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let mut settings = receiver.settings();
    (settings.retries, settings.concurrency) = (0, 1);
    let webhook = Webhook::new(settings);
    for offset in 0..5 {
        send(&webhook, &batch(offset..offset + 1)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(receiver.bodies().len(), 5);
}

#[test]
fn a_name_is_looked_up_for_each_connection_and_the_checked_address_is_used() {
    let receiver = Receiver::start(|_, _| Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let mut settings = settings(&format!("http://hook.example:{}/", receiver.address.port()));
    (settings.allow_private, settings.retries, settings.concurrency) = (true, 0, 1);
    let moved = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&moved);
    let (here, there) = (leads_to(&["127.0.0.1"]), leads_to(&["127.0.0.1", "169.254.169.254"]));
    settings.resolve = Some(Arc::new(move |name| if own.load(Ordering::Acquire) { there(name) } else { here(name) }));
    let webhook = Webhook::new(settings);
    send(&webhook, &batch(0..1)).unwrap();
    assert_eq!(receiver.seen()[0].headers["host"], format!("hook.example:{}", receiver.address.port()));
    // Whoever answers for the name leads elsewhere now: one bad address among good ones is enough.
    moved.store(true, Ordering::Release);
    let mut sink = webhook.sink();
    sink.append(&batch(1..2)).unwrap();
    let error = sink.flush().unwrap_err();
    assert!(error.message.contains("the host's name leads to 169.254.169.254"), "{error}");
    assert_eq!(receiver.bodies().len(), 1);
}

#[test]
fn no_words_hold_what_may_be_secret() {
    let receiver = Receiver::start(|_, _| Answer::Head("500 canary"));
    let mut settings = receiver.settings();
    settings.retries = 0;
    let shown = format!("{settings:?}");
    let webhook = Webhook::new(settings);
    let error = send(&webhook, &batch(0..1)).unwrap_err();
    let all = format!("{shown} {error} {error:?} {:?} {:?}", webhook.trouble(), webhook.check().unwrap());
    assert!(!all.contains("canary") && !all.contains("/hook"), "{all}");
}
