//! A search for a table of so many rows, as source.

use nasrec_runtime::data::Inferred;

use crate::output::grouped;

/// Rows of a batch that a training takes at a time, times so many, are as many steps as teach something.
const STEPS: u64 = 300;

/// What a search says for so many rows.
#[derive(Debug, PartialEq)]
pub(super) struct Recipe {
    blocks: u64,
    dim: u64,
    widths: &'static str,
    counts: &'static str,
    hidden: u64,
    batch: u64,
    /// Of the supernet, and at most of a model.
    epochs: [u64; 2],
    validate: u64,
    population: u64,
    generations: u64,
    top: u64,
    /// Whether there are enough rows to validate on that an AUC says something.
    by_auc: bool,
    /// Whether there are enough steps that an average of a hundred of them is worth having.
    averaged: bool,
}

impl Recipe {
    pub fn of(rows: u64) -> Self {
        let (blocks, dim, widths, counts, hidden) = match rows {
            0..5_000 => (2, 4, "[8, 16, 32]", "[4, 8]", 32),
            5_000..100_000 => (3, 8, "[16, 32, 64]", "[8, 16]", 64),
            100_000..2_000_000 => (3, 8, "[32, 64, 128]", "[8, 16]", 128),
            _ => (5, 16, "[32, 64, 128, 256]", "[16, 32]", 256),
        };
        // A step for each few hundredths of an epoch, on batches that a processor is busy with.
        let batch = (rows / STEPS).next_power_of_two().clamp(32, 1024);
        let epochs = match rows {
            0..5_000 => [8, 20],
            5_000..100_000 => [3, 10],
            100_000..2_000_000 => [1, 5],
            _ => [1, 1],
        };
        let (population, generations, top) = match rows {
            0..100_000 => (16, 8, 4),
            100_000..2_000_000 => (16, 6, 3),
            _ => (64, 60, 8),
        };
        // A tenth of the rows is there to validate on.
        let validate = (rows / 10).div_ceil(4_096).clamp(1, 12);
        let (by_auc, averaged) = (rows >= 20_000, rows >= 5_000);
        Self {
            blocks,
            dim,
            widths,
            counts,
            hidden,
            batch,
            epochs,
            validate,
            population,
            generations,
            top,
            by_auc,
            averaged,
        }
    }

    pub fn search(&self, name: &str, schema: &str, files: &str, columns: (usize, usize)) -> String {
        let Self { blocks, dim, widths, counts, hidden, batch, epochs: [supernet, most], .. } = self;
        let Self { validate, population, generations, top, by_auc, averaged, .. } = self;
        let metric = if *by_auc { ", metric: auc" } else { "" };
        let stop = if *most > 1 { format!("; stop: early(patience: 2{metric})") } else { String::new() };
        let average = if *averaged { "; ema: 0.99" } else { "" };
        let tournament = population / 4;
        let retrain = format!(
            "epochs: {most}; batch: {batch}; optimiser: adam(lr: 1e-3); warmup: 0; schedule: constant{average}{stop}"
        );
        // A schema with a time is split by it.
        let data = format!("data {{ files: \"{files}\" }}");
        let (dense, sparse) = columns;
        format!(
            "nasrec 1

import \"schema.nasrec\" {{ {schema} }}
import \"nasrec_small.nasrec\" {{ nasrec_small }}
import \"models/dcnv2.nasrec\" {{ dcnv2 }}
import \"models/deepfm.nasrec\" {{ deepfm }}
import \"models/linear.nasrec\" {{ linear_model }}

/// Models of {dense} numeric and {sparse} categorical columns, beside hand-made ones that are trained the same way.
search {name} on nasrec_small(
  blocks: {blocks}, dim: {dim}, normalise: off, counts: {counts}, widths: {widths},
) with {schema} {{
  seed: 1
  {data}
  train {{ epochs: {supernet}; batch: {batch}; optimiser: adagrad(lr: 0.1) }}
  evaluate {{ finetune: head(steps: 20, lr: 0.04); validate: {validate}; batch: 4_096 }}
  evolve {{ population: {population}; generations: {generations}; children: 4; tournament: {tournament} }}
  retrain {{ top: {top}; {retrain} }}
  baseline dcnv2(dim: {dim}, hidden: {hidden}), deepfm(dim: {dim}, hidden: {hidden}), linear_model, trees
}}

/// One model alone, which takes a fraction of the time.
train {name}_alone on dcnv2(dim: {dim}, hidden: {hidden}) with {schema} {{
  seed: 1
  {data}
  retrain {{ {retrain} }}
  baseline linear_model, trees
}}
"
        )
    }

    pub fn readme(&self, name: &str, data: &str, rows: u64, dir: &str, inferred: &Inferred) -> String {
        let (dense, sparse) = inferred.columns;
        let rows = grouped(rows);
        format!(
            "# {name}

A search for models that predict the label of `{data}`: {rows} rows, {dense} numeric and {sparse} categorical columns.

- `schema.nasrec` says what each column is, and why it was taken for that. Read it: a column that is known only after the
  label must be skipped.
- `search.nasrec` holds the search, and a training of one hand-made model.

```sh
nasrecc data check '{data}' --schema {dir}/schema.nasrec
nasrecc search {dir}/search.nasrec --out {dir}/run
```

`nasrecc train {dir}/search.nasrec` trains the one model. `nasrecc data stats '{data}' --schema {dir}/schema.nasrec` shows what the
columns hold.
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_grows_with_the_rows() {
        let (few, some, many) = (Recipe::of(100), Recipe::of(50_000), Recipe::of(10_000_000));
        assert_eq!([few.batch, some.batch, many.batch], [32, 256, 1024]);
        assert_eq!([few.epochs[1], some.epochs[1], many.epochs[1]], [20, 10, 1]);
        assert!(few.blocks < some.blocks && some.blocks < many.blocks);
        assert_eq!([few.validate, some.validate, many.validate], [1, 2, 12]);
        assert!(!few.by_auc && some.by_auc);
        assert!(!few.averaged && some.averaged);
    }
}
