//! What the store promises: slices, laziness, identity, exact round trips.

use std::ops::Range;
use std::sync::Arc;

use nasrec_compiler::plan::{Init, ParamKind, Plan};
use smallvec::smallvec;

use super::store::Stored;
use super::{Average, Keep, Label, Memory, ParamDef, Rule, Store, Weights};
use crate::backend::tests::sketch::{self, Sketch};
use crate::backend::{Backend, Task, Tiled, Trainable, Update};
use crate::train::log_loss;

const UPDATE: Update = Update::adagrad(0.1, 1e-2, Some(0.5));

/// The losses of these steps, to the bit.
pub(super) fn train(
    backend: &Tiled,
    plan: &Arc<Plan>,
    store: &mut Store,
    steps: Range<u64>,
    update: Update,
) -> Vec<u64> {
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(plan)).unwrap()).unwrap();
    let mut loss = |step: u64| {
        let update = match update.rule {
            Rule::Adam { lr, beta1, beta2, eps, decay, .. } => {
                Update { rule: Rule::Adam { lr, beta1, beta2, eps, step, decay }, ..update }
            }
            _ => update,
        };
        let average = update.average.map(|average| Average { step, ..average });
        let update = Update { average, ..update };
        backend.step(&program, store, &sketch::batch(plan, 150, step), update).unwrap().unwrap().loss.to_bits()
    };
    steps.map(&mut loss).collect()
}

pub(super) fn logits(backend: &Tiled, plan: &Arc<Plan>, store: &Store) -> Vec<u32> {
    let program = backend.compile(Task::evaluating(plan.clone()).unwrap()).unwrap();
    let weights = backend.copies(&program, store).unwrap();
    let batch = sketch::batch(plan, 200, 99);
    backend.logits(&program, &weights, store, &batch).unwrap()[0].iter().map(|z| z.to_bits()).collect()
}

/// Every value and state, to the bit, and which rows are touched.
pub(super) fn bits(store: &Store) -> Vec<Vec<u32>> {
    let all = store.params.iter().map(|stored| match stored {
        Stored::Dense(dense) => dense
            .values
            .iter()
            .chain(dense.memory.iter().flatten())
            .chain(&dense.average)
            .map(|v| v.to_bits())
            .collect(),
        Stored::Table(table) => {
            let rows = table.records().flat_map(|(row, values, memory)| {
                let row = std::iter::once(row as u32);
                row.chain(values.iter().chain(memory).map(|v| v.to_bits())).collect::<Vec<_>>()
            });
            rows.collect()
        }
    });
    all.collect()
}

#[test]
fn a_subnet_inside_computes_what_it_computes_alone() {
    let backend = Tiled::new(2).unwrap();
    for seed in 0..20 {
        let plan = Sketch::random(seed, true, 9);
        assert!(plan.params.iter().any(|p| p.axes.iter().any(|axis| axis.runs().len() > 1)));
        let mut store = Store::new(sketch::defs(&plan), seed).unwrap();
        train(&backend, &plan, &mut store, 0..3, UPDATE);
        let alone = Arc::new(plan.standalone());
        let mut extracted = store.extract(&plan).unwrap();
        assert_eq!(logits(&backend, &plan, &store), logits(&backend, &alone, &extracted), "plan {seed}");
        // And it goes on training the same way, optimiser state included.
        let inside = train(&backend, &plan, &mut store, 0..3, UPDATE);
        let outside = train(&backend, &alone, &mut extracted, 0..3, UPDATE);
        assert_eq!(inside, outside, "plan {seed}");
        assert_eq!(bits(&store.extract(&plan).unwrap()), bits(&extracted), "plan {seed}");
    }
}

