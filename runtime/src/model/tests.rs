//! Models written and read back, and what is refused in their place.

use std::fs;
use std::path::{Path, PathBuf};

use nasrec_compiler::loader::Memory;
use nasrec_compiler::plan::ParamKind;
use nasrec_compiler::primitives::{Axis, BatchNorm, Concat, Flatten, Primitive, Relu};
use nasrec_compiler::schema::{DenseColumn, Schema, SparseColumn, Table, Type};
use nasrec_compiler::{Architecture, Program, Space};

use super::*;
use crate::backend::tests::sketch::{self, Sketch};
use crate::backend::{Candle, Tiled, Trainable, Update};
use crate::files;

/// The columns that a plan reads.
fn schema(plan: &Plan) -> Schema {
    let rows = |param: &nasrec_compiler::plan::Param| match param.kind {
        ParamKind::Table { field } => Some((field, param.full[0])),
        ParamKind::Dense | ParamKind::Statistic => None,
    };
    let mut fields: Vec<(usize, usize)> = plan.params.iter().filter_map(rows).collect();
    fields.sort_unstable();
    fields.dedup();
    let field =
        |&(field, rows): &(usize, usize)| SparseColumn::new(format!("C{field}"), Type::Int, Table::Modulo, rows);
    Schema::tsv("t", "click", vec![DenseColumn::new("I", Vec::new())], fields.iter().map(field).collect())
}

/// A trained model, the batch that it was trained on, and its predictions of it.
fn trained(seed: u64) -> (Model, Batch, Vec<f32>) {
    let backend = Tiled::new(2).expect("threads");
    let plan = Sketch::random(seed, false, 9).standalone();
    let schema = schema(&plan);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).expect("sound")).expect("sound");
    let mut store = Store::standalone(&plan, 77).expect("memory");
    let batch = sketch::batch(&plan, 9, 1);
    for _ in 0..3 {
        backend.step(&program, &mut store, &batch, Update::adagrad(0.1, 1e-2, None)).expect("a step");
    }
    let evidence = Evidence { search: Some("s".to_owned()), ..Evidence::default() };
    let model = Model::new("m", (schema, None), plan, store, 77, evidence).expect("they fit");
    let predicted = model.predict(&backend, [Ok(batch.clone())]).expect("predictions");
    (model, batch, predicted)
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_model_that_was_moved_predicts_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(1).expect("threads");
    for seed in 0..6 {
        let (model, batch, predicted) = trained(seed);
        let (saved, moved) = (folder.path().join("saved"), folder.path().join(format!("moved-{seed}")));
        let checksum = model.save(&saved).expect("saved");
        assert_eq!(model.save(&saved).expect("saved again"), checksum, "the same model, the same bytes");
        fs::rename(&saved, &moved).expect("moved");
        assert_eq!(files_of(&moved).len(), 2);
        Model::verify(&moved, &checksum).expect("what was saved");
        let loaded = Model::load(&moved).expect("loaded");
        assert_eq!((loaded.name.as_str(), &loaded.evidence, loaded.plan()), ("m", &model.evidence, model.plan()));
        assert_eq!(loaded.predict(&backend, [Ok(batch)]).expect("predictions"), predicted, "to the last bit");
        assert!(predicted.iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn a_calibrated_model_says_so_wherever_it_predicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, batch, plain) = trained(2);
    let scaling = Scaling { scale: 0.5, offset: -1.0 };
    let model = model.calibrated(Some(scaling));
    let at = folder.path().join("model");
    let checksum = model.save(&at).expect("saved");
    assert_ne!(model.clone().calibrated(None).save(&folder.path().join("plain")).expect("saved"), checksum);
    let loaded = Model::load(&at).expect("loaded");
    assert_eq!(loaded.scaling(), Some(scaling));
    let logit = |probability: f32| (f64::from(probability) / (1.0 - f64::from(probability))).ln();
    let expected: Vec<f64> = plain.iter().map(|&p| 1.0 / (1.0 + (1.0 - 0.5 * logit(p)).exp())).collect();
    let near = |found: Vec<f32>| {
        assert_eq!(found.len(), expected.len());
        let off = found.iter().zip(&expected).map(|(&found, expected)| (f64::from(found) - expected).abs());
        assert!(off.fold(0.0, f64::max) < 1e-5, "{found:?} {expected:?}");
    };
    let tiled = Tiled::new(1).expect("threads");
    near(loaded.predict(&tiled, [Ok(batch.clone())]).expect("predictions"));
    near(loaded.predict(&Candle::portable(), [Ok(batch.clone())]).expect("predictions"));
    let loss = |logit: f64, label: f32| (logit.exp() + 1.0).ln() - f64::from(label) * logit;
    let losses = plain.iter().zip(&batch.labels).map(|(&p, &label)| loss(0.5 * logit(p) - 1.0, label));
    let expected = losses.sum::<f64>() / plain.len() as f64;
    let found = loaded.evaluate(&tiled, [Ok(batch)]).expect("labels").log_loss;
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
}

