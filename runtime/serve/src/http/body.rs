//! Bodies as they come in: memory is taken for what is there, and no more than all bodies together may have.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::Shared;
use crate::refusal::Refusal;

/// Bytes that a permit is for.
const PERMIT: usize = 1 << 10;
/// What is read past of a refused body, so that who sends it comes to read why.
const PAST: usize = 64 << 20;
/// As long as that may take.
const PASSING: Duration = Duration::from_secs(1);

/// Permits for so many bytes.
pub(crate) fn permits(bytes: usize) -> usize {
    bytes.div_ceil(PERMIT).clamp(1, Semaphore::MAX_PERMITS)
}

/// A whole body, and its share of the memory of all.
pub(super) struct Held {
    pub bytes: Bytes,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Reads a body until a time.
///
/// # Errors
/// It is too long, too slow, broken off, packed, or there is no room for it. It is read past then, for a while.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    shared: &Shared,
    until: Instant,
) -> Result<Held, Refusal> {
    match timeout_at(until, take(headers, &mut body, shared)).await {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(refusal)) => {
            pass(&mut body).await;
            Err(refusal)
        }
        Err(_) => {
            let message = format!("the body was not here within {:?} of its head", shared.settings.timeout);
            Err(Refusal::of(408, message))
        }
    }
}

async fn take(headers: &HeaderMap, body: &mut Body, shared: &Shared) -> Result<Held, Refusal> {
    if let Some(packed) = headers.get(CONTENT_ENCODING)
        && packed.as_bytes() != b"identity"
    {
        return Err(Refusal::of(415, "the body is packed (Content-Encoding): send it as it is"));
    }
    let most = shared.settings.body;
    let long = |length: u64| Refusal::of(413, format!("the body has {length} bytes, and may have {most}"));
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length.filter(|&length| length > most as u64) {
        return Err(long(length));
    }
    let mut room = Room { of: &shared.bodies, permit: None, bytes: 0 };
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let broken = |error: axum::Error| Refusal::bad(format!("the body broke off: {error}"));
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        room.add(data.len())?;
        if room.bytes > most {
            return Err(long(room.bytes as u64));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    let bytes = if whole.is_empty() { first } else { whole.into() };
    Ok(Held { bytes, _permit: room.permit })
}

/// The memory of a body that is being read.
struct Room<'s> {
    of: &'s Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Room<'_> {
    fn add(&mut self, bytes: usize) -> Result<(), Refusal> {
        let before = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.bytes += bytes;
        let more = permits(self.bytes).saturating_sub(before);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).ok().and_then(|more| Arc::clone(self.of).try_acquire_many_owned(more).ok());
        let full = || Refusal::busy(503, "the bodies that are here take as much memory as they may");
        let more = more.ok_or_else(full)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// Reads past what is left of a body, for a while.
async fn pass(body: &mut Body) {
    let passing = async {
        let mut passed = 0;
        while passed < PAST
            && let Some(Ok(frame)) = body.frame().await
        {
            passed += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _in_time = timeout(PASSING, passing).await;
}