#[test]
fn what_is_not_active_is_not_touched() {
    let backend = Tiled::new(1).unwrap();
    let plan = Sketch::random(4, true, 9);
    let mut store = Store::new(sketch::defs(&plan), 1).unwrap();
    let before = store.clone();
    train(&backend, &plan, &mut store, 0..2, UPDATE);
    let mut changed = 0;
    for param in &plan.params {
        let (Stored::Dense(old), Stored::Dense(new)) = (&before.params[param.id], &store.params[param.id]) else {
            continue;
        };
        let width = *param.full.last().unwrap();
        let active: Vec<Vec<usize>> = param.axes.iter().map(|axis| axis.positions().collect()).collect();
        for i in 0..old.values.len() {
            let place = if param.full.len() == 2 { vec![i / width, i % width] } else { vec![i] };
            let inside = place.iter().zip(&active).all(|(p, axis)| axis.contains(p));
            if !inside {
                assert_eq!(old.values[i].to_bits(), new.values[i].to_bits());
                assert_eq!(new.memory[0][i], 0.0);
            }
            changed += usize::from(old.values[i] != new.values[i]);
        }
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn an_update_is_adagrad_with_one_norm() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(8, true, 8);
    let mut store = Store::new(sketch::defs(&plan), 3).unwrap();
    let before = store.clone();
    let batch = sketch::batch(&plan, 150, 0);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    let weights = backend.copies(&program, &store).unwrap();
    let (_, gradients) = backend.gradients(&program, &store, &batch).unwrap();
    let clip = 0.01;
    let mut squares = 0.0;
    for p in 0..plan.params.len() {
        squares += gradients.dense(p).iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
    }
    squares += gradients.tables().iter().flat_map(|t| &t.values).map(|&g| f64::from(g).powi(2)).sum::<f64>();
    assert!((gradients.norm() - squares.sqrt()).abs() < 1e-9);
    assert!(squares.sqrt() > clip);
    let scale = (clip / (squares.sqrt() + 1e-6)).min(1.0);
    let update = Update { clip: Some(clip), ..UPDATE };
    backend.step(&program, &mut store, &batch, update).unwrap();
    let expected = |w: f32, g: f32| {
        let g = f64::from(g) * scale;
        f64::from(w) - 0.1 * g / ((g * g).sqrt() + 1e-2)
    };
    let after = backend.copies(&program, &store).unwrap();
    for p in 0..plan.params.len() {
        let pairs = weights.param(p).iter().zip(gradients.dense(p));
        for ((&w, &g), &new) in pairs.zip(after.param(p)) {
            assert!((f64::from(new) - expected(w, g)).abs() < 1e-6);
        }
    }
    let mut moved = 0;
    for table in gradients.tables() {
        let param = &plan.params[table.param];
        let (Stored::Table(old), Stored::Table(new)) = (&before.params[param.id], &store.params[param.id]) else {
            panic!("a table");
        };
        let columns: Vec<usize> = param.axes[1].positions().collect();
        for (&row, gradient) in table.rows.iter().zip(table.values.chunks(columns.len())) {
            for (&column, &g) in columns.iter().zip(gradient) {
                let (w, new) = (old.row(row as usize)[column], new.row(row as usize)[column]);
                assert!((f64::from(new) - expected(w, g)).abs() < 1e-6);
                moved += usize::from(w != new);
            }
        }
        assert_eq!(new.records().map(|(row, ..)| row as u32).collect::<Vec<_>>(), table.rows);
    }
    assert!(moved > 20);
}

pub(super) fn label() -> Label {
    Label { of: "a test".to_owned(), step: 2 }
}

#[test]
fn checkpoints_and_exports_come_back_whole() {
    let backend = Tiled::new(2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.safetensors");
    let plan = Sketch::random(5, true, 9);
    let mut store = Store::new(sketch::defs(&plan), 9).unwrap();
    train(&backend, &plan, &mut store, 0..2, UPDATE);
    store.save(&path, &label(), "").unwrap();
    let mut other = Store::new(sketch::defs(&plan), 9).unwrap();
    train(&backend, &plan, &mut other, 0..5, UPDATE);
    other.load(&path, &label()).unwrap();
    assert_eq!(bits(&other), bits(&store));
    assert_eq!(train(&backend, &plan, &mut other, 0..2, UPDATE), train(&backend, &plan, &mut store, 0..2, UPDATE));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");

    let mut reseeded = Store::new(sketch::defs(&plan), 10).unwrap();
    let before = bits(&reseeded);
    assert!(reseeded.load(&path, &label()).unwrap_err().to_string().contains("another seed"));
    assert_eq!(bits(&reseeded), before);
    std::fs::write(&path, b"torn").unwrap();
    assert!(store.load(&path, &label()).is_err());

    let alone = Arc::new(plan.standalone());
    let extracted = store.extract(&plan).unwrap();
    extracted.export(&path).unwrap();
    let mut imported = Store::standalone(&plan, 77).unwrap();
    imported.import(&path).unwrap();
    assert_eq!(logits(&backend, &alone, &imported), logits(&backend, &alone, &extracted));
}

#[test]
fn rows_are_drawn_when_read_and_names_decide() {
    let table = |name: &str| ParamDef {
        name: name.into(),
        full: smallvec![1000, 16],
        kind: ParamKind::Table { field: 0 },
        init: Init::XavierNormal,
    };
    let dense =
        |name: &str, init| ParamDef { name: name.into(), full: smallvec![40, 24], kind: ParamKind::Dense, init };
    let a = Store::new([table("t"), dense("w", Init::XavierUniform)], 1).unwrap();
    let b = Store::new([dense("x", Init::Constant(0.17)), dense("w", Init::XavierUniform), table("t")], 1).unwrap();
    let (Stored::Table(ta), Stored::Table(tb)) = (&a.params[0], &b.params[2]) else { panic!("tables") };
    let (Stored::Dense(wa), Stored::Dense(wb), Stored::Dense(x)) = (&a.params[1], &b.params[1], &b.params[0]) else {
        panic!("dense parameters")
    };
    assert_eq!(wa, wb);
    assert_eq!(x.values, vec![0.17f32; 960]);
    let bound = (6.0f32 / 64.0).sqrt();
    let largest = wa.values.iter().fold(0f32, |m, v| m.max(v.abs()));
    assert!(largest <= bound && largest > 0.95 * bound, "{largest} {bound}");
    assert_eq!(ta.records().count(), 0);
    let mut all = Vec::new();
    for row in (0..1000).rev() {
        assert_eq!(ta.row(row), tb.row(row));
        all.extend(ta.row(row).iter().map(|&v| f64::from(v)));
    }
    assert_eq!(ta.records().count(), 0, "reading touches nothing");
    let variance = all.iter().map(|v| v * v).sum::<f64>() / all.len() as f64;
    assert!((variance / (2.0 / 1016.0) - 1.0).abs() < 0.05, "{variance}");
    assert_ne!(ta.row(1), ta.row(2));
    assert!(Store::new([table("t"), table("t")], 1).is_err());
}

#[test]
fn fine_tuning_a_copy_leaves_the_store_alone() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(6, true, 8);
    let mut store = Store::new(sketch::defs(&plan), 2).unwrap();
    train(&backend, &plan, &mut store, 0..1, UPDATE);
    let before = bits(&store);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::head(&plan)).unwrap()).unwrap();
    let start = backend.copies(&program, &store).unwrap();
    let mut weights = start.clone();
    let batch = sketch::batch(&plan, 200, 3);
    let loss = |weights: &Weights| {
        let logits = backend.logits(&program, weights, &store, &batch).unwrap();
        log_loss(&logits[0], &batch.labels)
    };
    (0..30).for_each(|_| backend.finetune(&program, &mut weights, &store, &batch, UPDATE).unwrap());
    assert!(loss(&weights) < loss(&start) - 1e-3, "{} {}", loss(&weights), loss(&start));
    assert_eq!(bits(&store), before);
    for p in 0..plan.params.len() {
        let same = start.param(p) == weights.param(p);
        assert_eq!(same, !program.task().trains(p), "{}", plan.params[p].name);
    }
    let everything = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    assert!(backend.finetune(&everything, &mut weights, &store, &batch, UPDATE).is_err());

    let snapshot = store.snapshot(plan.params.iter().filter(|p| p.kind == ParamKind::Dense).map(|p| p.id)).unwrap();
    train(&backend, &plan, &mut store, 0..1, UPDATE);
    store.restore(&snapshot).unwrap();
    for (id, (now, then)) in bits(&store).iter().zip(&before).enumerate() {
        if store.defs()[id].kind == ParamKind::Dense {
            assert_eq!(now, then);
        }
    }
}

