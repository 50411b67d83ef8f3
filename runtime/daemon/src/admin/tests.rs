//! The endpoint asked as a friend would, and as an enemy.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use nsf_engine::run::StopHandle;
use nsf_plan::{
    Plan,
    profile::{Admin, Secret},
};

use super::start_with;
use crate::board::Board;

const TOKEN: &str = "canary-of-the-admin";

/// An endpoint on a free port, of a worker that has not begun.
fn endpoint(token: Option<&str>, longest: Duration) -> SocketAddr {
    let board = Board::new(&Plan::new("shop"), "prod", StopHandle::default());
    let admin = Admin {
        listen: ([127, 0, 0, 1], 0).into(),
        token: token.map(|token| Secret::new(token.to_owned())),
        tls: None,
    };
    start_with(&admin, Arc::new(board), longest).unwrap().1
}

/// Sends bytes and reads until the endpoint closes.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may answer and close before all was sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(address: SocketAddr, line: &str, headers: &str) -> (u16, String) {
    let host =
        if headers.to_ascii_lowercase().contains("host:") { String::new() } else { format!("Host: {address}\r\n") };
    let answer = send(address, format!("{line} HTTP/1.1\r\n{host}{headers}\r\n").as_bytes());
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer to {line} {headers}: {answer:?}"));
    (status, answer)
}

#[test]
fn each_path_gives_what_it_is_for() {
    let address = endpoint(None, super::LONGEST);
    let (status, live) = ask(address, "GET /health/live", "");
    assert!(status == 200 && live.ends_with("live\n"), "{live}");
    let (status, ready) = ask(address, "GET /health/ready", "");
    assert!(status == 503 && ready.ends_with("the group has not let the worker in yet\n"), "{ready}");
    let (status, metrics) = ask(address, "GET /metrics", "");
    assert!(status == 200 && metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("nsflow_ready 0\n"), "{metrics}");
    let (status, answer) = ask(address, "GET /status?whatever", "");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(status == 200 && body["runs"]["plan"] == "shop" && body["worker"]["ready"] == false, "{body}");
    let (status, answer) = ask(address, "GET /plan", "");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let plan = nsf_plan::document::load(body.as_bytes()).unwrap();
    assert!(status == 200 && plan.name == "shop");
}

#[test]
fn other_paths_and_methods_are_refused() {
    let address = endpoint(None, super::LONGEST);
    for path in
        ["/", "/metrics/", "/plan/../../etc/passwd", "/%2e%2e/etc/passwd", "/health", "/static?file=/etc/passwd"]
    {
        assert_eq!(ask(address, &format!("GET {path}"), "").0, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "EVIL"] {
        let (status, answer) = ask(address, &format!("{method} /metrics"), "");
        assert!(status == 405 && answer.to_lowercase().contains("allow: get"), "{method}: {answer}");
    }
}

#[test]
fn only_the_own_host_is_answered() {
    let address = endpoint(None, super::LONGEST);
    let port = address.port();
    for host in
        [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), format!("LOCALHOST:{port}")]
    {
        assert_eq!(ask(address, "GET /health/live", &format!("Host: {host}\r\n")).0, 200, "{host}");
    }
    let others = [
        "evil.example",
        "localhost",
        "127.0.0.1",
        "localhost:1",
        "localhost.evil.example:80",
        "user@localhost",
        "",
        "ü",
    ];
    for host in others {
        assert_eq!(ask(address, "GET /metrics", &format!("Host: {host}\r\n")).0, 403, "{host}");
    }
    let right = format!("Host: localhost:{port}\r\n");
    assert_eq!(ask(address, "GET /metrics", &format!("{right}Host: evil.example\r\n")).0, 400);
    assert_eq!(ask(address, "GET http://evil.example/metrics", &right).0, 403);
    let answer = send(address, b"GET /metrics HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 400"), "{answer}");
}

#[test]
fn pages_of_a_browser_are_not_answered() {
    let address = endpoint(None, super::LONGEST);
    for origin in ["https://evil.example", "null", &format!("http://{address}"), ""] {
        assert_eq!(ask(address, "GET /status", &format!("Origin: {origin}\r\n")).0, 403, "{origin}");
    }
    assert_eq!(ask(address, "GET /status", "Sec-Fetch-Site: cross-site\r\n").0, 403);
    let (status, answer) = ask(address, "GET /status", "Sec-Fetch-Site: none\r\n");
    assert!(status == 200 && answer.contains("nosniff") && !answer.contains("access-control"), "{answer}");
}

