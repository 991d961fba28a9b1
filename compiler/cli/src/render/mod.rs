//! Findings shown: for people on stderr, for machines on stdout. One file a format.

mod github;
mod human;
mod json;
mod sarif;
mod short;

use std::io::IsTerminal;

use anyhow::Result;
use clap::ValueEnum;
use nasrec_compiler::diagnostics::{Diagnostic, Severity, Sources};

use crate::output::{self, Text, print, say};

/// How findings are shown.
#[derive(Clone, Copy, Default, clap::Args)]
pub(crate) struct Options {
    /// How findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    message_format: Format,
    /// Whether findings are coloured
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the source around each, for people
    #[default]
    Human,
    /// One line each
    Short,
    /// One JSON object a line, on stdout
    Json,
    /// One SARIF 2.1.0 document, on stdout
    Sarif,
    /// Workflow commands of GitHub Actions, on stdout
    Github,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set; elsewhere if CLICOLOR_FORCE is
    #[default]
    Auto,
    Always,
    Never,
}

/// The findings of one run.
pub(crate) struct Report {
    options: Options,
    sarif: sarif::Document,
    /// The first code that was shown to a person.
    example: Option<&'static str>,
}

/// Shows the findings of a run that has no options for it.
pub(crate) fn show(diagnostics: &[Diagnostic], sources: &Sources) -> Result<()> {
    let mut report = Report::new(Options::default());
    report.add(diagnostics, sources)?;
    report.finish()
}

impl Report {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, sarif: sarif::Document::default(), example: None }
    }

    /// Shows the findings of one file and its imports.
    pub(crate) fn add(&mut self, diagnostics: &[Diagnostic], sources: &Sources) -> Result<()> {
        // Why a file cannot be read are words of the system.
        let worded = |one: &Diagnostic| Diagnostic { message: output::worded(&one.message), ..one.clone() };
        let diagnostics: &[Diagnostic] = &diagnostics.iter().map(worded).collect::<Vec<_>>();
        match self.options.message_format {
            Format::Human => {
                let style = human::Style { colour: self.options.color.wanted(), width: width() };
                output::show(&human::rendered(diagnostics, sources, style));
                let first = diagnostics.first().map(|diagnostic| diagnostic.code.as_str());
                self.example = self.example.or(first);
            }
            Format::Short => output::show(&short::rendered(diagnostics, sources)),
            Format::Json => print(Text::Json(json::rendered(diagnostics, sources)))?,
            Format::Github => print(Text::People(github::rendered(diagnostics, sources)))?,
            Format::Sarif => self.sarif.add(diagnostics, sources),
        }
        Ok(())
    }

    /// Ends the run: what is said once.
    pub(crate) fn finish(self) -> Result<()> {
        if self.options.message_format == Format::Sarif {
            print(Text::Json(self.sarif.rendered()))?;
        }
        // A hint for people; logs do without.
        if let Some(code) = self.example
            && std::io::stderr().is_terminal()
        {
            say!("`nasrecc explain {code}` tells more");
        }
        Ok(())
    }
}

impl Color {
    fn wanted(self) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            Color::Auto => set("CLICOLOR_FORCE") || std::io::stderr().is_terminal(),
        }
    }
}

/// Columns of the terminal, within reason; where there is none, always the same.
fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stderr());
    terminal.map_or(110, |(terminal_size::Width(columns), _)| usize::from(columns).clamp(60, 160))
}

/// The word for a severity.
fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
