//! The loop: messages in, answers out, and findings once the editor pauses.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::Result;
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use lsp_types as lsp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers;
use super::findings::{self, Shown};
use super::places::path_of;
use super::session::{Answer, Failure, Session};
use super::transport::{self, Incoming, incoming};
use crate::commands::Outcome;
use crate::output::unwritable;

/// How long the editor must be silent before changes are checked: a burst of them is checked once.
const PAUSE: Duration = Duration::from_millis(30);

/// Where a session stands.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    New,
    Running,
    ShutDown,
}

struct Server {
    session: Session,
    /// Findings that the editor shows, by the URI of the file.
    published: BTreeMap<String, Vec<Value>>,
    stage: Stage,
    /// Something changed since the findings were sent.
    stale: bool,
}

/// Serves until the editor leaves; these folders may be imported from besides those that it names.
pub(super) fn serve(allowed: Vec<PathBuf>) -> Result<Outcome> {
    let mut server =
        Server { session: Session::default(), published: BTreeMap::new(), stage: Stage::New, stale: false };
    server.session.documents.allowed = allowed;
    let messages = incoming();
    loop {
        let message = if server.stale {
            match messages.recv_timeout(PAUSE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    server.publish()?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        } else {
            match messages.recv() {
                Ok(message) => message,
                Err(_) => break,
            }
        };
        if !server.takes(message)? {
            break;
        }
    }
    // The protocol wants status 1 of a session that ends without a `shutdown`.
    Ok(if server.stage == Stage::ShutDown { Outcome::Clean } else { Outcome::Findings })
}

/// A session that is all there already, its answers heard by nobody.
#[cfg(fuzzing)]
pub(crate) fn hear(mut input: &[u8]) {
    let mut server =
        Server { session: Session::default(), published: BTreeMap::new(), stage: Stage::New, stale: false };
    while let Ok(Some(body)) = transport::frame(&mut input) {
        if !server.takes(transport::understood(&body)).expect("nobody listens") {
            break;
        }
        if server.stale {
            server.publish().expect("nobody listens");
        }
    }
}

impl Server {
    /// Answers a message; whether the session goes on.
    fn takes(&mut self, message: Incoming) -> Result<bool> {
        match message {
            Incoming::Malformed(answer) => transport::send_raw(&answer).map_err(unwritable)?,
            Incoming::Message(Message::Request(request)) => self.request(request)?,
            Incoming::Message(Message::Notification(notification)) if notification.method == "exit" => {
                return Ok(false);
            }
            Incoming::Message(Message::Notification(notification)) => self.notification(notification),
            // Nothing was asked of the editor.
            Incoming::Message(Message::Response(_)) => {}
        }
        Ok(true)
    }

    fn request(&mut self, request: Request) -> Result<()> {
        let Request { id, method, params } = request;
        // A mistake of the compiler costs one answer, not the session.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&method, params))).unwrap_or_else(|panic| {
            self.session.forget();
            Err(Failure::new(ErrorCode::InternalError, panic_words(panic.as_ref())))
        });
        let response = match answer {
            Ok(value) => Response::new_ok(id, value),
            Err(failure) => Response::new_err(id, failure.code as i32, failure.message),
        };
        transport::send(&Message::Response(response)).map_err(unwritable)
    }

    fn answer(&mut self, method: &str, params: Value) -> Answer {
        match (self.stage, method) {
            (Stage::New, "initialize") => return self.initialize(params),
            (Stage::New, _) => {
                return Err(Failure::new(ErrorCode::ServerNotInitialized, "`initialize` comes first"));
            }
            (Stage::ShutDown, _) => {
                return Err(Failure::new(ErrorCode::InvalidRequest, "the server was told to shut down"));
            }
            (Stage::Running, "initialize") => {
                return Err(Failure::new(ErrorCode::InvalidRequest, "`initialize` comes once"));
            }
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                return Ok(Value::Null);
            }
            (Stage::Running, _) => {}
        }
        match method {
            "textDocument/hover" => answers::hover(&mut self.session, read(params)?),
            "textDocument/definition" => answers::definition(&mut self.session, read(params)?),
            "textDocument/references" => answers::references(&mut self.session, read(params)?),
            "textDocument/prepareRename" => answers::prepare_rename(&mut self.session, read(params)?),
            "textDocument/rename" => answers::rename(&mut self.session, read(params)?),
            "textDocument/completion" => answers::completion(&mut self.session, read(params)?),
            "textDocument/documentSymbol" => answers::symbols(&mut self.session, read(params)?),
            "textDocument/formatting" => answers::formatting(&mut self.session, read(params)?),
            "textDocument/codeAction" => answers::code_actions(&mut self.session, read(params)?),
            "textDocument/inlayHint" => answers::hints(&mut self.session, read(params)?),
            _ => Err(Failure::new(ErrorCode::MethodNotFound, format!("`{method}` is not served"))),
        }
    }

    fn initialize(&mut self, params: Value) -> Answer {
        let folders = params["workspaceFolders"].as_array().into_iter().flatten().filter_map(|f| f["uri"].as_str());
        let mut roots: Vec<&str> = folders.collect();
        if roots.is_empty() {
            roots.extend(params["rootUri"].as_str());
        }
        self.session.documents.roots = roots.into_iter().filter_map(path_of).collect();
        let more = params["initializationOptions"]["allowImport"].as_array().into_iter().flatten();
        self.session.documents.allowed.extend(more.filter_map(Value::as_str).map(PathBuf::from));
        self.stage = Stage::Running;
        Ok(json!({
            "serverInfo": { "name": "nasrecc", "version": env!("CARGO_PKG_VERSION") },
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": { "openClose": true, "change": 2, "save": true },
                "hoverProvider": true,
                "definitionProvider": true,
                "referencesProvider": true,
                "renameProvider": { "prepareProvider": true },
                "completionProvider": { "triggerCharacters": [".", ":", "\"", "("] },
                "documentSymbolProvider": true,
                "documentFormattingProvider": true,
                "codeActionProvider": { "codeActionKinds": ["quickfix"] },
                "inlayHintProvider": true,
                "workspace": { "workspaceFolders": { "supported": true, "changeNotifications": true } },
            },
        }))
    }

    /// Notifications get no answer, so one that is not understood changes nothing.
    fn notification(&mut self, notification: Notification) {
        if self.stage != Stage::Running {
            return;
        }
        let params = notification.params;
        let changed = match notification.method.as_str() {
            "textDocument/didOpen" => read::<lsp::DidOpenTextDocumentParams>(params).is_ok_and(|opened| {
                let document = opened.text_document;
                self.session.documents.open(document.uri.as_str(), document.version, document.text);
                true
            }),
            "textDocument/didChange" => read::<lsp::DidChangeTextDocumentParams>(params).is_ok_and(|changed| {
                let document = changed.text_document;
                self.session.documents.change(document.uri.as_str(), document.version, changed.content_changes)
            }),
            "textDocument/didClose" => read::<lsp::DidCloseTextDocumentParams>(params).is_ok_and(|closed| {
                self.session.documents.close(closed.text_document.uri.as_str());
                true
            }),
            // Files that are imported may have changed on disk.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => true,
            "workspace/didChangeWorkspaceFolders" => {
                let uris = |key: &str| -> Vec<_> {
                    let folders = params["event"][key].as_array().into_iter().flatten();
                    folders.filter_map(|folder| path_of(folder["uri"].as_str()?)).collect()
                };
                let removed = uris("removed");
                self.session.documents.roots.retain(|root| !removed.contains(root));
                self.session.documents.roots.extend(uris("added"));
                // What may be imported has changed.
                true
            }
            _ => false,
        };
        if changed {
            self.stale = true;
            self.session.forget();
        }
    }

    /// Sends what has changed of the findings.
    fn publish(&mut self) -> Result<()> {
        self.stale = false;
        let open: Vec<lsp::Uri> =
            self.session.documents.all().filter_map(|(_, document)| document.uri.parse().ok()).collect();
        let mut shown = Shown::new();
        for uri in open {
            let analysis = catch_unwind(AssertUnwindSafe(|| self.session.analysis(&uri)));
            if let Ok(Ok(analysis)) = analysis {
                findings::shown(&analysis, &self.session.documents, &mut shown);
            }
        }
        let mut now: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut versions: BTreeMap<String, i32> = BTreeMap::new();
        for (_, document) in self.session.documents.all() {
            versions.insert(document.uri.clone(), document.version);
            now.insert(document.uri.clone(), Vec::new());
        }
        for (name, list) in shown {
            if let Some(uri) = self.session.documents.uri(&name) {
                now.insert(uri, list);
            }
        }
        for uri in self.published.keys().filter(|uri| !now.contains_key(*uri)) {
            send_findings(uri, None, &[])?;
        }
        for (uri, list) in &now {
            // An open document always hears, so that an editor knows that it has been checked.
            let version = versions.get(uri).copied();
            if version.is_some() || self.published.get(uri) != Some(list) {
                send_findings(uri, version, list)?;
            }
        }
        self.published = now;
        Ok(())
    }
}

fn send_findings(uri: &str, version: Option<i32>, list: &[Value]) -> Result<()> {
    let params = match version {
        Some(version) => json!({ "uri": uri, "version": version, "diagnostics": list }),
        None => json!({ "uri": uri, "diagnostics": list }),
    };
    let method = "textDocument/publishDiagnostics".to_owned();
    transport::send(&Message::Notification(Notification { method, params })).map_err(unwritable)
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|error| Failure::new(ErrorCode::InvalidParams, error.to_string()))
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("this is a mistake of nasrecc: {}", words.unwrap_or("it panicked"))
}