/// A model whose tables are in fewer bits is a model as any other: what it says is nearly what it was, wherever it is read.
#[test]
fn tables_in_fewer_bits_say_nearly_the_same() {
    let (model, batch, before) = trained(7);
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(1).expect("threads");
    let weights = |folder: &Path| folder.join("weights.safetensors").metadata().expect("weights").len();
    model.save(&folder.path().join("whole")).expect("written");
    let mut sizes = vec![weights(&folder.path().join("whole"))];
    let whole = Model::load_as(&folder.path().join("whole"), Tables::Mapped).expect("a model").0;
    assert_eq!(whole.predict(&backend, [Ok(batch.clone())]).expect("predicted"), before);
    for (storage, near) in [(Storage::Bf16, 0.01), (Storage::Int8, 0.02)] {
        let path = folder.path().join(storage.name());
        let smaller = model.clone().quantised(storage).expect("fewer bits");
        assert_eq!(smaller.evidence.validation, None);
        let said = smaller.predict(&backend, [Ok(batch.clone())]).expect("predicted");
        let checksum = smaller.save(&path).expect("written");
        let (read, known) = Model::load_known(&path).expect("a model");
        assert_eq!((known, read.predict(&backend, [Ok(batch.clone())]).expect("predicted")), (checksum, said.clone()));
        // Where they lie they are the same, and stay so when another model takes their place.
        let (mapped, _) = Model::load_as(&path, Tables::Mapped).expect("a model");
        model.save(&path).expect("another model");
        assert_eq!(mapped.predict(&backend, [Ok(batch.clone())]).expect("predicted"), said);
        smaller.save(&path).expect("as it was");
        let most = said.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(most > 0.0 && most < near, "{storage:?}: {most}");
        sizes.push(weights(&path));
        let again = read.quantised(storage).expect_err("no fewer bits");
        assert!(again.to_string().contains(&format!("stored in {} already", storage.name())), "{again}");
    }
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}

/// Norms behind linear layers, with a bias and without one, of dense tensors and field by field; and two that cannot be part of a layer: one
/// behind a sum, and one behind a layer that something else reads.
#[test]
fn norms_become_part_of_the_layers_before_them() {
    let mut sketch = Sketch::new(5, false);
    let (numeric, fields) = (sketch.numeric(4), sketch.embed(3, 2, 9));
    let first = sketch.linear(numeric, Axis::Last, 5, false);
    let first = sketch.batch_norm(first);
    let first = sketch.plain(Relu.into(), &[first]);
    let second = sketch.linear(first, Axis::Last, 3, true);
    let second = sketch.batch_norm(second);
    let each = sketch.linear_each(fields, 4, false);
    let each = sketch.batch_norm(each);
    let each = sketch.plain(Flatten.into(), &[each]);
    let read_twice = sketch.linear(numeric, Axis::Last, 2, true);
    let left = sketch.batch_norm(read_twice);
    let joined = sketch.plain(Concat.into(), &[second, each, read_twice, left]);
    let joined = sketch.batch_norm(joined);
    let plan = sketch.close(joined).standalone();
    let (schema, store) = (schema(&plan), Store::standalone(&plan, 3).expect("memory"));
    let schema = Schema { dense: (0..4).map(|at| DenseColumn::new(format!("I{at}"), Vec::new())).collect(), ..schema };
    let model = Model::new("m", (schema, None), plan.clone(), store, 3, Evidence::default()).expect("they fit");
    let (folded, norms) = model.clone().folded().expect("sound");
    let left = |plan: &Plan| {
        plan.nodes.iter().filter(|n| matches!(n.primitive, Primitive::BatchNorm(BatchNorm { .. }))).count()
    };
    assert_eq!((norms, left(model.plan()), left(folded.plan())), (3, 5, 2));
    assert_eq!(folded.plan().nodes.len(), plan.nodes.len() - 3);
    let (backend, batch) = (Tiled::new(1).expect("threads"), sketch::batch(&plan, 40, 2));
    let said = |model: &Model| model.predict(&backend, [Ok(batch.clone())]).expect("predictions");
    let (whole, less) = (said(&model), said(&folded));
    let off = whole.iter().zip(&less).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-6 && whole.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 1e-3), "{off}: {whole:?}");
    // It is a model as any other, and there is nothing more to fold.
    let folder = tempfile::tempdir().expect("a folder");
    folded.save(folder.path()).expect("saved");
    let (again, norms) = Model::load(folder.path()).expect("loaded").folded().expect("sound");
    assert_eq!((norms, said(&again)), (0, less));
}

