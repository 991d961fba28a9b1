//! An editor without a screen: starts the server, speaks to it, and keeps what it says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    folder: tempfile::TempDir,
    next: i64,
    versions: HashMap<String, i64>,
    /// Findings that came while something else was awaited.
    early: Vec<Value>,
}

pub fn position(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

fn place(text: &str, byte: usize) -> Value {
    let line = text[..byte].matches('\n').count();
    let start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": line, "character": text[start..byte].encode_utf16().count() })
}

/// Where a part of a text starts.
pub fn at(text: &str, part: &str) -> Value {
    place(text, text.find(part).unwrap_or_else(|| panic!("no `{part}` in {text}")))
}

/// Where a part of a text ends.
pub fn after(text: &str, part: &str) -> Value {
    place(text, text.find(part).unwrap_or_else(|| panic!("no `{part}` in {text}")) + part.len())
}

impl Client {
    /// A server that has been greeted, with a folder of its own.
    pub fn start() -> Self {
        let mut client = Self::silent();
        let root = client.uri("");
        let params = json!({ "processId": null, "rootUri": root, "capabilities": {} });
        let greeting = client.request("initialize", params);
        assert_eq!(greeting["capabilities"]["positionEncoding"], "utf-16");
        client.notify("initialized", json!({}));
        client
    }

    /// A server that nobody has spoken to.
    pub fn silent() -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nasrecc starts");
        let output = server.stdout.take().expect("a pipe");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = server.stdin.take();
        let folder = tempfile::tempdir().expect("a folder");
        Self { server, input, messages, folder, next: 0, versions: HashMap::new(), early: Vec::new() }
    }

    /// The URI of a file in the folder.
    pub fn uri(&self, name: &str) -> String {
        let folder = self.folder.path().canonicalize().expect("it is there");
        let path = if name.is_empty() { folder } else { folder.join(name) };
        let mut out = "file://".to_owned();
        for byte in path.to_str().expect("a plain path").bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).expect("a folder");
        std::fs::write(path, text).expect("it can be written");
    }

    pub fn raw(&mut self, body: &str) {
        let input = self.input.as_mut().expect("the server listens");
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("it is read");
        input.flush().expect("it is read");
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.raw(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    fn next(&self) -> Value {
        self.messages.recv_timeout(PATIENCE).expect("the server answers")
    }

    fn response(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.raw(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
            self.early.push(message);
        }
    }

    /// The result of a request.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let response = self.response(method, params);
        assert!(response["error"].is_null(), "{method}: {response}");
        response["result"].clone()
    }

    /// The error of a request.
    pub fn error(&mut self, method: &str, params: Value) -> Value {
        let response = self.response(method, params);
        assert!(response["error"].is_object(), "{method}: {response}");
        response["error"].clone()
    }

    /// The next error that answers no request in particular.
    pub fn anonymous_error(&mut self) -> Value {
        loop {
            let message = self.next();
            if message["id"].is_null() && message["error"].is_object() {
                return message["error"].clone();
            }
            self.early.push(message);
        }
    }

    pub fn ask(&mut self, method: &str, uri: &str, position: Value) -> Value {
        self.ask_with(method, uri, position, json!({}))
    }

    pub fn ask_with(&mut self, method: &str, uri: &str, position: Value, more: Value) -> Value {
        let mut params = json!({ "textDocument": { "uri": uri }, "position": position });
        for (key, value) in more.as_object().expect("an object") {
            params[key] = value.clone();
        }
        self.request(method, params)
    }

    /// What is said of a request that is refused.
    pub fn fails(&mut self, method: &str, uri: &str, position: Value, more: Value) -> String {
        let mut params = json!({ "textDocument": { "uri": uri }, "position": position });
        for (key, value) in more.as_object().expect("an object") {
            params[key] = value.clone();
        }
        self.error(method, params)["message"].as_str().expect("a text").to_owned()
    }

    /// Opens a file of the folder with a text that is not saved.
    pub fn open(&mut self, name: &str, text: &str) -> String {
        let uri = self.uri(name);
        self.open_uri(&uri, text);
        uri
    }

    pub fn open_uri(&mut self, uri: &str, text: &str) {
        self.versions.insert(uri.to_owned(), 1);
        let document = json!({ "uri": uri, "languageId": "nasrec", "version": 1, "text": text });
        self.early.clear();
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub fn change(&mut self, uri: &str, text: &str) {
        let version = self.versions.get_mut(uri).expect("it is open");
        *version += 1;
        let document = json!({ "uri": uri, "version": *version });
        let params = json!({ "textDocument": document, "contentChanges": [{ "text": text }] });
        self.early.clear();
        self.notify("textDocument/didChange", params);
    }

    pub fn close(&mut self, uri: &str) {
        self.versions.remove(uri);
        self.early.clear();
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }

    /// What is next published of a file, for its present version.
    pub fn published(&mut self, uri: &str) -> Value {
        let mut early = std::mem::take(&mut self.early).into_iter();
        loop {
            let message = early.next().unwrap_or_else(|| self.next());
            let params = &message["params"];
            let published = message["method"] == "textDocument/publishDiagnostics" && params["uri"] == uri;
            let present = self.versions.get(uri).is_none_or(|&version| params["version"].as_i64() >= Some(version));
            if published && present {
                return params.clone();
            }
        }
    }

    pub fn findings(&mut self, uri: &str) -> Vec<Value> {
        self.published(uri)["diagnostics"].as_array().expect("a list").clone()
    }

    /// A text of the folder with an edit made.
    pub fn applied(&self, edit: &Value, name: &str, text: &str) -> String {
        let edits = edit["changes"][self.uri(name)].as_array().unwrap_or_else(|| panic!("no {name} in {edit}"));
        let byte = |position: &Value| {
            let line = position["line"].as_u64().expect("a line") as usize;
            let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
            let units = position["character"].as_u64().expect("a column") as usize;
            let mut seen = 0;
            let inside = text[start..].chars().take_while(|c| {
                let before = seen < units;
                seen += c.len_utf16();
                before
            });
            start + inside.map(char::len_utf8).sum::<usize>()
        };
        let mut spans: Vec<(usize, usize, &str)> = edits
            .iter()
            .map(|edit| {
                let range = &edit["range"];
                (byte(&range["start"]), byte(&range["end"]), edit["newText"].as_str().expect("a text"))
            })
            .collect();
        spans.sort_unstable();
        let mut out = text.to_owned();
        for (start, end, new) in spans.into_iter().rev() {
            out.replace_range(start..end, new);
        }
        out
    }

    pub fn end_of(&self, text: &str) -> Value {
        place(text, text.len())
    }

    /// Ends the session as an editor does.
    pub fn stop(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        assert_eq!(self.status(), 0);
    }

    /// Closes the pipe without a word.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// How the server ended.
    pub fn status(&mut self) -> i32 {
        self.server.wait().expect("it ends").code().expect("it was not killed")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ended = self.server.kill();
        let _status = self.server.wait();
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().ok()?;
        } else if line.is_empty() {
            let mut body = vec![0; length];
            output.read_exact(&mut body).ok()?;
            return Some(serde_json::from_slice(&body).expect("stdout carries messages only"));
        }
    }
}
