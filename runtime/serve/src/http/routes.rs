//! What each address answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;

use super::{Shared, infer, openapi};
use crate::inputs::shown;
use crate::metrics;
use crate::refusal::Refusal;
use crate::working::Working;

/// Models that a message lists.
const LISTED: usize = 12;
/// The type of answers for machines.
pub(super) const JSON: &str = "application/json";
/// That of what was counted.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{name}", get(model))
        .route("/v2/models/{name}/versions/{version}", get(version))
        .route("/v2/models/{name}/ready", get(model_ready))
        .route("/v2/models/{name}/versions/{version}/ready", get(version_ready))
        .route("/v2/models/{name}/infer", post(infer::tensors))
        .route("/v2/models/{name}/versions/{version}/infer", post(infer::tensors_of_version))
        .route("/v2/models/{name}/rows", post(infer::objects))
        .route("/v2/models/{name}/versions/{version}/rows", post(infer::objects_of_version))
        .route("/metrics", get(counted))
        .route("/openapi.json", get(|| async { answer(StatusCode::OK, JSON, openapi::page()) }))
        .fallback(nothing)
        .method_not_allowed_fallback(method)
        // Bodies have a bound of ours.
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// An answer of a type.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// An answer in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => answer(StatusCode::OK, JSON, text),
        Err(error) => refused(&Refusal::of(500, error.to_string())),
    }
}

/// What is said in place of an answer.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::json!({ "error": refusal.message }).to_string();
    let mut response = answer(status, JSON, body);
    if let Some(seconds) = refusal.again {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The model that a request names.
///
/// # Errors
/// There is none of that name, or it has another version.
pub(super) fn named(shared: &Shared, name: &str, version: Option<&str>) -> Result<Arc<Working>, Refusal> {
    let Some((working, _)) = shared.models.get(name) else {
        let names: Vec<&str> = shared.models.names().take(LISTED).collect();
        return Err(Refusal::of(404, format!("there is no model {}; there is {}", shown(name), names.join(", "))));
    };
    match version {
        Some(version) if version != working.version => {
            let there = &working.version;
            Err(Refusal::of(404, format!("the model `{name}` has no version {}; it has {there}", shown(version))))
        }
        _ => Ok(working),
    }
}

fn told(result: Result<Response, Refusal>) -> Response {
    result.unwrap_or_else(|refusal| refused(&refusal))
}

async fn server() -> Response {
    json(&serde_json::json!({
        "name": "nasrecc",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data"],
    }))
}

async fn live() -> Response {
    json(&serde_json::json!({ "live": true }))
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.stopping.load(Ordering::Relaxed) {
        return refused(&Refusal::busy(503, "the server is stopping"));
    }
    json(&serde_json::json!({ "ready": true }))
}

async fn model(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    told(named(&shared, &name, None).map(|working| described(&name, &working)))
}

async fn version(State(shared): State<Arc<Shared>>, Path((name, version)): Path<(String, String)>) -> Response {
    told(named(&shared, &name, Some(&version)).map(|working| described(&name, &working)))
}

async fn model_ready(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    told(named(&shared, &name, None).map(|_| json(&serde_json::json!({ "name": name, "ready": true }))))
}

async fn version_ready(State(shared): State<Arc<Shared>>, Path((name, version)): Path<(String, String)>) -> Response {
    let ready = |_| json(&serde_json::json!({ "name": name, "ready": true }));
    told(named(&shared, &name, Some(&version)).map(ready))
}

/// What a model reads and says.
fn described(name: &str, working: &Working) -> Response {
    let inputs: Vec<_> = working
        .inputs
        .all
        .iter()
        .map(|input| {
            let shape: Vec<i64> = [-1].into_iter().chain(input.kind.width().map(|width| width as i64)).collect();
            serde_json::json!({ "name": input.name, "datatype": input.kind.datatype().name(), "shape": shape })
        })
        .collect();
    let output = |name: &String| serde_json::json!({ "name": name, "datatype": "FP32", "shape": [-1] });
    let outputs: Vec<serde_json::Value> = working.outputs.iter().map(output).collect();
    let about = &working.about;
    json(&serde_json::json!({
        "name": name,
        "versions": [working.version],
        "platform": "nasrecc",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": { "model": about.name, "schema": about.schema, "plan": about.plan },
    }))
}

async fn counted(State(shared): State<Arc<Shared>>) -> Response {
    let free = shared.bodies.available_permits();
    let bodies = super::permits(shared.settings.bodies).saturating_sub(free) << 10;
    answer(StatusCode::OK, PROMETHEUS, metrics::text(&shared.models.shown(), &shared.connections, bodies))
}

async fn nothing(uri: Uri) -> Response {
    refused(&Refusal::of(404, format!("there is nothing at {}; /openapi.json says what there is", shown(uri.path()))))
}

async fn method(method: Method, uri: Uri) -> Response {
    let (method, path) = (shown(method.as_str()), shown(uri.path()));
    refused(&Refusal::of(405, format!("{path} has no {method}; /openapi.json says what it has")))
}