#[test]
fn what_was_not_copied_is_not_fine_tuned() {
    let backend = Tiled::new(1).unwrap();
    let plan = Sketch::random(6, false, 8);
    let store = Store::new(sketch::defs(&plan), 2).unwrap();
    let program = backend.compile(Task::training(plan.clone(), &Trainable::head(&plan)).unwrap()).unwrap();
    let frozen = backend.compile(program.task().frozen()).unwrap();
    let mut weights = backend.copies(&frozen, &store).unwrap();
    assert!(weights.values().is_empty(), "whole parameters are read where they lie");
    let batch = sketch::batch(&plan, 20, 3);
    let error = backend.finetune(&program, &mut weights, &store, &batch, UPDATE).unwrap_err().to_string();
    assert!(error.contains("trains less"), "{error}");
}

#[test]
fn only_parts_of_parameters_are_copied_for_a_step() {
    let backend = Tiled::new(2).unwrap();
    for (sliced, seed) in [(true, 4), (false, 5)] {
        let plan = Sketch::random(seed, sliced, 10);
        let store = Store::new(sketch::defs(&plan), 7).unwrap();
        let training = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
        let (all, mut parts) = (backend.copies(&training, &store).unwrap(), Weights::default());
        store.gather_parts(&plan, &mut parts).unwrap();
        let mut copied = 0;
        for (p, param) in plan.params.iter().enumerate().filter(|(_, param)| param.kind == ParamKind::Dense) {
            let expected = if param.is_whole() { &[][..] } else { all.param(p) };
            assert_eq!(parts.param(p), expected, "{}", param.name);
            copied += usize::from(!param.is_whole());
        }
        assert_eq!(copied > 0, sliced);
        let program = backend.compile(Task::evaluating(plan.clone()).unwrap()).unwrap();
        let batch = sketch::batch(&plan, 200, 1);
        let logits = |weights| backend.logits(&program, weights, &store, &batch).unwrap();
        assert_eq!(logits(&parts), logits(&all));
        // Nothing was gathered: parts of parameters are missing.
        let nothing = backend.logits(&program, &Weights::default(), &store, &batch);
        assert_eq!(nothing.is_err(), sliced);
    }
}

