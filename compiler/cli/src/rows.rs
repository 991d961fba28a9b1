//! Files with rows that are named on the command line.

use std::path::Path;

use anyhow::Result;
use nasrec_runtime::Stop;
use nasrec_runtime::data::{Located, fetch, locate};

use crate::running::Progress;

/// The files that names stand for; what is in object storage is copied first, which is told.
pub(crate) fn files(names: &[String]) -> Result<Vec<Located>> {
    fetch(names, &Progress::new(), &Stop::new())?;
    Ok(locate(Path::new(""), names)?)
}
