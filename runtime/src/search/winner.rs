//! The winner as a source file that needs no other.

use nasrec_compiler::Architecture;
use nasrec_compiler::bundle::Bundle;
use nasrec_compiler::format::ArchSource;

use super::report::Report;
use crate::Result;
use crate::run::{self, Run};

/// The source of an architecture with its space, its schema and whatever these need; in words why there is none.
pub(super) fn source(run: &Run, report: &Report, architecture: &Architecture) -> Result<Result<String, String>> {
    let (job, program) = (run.job(), run.program()?);
    let search = run::named(&program, run.name());
    let Some((space, schema)) = search.and_then(|search| program.searched_items(&search)) else {
        return Ok(Err("its space or its schema is not in its sources".to_owned()));
    };
    let bundle = match Bundle::of(&program, &[space, schema]) {
        Ok(bundle) => bundle,
        Err(why) => return Ok(Err(format!("{why:?}"))),
    };
    let test = report.winner().and_then(|row| row.test);
    let how = if job.model.is_some() { "Trained by" } else { "Found by search" };
    let mut docs = vec![format!("{how} `{}`, seed {}.", run.name(), job.recipe.seed)];
    docs.extend(test.and_then(|figures| {
        let loss = figures.log_loss?;
        let auc = figures.auc.map_or_else(String::new, |auc| format!(" and AUC {auc:.5}"));
        Some(format!("Log loss {loss:.5}{auc} on the test part."))
    }));
    let source = ArchSource {
        name: "best",
        docs,
        imports: Vec::new(),
        items: String::new(),
        space: &bundle.roots()[0],
        arguments: &job.space.arguments,
        schema: Some(&bundle.roots()[1]),
    };
    Ok(bundle.with_arch(source, architecture).map_err(|found| format!("{found:?}")))
}