#[test]
fn rows_that_lie_in_a_file_come_into_memory_before_they_change() {
    let backend = Tiled::new(1).unwrap();
    let plan = Sketch::random(3, false, 9);
    let values = Keep { memory: Memory::Nothing, ..Keep::default() };
    let mut trained = Store::new(sketch::defs(&plan), 7).unwrap();
    train(&backend, &plan, &mut trained, 0..3, UPDATE);
    let (folder, label) = (tempfile::tempdir().unwrap(), Label::default());
    let path = folder.path().join("a.safetensors");
    let checksum = trained.save_values(&path, &label).unwrap();
    let mut mapped = Store::kept(sketch::defs(&plan), 7, values).unwrap();
    mapped.load_mapped(&path, &label).unwrap();
    let mut read = Store::kept(sketch::defs(&plan), 7, values).unwrap();
    read.load(&path, &label).unwrap();
    assert_eq!(bits(&mapped), bits(&read));
    let shift = |store: &mut Store| {
        for stored in &mut store.params {
            if let Stored::Table(table) = stored {
                (0..table.rows).for_each(|row| table.shift(row, 0, 0.5));
            }
        }
    };
    let before = bits(&mapped);
    shift(&mut mapped);
    shift(&mut read);
    assert_ne!(bits(&mapped), before);
    assert_eq!(bits(&mapped), bits(&read));
    assert_eq!(Store::checksum_of(&path).unwrap(), checksum);
}

#[test]
fn plans_of_another_space_are_refused() {
    let plan = Sketch::random(1, true, 6);
    let other = Sketch::random(2, true, 6);
    let store = Store::new(sketch::defs(&plan), 1).unwrap();
    let backend = Tiled::new(1).unwrap();
    let program = backend.compile(Task::evaluating(other).unwrap()).unwrap();
    assert!(backend.copies(&program, &store).unwrap_err().to_string().contains("another space"));
}

#[test]
fn tables_that_no_memory_can_look_up_are_refused_before_there_is_room_for_any() {
    let mut plan = Sketch::random(3, true, 9).standalone();
    let store = Store::standalone(&plan, 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    store.save_values(&path, &Label::default()).unwrap();
    Store::check_file(&path, &plan).expect("as it was written");
    let table = plan.params.iter().find(|param| param.kind != ParamKind::Dense).expect("it has a table").clone();
    for number in 0..100_000 {
        let (name, full) = (format!("more-{number}").into(), smallvec![u32::MAX as usize, 1]);
        plan.params.push(nasrec_compiler::plan::Param { name, full, ..table.clone() });
    }
    let error = Store::check_file(&path, &plan).expect_err("a hundred thousand times a gibibyte").to_string();
    assert!(error.contains("a.safetensors") && error.contains("97.7 TiB of memory"), "{error}");
}
