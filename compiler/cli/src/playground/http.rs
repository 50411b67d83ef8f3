//! Requests on the loopback address.
//!
//! A program can read files, so nobody but the page may ask for a run: each request carries a word that only the page was given,
//! and names this address as its host, so that no other page in the browser can make one, whatever names it has for it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::folder::Text;
use super::run::Wanted;
use super::{folder, run, sample};
use crate::checked::Checked;
use crate::commands::Disk;
use crate::output::Output;
use crate::problem::{Problem, cause};
use crate::project::Project;

/// Bytes of a request at most.
const MOST: usize = 16 * 1024 * 1024;
/// How long a page waits for the language server before it asks again.
const WAIT: Duration = Duration::from_secs(20);

const PAGE: &str = include_str!("../../../../editors/playground/index.html");
const SCRIPT: &str = include_str!("../../../../editors/playground/dist/playground.js");
const STYLE: &str = include_str!("../../../../editors/playground/style.css");

/// What is served.
struct Site {
    root: PathBuf,
    name: String,
    /// The word that the page was given.
    word: String,
    address: SocketAddr,
    /// A language server for each page that is open, and when it was last asked.
    clients: Mutex<HashMap<String, (Arc<nsf_lsp::Client>, Instant)>>,
}

/// Serves until the program is stopped.
pub fn serve(root: &Path, name: &str, port: u16, open: bool, output: &mut Output) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Problem::failure(format!("no threads can be started: {}", cause(&error))))?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            let why =
                if error.kind() == ErrorKind::AddrInUse { "something listens there".to_owned() } else { cause(&error) };
            Problem::failure(format!("port {port} of 127.0.0.1 cannot be taken: {why}"))
                .help("name another one with `--port`, or none to take a free one")
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| Problem::failure(format!("no port can be had: {}", cause(&error))))?;
        // Of the system's random numbers.
        let word = uuid::Uuid::new_v4().simple().to_string();
        let url = format!("http://{address}/");
        output.result(&format!("the playground is at {url}\nCtrl-C ends it\n"))?;
        if open {
            crate::open::show(Path::new(&url))?;
        }
        let site = Site { root: root.to_path_buf(), name: name.to_owned(), word, address, clients: Mutex::default() };
        accept(&listener, &Arc::new(site)).await;
        Ok(())
    })
}

