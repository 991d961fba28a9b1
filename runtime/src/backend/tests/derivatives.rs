//! Derivatives against finite differences, and the backends against each other.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::{Axis, Concat, Embed, Flatten, Primitive, Relu};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::cases::{Build, primitives, with_primitive};
use super::sketch::{self, Sketch};
use crate::backend::device::pass::{Derivatives, Leaves, Pass, backward, forward, wanted};
use crate::backend::tiled::Program;
use crate::backend::{Backend, Candle, Task, Tiled, Trainable};
use crate::data::Batch;
use crate::ops::Mask;
use crate::ops::device::Indices;
use crate::supernet::{Gradients, Store};

fn normal(shape: &[usize], scale: f64, rng: &mut ChaCha8Rng) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| scale * rng.sample::<f64, _>(StandardNormal)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn random_leaves(plan: &Plan, b: usize, seed: u64, of_batch: bool) -> Leaves {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let params = plan
        .params
        .iter()
        .map(|param| match param.kind {
            ParamKind::Dense => Some(normal(&param.shape(), 0.7, &mut rng)),
            ParamKind::Statistic => Some((normal(&param.shape(), 0.7, &mut rng).abs().unwrap() + 0.2).unwrap()),
            ParamKind::Table { .. } => None,
        })
        .collect();
    let nodes = plan.nodes.iter().enumerate().map(|(i, node)| {
        let mut shape = node.shape.to_vec();
        shape.insert(0, b);
        match node.primitive {
            Primitive::Dropout(dropout) => {
                let mask = Mask::new(dropout, i, [7; 32]);
                let len = node.shape.iter().product();
                let of_sample = |sample| mask.kept(sample).take(len).map(|kept| f64::from(kept) * f64::from(mask.by));
                Some(Tensor::from_vec((0..b).flat_map(of_sample).collect(), shape, &Device::Cpu).unwrap())
            }
            _ => node.inputs.is_empty().then(|| normal(&shape, 1.0, &mut rng)),
        }
    });
    Leaves { params, nodes: nodes.collect(), of_batch, stepwise: false }
}

/// A random but fixed weighting of the logits, as a scalar whose derivatives are looked at.
fn objective(plan: &Plan, leaves: &Leaves, direction: &Tensor) -> f64 {
    let (wanted, indices) = (vec![false; plan.nodes.len()], Indices::new(Device::Cpu));
    let Pass { logits, .. } = forward(plan, &[plan.logit], leaves, &wanted, &indices).unwrap_or_else(|e| panic!("{e}"));
    (&logits[0] * direction).unwrap().sum_all().unwrap().to_scalar().unwrap()
}

/// Compares every derivative of a plan to a central difference, in `f64`. `of_batch`: through the statistics of the batch,
/// where there are any.
pub(super) fn check_derivatives(plan: &Plan, b: usize, seed: u64, most: usize, of_batch: bool) {
    let leaves = random_leaves(plan, b, seed, of_batch);
    let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
    let direction = normal(&[b, plan.heads.len()], 1.0, &mut rng);
    let trainable = Trainable::all(plan);
    let wanted = wanted(plan, |param| trainable.contains(param));
    let indices = Indices::new(Device::Cpu);
    let pass = forward(plan, &[plan.logit], &leaves, &wanted, &indices).unwrap();
    let from = [(plan.logit, direction.clone())];
    let Derivatives { params, nodes } =
        backward(plan, &leaves, pass, |param| trainable.contains(param), &wanted, from, &indices).unwrap();
    let mut compare = |which: &str, exact: &Tensor, set: &dyn Fn(Tensor) -> Leaves, at: &Tensor| {
        let exact: Vec<f64> = exact.flatten_all().unwrap().to_vec1().unwrap();
        let base: Vec<f64> = at.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(exact.len(), base.len(), "{which}");
        let places: Vec<usize> = if base.len() <= most {
            (0..base.len()).collect()
        } else {
            (0..most).map(|_| rng.random_range(0..base.len())).collect()
        };
        for i in places {
            let h = 1e-5;
            let moved = |by: f64| {
                let mut values = base.clone();
                values[i] += by;
                let leaves = set(Tensor::from_vec(values, at.dims(), &Device::Cpu).unwrap());
                objective(plan, &leaves, &direction)
            };
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            let error = (difference - exact[i]).abs();
            assert!(error <= 2e-6 * (1.0 + exact[i].abs()), "{which}[{i}]: {} but {difference}", exact[i]);
        }
    };
    let copy = || Leaves { params: leaves.params.clone(), nodes: leaves.nodes.clone(), of_batch, stepwise: false };
    for (p, leaf) in leaves.params.iter().enumerate() {
        let Some(leaf) = leaf.as_ref().filter(|_| plan.params[p].kind == ParamKind::Dense) else { continue };
        let exact = params[p].as_ref().expect("every parameter has a gradient");
        let set = |tensor| {
            let mut leaves = copy();
            leaves.params[p] = Some(tensor);
            leaves
        };
        compare(&plan.params[p].name, exact, &set, leaf);
    }
    for (n, node) in plan.nodes.iter().enumerate().filter(|(_, node)| node.primitive == Embed.into()) {
        let exact = nodes[n].as_ref().expect("looked-up rows have a gradient");
        let set = |tensor| {
            let mut leaves = copy();
            leaves.nodes[n] = Some(tensor);
            leaves
        };
        compare(&node.path, exact, &set, leaves.nodes[n].as_ref().unwrap());
    }
}

