//! Batches and stores of Criteo's shape: 13 numbers, 26 categories, tables of 500,000 rows.

#![allow(dead_code, reason = "each benchmark takes its part")]

#[path = "../../tests/families/mod.rs"]
pub mod families;

use nasrec_compiler::Space;
use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::{ParamDef, Store};
use rand::RngExt;

/// Numeric columns.
pub const NUMERIC: usize = 13;

/// The method's sampling once the full path has faded out.
pub const SAMPLING: Sampling = Sampling { counts: Counts::Binomial(0.5), full_path: 0.0 };

/// A path of the space as a training step draws it.
pub fn path(space: &Space, index: u64) -> Plan {
    let path = space.sample_path(SAMPLING, &mut Streams::new(2018).rng("paths", index));
    space.plan(&path).expect("a path has a plan")
}

/// Samples whose categories are as skewed as words are: the k-th most frequent is drawn with a probability of about
/// `1 / k`, and lies anywhere in its table.
pub fn batch(space: &Space, rows: usize, index: u64) -> Batch {
    let mut rng = Streams::new(5).rng("batch", index);
    let mut tables: Vec<(usize, usize)> = space
        .params()
        .iter()
        .filter_map(|param| match param.kind {
            ParamKind::Table { field } => Some((field, param.full[0])),
            ParamKind::Dense | ParamKind::Statistic => None,
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    let mut ids = Vec::with_capacity(tables.len() * rows);
    for (field, height) in tables {
        for _ in 0..rows {
            let rank = (rng.random::<f64>() * (height as f64).ln()).exp() as u64;
            ids.push(((rank + field as u64) * 2_654_435_761 % height as u64) as u32);
        }
    }
    Batch {
        rows,
        numeric: (0..NUMERIC * rows).map(|_| rng.random_range(0.0..4.0)).collect(),
        ids,
        labels: (0..rows).map(|_| f32::from(rng.random_bool(0.25))).collect(),
        ..Batch::default()
    }
}

/// A supernet of the space, as drawn.
pub fn supernet(space: &Space) -> Store {
    Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable")
}