#[test]
fn every_damage_to_a_model_is_refused_with_the_name_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, ..) = trained(3);
    let at = folder.path().join("model");
    let checksum = model.save(&at).expect("saved");
    for path in files_of(&at) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let kept = fs::read(&path).expect("there");
        let refused = |bytes: &[u8], how: &str| {
            fs::write(&path, bytes).expect("written");
            let error = Model::load(&at).expect_err(how).to_string();
            assert!(error.contains(&name), "{how}: {error}");
            Model::verify(&at, &checksum).expect_err(how);
        };
        for place in (0..kept.len()).step_by(kept.len() / 150 + 1) {
            let mut damaged = kept.clone();
            damaged[place] ^= 4;
            refused(&damaged, &format!("byte {place} of {name}"));
            refused(&kept[..place], &format!("{name} cut to {place}"));
        }
        refused(&[&kept[..], b"more"].concat(), "longer");
        fs::write(&path, &kept).expect("written");
    }
    Model::load(&at).expect("as it was");
    // Weights of another model, whole as they are.
    let (other, elsewhere) = (trained(4).0, folder.path().join("other"));
    other.save(&elsewhere).expect("saved");
    fs::copy(elsewhere.join("weights.safetensors"), at.join("weights.safetensors")).expect("copied");
    assert!(Model::load(&at).expect_err("another's").to_string().contains("weights.safetensors"));
    fs::remove_file(at.join("weights.safetensors")).expect("removed");
    assert!(Model::load(&at).is_err());
    fs::remove_file(at.join("model.json")).expect("removed");
    assert!(Model::load(&at).expect_err("none").to_string().contains("holds no model: there is no model.json in it"));
}

/// Whoever writes a model writes its checksum too.
#[test]
fn a_plan_that_is_not_sound_is_refused_whoever_vouches_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, ..) = trained(5);
    let at = folder.path().join("model");
    model.save(&at).expect("saved");
    let record = at.join("model.json");
    let sound: serde_json::Value = serde_json::from_slice(&fs::read(&record).expect("there")).expect("JSON");
    let refused = |change: &dyn Fn(&mut serde_json::Value), why: &str| {
        let mut changed = sound.clone();
        changed.as_object_mut().expect("an object").remove("checksum");
        change(&mut changed);
        fs::write(&record, files::seal(&changed).expect("JSON")).expect("written");
        let error = Model::load(&at).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&|model| model["plan"]["nodes"][0]["shape"][0] = 4_000_000_000u64.into(), "the plan is damaged");
    refused(&|model| model["plan"]["logit"] = 100_000.into(), "the plan is damaged");
    refused(&|model| model["plan"]["nodes"][1]["inputs"] = serde_json::json!([7]), "the plan is damaged");
    refused(&|model| model["plan"]["version"] = 1.into(), "was written by nasrecc");
    refused(&|model| model["version"] = 9.into(), "was written by nasrecc");
    refused(&|model| model["schema"]["sparse"] = serde_json::json!([]), "is of no column of schema t");
    refused(&|model| model["weights"] = "0".into(), "it belongs to another model");
    let turned = serde_json::json!({ "scale": -1.0, "offset": 0.0 });
    refused(&|model| model["scaling"] = turned.clone(), "calibrated with what would turn them around");
}

