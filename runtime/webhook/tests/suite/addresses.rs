//! Addresses that must not be sent to, however they are written and wherever names lead.

use std::sync::atomic::Ordering;

use nsf_engine::connector::Sink as _;
use nsf_webhook::Webhook;

use crate::receiver::{Answer, Receiver, batch, leads_to, send, settings};

/// Written into the profile.
const WRITTEN: [&str; 51] = [
    // This machine.
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://127.0.0.1./",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://%31%32%37.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    // Private networks.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://[fc00::1]/",
    "https://[fdab::1]/",
    "https://[::ffff:10.0.0.1]/",
    // Where clouds keep credentials.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    // Nobody's, or everybody's.
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://[ff02::1]/",
    // What looks like one host and is another, or hides what is behind it.
    "https://good.example@127.0.0.1/",
    "https://good.example:secret@10.0.0.1/",
    "https://good.example\\@127.0.0.1/",
    "https://good.example/\r\nhost: 127.0.0.1",
    // Not encrypted.
    "http://good.example/",
    "http://1.1.1.1/",
];

/// No HTTP at all.
const OTHER_SCHEMES: [&str; 7] = [
    "file:///etc/passwd",
    "ftp://good.example/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "unix:/var/run/docker.sock",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "good.example/hook",
];

/// Where a name that looks good leads to.
const NAMES: [&[&str]; 12] = [
    &["127.0.0.1"],
    &["10.1.2.3"],
    &["192.168.0.10"],
    &["172.20.0.5"],
    &["100.100.1.1"],
    &["169.254.169.254"],
    &["0.0.0.0"],
    &["::1"],
    &["::ffff:127.0.0.1"],
    &["fd12::1"],
    // One of several: whoever answers for the name could choose.
    &["1.1.1.1", "127.0.0.1"],
    &["2606:4700::1111", "1.1.1.1", "::ffff:10.0.0.1"],
];

#[test]
fn sixty_hostile_addresses_are_refused() {
    let mut refused = 0;
    for url in WRITTEN.iter().chain(&OTHER_SCHEMES) {
        let settings = settings(url);
        let error = send(&Webhook::new(settings.clone()), &batch(0..1)).expect_err(url);
        assert!(error.message.starts_with("the address of the webhook `crm` "), "{url}: {error}");
        assert!(error.help.is_some() && !error.message.contains("secret"), "{url}: {error}");
        assert_eq!(Webhook::new(settings).check().unwrap_err(), error, "{url}");
        refused += 1;
    }
    for addresses in NAMES {
        let mut settings = settings("https://hooks.example/");
        settings.resolve = Some(leads_to(addresses));
        let error = send(&Webhook::new(settings.clone()), &batch(0..1)).unwrap_err();
        assert!(error.message.contains("the host's name leads to"), "{addresses:?}: {error}");
        assert_eq!(Webhook::new(settings).check().unwrap_err(), error, "{addresses:?}");
        refused += 1;
    }
    assert!(refused >= 60, "{refused}");
}

#[test]
fn what_is_never_sent_to_is_not_opened_by_allowing_private_networks() {
    for url in [
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://100.100.100.200/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/",
    ] {
        let mut settings = settings(url);
        settings.allow_private = true;
        let error = Webhook::new(settings).check().expect_err(url);
        assert!(error.message.starts_with("the address of the webhook `crm` "), "{url}: {error}");
    }
    for addresses in [&["169.254.169.254"][..], &["127.0.0.1", "fe80::1"], &["0.0.0.0"]] {
        let mut settings = settings("https://hooks.example/");
        (settings.allow_private, settings.resolve) = (true, Some(leads_to(addresses)));
        Webhook::new(settings).check().unwrap_err();
    }
}

#[test]
fn a_real_name_that_leads_to_this_machine_is_refused() {
    let receiver = Receiver::start(|_, _| Answer::Head("200 OK"));
    let port = receiver.address.port();
    let error = send(&Webhook::new(settings(&format!("https://localhost:{port}/"))), &batch(0..1)).unwrap_err();
    assert!(error.message.contains("which is not sent to"), "{error}");
    assert!(error.help.unwrap().contains("webhooks.crm.allow_private: true"));
    assert_eq!(receiver.connections.load(Ordering::Acquire), 0);
}

#[test]
fn a_check_says_where_it_would_send_and_sends_nothing() {
    let receiver = Receiver::start(|_, _| Answer::Head("200 OK"));
    let report = Webhook::new(receiver.settings()).check().unwrap();
    assert_eq!(report.target, format!("http://{}", receiver.address));
    assert_eq!(report.addresses, [receiver.address.ip()]);
    assert_eq!(receiver.connections.load(Ordering::Acquire), 0);
    let mut settings = settings("https://hooks.example/canary");
    settings.resolve = Some(leads_to(&["1.1.1.1", "2606:4700::1111"]));
    let report = Webhook::new(settings).check().unwrap();
    assert_eq!((report.target.as_str(), report.addresses.len()), ("https://hooks.example", 2));
}

#[test]
fn a_name_that_nobody_knows_is_waited_for() {
    let mut settings = settings("https://hooks.example/");
    settings.resolve = Some(std::sync::Arc::new(|_| Err(std::io::Error::other("no such name"))));
    let mut sink = Webhook::new(settings).sink();
    let error = sink.open(None).unwrap_err();
    assert!(error.kind.may_heal() && error.message.contains("cannot be looked up"), "{error}");
}
