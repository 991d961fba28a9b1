//! Spaces that read sections of a schema: what they learn from, what they compute beside others in a supernet, and what a model of
//! them predicts.

use std::fs;
use std::path::Path;
use std::process::Command;

use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::{ParamDef, Store};

use crate::support;

const FILE: &str = "import \"std/ctr.nasrec\" { fc }

schema visits {
  format csv
  label click
  dense hour
  user { sparse user: int | vocabulary(rows: 50); dense age | standardise }
  item { sparse item: int | vocabulary(rows: 50) }
}

space of_users {
  input numbers: dense from user
  input user: categorical from user
  logit = linear(fc(concat(numbers, flatten(embed(user, 8))), 16), 1)
}

space towers(widths = [8, 16]) {
  input hour: dense from hour
  input all: dense
  input user: categorical from user
  input item: categorical from item, user
  width w in widths
  width v in [2, 4, 6]
  let u = fc(concat(hour, flatten(embed(user, 4))), w)
  let each = linear_each(rows(fc(concat(all, flatten(embed(item, 4))), w), 4, w / 4), v)
  logit = linear(concat(u, flatten(each)), 1)
}

train alone on of_users with visits {
  data { files: \"t.csv\"; split: 8:1:1 }
  retrain { epochs: 3; batch: 128; optimiser: adam(lr: 1e-2) }
}

search both on towers with visits {
  data { files: \"t.csv\"; split: 8:1:1 }
  train { epochs: 1; batch: 128; optimiser: adam(lr: 1e-2) }
  random { samples: 6 }
  retrain { top: 1; epochs: 1; batch: 128; optimiser: adam(lr: 1e-2) }
  baseline of_users
}
";

/// Clicks that the user decides. `shift`: what is added to everything else.
fn table(rows: usize, shift: usize) -> String {
    let mut text = "click,item,hour,user,age\n".to_owned();
    for row in 0..rows {
        let mixed = row.wrapping_mul(2_654_435_761) >> 7;
        let (user, click) = (mixed % 40, usize::from(mixed % 40 < 13));
        text += &format!("{click},{},{},{user},{}\n", (mixed / 64 + shift) % 45, (row + shift) % 24, 20 + user);
    }
    text
}

fn well(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_model_of_a_section_sees_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("s.nasrec"), FILE).expect("written");
    fs::write(at.join("t.csv"), table(4_000, 0)).expect("written");
    fs::write(at.join("other.csv"), table(4_000, 7)).expect("written");
    well(at, &["train", "s.nasrec", "--out", "run"]);
    let said = well(at, &["predict", "run", "--data", "t.csv"]);
    assert_eq!(said, well(at, &["predict", "run", "--data", "other.csv"]));
    let figures = well(at, &["evaluate", "run", "--data", "other.csv", "--format", "json"]);
    let figures: serde_json::Value = serde_json::from_str(&figures).expect("JSON");
    assert!(figures["auc"].as_f64().expect("defined") > 0.999, "{figures}");
}

#[test]
fn a_search_over_sections_ends_with_a_model_that_predicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("s.nasrec"), FILE).expect("written");
    fs::write(at.join("t.csv"), table(3_000, 0)).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    let said = well(at, &["predict", "run", "--data", "t.csv"]);
    assert_eq!(said.lines().count(), 3_001);
    assert_ne!(said, well(at, &["predict", "run/best", "--data", "t.csv", "--keep", "user"]));
}

#[test]
fn a_subnet_computes_what_it_computes_alone() {
    let program = support::load(FILE);
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("sound");
    let space = Space::bind(&search.space, &search.schema).expect("it binds");
    let backend = Tiled::new(2).expect("threads");
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
    let rows = 70;
    let value = |at: usize, of: usize| (at.wrapping_mul(40_503) >> 5) % of;
    let batch = Batch {
        rows,
        numeric: (0..2 * rows).map(|at| value(at, 100) as f32 / 50.0 - 1.0).collect(),
        ids: (0..2 * rows).map(|at| value(at + 7, 50) as u32).collect(),
        labels: (0..rows).map(|at| (value(at + 3, 3) / 2) as f32).collect(),
        ..Batch::default()
    };
    let mut plans = Vec::new();
    for index in 0..12 {
        let plan = space.plan(&space.sample(Counts::Uniform, &mut Streams::new(9).rng("a", index))).expect("a plan");
        let task = Task::training(plan.clone(), &Trainable::all(&plan)).expect("executable");
        let program = backend.compile(task).expect("executable");
        backend.step(&program, &mut store, &batch, Update::adagrad(0.05, 1e-2, Some(5.0))).expect("a step");
        plans.push(plan);
    }
    for plan in plans {
        let logits = |store: &Store, plan| {
            let program = backend.compile(Task::evaluating(plan).expect("executable")).expect("executable");
            let weights = backend.copies(&program, store).expect("its own store");
            backend.logits(&program, &weights, store, &batch).expect("it fits").remove(0)
        };
        let alone = store.extract(&plan).expect("of this store");
        assert_eq!(logits(&store, plan.clone()), logits(&alone, plan.standalone()));
    }
}