/// A plan that was written down before it said how many rows a bag has costs what the same plan costs now.
#[test]
fn bags_of_a_model_saved_before_cost_as_many_rows_as_their_column_has() {
    let text = "schema t {
  format csv
  label click
  sparse tags: int | list(\"|\", most: 4) | modulo(rows: 9)
  sparse item: int | modulo(rows: 9)
}
space s {
  input fields: categorical
  logit = linear(flatten(embed(fields, 2)), 1)
}";
    let (program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", text)]));
    assert!(found.is_empty(), "{found:#?}");
    let items = program.items();
    let (schema, checked) = (program.schema(&items[0]).expect("sound"), program.check_space(&items[1]).expect("sound"));
    let space = Space::bind(&checked, &schema).expect("it binds");
    let plan = space.plan(&Architecture::new(Vec::new())).expect("a plan").standalone();
    let store = Store::standalone(&plan, 1).expect("memory");
    let model = Model::new("m", (schema, None), plan.clone(), store, 1, Evidence::default()).expect("they fit");
    let folder = tempfile::tempdir().expect("a folder");
    model.save(folder.path()).expect("saved");
    let record = folder.path().join("model.json");
    let mut before: serde_json::Value = serde_json::from_slice(&fs::read(&record).expect("there")).expect("JSON");
    before.as_object_mut().expect("an object").remove("checksum");
    let nodes = before["plan"]["nodes"].as_array_mut().expect("nodes");
    let lookups = nodes.iter_mut().filter_map(|node| node.get_mut("lookups")?.as_array_mut()).flatten();
    let slots: Vec<_> = lookups.filter_map(|lookup| lookup.as_object_mut()?.remove("slots")).collect();
    assert_eq!(slots, [4]);
    fs::write(&record, files::seal(&before).expect("JSON")).expect("written");
    let read = Model::load(folder.path()).expect("a model");
    assert_eq!((read.plan().ops(), read.plan()), (plan.ops(), &plan));
}

#[test]
fn a_model_takes_no_directory_of_somebody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, ..) = trained(1);
    fs::write(folder.path().join("thesis.tex"), "mine").expect("written");
    let error = model.save(folder.path()).expect_err("it is not empty").to_string();
    assert!(error.contains("holds something else than a model"), "{error}");
    assert_eq!(files_of(folder.path()).len(), 1);
}

/// Some samples of a batch.
fn cut(batch: &Batch, rows: std::ops::Range<usize>) -> Batch {
    fn of<T: Copy>(values: &[T], all: usize, rows: &std::ops::Range<usize>) -> Vec<T> {
        values.chunks_exact(all).flat_map(|line| line[rows.clone()].iter().copied()).collect()
    }
    Batch {
        rows: rows.len(),
        numeric: of(&batch.numeric, batch.rows, &rows),
        ids: of(&batch.ids, batch.rows, &rows),
        ends: batch.ends.clone(),
        labels: batch.labels[rows.clone()].to_vec(),
        ..Batch::default()
    }
}

#[test]
fn what_is_said_of_a_row_does_not_depend_on_the_rows_beside_it() {
    let backend = Tiled::new(2).expect("threads");
    for seed in 0..40 {
        let (model, ..) = trained(seed);
        let batch = sketch::batch(model.plan(), 300, 5);
        let all = model.predict(&backend, [Ok(batch.clone())]).expect("predictions");
        for rows in [0..1, 7..8, 128..129, 299..300, 3..5, 10..27, 0..128, 100..229, 1..300] {
            let some = model.predict(&backend, [Ok(cut(&batch, rows.clone()))]).expect("predictions");
            assert_eq!(some, all[rows.clone()], "rows {rows:?} of model {seed}, to the last bit");
        }
    }
}
