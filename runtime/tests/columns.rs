//! Widths of columns: a narrow row is the beginning of a wide one, bit for bit, in values and in steps of training.

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::{ParamDef, Store};

use crate::families::{batch, support};

const TEXT: &str = "schema t { label click; dense I[1..2]; sparse C[1..5]: int | modulo(rows: 30) }
space columns {
  input numeric: dense
  input fields: categorical
  width h in [8, 16]
  shared table = embed(_, 8, each: width in [0, 1, 4, 8])
  let other = embed(fields, 4, each: width in [2, 4])
  let s = concat(table(fields), pad(other, 8))
  let x = concat(numeric, flatten(s), lower_triangle(gram(linear(s, 8))))
  logit = linear(relu(linear(x, h)), 1)
}
search s on columns with t { data { files: \"none\" } }
";

const UPDATE: Update = Update::adagrad(0.05, 1e-2, Some(0.5));

fn space() -> Space {
    let program = support::load(TEXT);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("the search is there");
    let search = program.search(&item, &[]).expect("the search is sound");
    Space::bind(&search.space, &search.schema).expect("the schema fits")
}

/// The logits of a plan, as bits, before and after a step on it.
fn before_and_after<B: Backend>(backend: &B, store: Store, plan: &Plan, batches: [&Batch; 2]) -> [Vec<u32>; 2] {
    let judged = backend.compile(Task::evaluating(plan.clone()).expect("executable")).expect("executable");
    let trained = Task::training(plan.clone(), &Trainable::all(plan)).expect("executable");
    let trained = backend.compile(trained).expect("executable");
    let mut params = backend.load(store).expect("memory");
    let said = |params: &B::Params| {
        let copies = backend.copies(&judged, params).expect("the plan is of this store");
        let logits = backend.logits(&judged, &copies, params, batches[0]).expect("the batch fits");
        logits[0].iter().map(|logit| logit.to_bits()).collect::<Vec<_>>()
    };
    let before = said(&params);
    backend.step(&trained, &mut params, batches[1], UPDATE).expect("a step");
    let after = said(&params);
    assert_ne!(before, after, "the step changed something");
    [before, after]
}

#[test]
fn an_architecture_is_in_the_supernet_what_it_is_alone() {
    let space = space();
    let tiled = Tiled::new(2).expect("threads");
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 3).expect("drawable");
    let mut rng = Streams::new(9).rng("columns", 0);
    // Of widths that went this way and that, so that no value is an initial one.
    for step in 0..8 {
        let sampling = Sampling { counts: Counts::Uniform, full_path: 0.3 };
        let plan = space.plan(&space.sample_path(sampling, &mut rng)).expect("a plan");
        let program = Task::training(plan.clone(), &Trainable::all(&plan)).expect("executable");
        let program = tiled.compile(program).expect("executable");
        tiled.step(&program, &mut store, &batch(&space, 2, 64, step), UPDATE).expect("a step");
    }
    let (judged, trained) = (batch(&space, 2, 150, 77), batch(&space, 2, 64, 78));
    let (mut narrow, mut left_out) = (0, 0);
    for at in 0..20 {
        let plan = space.plan(&space.sample(Counts::Uniform, &mut rng)).expect("a plan");
        let alone = (store.extract(&plan).expect("its slices"), plan.standalone());
        let tables = || plan.params.iter().filter(|param| param.kind.is_table());
        narrow += tables().filter(|table| !table.is_whole()).count();
        left_out += 10 - tables().count();
        let in_supernet = before_and_after(&tiled, store.clone(), &plan, [&judged, &trained]);
        let by_itself = before_and_after(&tiled, alone.0.clone(), &alone.1, [&judged, &trained]);
        assert!(in_supernet == by_itself, "{at}: tiles");
        let candle = Candle::portable();
        let on_device = before_and_after(&candle, store.clone(), &plan, [&judged, &trained]);
        let by_itself = before_and_after(&candle, alone.0, &alone.1, [&judged, &trained]);
        assert!(on_device == by_itself, "{at}: on a device");
        for (one, other) in in_supernet.iter().flatten().zip(on_device.iter().flatten()) {
            let off = (f32::from_bits(*one) - f32::from_bits(*other)).abs();
            assert!(off < 1e-4, "{at}: {off} between the backends");
        }
    }
    assert!(narrow > 20 && left_out > 10, "{narrow} narrow tables, {left_out} columns left out");
}
