//! One request and its answer, over a connection to an address that was checked.

use std::{error::Error as _, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::{fault::Trouble, resolve, settings::WebhookSettings, target::Target};

/// How much of an answer's body is read: it says nothing that is needed, and is read so that the connection can be used again.
const BODY: usize = 64 * 1024;

/// How long an answer's body is waited for.
const BODY_TIME: Duration = Duration::from_secs(1);

/// How much of an answer's head is taken.
const HEAD: usize = 32 * 1024;

/// What a receiver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// What a message is sent as.
pub(crate) struct Posted {
    /// The message.
    pub body: Bytes,
    /// The headers that name it.
    pub headers: Vec<(&'static str, HeaderValue)>,
}

/// A connection that may be used again. It ends with its value.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Makes requests, one after the other.
pub(crate) struct Exchange {
    settings: Arc<WebhookSettings>,
    target: Arc<Target>,
    tls: Option<Arc<ClientConfig>>,
    link: Option<Link>,
}

impl Exchange {
    pub(crate) const fn new(
        settings: Arc<WebhookSettings>,
        target: Arc<Target>,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        Self { settings, target, tls, link: None }
    }

    /// Sends a message and gives the answer, whatever it is.
    ///
    /// # Errors
    /// Where there was none in time. The message may have been taken.
    pub(crate) async fn post(&mut self, posted: &Posted) -> Result<Answer, Trouble> {
        let deadline = Instant::now() + self.settings.timeout;
        // A connection that was used may have been closed by the receiver meanwhile: that is no trouble of the receiver's.
        if let Some(link) = self.link.take().filter(|link| !link.sender.is_closed())
            && let Ok(answer) = self.over(link, posted, deadline).await
        {
            return Ok(answer);
        }
        let link = timeout_at(deadline, self.connect()).await.map_err(|_| Trouble::Late)??;
        self.over(link, posted, deadline).await
    }

    async fn over(&mut self, mut link: Link, posted: &Posted, deadline: Instant) -> Result<Answer, Trouble> {
        let request =
            self.request(posted).ok_or_else(|| Trouble::Broken("the request cannot be written".to_owned()))?;
        let sent = async {
            link.sender.ready().await?;
            link.sender.send_request(request).await
        };
        let response = timeout_at(deadline, sent).await.map_err(|_| Trouble::Late)?.map_err(|error| broken(&error))?;
        let answer = Answer { status: response.status(), retry_after: retry_after(&response) };
        // The answer stands, whatever its body is like.
        if timeout_at(Instant::now() + BODY_TIME, read_out(response)).await.unwrap_or(false) {
            self.link = Some(link);
        }
        Ok(answer)
    }

    fn request(&self, posted: &Posted) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::post(self.target.path.clone())
            .header(header::HOST, self.target.authority.clone())
            .header(header::USER_AGENT, concat!("nsflow/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, posted.body.len());
        for (name, value) in &posted.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(posted.body.clone())).ok()
    }

    async fn connect(&self) -> Result<Link, Trouble> {
        let addresses = resolve::addresses(&self.settings, &self.target).await?;
        let mut failure = Trouble::Connect("there is no address".to_owned());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // A request is written whole: waiting for more of it would only delay it.
                    let _ = stream.set_nodelay(true);
                    return self.open(stream).await;
                }
                Err(error) => failure = Trouble::Connect(format!("{address}: {error}")),
            }
        }
        Err(failure)
    }

    async fn open(&self, stream: TcpStream) -> Result<Link, Trouble> {
        let Some(tls) = &self.tls else { return handshake(stream).await };
        let name = match &self.target.host {
            Host::Domain(name) => ServerName::try_from(name.clone()),
            Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
            Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
        };
        let name = name.map_err(|_| Trouble::Tls("the host's name can be in no certificate".to_owned()))?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        handshake(stream.map_err(|error| Trouble::Tls(error.to_string()))?).await
    }
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Result<Link, Trouble> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .max_headers(64)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    // What becomes of the connection is seen where it is used.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok(Link { sender, driver })
}

/// What the library says, with its cause.
fn broken(error: &hyper::Error) -> Trouble {
    let why = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Trouble::Broken(why)
}

/// Reads an answer's body to its end; whether it has one that is not too far away.
async fn read_out(response: Response<Incoming>) -> bool {
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > BODY {
            return false;
        }
    }
    true
}

/// `Retry-After` in seconds. A date is not taken: the receiver's clock may be another.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
