//! What the compiler says to a person: a stable code, a message in the reader's words, labels that tell the role of the
//! text they underline, and what to do.
//!
//! Lives here: the `Diagnostic` type, its codes, source files and near-miss suggestions. Never: rendering (the command
//! does that), or the rules that are broken.

mod codes;
mod near;
mod sources;

pub use codes::Code;
pub use near::nearest;
pub use sources::{FileId, SourceFile, Sources, Span};

/// Whether a diagnostic stops the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// A text underlined, and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    /// The first label is the place that the finding is about.
    pub labels: Vec<Label>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds help where there is a suggestion, such as one of [`nearest`].
    #[must_use]
    pub fn help_if(mut self, help: Option<String>) -> Self {
        self.help = self.help.or(help);
        self
    }

    /// Orders findings by place, so that output is the same on every run, and tells each once: one mistake in an
    /// operator is found on its own and again at every call.
    pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
        let place = |d: &Diagnostic| d.labels.first().map(|label| label.span);
        diagnostics.sort_by(|a, b| {
            (place(a), a.code, &a.message, a.labels.len()).cmp(&(place(b), b.code, &b.message, b.labels.len()))
        });
        diagnostics.dedup_by(|b, a| (place(a), a.code, &a.message) == (place(b), b.code, &b.message));
    }
}
