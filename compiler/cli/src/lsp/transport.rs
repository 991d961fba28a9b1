//! Messages over stdin and stdout.
//!
//! lsp-server's own reader ends with the first message that is not JSON; an editor's slip should not end the server, so
//! frames are read here and its types say what a message is.

use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc::{Receiver, channel};

use lsp_server::{ErrorCode, Message, RequestId};
use serde_json::{Value, json};

/// Longest message that is read.
const MAX_BYTES: usize = 256 << 20;
/// Longest line before a message: what is longer is read as several.
const MAX_LINE: u64 = 64 << 10;

/// What arrives.
pub(super) enum Incoming {
    Message(Message),
    /// Something that is no message: what to answer.
    Malformed(Value),
}

/// Reads messages on a thread of its own until the input ends.
pub(super) fn incoming() -> Receiver<Incoming> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(body)) = frame(&mut input) {
            if sender.send(understood(&body)).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The body of the next message; `None` at the end of the input.
pub(super) fn frame(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok(),
            // The empty line ends the header; without a length it is noise between messages.
            None if line.is_empty() => {
                if let Some(length) = length.filter(|&length: &usize| length <= MAX_BYTES) {
                    let mut body = vec![0; length];
                    input.read_exact(&mut body)?;
                    return Ok(Some(body));
                }
            }
            _ => {}
        }
    }
}

pub(super) fn understood(body: &[u8]) -> Incoming {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return Incoming::Malformed(refusal(&Value::Null, ErrorCode::ParseError, &error.to_string())),
    };
    let id = value.get("id").cloned().filter(|id| id.is_string() || id.is_number()).unwrap_or(Value::Null);
    let has_method = value.get("method").is_some_and(Value::is_string);
    // A request with an id that is neither would pass for a notification.
    let odd_id = value.get("id").is_some_and(|id| serde_json::from_value::<RequestId>(id.clone()).is_err());
    let answers = value.get("result").is_some() || value.get("error").is_some();
    if !(has_method || answers) || odd_id {
        return Incoming::Malformed(refusal(&id, ErrorCode::InvalidRequest, "this is not a request"));
    }
    match serde_json::from_value(value) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Malformed(refusal(&id, ErrorCode::InvalidRequest, &error.to_string())),
    }
}

fn refusal(id: &Value, code: ErrorCode, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": message } })
}

#[cfg(not(fuzzing))]
fn out() -> impl Write {
    io::stdout().lock()
}

#[cfg(fuzzing)]
fn out() -> impl Write {
    io::sink()
}

/// Sends a message.
pub(super) fn send(message: &Message) -> io::Result<()> {
    message.write(&mut out())
}

/// Sends what answers something that is no message: lsp-server's types have no answer without an id.
pub(super) fn send_raw(value: &Value) -> io::Result<()> {
    let body = value.to_string();
    let mut out = out();
    write!(out, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_behind_noise() {
        let mut input =
            io::Cursor::new(b"noise\r\n\r\nContent-Length: 2\r\nContent-Type: x\r\n\r\n{}Content-Length: 1\r\n\r\n1");
        assert_eq!(frame(&mut input).expect("readable").as_deref(), Some(&b"{}"[..]));
        assert_eq!(frame(&mut input).expect("readable").as_deref(), Some(&b"1"[..]));
        assert!(frame(&mut input).expect("readable").is_none());
    }

    #[test]
    fn what_is_no_message_gets_an_answer() {
        let answer = |text: &str| match understood(text.as_bytes()) {
            Incoming::Malformed(answer) => Some((answer["id"].clone(), answer["error"]["code"].clone())),
            Incoming::Message(_) => None,
        };
        assert_eq!(answer("{"), Some((Value::Null, json!(-32700))));
        assert_eq!(answer("{\"id\": 3}"), Some((json!(3), json!(-32600))));
        assert_eq!(answer("[1]"), Some((Value::Null, json!(-32600))));
        assert_eq!(answer("{\"id\": 3, \"method\": \"x\"}"), None);
    }
}
