//! What was written, compiled and run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{CODE, WEIGHTS};
use crate::error::ExportError;
use crate::export::Verified;
use crate::export::example::{EXPECTED, ROWS};
use crate::{Error, Result, files};

/// As the page says.
const FLAGS: [&str; 6] = ["-O2", "-Wall", "-Wextra", "-pedantic", "-Werror", "-DNASREC_MAIN"];

pub(super) fn verify(folder: &Path) -> Result<Verified> {
    let compiler = std::env::var("CC").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "cc".to_owned());
    let program = folder.join(format!("verify-{}{}", std::process::id(), files::UNFINISHED));
    let verified = compiled(&compiler, folder, &program).and_then(|()| ran(folder, &program));
    files::remove(&program)?;
    let by = format!("{compiler} {}", FLAGS.join(" "));
    verified.map(|rows| Verified { by, rows, within: None })
}

fn compiled(compiler: &str, folder: &Path, program: &Path) -> Result<()> {
    let command = Command::new(compiler).args(FLAGS).arg("-o").arg(program).arg(folder.join(CODE)).arg("-lm").output();
    let output = command.map_err(|cause| ExportError::NoTool { tool: compiler.to_owned(), cause })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let what = format!("{compiler} refuses it: {}", said.lines().next().unwrap_or("without a word"));
    Err(ExportError::Differs { path: folder.join(CODE), what }.into())
}

fn ran(folder: &Path, program: &Path) -> Result<usize> {
    let rows = folder.join(ROWS);
    let input = fs::File::open(&rows).map_err(Error::io("read", &rows))?;
    let program = program.canonicalize().map_err(Error::io("find", program))?;
    let command = Command::new(&program).arg(folder.join(WEIGHTS)).stdin(input).stderr(Stdio::piped()).output();
    let output = command.map_err(Error::io("run", &program))?;
    let differs = |what: String| Error::from(ExportError::Differs { path: folder.join(CODE), what });
    if !output.status.success() {
        return Err(differs(format!("it ends with: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    let path = folder.join(EXPECTED);
    let expected = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let (said, expected): (Vec<&str>, Vec<&str>) = (said.lines().collect(), expected.lines().collect());
    if said.len() != expected.len() {
        return Err(differs(format!("it says {} probabilities, expected {}", said.len(), expected.len())));
    }
    match said.iter().zip(&expected).enumerate().find(|(_, (said, expected))| said != expected) {
        Some((row, (said, expected))) => Err(differs(format!("row {} is {said}, expected {expected}", row + 1))),
        None => Ok(expected.len()),
    }
}