#[test]
fn derivatives_of_every_primitive() {
    for (name, build) in primitives() {
        for (n, e, b) in [(2, 2, 1), (3, 4, 2), (5, 2, 3)] {
            for of_batch in [true, false] {
                case(name, || check_derivatives(&with_primitive(n, e, build), b, (n * e) as u64, 60, of_batch));
            }
        }
    }
}

#[test]
fn derivatives_of_random_plans() {
    for seed in 0..12 {
        let plan = Sketch::random(seed, false, 6);
        case(&format!("plan {seed}"), || check_derivatives(&plan, 2, seed, 4, true));
    }
}

/// Says which case failed.
fn case(name: &str, f: impl FnOnce()) {
    struct Named<'a>(&'a str);
    impl Drop for Named<'_> {
        #[allow(clippy::print_stderr, reason = "a test says where it failed")]
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("in case: {}", self.0);
            }
        }
    }
    let _named = Named(name);
    f();
}

pub(super) fn close(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    let largest = b.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 3e-4 * largest, "{what}[{i}]: {a} but {b}, of {largest}");
    }
}

/// What a backend says of a task: losses and gradients, or logits.
pub(super) fn gradients<B: Backend>(backend: &B, task: &Task, store: &Store, batch: &Batch) -> (f64, Gradients) {
    let program = backend.compile(task.clone()).unwrap();
    let params = backend.load(store.clone()).unwrap();
    let (losses, gradients) = backend.gradients(&program, &params, batch).unwrap();
    (losses[0], gradients)
}

fn logits<B: Backend>(backend: &B, plan: &Arc<Plan>, store: &Store, batch: &Batch) -> crate::Result<Vec<f32>> {
    let program = backend.compile(Task::evaluating(plan.clone())?)?;
    let params = backend.load(store.clone())?;
    let copies = backend.copies(&program, &params)?;
    Ok(backend.logits(&program, &copies, &params, batch)?.swap_remove(0))
}

/// The tiled backend against a device's, in `f32`, with everything trained and with the head only.
pub(super) fn compare_backends(plan: &Arc<Plan>, rows: usize, seed: u64) {
    let store = Store::new(sketch::defs(plan), seed).unwrap();
    let batch: Batch = sketch::batch(plan, rows, seed);
    let (tiled, candle) = (Tiled::new(2).unwrap(), Candle::portable());
    for trainable in [Trainable::all(plan), Trainable::head(plan), Trainable::all_but_tables(plan)] {
        let task = Task::training(plan.clone(), &trainable).unwrap();
        let (x, a) = gradients(&tiled, &task, &store, &batch);
        let (y, b) = gradients(&candle, &task, &store, &batch);
        assert!((x - y).abs() < 1e-5 * (1.0 + y.abs()), "{x} {y}");
        for (p, param) in plan.params.iter().enumerate() {
            assert_eq!(a.dense(p).is_empty(), b.dense(p).is_empty());
            close(&param.name, a.dense(p), b.dense(p));
        }
        assert_eq!(a.tables().len(), b.tables().len());
        for (a, b) in a.tables().iter().zip(b.tables()) {
            assert_eq!((a.param, &a.rows), (b.param, &b.rows));
            close("rows", &a.values, &b.values);
        }
        assert!((a.norm() - b.norm()).abs() < 1e-3 * (1.0 + b.norm()));
    }
    let [a, b] = [logits(&tiled, plan, &store, &batch), logits(&candle, plan, &store, &batch)];
    close("logits", &a.unwrap(), &b.unwrap());
}