#[test]
fn without_the_token_nothing_is_told() {
    let address = endpoint(Some(TOKEN), super::LONGEST);
    let wrong = [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer canary\r\n",
        "Authorization: Basic canary-of-the-admin\r\n",
        "Authorization: canary-of-the-admin\r\n",
        "Authorization: Bearer canary-of-the-admin2\r\n",
        "Authorization: B\r\n",
    ];
    for header in wrong {
        for path in ["/metrics", "/health/live", "/plan", "/nowhere"] {
            let (status, answer) = ask(address, &format!("GET {path}"), header);
            assert!(status == 401 && !answer.contains("shop") && !answer.contains(TOKEN), "{header}: {answer}");
        }
    }
    for header in ["Authorization: Bearer canary-of-the-admin\r\n", "authorization: bearer canary-of-the-admin\r\n"] {
        for path in ["/metrics", "/status", "/plan"] {
            let (status, answer) = ask(address, &format!("GET {path}"), header);
            assert!(status == 200 && !answer.contains(TOKEN), "{answer}");
        }
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let address = endpoint(None, super::LONGEST);
    assert_eq!(ask(address, "GET /metrics", &format!("X: {}\r\n", "a".repeat(64 * 1024))).0, 431);
    assert_eq!(ask(address, "GET /metrics", &"X: a\r\n".repeat(200)).0, 431);
    let (status, _) = ask(address, &format!("GET /{}", "a".repeat(64 * 1024)), "");
    assert!(matches!(status, 414 | 431), "{status}");
    let (status, _) = ask(address, "GET /metrics", "Content-Length: 100000000000\r\n");
    assert_eq!(status, 413);
    assert_eq!(ask(address, "GET /metrics", "Transfer-Encoding: chunked\r\n").0, 413);
    assert!(send(address, b"\x16\x03\x01\x02\x00 no HTTP \r\n\r\n").starts_with("HTTP/1.1 400"));
    assert_eq!(ask(address, "GET /health/live", "").0, 200);
}

#[test]
fn slow_callers_are_cut_off_and_keep_nobody_out() {
    let address = endpoint(None, Duration::from_millis(700));
    let begun = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..super::CONNECTIONS {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
        slow.push(stream);
    }
    // All places are taken: whoever comes waits until the first of them is cut off.
    assert_eq!(ask(address, "GET /health/live", "").0, 200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    }
}

#[test]
fn an_address_in_use_is_told_and_an_open_one_refused() {
    let address = endpoint(None, super::LONGEST);
    let board = Arc::new(Board::new(&Plan::new("shop"), "prod", StopHandle::default()));
    let admin = Admin { listen: address, token: None, tls: None };
    let problem = super::start(&admin, Arc::clone(&board)).unwrap_err();
    assert_eq!(
        problem.message,
        format!("the admin endpoint cannot listen at {address}: another program listens there")
    );
    assert!(problem.help.unwrap().contains("admin.listen"));
    let admin = Admin { listen: ([0, 0, 0, 0], 0).into(), token: Some(Secret::new(TOKEN.to_owned())), tls: None };
    let problem = super::start(&admin, board).unwrap_err();
    assert!(
        problem.message.contains("without a token or TLS") && !problem.text().contains(TOKEN),
        "{}",
        problem.message
    );
}

/// A certificate of its own for `localhost`, and its key; none, loudly, where there is no openssl to make it.
fn certificate() -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    let Ok(made) = made else {
        eprintln!("NOT SHOWN: no openssl on this machine to make a certificate with");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((std::fs::read_to_string(certificate).unwrap(), std::fs::read_to_string(key).unwrap()))
}

/// Asks over TLS; shows a certificate where one is given. What goes wrong is the answer.
fn ask_over_tls(address: SocketAddr, trusted: &str, own: Option<(&str, &str)>) -> String {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der(trusted)).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![der(certificate)], key).unwrap()
        }
    };
    let name = "localhost".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let request = format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut answer = Vec::new();
    let sent = tls.write_all(request.as_bytes());
    match sent.and_then(|()| tls.read_to_end(&mut answer)) {
        Err(error) if answer.is_empty() => error.to_string(),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

#[test]
fn tls_is_spoken_and_callers_may_have_to_show_a_certificate() {
    use nsf_plan::profile::{Identity, Tls};
    let Some((certificate, key)) = certificate() else { return };
    let start = |authority: Option<String>, key: &str| {
        let board = Board::new(&Plan::new("shop"), "prod", StopHandle::default());
        let identity = Identity { certificate: certificate.clone(), key: Secret::new(key.to_owned()) };
        let admin = Admin {
            listen: ([0, 0, 0, 0], 0).into(),
            token: Some(Secret::new(TOKEN.to_owned())),
            tls: Some(Tls { authority, identity: Some(identity) }),
        };
        start_with(&admin, Arc::new(board), super::LONGEST)
            .map(|(url, address)| (url, ([127, 0, 0, 1], address.port()).into()))
    };
    let (url, address) = start(None, &key).unwrap();
    assert!(url.starts_with("https://0.0.0.0:"), "{url}");
    let answer = ask_over_tls(address, &certificate, None);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("live\n"), "{answer}");
    assert!(!send(address, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").contains("200"));

    let (_, address) = start(Some(certificate.clone()), &key).unwrap();
    let answer = ask_over_tls(address, &certificate, None);
    assert!(!answer.contains("200"), "{answer}");
    let answer = ask_over_tls(address, &certificate, Some((&certificate, &key)));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let problem = start(None, "canary").unwrap_err();
    assert!(problem.message.ends_with("its key cannot be read") && !problem.text().contains("canary"), "{problem:?}");
    let problem = start(Some("canary".to_owned()), &key).unwrap_err();
    assert!(problem.message.ends_with("the authority cannot be read"), "{problem:?}");
}
