//! Requests for rows, from the body to the answer.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request as Asked, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::routes::{JSON, answer, named, refused};
use super::{Shared, body};
use crate::queue::Job;
use crate::refusal::Refusal;
use crate::request::{self, Form, Request, Told};
use crate::working::Working;

/// Bytes of JSON that are in front of those of tensors.
const HEADER: HeaderName = HeaderName::from_static("inference-header-content-length");
/// Longer bodies are read by a thread that may take its time.
const SHORT: usize = 64 << 10;

/// What the address of a request says.
struct Address<'a> {
    name: &'a str,
    version: Option<&'a str>,
    /// Whether rows are objects.
    objects: bool,
}

pub(super) async fn tensors(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    asked: Asked<Body>,
) -> Response {
    respond(&shared, Address { name: &name, version: None, objects: false }, asked).await
}

pub(super) async fn tensors_of_version(
    State(shared): State<Arc<Shared>>,
    Path((name, version)): Path<(String, String)>,
    asked: Asked<Body>,
) -> Response {
    respond(&shared, Address { name: &name, version: Some(&version), objects: false }, asked).await
}

pub(super) async fn objects(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    asked: Asked<Body>,
) -> Response {
    respond(&shared, Address { name: &name, version: None, objects: true }, asked).await
}

pub(super) async fn objects_of_version(
    State(shared): State<Arc<Shared>>,
    Path((name, version)): Path<(String, String)>,
    asked: Asked<Body>,
) -> Response {
    respond(&shared, Address { name: &name, version: Some(&version), objects: true }, asked).await
}

async fn respond(shared: &Shared, address: Address<'_>, asked: Asked<Body>) -> Response {
    let came = Instant::now();
    let (response, rows) = match answered(shared, &address, asked, came).await {
        Ok(answered) => answered,
        Err(refusal) => (refused(&refusal), 0),
    };
    if let Some((_, metrics)) = shared.models.get(address.name) {
        metrics.answered(response.status().as_u16(), rows, came.elapsed());
    }
    response
}

/// The answer to a request, and how many rows it is of.
async fn answered(
    shared: &Shared,
    address: &Address<'_>,
    asked: Asked<Body>,
    came: Instant,
) -> Result<(Response, usize), Refusal> {
    let until = came + shared.settings.timeout;
    let (head, body) = asked.into_parts();
    let held = body::read(&head.headers, body, shared, until.into()).await?;
    // The one that has the name now answers, whatever becomes of the name meanwhile.
    let working = named(shared, address.name, address.version)?;
    let request = read(shared, address.objects, &head.headers, &held.bytes, &working).await?;
    let Request { rows, columns, id, form } = request;
    let (reply, answer) = oneshot::channel();
    working.queue.push(Job { rows, columns, came, until, reply })?;
    let late = || {
        let message = format!("the model did not come to it within {:?}", shared.settings.timeout);
        Refusal::busy(503, message)
    };
    let broken = |_| Refusal::of(500, "the rows could not be computed, which is a bug of nasrecc");
    let probabilities = timeout_at(until.into(), answer).await.map_err(|_| late())?.map_err(broken)??;
    Ok((written(address.name, &working, id.as_deref(), &form, (rows, &probabilities)), rows))
}

/// Reads a request, on a thread that sockets need not wait for where that takes long.
async fn read(
    shared: &Shared,
    objects: bool,
    headers: &HeaderMap,
    bytes: &Bytes,
    working: &Arc<Working>,
) -> Result<Request, Refusal> {
    let header = header(headers)?;
    if objects && header.is_some() {
        return Err(Refusal::bad("Inference-Header-Content-Length is for tensors; rows are JSON alone"));
    }
    let (bytes, most) = (bytes.clone(), shared.settings.rows);
    if bytes.len() <= SHORT {
        return parsed(&bytes, objects, header, working, most);
    }
    let working = Arc::clone(working);
    let parsing = tokio::task::spawn_blocking(move || parsed(&bytes, objects, header, &working, most));
    parsing.await.map_err(|_| Refusal::of(500, "the body could not be read, which is a bug of nasrecc"))?
}

fn parsed(
    bytes: &Bytes,
    objects: bool,
    header: Option<usize>,
    working: &Working,
    most: usize,
) -> Result<Request, Refusal> {
    match objects {
        true => request::objects(bytes, &working.inputs, most),
        false => request::tensors(bytes, header, (&working.inputs, &working.outputs), most),
    }
}

/// How many bytes of JSON there are before those of tensors.
fn header(headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).filter(|_| all.next().is_none());
    let wrong = || Refusal::bad("Inference-Header-Content-Length has to be a number of bytes, and there once");
    length.map(Some).ok_or_else(wrong)
}

/// The answer that says these probabilities, `[outputs, rows]`.
fn written(
    name: &str,
    working: &Working,
    id: Option<&str>,
    form: &Form,
    (rows, probabilities): (usize, &[f32]),
) -> Response {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::with_capacity(160 + 12 * probabilities.len());
    let _written = write!(text, "{{\"model_name\":{},\"model_version\":{}", quoted(name), quoted(&working.version));
    if let Some(id) = id {
        let _written = write!(text, ",\"id\":{}", quoted(id));
    }
    let of = |output: usize| &probabilities[output * rows..][..rows];
    let list = |text: &mut String, numbers: &[f32]| {
        for (row, probability) in numbers.iter().enumerate() {
            let comma = if row == 0 { "" } else { "," };
            let _written = write!(text, "{comma}{probability}");
        }
    };
    let told = match form {
        Form::Rows { one } => {
            for (output, name) in working.outputs.iter().enumerate() {
                let _written = write!(text, ",{}:", quoted(name));
                text.push_str(if *one { "" } else { "[" });
                list(&mut text, of(output));
                text.push_str(if *one { "" } else { "]" });
            }
            text.push('}');
            return answer(StatusCode::OK, JSON, text);
        }
        Form::Tensors(told) => told,
    };
    text.push_str(",\"outputs\":[");
    for (at, Told { output, binary }) in told.iter().enumerate() {
        let (comma, name) = (if at == 0 { "" } else { "," }, quoted(&working.outputs[*output]));
        let _written = write!(text, "{comma}{{\"name\":{name},\"datatype\":\"FP32\",\"shape\":[{rows}],");
        if *binary {
            let _written = write!(text, "\"parameters\":{{\"binary_data_size\":{}}}}}", 4 * rows);
        } else {
            text.push_str("\"data\":[");
            list(&mut text, of(*output));
            text.push_str("]}");
        }
    }
    text.push_str("]}");
    if !told.iter().any(|told| told.binary) {
        return answer(StatusCode::OK, JSON, text);
    }
    let header = text.len();
    let mut bytes = text.into_bytes();
    for Told { output, .. } in told.iter().filter(|told| told.binary) {
        bytes.extend(of(*output).iter().flat_map(|probability| probability.to_le_bytes()));
    }
    let mut response = answer(StatusCode::OK, "application/octet-stream", bytes);
    response.headers_mut().insert(HEADER, header.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}
