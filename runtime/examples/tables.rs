//! What embedding tables take: `cargo run --release -p nasrec-runtime --example tables -- [PASSES]`.
//!
//! Twenty-six tables of 500,000 rows of 16, as Criteo's are capped. Looking up batches of 512 rows whose rows are there
//! already, against the same rows copied out of flat arrays; an update of those rows by each optimiser, and the whole
//! of summing duplicates, clipping and updating; and how the memory of one table of 10 million rows grows with the rows
//! that were touched.

#![allow(clippy::print_stdout, reason = "a study prints what it found")]

use std::hint::black_box;
use std::time::Instant;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::{Decay, Optimiser, Storage};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Program as Source, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::machine::{Bytes, held_memory};
use nasrec_runtime::supernet::{Gradients, Keep, ParamDef, Rule, Store};
use rand::RngExt;

const DIM: usize = 16;
const BATCH: usize = 512;
/// As the tiled backend cuts a batch.
const TILE: usize = 128;

fn space(columns: usize, rows: usize) -> Space {
    let text = format!(
        "schema t {{ label click; sparse C[1..{columns}]: int | modulo(rows: {rows}) }}
space s {{ input fields: categorical; logit = linear(flatten(embed(fields, {DIM})), 1) }}
search x on s with t {{ data {{ files: \"none\" }} }}"
    );
    let (program, diagnostics) = Source::load("study.nasrec", &Memory::new([("study.nasrec", text)]));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let item = program.visible(ItemKind::Search).remove(0);
    let search = program.search(&item, &[]).expect("sound");
    Space::bind(&search.space, &search.schema).expect("the schema fits")
}

fn batch(columns: usize, rows: usize, index: u64) -> Batch {
    let mut rng = Streams::new(5).rng("batch", index);
    Batch {
        rows: BATCH,
        numeric: Vec::new(),
        // As often as categories are: half of the lookups in a hundredth of the rows.
        ids: (0..columns * BATCH).map(|_| (rng.random::<f64>().powi(6) * rows as f64) as u32).collect(),
        labels: (0..BATCH).map(|_| f32::from(rng.random_bool(0.3))).collect(),
        ..Batch::default()
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn timed(passes: usize, mut f: impl FnMut(usize)) -> f64 {
    median(
        (0..passes)
            .map(|pass| {
                let start = Instant::now();
                f(pass);
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect(),
    )
}

fn main() {
    let passes: usize = std::env::args().nth(1).map_or(200, |text| text.parse().expect("a number"));
    let backend = Tiled::new(2).expect("threads");
    lookups(passes, &backend);
    growth(&backend);
}

fn lookups(passes: usize, backend: &Tiled) {
    let (columns, height) = (26, 500_000);
    let space = space(columns, height);
    let plan = space.plan(&Architecture::new(Vec::new())).expect("a plan");
    let all = Trainable::all(&plan);
    let program = backend.compile(Task::training(plan, &all).expect("executable")).expect("executable");
    let batches: Vec<Batch> = (0..64).map(|index| batch(columns, height, index)).collect();
    let ways = [
        ("adagrad", Optimiser::Adagrad { lr: 0.1, eps: 1e-2, rowwise: false }, Storage::F32),
        ("adagrad, rowwise", Optimiser::Adagrad { lr: 0.1, eps: 1e-2, rowwise: true }, Storage::F32),
        ("adagrad, rowwise, bf16", Optimiser::Adagrad { lr: 0.1, eps: 1e-2, rowwise: true }, Storage::Bf16),
        ("adam", Optimiser::Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: Decay::None }, Storage::F32),
        ("sgd with momentum", Optimiser::Sgd { lr: 0.01, momentum: 0.9, decay: Decay::None }, Storage::F32),
    ];
    // Any row may be there: all of them are.
    let everything = |store: &mut Store| {
        let values: Vec<Vec<f32>> =
            space.params().iter().map(|param| vec![0.01; param.full.iter().product()]).collect();
        store.set(&values).expect("as long as they must be");
    };
    let mut out = vec![0f32; DIM * TILE];
    let flat: Vec<Vec<f32>> = (0..columns).map(|_| vec![0.01; height * DIM]).collect();
    let from_flat = timed(passes, |pass| {
        let batch = &batches[pass % batches.len()];
        for (column, table) in flat.iter().enumerate() {
            for ids in batch.ids[column * BATCH..][..BATCH].chunks(TILE) {
                for (sample, &id) in ids.iter().enumerate() {
                    let row = &table[id as usize * DIM..][..DIM];
                    out[sample..].iter_mut().step_by(TILE).zip(row).for_each(|(to, &value)| *to = value);
                }
                black_box(&out);
            }
        }
    });
    drop(flat);
    println!("{columns} tables of {height} rows of {DIM}, batches of {BATCH}, median of {passes}, all rows there");
    println!("{:<26}{:>12}{:>12}{:>16}", "", "lookup, ms", "update, ms", "whole step, ms");
    println!("{:<26}{from_flat:>12.3}", "flat arrays");
    for (name, optimiser, storage) in ways {
        let keep = Keep::for_optimiser(optimiser, storage);
        let mut store = Store::kept(space.params().iter().map(ParamDef::from), 1, keep).expect("drawable");
        everything(&mut store);
        let weights = backend.copies(&program, &store).expect("of this store");
        let lookup = {
            let params = store.slices(program.plan(), &weights);
            let tables: Vec<usize> =
                (0..program.plan().params.len()).filter(|&p| program.plan().params[p].full[0] == height).collect();
            timed(passes, |pass| {
                let batch = &batches[pass % batches.len()];
                for (column, &param) in tables.iter().enumerate() {
                    for ids in batch.ids[column * BATCH..][..BATCH].chunks(TILE) {
                        params.look_up(param, ids, &mut out);
                        black_box(&out);
                    }
                }
            })
        };
        let update = {
            let each: Vec<Gradients> =
                batches.iter().map(|batch| backend.gradients(&program, &store, batch).expect("it fits").1).collect();
            timed(passes, |pass| {
                let rule = Rule::at(optimiser, 1e-3, 1);
                store.apply(program.plan(), &each[pass % each.len()], rule, 1.0).expect("fits");
            })
        };
        let step = timed(passes, |pass| {
            let update = Update { rule: Rule::at(optimiser, 1e-3, 1), ..Update::adagrad(0.0, 0.0, Some(5.0)) };
            backend.step(&program, &mut store, &batches[pass % batches.len()], update).expect("a step");
        });
        println!("{name:<26}{lookup:>12.3}{update:>12.3}{step:>16.3}");
    }
}

fn growth(backend: &Tiled) {
    let height = 10_000_000;
    let before = held_memory().expect("the system tells").0;
    let start = Instant::now();
    let space = space(1, height);
    let plan = space.plan(&Architecture::new(Vec::new())).expect("a plan");
    let all = Trainable::all(&plan);
    let program = backend.compile(Task::training(plan, &all).expect("executable")).expect("executable");
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 1).expect("drawable");
    let update = Update::adagrad(0.1, 1e-2, Some(5.0));
    let uniform = |step: u64| {
        let mut rng = Streams::new(7).rng("uniform", step);
        let ids = (0..BATCH).map(|_| rng.random_range(0..height as u32)).collect();
        Batch { ids, ..batch(1, height, step) }
    };
    println!("one table of {height} rows of {DIM}, rows drawn evenly, Adagrad:");
    for step in 0..=10_000u64 {
        backend.step(&program, &mut store, &uniform(step), update).expect("a step");
        if [0, 1, 10, 100, 1000, 10_000].contains(&step) {
            let grown = held_memory().expect("the system tells").0.saturating_sub(before);
            let rows = (step + 1) * BATCH as u64;
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "  after {rows:>9} lookups, {seconds:>7.3} s: {:>10}, {:>5} bytes a lookup",
                Bytes(grown).to_string(),
                grown / rows
            );
        }
    }
}
