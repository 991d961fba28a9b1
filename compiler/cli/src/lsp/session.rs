//! What answers are made from: the open documents, and what has been understood of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use lsp_server::ErrorCode;
use lsp_types as lsp;
use nasrec_compiler::editor::Analysis;
use serde_json::Value;

use super::documents::{Documents, name_of};

/// Why a request has no answer.
pub(super) struct Failure {
    pub code: ErrorCode,
    pub message: String,
}

impl Failure {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

pub(super) type Answer = Result<Value, Failure>;

#[derive(Default)]
pub(super) struct Session {
    pub documents: Documents,
    /// By the name of the file; emptied when anything changes.
    analyses: BTreeMap<String, Rc<Analysis>>,
}

impl Session {
    /// The analysis of an open document, made where it is missing.
    pub fn analysis(&mut self, uri: &lsp::Uri) -> Result<Rc<Analysis>, Failure> {
        let name = name_of(uri.as_str());
        let missing = || Failure::new(ErrorCode::InvalidParams, format!("{} is not open", uri.as_str()));
        self.documents.version(&name).ok_or_else(missing)?;
        if let Some(known) = self.analyses.get(&name) {
            return Ok(Rc::clone(known));
        }
        let analysis = Rc::new(Analysis::new(&name, &self.documents));
        self.analyses.insert(name, Rc::clone(&analysis));
        Ok(analysis)
    }

    /// Documents have changed: nothing that was understood is so any more.
    pub fn forget(&mut self) {
        self.analyses.clear();
    }
}
