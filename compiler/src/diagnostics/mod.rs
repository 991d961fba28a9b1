//! What the compiler says to a person: a stable code, a message in the reader's words, labels that tell the role of the
//! text they underline, and what to do.
//!
//! Lives here: the `Diagnostic` type, its codes with their pages, source files, near-miss suggestions and fixes. Never: rendering (the command
//! does that), or the rules that are broken.

mod codes;
mod fix;
mod near;
mod sources;

pub use codes::Code;
pub use fix::{Fix, apply};
pub use near::nearest;
pub use sources::{FileId, Place, SourceFile, Sources, Span};

/// Whether a diagnostic stops the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It has no meaning: nothing can be made of the item that it is in.
    Error,
    /// What is written has a meaning, though hardly the one that was meant; see the `W07` codes.
    Warning,
}

/// A text underlined, and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What is underlined; empty where something is missing.
    pub span: Span,
    /// The role of that text in the finding, such as `first here`.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of mistake it is, for machines and for `nasrecc explain`.
    pub code: Code,
    /// Whether it stops the compiler.
    pub severity: Severity,
    /// What is wrong, on one line, without place, code or full stop.
    pub message: String,
    /// The first label is the place that the finding is about.
    pub labels: Vec<Label>,
    /// What to do, or what is known besides, where there is more to say.
    pub help: Option<String>,
    /// What would put it right, where that needs no thought.
    pub fix: Option<Box<Fix>>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None, fix: None }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds help where there is a suggestion, such as one of [`nearest`].
    #[must_use]
    pub(crate) fn help_if(mut self, help: Option<String>) -> Self {
        self.help = self.help.or(help);
        self
    }

    /// Adds a fix where there is none yet, and its title as help where nothing else is said.
    #[must_use]
    pub(crate) fn fix_if(mut self, fix: Option<Fix>) -> Self {
        if let (None, Some(fix)) = (&self.fix, fix) {
            self.help.get_or_insert_with(|| fix.title.clone());
            self.fix = Some(Box::new(fix));
        }
        self
    }

    /// Suggests the name `near`, as help and as a fix, for `written`, whose last part is the text at `span`.
    #[must_use]
    pub(crate) fn did_you_mean(mut self, span: Span, written: &str, near: Option<&str>) -> Self {
        let Some(near) = near else { return self };
        self.help = self.help.or_else(|| Some(format!("did you mean `{near}`?")));
        let outer = written.len().checked_sub(span.len()).and_then(|len| written.get(..len));
        let part = outer.and_then(|outer| near.strip_prefix(outer));
        self.fix_if(part.map(|part| Fix::replace(span, part)))
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
