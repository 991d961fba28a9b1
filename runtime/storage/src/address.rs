//! Addresses: which storage, and which of its objects.

use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use object_store::{ObjectStore, parse_url_opts};
use url::Url;

use crate::error::{Error, failed};

/// Settings that are for a storage; others of an environment may have names that one would take for its own (`TOKEN`).
const SETTINGS: [&str; 3] = ["aws_", "google_", "azure_"];

const EXPECTED: &str = "s3://bucket/path, gs://bucket/path, az://container/path or https://host/path, of an object, a folder, or a pattern such as part-*.csv";

/// What begins an address: the schemes that are read here.
const SCHEMES: [&str; 10] = ["s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https"];

/// Whether a name is an address that [`fetch`](crate::fetch) reads.
pub fn is_address(name: &str) -> bool {
    name.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()))
}

/// Which objects of a storage.
pub(crate) struct Address {
    pub(crate) store: Box<dyn ObjectStore>,
    /// What is before the names of objects: `s3://bucket/`.
    pub(crate) before: String,
    pub(crate) which: Which,
}

/// What is wanted of a storage.
#[derive(Debug)]
pub(crate) enum Which {
    /// The object of this name; where there is none, and `folder`, those of the folder.
    One { name: Path, folder: bool },
    /// All objects of a folder.
    Folder(Path),
    /// What matches in a folder or below it.
    Matching { folder: Path, pattern: Pattern },
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Error::Address`], and [`Error::Storage`] where settings are missing or make no sense.
    pub(crate) fn parse(text: &str, settings: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let wrong = |what: String| Error::Address { what, expected: EXPECTED };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme".to_owned()))?;
        let scheme = scheme.to_ascii_lowercase();
        let web = scheme == "http" || scheme == "https";
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err(wrong("it names no bucket and no host".to_owned()));
        }
        // Names of objects are taken as they are written; what is in the address of a page is as pages have it.
        let url = if web { text.to_owned() } else { format!("{scheme}://{host}/") };
        let url = Url::parse(&url).map_err(|error| wrong(error.to_string()))?;
        if web && (url.query().is_some() || url.fragment().is_some() || !url.username().is_empty()) {
            return Err(Error::Address {
                what: "it has a query, a fragment or a name in it, as signed addresses have".to_owned(),
                expected: "an address without; read it through a pipe: curl -s ADDRESS | nasrecc …, with `-` in its place",
            });
        }
        let mut options: Vec<(String, String)> = settings
            .into_iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .filter(|(key, _)| SETTINGS.iter().any(|prefix| key.starts_with(prefix)))
            .collect();
        if scheme == "http" {
            options.push(("allow_http".to_owned(), "true".to_owned()));
        }
        let (store, inside) = parse_url_opts(&url, options).map_err(failed)?;
        let which = if web { Which::of_page(inside, path)? } else { Which::of_storage(path)? };
        let before =
            if web { format!("{}/", &url[..url::Position::BeforePath]) } else { format!("{scheme}://{host}/") };
        Ok(Self { store, before, which })
    }
}

impl Which {
    fn of_page(name: Path, path: &str) -> Result<Self, Error> {
        if path.is_empty() || path.ends_with('/') {
            let what = "the pages of a folder cannot be listed".to_owned();
            return Err(Error::Address { what, expected: "the address of one file" });
        }
        Ok(Self::One { name, folder: false })
    }

    fn of_storage(path: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::Address { what, expected: EXPECTED };
        let parse = |path: &str| Path::parse(path).map_err(|error| wrong(error.to_string()));
        if path.contains(['*', '?', '[']) {
            if path.contains("**") {
                return Err(wrong("`**` goes through folders without end".to_owned()));
            }
            let pattern = Pattern::new(path).map_err(|error| wrong(error.msg.to_owned()))?;
            let fixed = path.find(['*', '?', '[']).unwrap_or(0);
            let folder = path[..fixed].rfind('/').map_or("", |end| &path[..end]);
            return Ok(Self::Matching { folder: parse(folder)?, pattern });
        }
        Ok(match path.strip_suffix('/') {
            Some(folder) => Self::Folder(parse(folder)?),
            None if path.is_empty() => Self::Folder(Path::default()),
            None => Self::One { name: parse(path)?, folder: true },
        })
    }

    /// Whether a pattern has a name; as in folders of a disk, what begins with a dot is to be named.
    pub(crate) fn matches(pattern: &Pattern, name: &str) -> bool {
        let options =
            MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..Default::default() };
        pattern.matches_with(name, options)
    }
}