async fn accept(listener: &TcpListener, site: &Arc<Site>) {
    loop {
        // A connection that is gone before it is taken is no reason to end.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let site = Arc::clone(site);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(answer(&site, request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(site: &Arc<Site>, request: Request<Incoming>) -> Answer {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = [site.address.to_string(), format!("localhost:{}", site.address.port())];
    if !own.iter().any(|own| own == host) {
        return said(StatusCode::FORBIDDEN, "this is another machine's name: only 127.0.0.1 is served");
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => page("text/html; charset=utf-8", PAGE.replace("{word}", &site.word)),
        (&Method::GET, "/playground.js") => page("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        (&Method::GET, "/style.css") => page("text/css; charset=utf-8", STYLE.to_owned()),
        (&Method::POST, path) => {
            let word = request.headers().get("x-nsf-word").and_then(|word| word.to_str().ok());
            if word != Some(site.word.as_str()) {
                return said(StatusCode::FORBIDDEN, "only the page that was opened may ask: load it again");
            }
            let path = path.to_owned();
            let Ok(body) = Limited::new(request.into_body(), MOST).collect().await else {
                return said(StatusCode::PAYLOAD_TOO_LARGE, "this is more than is taken at once: 16 MiB");
            };
            let (site, body) = (Arc::clone(site), body.to_bytes());
            // A check or a run takes its time, and others are answered meanwhile.
            let done = tokio::task::spawn_blocking(move || post(&site, &path, &body)).await;
            done.unwrap_or_else(|_| {
                said(StatusCode::INTERNAL_SERVER_ERROR, "nsfc failed, and goes on; please report this with the program")
            })
        }
        _ => said(StatusCode::NOT_FOUND, "there is no such page"),
    }
}

fn post(site: &Site, path: &str, body: &[u8]) -> Answer {
    let answer = match path {
        "/files" => files(site),
        "/sample" => read(body).and_then(|wanted: Wanted| samples(site, &wanted.files)),
        "/run" => read(body).and_then(|wanted| run_it(site, &wanted)),
        "/graph" => read(body).and_then(|wanted: Wanted| picture(site, &wanted.files)),
        "/lsp" => read(body).and_then(|message| to_server(site, &message)),
        "/lsp/wait" => read(body).and_then(|page: OfPage| from_server(site, &page)),
        _ => return said(StatusCode::NOT_FOUND, "there is no such request"),
    };
    match answer {
        Ok(value) => page("application/json", value.to_string()),
        Err(problem) => said(StatusCode::BAD_REQUEST, &problem.message),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::usage(format!("the request cannot be read: {error}")))
}

fn value(answer: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(answer).map_err(|error| Problem::failure(format!("the answer cannot be written: {error}")))
}

fn files(site: &Site) -> Result<Value, Problem> {
    let texts = folder::texts(&site.root)?;
    let uri = url::Url::from_directory_path(&site.root).map(String::from).unwrap_or_default();
    Ok(json!({ "name": site.name, "uri": uri, "files": texts, "version": env!("CARGO_PKG_VERSION") }))
}

/// The plan of the page's program; why there is none.
fn checked(site: &Site, files: &[Text]) -> Result<(Checked, nsf_plan::Plan), Problem> {
    let folder = folder::copy(&site.root, files)?;
    let project = Project::load(Some(folder.path()))?;
    let checked = Checked::of(project);
    if checked.analysis.has_errors() {
        return Err(Problem::failure("the program has errors: they are marked in the editor".to_owned()));
    }
    let plan = checked.lower();
    Ok((checked, plan))
}

fn samples(site: &Site, files: &[Text]) -> Result<Value, Problem> {
    let (checked, plan) = checked(site, files)?;
    value(sample::of(&checked.analysis, &plan))
}

fn run_it(site: &Site, wanted: &Wanted) -> Result<Value, Problem> {
    let (_, plan) = checked(site, &wanted.files)?;
    let ran = run::run(&site.root, wanted, &sample::outputs(&plan))?;
    value(ran)
}

fn picture(site: &Site, files: &[Text]) -> Result<Value, Problem> {
    let picture = run::graph(&site.root, files)?;
    Ok(json!({ "svg": picture }))
}

/// A page, by the name that it gave itself.
#[derive(Deserialize)]
struct OfPage {
    page: String,
    #[serde(default)]
    message: String,
}

/// The language server of a page. Those of pages that have not asked for long are ended: their windows are closed.
fn client(site: &Site, page: &str) -> Arc<nsf_lsp::Client> {
    let mut clients = site.clients.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|own, (_, asked)| own == page || asked.elapsed() < 3 * WAIT);
    let start = || (Arc::new(nsf_lsp::Client::start(Disk::without_pages())), Instant::now());
    let (client, asked) = clients.entry(page.to_owned()).or_insert_with(start);
    *asked = Instant::now();
    Arc::clone(client)
}

fn to_server(site: &Site, of: &OfPage) -> Result<Value, Problem> {
    client(site, &of.page).send(&of.message).map(|()| Value::Null).map_err(Problem::failure)
}

fn from_server(site: &Site, of: &OfPage) -> Result<Value, Problem> {
    let ended = || Problem::failure("the language server has ended: load the page again".to_owned());
    client(site, &of.page).receive(WAIT).map(Value::from).ok_or_else(ended)
}

fn page(kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}

fn said(status: StatusCode, words: &str) -> Answer {
    let mut answer = page("text/plain; charset=utf-8", words.to_owned());
    *answer.status_mut() = status;
    answer
}
