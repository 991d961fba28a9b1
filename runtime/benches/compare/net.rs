//! The published NASRecNets as plans of their own, and samples for them.

use std::collections::BTreeSet;
use std::path::Path;

use nasrec_compiler::loader::Shipped;
use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::Numeric;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Program, Space};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::Store;
use rand::RngExt;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Small ones first.
pub const NETS: [&str; 6] = ["criteo_small", "avazu_small", "kdd_small", "criteo_full", "avazu_full", "kdd_full"];
pub const TRAIN_ROWS: usize = 512;
pub const EVALUATION_ROWS: usize = 8192;
/// Training batches that take turns. Joined, they are the evaluation batch: it looks up rows that training has touched,
/// as nearly all are after an epoch.
pub const TRAIN_BATCHES: usize = EVALUATION_ROWS / TRAIN_ROWS;
/// Of the initial weights.
pub const SEED: u64 = 11;

/// The live graph of a published net over its schema, its parameters its own.
pub fn plan(name: &str) -> Plan {
    let (program, findings) = Program::load(&format!("nets/{name}.nasrec"), &Shipped);
    assert!(findings.is_empty(), "{findings:#?}");
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Arch).expect("a net is an architecture");
    let arch = program.arch(&item).expect("a shipped net is sound");
    let schema = arch.schema.expect("it names its schema");
    Space::bind(&arch.space, &schema).expect("it fits").plan(&arch.architecture).expect("it has a plan").standalone()
}

/// The tables of a plan: parameter and rows, in the order of the fields.
fn tables(plan: &Plan) -> Vec<(usize, usize)> {
    let mut tables: Vec<_> = (plan.params.iter().enumerate())
        .filter_map(|(index, param)| match param.kind {
            ParamKind::Table { field } => Some((field, index, param.full[0])),
            ParamKind::Dense | ParamKind::Statistic => None,
        })
        .collect();
    tables.sort_unstable();
    tables.into_iter().map(|(_, index, rows)| (index, rows)).collect()
}

/// Samples whose categories are as skewed as words are: the k-th most frequent is drawn with a probability of about
/// `1 / k`, and lies anywhere in its table.
fn batch(plan: &Plan, rows: usize, index: u64) -> Batch {
    let mut rng = Streams::new(5).rng("batch", index);
    let numeric = plan.nodes.iter().find(|node| node.primitive == Numeric.into()).map_or(0, |node| node.shape[0]);
    let mut ids = Vec::new();
    for (field, (_, height)) in tables(plan).into_iter().enumerate() {
        for _ in 0..rows {
            let rank = (rng.random::<f64>() * (height as f64).ln()).exp() as u64;
            ids.push(((rank + field as u64) * 2_654_435_761 % height as u64) as u32);
        }
    }
    Batch {
        rows,
        numeric: (0..numeric * rows).map(|_| rng.random_range(0.0..4.0)).collect(),
        ids,
        labels: (0..rows).map(|_| f32::from(rng.random_bool(0.25))).collect(),
        ..Batch::default()
    }
}

/// The training batches and the evaluation batch of a net.
pub fn batches(plan: &Plan) -> (Vec<Batch>, Batch) {
    let train: Vec<Batch> = (0..TRAIN_BATCHES as u64).map(|index| batch(plan, TRAIN_ROWS, index)).collect();
    let columns = |of: fn(&Batch) -> usize| 0..of(&train[0]) / TRAIN_ROWS;
    let join = |column: usize| train.iter().flat_map(move |batch| &batch.numeric[column * TRAIN_ROWS..][..TRAIN_ROWS]);
    let join_ids = |column: usize| train.iter().flat_map(move |batch| &batch.ids[column * TRAIN_ROWS..][..TRAIN_ROWS]);
    let evaluate = Batch {
        rows: EVALUATION_ROWS,
        numeric: columns(|batch| batch.numeric.len()).flat_map(join).copied().collect(),
        ids: columns(|batch| batch.ids.len()).flat_map(join_ids).copied().collect(),
        labels: train.iter().flat_map(|batch| &batch.labels).copied().collect(),
        ..Batch::default()
    };
    (train, evaluate)
}

/// Writes what the other side starts from: `plan.json`, and in `data.safetensors` the dense weights, the rows of the
/// tables that any batch looks up, and the batches, samples first.
pub fn write(folder: &Path, plan: &Plan) {
    std::fs::write(folder.join("plan.json"), serde_json::to_vec(plan).expect("a plan is JSON")).expect("written");
    let store = Store::standalone(plan, SEED).expect("drawable");
    let weights = store.gather(plan, |_| true).expect("of this store");
    let (train, evaluate) = batches(plan);
    let mut tensors = Vec::new();
    for (index, param) in plan.params.iter().enumerate().filter(|(_, param)| param.kind == ParamKind::Dense) {
        tensors.push(floats(format!("param.{}", param.name), &param.full, weights.param(index)));
    }
    let params = store.slices(plan, &weights);
    for (field, (param, _)) in tables(plan).into_iter().enumerate() {
        let of = |batch: &Batch| batch.ids[field * batch.rows..][..batch.rows].to_vec();
        let used: BTreeSet<u32> = train.iter().flat_map(of).collect();
        let used: Vec<u32> = used.into_iter().collect();
        let mut columns = vec![0.0; used.len() * plan.params[param].full[1]];
        params.look_up(param, &used, &mut columns);
        let values = samples_first(&columns, used.len());
        let name = &plan.params[param].name;
        tensors.push(integers(format!("rows.{name}"), &[used.len()], &used));
        tensors.push(floats(format!("values.{name}"), &[used.len(), values.len() / used.len()], &values));
    }
    for (kind, batches) in [("train", &train[..]), ("evaluate", std::slice::from_ref(&evaluate))] {
        for (index, Batch { rows, numeric, ids, labels, .. }) in batches.iter().enumerate() {
            let name = |part: &str| format!("{kind}.{index}.{part}");
            let numeric_shape = [*rows, numeric.len() / rows];
            tensors.push(floats(name("numeric"), &numeric_shape, &samples_first(numeric, *rows)));
            tensors.push(integers(name("ids"), &[*rows, ids.len() / rows], &samples_first(ids, *rows)));
            tensors.push(floats(name("labels"), &[*rows], labels));
        }
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("bytes of its shape"))
    });
    safetensors::serialize_to_file(views, None, &folder.join("data.safetensors")).expect("written");
}

type Named = (String, Dtype, Vec<usize>, Vec<u8>);

fn floats(name: String, shape: &[usize], values: &[f32]) -> Named {
    (name, Dtype::F32, shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn integers(name: String, shape: &[usize], values: &[u32]) -> Named {
    (name, Dtype::I64, shape.to_vec(), values.iter().flat_map(|&value| i64::from(value).to_le_bytes()).collect())
}

/// `[columns, rows]` to `[rows, columns]`.
fn samples_first<T: Copy>(values: &[T], rows: usize) -> Vec<T> {
    (0..rows).flat_map(|row| values[row..].iter().step_by(rows).copied()).collect()
}
