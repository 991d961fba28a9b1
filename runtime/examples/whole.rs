//! A search that is stopped and gone on with, and its model on its own: `cargo run --release -p nasrec-runtime --example whole`

#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use std::{fs, sync::Arc, thread, time::Duration};

use nasrec_compiler::{ItemKind, Program, loader::Memory};
use nasrec_runtime::data::{Batches, Dataset, Part};
use nasrec_runtime::{Error, Silent, Stop, backend::Tiled, model::Model, run::*, search::search};

const SEARCH: &str = "import \"nasrec_small.nasrec\" { nasrec_small }
schema clicks { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 40) }
search own on nasrec_small(blocks: 2, dim: 8, counts: [4, 6], widths: [8, 16]) with clicks {
  data { synthetic { rows: 20_000 } }; random { samples: 4 }; retrain { top: 1 }
}";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (program, found) = Program::load("own.nasrec", &Memory::new([("own.nasrec", SEARCH)]));
    let item = program.find(ItemKind::Search, "own").ok_or_else(|| format!("{found:?}"))?;
    let job = Job::new(&program.search(&item, &[]).map_err(|found| format!("{found:?}"))?, ".")?;
    let (folder, backend, stop) = (tempfile::tempdir()?, Tiled::new(2)?, Stop::new());
    let [path, elsewhere, cache] = ["run", "elsewhere", "cache"].map(|name| folder.path().join(name));
    let origin = Origin { program: &program, search: "own", settings: &[] };
    let stopped = thread::scope(|scope| {
        scope.spawn(|| (thread::sleep(Duration::from_millis(20)), stop.request()));
        search(&Run::start(&path, job, origin)?, &backend, &Silent, &stop)
    });
    let run = Run::resume(&path, &Silent)?;
    let report = search(&run, &backend, &Silent, &Stop::new())?;
    fs::rename(path.join("best"), &elsewhere)?;
    let (model, data) = (Model::load(&elsewhere)?, &run.job().recipe.data);
    let table = Arc::new(Dataset::prepare(model.schema(), data, ".".as_ref(), &cache, &Silent, &Stop::new())?);
    let batches = Batches::listed(Arc::clone(&table), table.part(Part::Test).clone(), 1000)?;
    let all = || (0..batches.per_epoch()).map(|index| batches.batch(0, index));
    let (clicks, figures) = (model.predict(&backend, all())?, model.evaluate(&backend, all())?.into());
    println!("stopped: {}; {} predictions", matches!(stopped, Err(Error::Stopped)), clicks.len());
    assert_eq!(report.best[0].test, Some(figures), "the run's own figures, to the last bit");
    Ok(())
}
