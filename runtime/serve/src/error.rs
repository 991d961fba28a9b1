//! What keeps a server from serving.

use std::io;

/// The result of what can keep a server from serving.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can keep a server from serving. Its text says what was found, what was expected and what to do.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot listen on {host}, port {port}: {cause}")]
    Listen { host: String, port: u16, cause: io::Error },
    #[error(
        "two models would be called `{name}`, {first} and {second}: give one a name of its own, as in other={second}"
    )]
    Twice { name: String, first: String, second: String },
    #[error(
        "{path} makes no name that an address could have: give it one of letters, digits and . _ -, as in day={path}"
    )]
    Nameless { path: String },
    #[error("a thread to serve with cannot be started: {0}")]
    Thread(io::Error),
    #[error(transparent)]
    Runtime(#[from] nasrec_runtime::Error),
}

impl Error {
    /// The code of what is wrong, such as `R1001`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "R1001",
            Error::Twice { .. } => "R1002",
            Error::Nameless { .. } => "R1003",
            Error::Thread(_) => "R1004",
            Error::Runtime(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_given_once_and_documented_once() {
        let codes = |text: &str, before: &str, after: &str| -> Vec<String> {
            let found = text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(code, _)| code);
            found.map(|code| format!("R10{code}")).collect()
        };
        let given = codes(include_str!("error.rs").split("#[cfg(test)]").next().unwrap_or_default(), "=> \"R10", "\"");
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runtime-errors.md"));
        let documented = codes(&page.expect("the page"), "\n| R10", " |");
        assert!(given.len() == 4 && given == documented, "{given:?} {documented:?}");
    }
}
