//! Models that ship, trained on some batches of a table, that then predict all of its rows as `nasrecc predict` does.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use nasrec_compiler::Program;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::{Batches, Dataset, Lines, Located, Part, Portion, Unreadable};
use nasrec_runtime::model::{Evidence, Model, Ready, Rows};
use nasrec_runtime::supernet::Store;
use nasrec_runtime::{Silent, Stop};

/// Batches that a model is trained on, and rows of each.
const STEPS: u64 = 1_000;
const BATCH: usize = 512;

/// The space `name` of the file `models/FILE.nasrec`, over the columns of a table, trained on some of its rows.
pub fn trained(backend: &Tiled, file: &str, name: &str, schema: &Schema, table: &Arc<Dataset>) -> Model {
    let text = format!("import \"models/{file}.nasrec\" {{ {name} }}\n");
    let (mut program, found) = Program::load("bench.nasrec", &Memory::new([("bench.nasrec", text.as_str())]));
    assert!(found.is_empty(), "{found:?}");
    let space = program.space(name, &[], schema).expect("it ships");
    let mut rng = Streams::new(1).rng("arch", 0);
    let plan = space.plan(&space.sample(Counts::Uniform, &mut rng)).expect("a plan").standalone();
    let task = Task::training(plan.clone(), &Trainable::all(&plan)).expect("sound");
    let program = backend.compile(task).expect("sound");
    let mut store = Store::standalone(&plan, 1).expect("memory");
    let rows = table.part(Part::Train).clone();
    let batches = Batches::shuffled(Arc::clone(table), rows, BATCH, &Streams::new(1), "train").expect("rows");
    for step in 0..STEPS.min(batches.per_epoch()) {
        let batch = batches.batch(0, step).expect("readable");
        backend.step(&program, &mut store, &batch, Update::adagrad(0.1, 1e-2, None)).expect("it fits");
    }
    let encoder = table.encoder(schema).expect("readable");
    Model::new(name, (schema.clone(), encoder), plan, store, 1, Evidence::default()).expect("they fit")
}

/// Predicts the rows of a file, and writes them to another one.
pub fn predicted(ready: &Ready<Tiled>, from: &Path, to: &Path) -> u64 {
    let located = [Located { name: from.display().to_string(), path: from.to_owned() }];
    let rows = Rows { located: &located, keep: &[], stored: false, unreadable: Unreadable::Refused };
    let mut file = File::create(to).expect("a file");
    let lines = Lines { separator: b',' };
    let make = |portion: &mut Portion, probabilities: Vec<f32>| lines.of(portion, &probabilities);
    let done = ready.predict_as(rows, &Silent, &Stop::new(), make, |text| {
        file.write_all(&text).expect("room on the disk");
        Ok(())
    });
    done.expect("sound rows").lines
}
