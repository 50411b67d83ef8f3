//! What each path gives.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Body as _, Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS},
};
use serde_json::json;

use super::guard::{Guard, Refusal};
use crate::{board::Board, metrics};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// The form of metrics that Prometheus asks for.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The answer to a request.
///
/// # Errors
/// None: what is wrong with a request is an answer too.
pub fn answer(board: &Board, guard: &Guard, request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Err(Refusal { status, words }) = guard.check(request.method(), request.uri(), request.headers()) {
        let mut refused = respond(status, TEXT, format!("{words}\n"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        } else if status == StatusCode::UNAUTHORIZED {
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        return Ok(refused);
    }
    // Nothing that is asked for needs one; it is not read.
    if !request.body().is_end_stream() {
        return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "requests have no body here\n"));
    }
    Ok(match request.uri().path() {
        "/health/live" => live(board),
        "/health/ready" => ready(board),
        "/metrics" => respond(StatusCode::OK, METRICS, metrics::page(board).into_text()),
        "/status" => respond(StatusCode::OK, JSON, status(board)),
        "/plan" => respond(StatusCode::OK, JSON, board.plan()),
        _ => {
            let words = "there is only /health/live, /health/ready, /metrics, /status and /plan\n";
            respond(StatusCode::NOT_FOUND, TEXT, words)
        }
    })
}

fn live(board: &Board) -> Response<Full<Bytes>> {
    if board.is_live() {
        return respond(StatusCode::OK, TEXT, "live\n");
    }
    let silent = board.status.silent_for().unwrap_or_default().as_secs();
    respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("the worker has shown no life for {silent} s\n"))
}

fn ready(board: &Board) -> Response<Full<Bytes>> {
    let glance = board.glance();
    if glance.ready {
        return respond(StatusCode::OK, TEXT, "ready\n");
    }
    respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, glance.problems.join("\n") + "\n")
}

fn status(board: &Board) -> String {
    let status = json!({
        "runs": board.identity(),
        "reloads": board.reloads(),
        "worker": board.glance(),
        "committed": board.status.committed(),
        "times": board.status.times(),
    });
    format!("{status}\n")
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // A page of another site may embed what it cannot read; browsers are told not to let it.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
