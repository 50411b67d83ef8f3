//! Encrypted connections: whom they trust, and that the certificate is the host's.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
};

use nsf_webhook::Webhook;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::receiver::{batch, leads_to, send, settings};

/// An authority and a certificate for `hooks.example`, by the tool that is on most machines.
fn certificates(folder: &Path) -> Option<()> {
    let run = |words: &str| {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(folder).output().ok()?;
        output.status.success().then_some(())
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:hooks.example\nbasicConstraints=CA:FALSE\n").unwrap();
    run(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test",
    )?;
    run(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=hooks.example",
    )?;
    run("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt")
}

/// Answers 204 to the first request of every connection, and closes it; gives its port.
fn serve(folder: &Path) -> u16 {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&read("server.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut bytes = [0; 4096];
            // A caller that does not trust it reads no further.
            if stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}

#[test]
fn a_certificate_must_be_of_the_host_and_of_an_authority_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    if certificates(folder.path()).is_none() {
        eprintln!("NOT SHOWN: encrypted webhooks: there is no `openssl` on this machine");
        return;
    }
    let port = serve(folder.path());
    let at = |host: &str, known: bool| {
        let mut settings = settings(&format!("https://{host}:{port}/"));
        (settings.allow_private, settings.retries) = (true, 0);
        settings.resolve = Some(leads_to(&["127.0.0.1"]));
        settings.authorities = known.then(|| std::fs::read(folder.path().join("ca.crt")).unwrap());
        send(&Webhook::new(settings), &batch(0..1))
    };
    at("hooks.example", true).unwrap();
    for (host, known) in [("other.example", true), ("127.0.0.1", true), ("hooks.example", false)] {
        let error = at(host, known).unwrap_err();
        let system_has_none = !known && error.message.contains("no authorities");
        assert!(system_has_none || error.message.contains("is not trusted"), "{host}: {error}");
    }
}
