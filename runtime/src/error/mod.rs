//! What can go wrong at run time, in words for the person at the terminal, and as values for a caller to match on.
//!
//! Lives here: the error that every room's errors become, and each room's own, in words of the ground floor: what needs a
//! room's types to be told is told there, and kept here as text. Never: how they are shown.

mod data;
mod export;
mod file;
mod foreign;
mod machine;
mod model;
mod program;
mod run;
mod weights;

use std::path::PathBuf;

pub use data::DataError;
pub use export::ExportError;
pub use file::FileError;
pub use foreign::ForeignError;
pub use machine::MachineError;
pub use model::ModelError;
pub use program::ProgramError;
pub use run::RunError;
pub use weights::WeightsError;

/// The result of what can go wrong at run time.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong at run time. Its text says what was found, what was expected and what to do.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot {action} {}: {cause}", path.display())]
    Io { action: &'static str, path: PathBuf, cause: std::io::Error },
    /// A stop was asked for, and what was done so far is on disk.
    #[error("stopped")]
    Stopped,
    /// The message says what was found, what was expected and what to do.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    #[error(transparent)]
    Safetensors(#[from] safetensors::SafeTensorError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl Error {
    /// Attaches what was being done, and to which file, to an I/O error.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |cause| Error::Io { action, path, cause }
    }

    /// Whether its text has several lines, such as a table of figures. What such a text quotes has none; of any other error
    /// a line end is part of what it quotes.
    pub fn has_lines(&self) -> bool {
        matches!(self, Error::Data(DataError::Malformed { .. }) | Error::Run(RunError::Memory { .. }))
    }

    /// What kind of error it is, for scripts and for looking it up: `docs/runtime-errors.md` lists all codes. One that
    /// was given is not given to another kind.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Io { .. } => "R0001",
            Error::Stopped => "R0002",
            Error::Invalid(_) => "R0003",
            Error::Candle(_) => "R0004",
            Error::Safetensors(_) => "R0005",
            Error::Json(_) => "R0006",
            Error::Data(error) => error.code(),
            Error::Run(error) => error.code(),
            Error::Program(error) => error.code(),
            Error::Weights(error) => error.code(),
            Error::Machine(error) => error.code(),
            Error::Foreign(error) => error.code(),
            Error::File(error) => error.code(),
            Error::Model(error) => error.code(),
            Error::Export(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The codes that the sources of a folder give to something.
    fn codes(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                codes(&path, found);
            } else {
                let text = fs::read_to_string(&path).expect("a source file");
                let given = text.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(given.filter(|code| is_code(code)).map(str::to_owned));
            }
        }
    }

    fn is_code(text: &str) -> bool {
        text.strip_prefix('R').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
    }

    #[test]
    fn every_code_is_given_once_and_documented_once() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut given = Vec::new();
        codes(&here.join("src"), &mut given);
        given.sort_unstable();
        assert!(given.len() > 30 && given.windows(2).all(|two| two[0] != two[1]), "{given:?}");
        let page = fs::read_to_string(here.join("../docs/runtime-errors.md")).expect("the page");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        // Those of the server are that crate's.
        let rows: Vec<_> = rows.filter(|(code, _)| is_code(code) && !code.starts_with("R10")).collect();
        assert!(rows.iter().all(|(_, what)| what.len() > 10), "{rows:?}");
        let documented: Vec<String> = rows.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(documented, given, "one row a code, in their order");
    }

    #[test]
    fn a_caller_can_match_on_what_went_wrong() {
        let error = Error::from(RunError::InUse { path: "runs/a".into() });
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("R0204", "another nasrecc works in runs/a: wait until it ends")
        );
        assert!(matches!(error, Error::Run(RunError::InUse { path }) if path == Path::new("runs/a")));
    }
}
