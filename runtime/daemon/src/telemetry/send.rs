//! Requests to the collector: one connection each, plain or by TLS with the system's authorities.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, Uri, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use nsf_engine::encode::base64;
use nsf_plan::profile::ServerUrl;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{problem::Problem, settings::decoded_bytes};

/// How long a request may take, from the connection to the answer.
const LONGEST: Duration = Duration::from_secs(5);

/// How much of an answer is looked at, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where is sent to.
pub struct Collector {
    host: String,
    port: u16,
    /// What paths begin with.
    base: String,
    /// `user:password` of the address, in base 64.
    login: Option<String>,
    tls: Option<TlsConnector>,
}

fn wrong(url: &ServerUrl, what: &str, help: &str) -> Problem {
    Problem::new(format!("telemetry cannot be sent to {url}: {what}")).with_help(help)
}

impl Collector {
    /// The collector of an address.
    ///
    /// # Errors
    /// Where it is none, or TLS cannot be used.
    pub fn new(url: &ServerUrl) -> Result<Self, Problem> {
        let help = "write `telemetry.otlp` as `http://host:4318`";
        let none = || wrong(url, "it is no address", help);
        let uri: Uri = url.expose().parse().map_err(|_| none())?;
        let is_secure = uri.scheme_str() == Some("https");
        let authority = uri.authority().ok_or_else(none)?;
        let login = authority.as_str().rsplit_once('@').map(|(login, _)| base64::text(&decoded_bytes(login)));
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 4318 });
        let base = uri.path().trim_end_matches('/').to_owned();
        let tls = is_secure.then(|| connector(url)).transpose()?;
        Ok(Self { host, port, base, login, tls })
    }

    /// Sends a document.
    ///
    /// # Errors
    /// Why it was not taken, in words without a secret.
    pub async fn send(&self, path: &str, document: Vec<u8>) -> Result<(), String> {
        let asked = timeout(LONGEST, self.ask(path, document)).await;
        asked.unwrap_or_else(|_| Err(format!("it did not answer within {} s", LONGEST.as_secs())))
    }

    async fn ask(&self, path: &str, document: Vec<u8>) -> Result<(), String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            _ => format!("it cannot be reached ({error})"),
        })?;
        match &self.tls {
            None => self.exchange(stream, path, document).await,
            Some(tls) => {
                let name =
                    ServerName::try_from(self.host.clone()).map_err(|_| "its name is none for TLS".to_owned())?;
                let stream = tls.connect(name, stream).await;
                let stream = stream.map_err(|error| format!("it cannot be trusted, or speaks no TLS ({error})"))?;
                self.exchange(stream, path, document).await
            }
        }
    }

    async fn exchange<S>(&self, stream: S, path: &str, document: Vec<u8>) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let odd = |error: hyper::Error| format!("it does not speak HTTP as it should ({error})");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(odd)?;
        tokio::spawn(connection);
        let mut request = Request::post(format!("{}{path}", self.base))
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header(header::USER_AGENT, concat!("nsflow/", env!("CARGO_PKG_VERSION")));
        if let Some(login) = &self.login {
            request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
        }
        let request = request.body(Full::new(Bytes::from(document))).map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(odd)?;
        let status = answer.status();
        // Read to its end, so that the collector sees it taken; what it says is of no use to the worker.
        let _ = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => {
                Err(format!("it has no path {}{path}: is it an OTLP receiver for HTTP?", self.base))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(format!("it refuses who sends ({status})")),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Err("it takes no JSON".to_owned()),
            status => Err(format!("it answers {status}")),
        }
    }
}

/// TLS with the authorities that the system trusts.
fn connector(url: &ServerUrl) -> Result<TlsConnector, Problem> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let help = "install the system's certificates, such as the package `ca-certificates`";
        return Err(wrong(url, "this system trusts no authority", help));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|error| wrong(url, &error.to_string(), "report it: this is a fault of this build"))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}