#[test]
fn fused_kernels_agree_with_portable_ones() {
    for (name, build) in primitives() {
        for (n, e, rows) in [(2, 2, 1), (4, 8, 23), (7, 6, 17), (6, 4, 131)] {
            case(name, || compare_backends(&with_primitive(n, e, build), rows, 3));
        }
    }
    let wide: Build = |k, s, x| {
        let h = k.linear(x, Axis::Last, 300, false);
        let h = k.norm(h, Axis::Last);
        let h = k.plain(Relu.into(), &[h]);
        let fields = k.linear(s, Axis::Fields, 33, false);
        let fields = k.norm(fields, Axis::Fields);
        let fields = k.attention(fields, 8);
        let flat = k.plain(Flatten.into(), &[fields]);
        k.plain(Concat.into(), &[h, flat])
    };
    compare_backends(&with_primitive(26, 16, wide), 300, 4);
}

#[test]
fn backends_agree_on_random_plans() {
    for seed in 100..140 {
        let plan = Sketch::random(seed, seed % 2 == 0, 9);
        let rows = [1, 37, 128, 300][seed as usize % 4];
        case(&format!("plan {seed}"), || compare_backends(&plan, rows, seed));
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let plan = Sketch::random(7, true, 12);
    let store = Store::new(sketch::defs(&plan), 1).unwrap();
    let batch = sketch::batch(&plan, 1000, 5);
    let task = Task::training(plan.clone(), &Trainable::all(&plan)).unwrap();
    let run = |threads| {
        let tiled = Tiled::new(threads).unwrap();
        let (loss, gradients) = gradients(&tiled, &task, &store, &batch);
        let bits: Vec<u32> = gradients.dense.iter().map(|v| v.to_bits()).collect();
        (loss.to_bits(), bits, gradients.tables, logits(&tiled, &plan, &store, &batch).unwrap())
    };
    let one = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn what_was_computed_before_is_not_seen_again() {
    let tiled = Tiled::new(2).unwrap();
    for seed in 0..40 {
        let plan = Sketch::random(seed, true, 14);
        let store = Store::new(sketch::defs(&plan), seed).unwrap();
        let batch = sketch::batch(&plan, [300, 700][seed as usize % 2], seed);
        let trainable = if seed % 3 == 0 { Trainable::head(&plan) } else { Trainable::all(&plan) };
        let program = tiled.compile(Task::training(plan.clone(), &trainable).unwrap()).unwrap();
        // Whatever is in the buffers has to be written over.
        let mut kept = Gradients { dense: vec![f32::NAN; program.gradients_len], ..Gradients::default() };
        let loss = tiled.gradients_into(&program, &store, &batch, &mut kept).unwrap()[0];
        let fresh = Tiled::new(1).unwrap();
        let (again, gradients) = fresh.gradients(&program, &store, &batch).unwrap();
        assert_eq!(again[0].to_bits(), loss.to_bits());
        assert!(kept.dense.iter().all(|value| value.is_finite()), "plan {seed}");
        assert_eq!((kept.dense, kept.tables), (gradients.dense, gradients.tables), "plan {seed}");
    }
}

#[test]
fn the_head_alone_keeps_nothing_of_the_rest() {
    let plan = Sketch::random(3, false, 10);
    let memory = |trainable: Trainable| {
        let program = Program::new(Task::training(plan.clone(), &trainable).unwrap()).unwrap();
        (program.buffers.iter().sum::<usize>(), program.steps.iter().filter(|step| step.grad.is_some()).count())
    };
    let (evaluating, none) = memory(Trainable::none(&plan));
    let (head, one) = memory(Trainable::head(&plan));
    let (all, many) = memory(Trainable::all(&plan));
    assert_eq!((none, one), (0, 1));
    assert!(many > 10);
    assert!(evaluating <= head && head < all, "{evaluating} {head} {all}");
}

#[test]
fn damaged_plans_and_batches_are_refused() {
    let plan = Sketch::random(2, false, 6);
    let mut broken = (*plan).clone();
    broken.nodes[2].shape[0] += 1;
    assert!(Task::evaluating(broken).unwrap_err().to_string().contains("damaged"));
    let mut broken = (*plan).clone();
    let last = broken.nodes.len() - 1;
    broken.nodes[last].inputs[0] = last;
    assert!(Task::evaluating(broken).is_err());

    let store = Store::new(sketch::defs(&plan), 1).unwrap();
    let tiled = Tiled::new(1).unwrap();
    let mut batch = sketch::batch(&plan, 5, 1);
    batch.ids[3] = 11;
    let error = logits(&tiled, &plan, &store, &batch).unwrap_err().to_string();
    assert!(error.contains("row 11"), "{error}");
    batch.ids.truncate(4);
    assert!(logits(&tiled, &plan, &store, &batch).is_err());
}
