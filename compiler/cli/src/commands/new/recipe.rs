//! A search for a table of so many rows, as source.

use nasrec_runtime::data::Inferred;

use crate::output::grouped;

/// Rows of a batch that a training takes at a time, times so many, are as many steps as teach something.
const STEPS: u64 = 300;

/// Rows from which a search is given an hour: a training takes tens of seconds then.
const MANY: u64 = 2_000_000;

/// What a search says for so many rows.
#[derive(Debug, PartialEq)]
pub(super) struct Recipe {
    /// The space, with its arguments.
    space: &'static str,
    /// How it is searched.
    how: String,
    dim: u64,
    hidden: u64,
    batch: u64,
    /// At most.
    epochs: u64,
    /// Whether there are enough steps that an average of a hundred of them is worth having.
    averaged: bool,
}

impl Recipe {
    pub fn of(rows: u64) -> Self {
        // A step for each few hundredths of an epoch, on batches that a processor is busy with.
        let batch = (rows / STEPS).next_power_of_two().clamp(32, 1024);
        let (space, dim, hidden, epochs) = match rows {
            0..5_000 => ("tabular(widths: [16, 32, 64], dims: [4, 8])", 4, 32, 20),
            5_000..100_000 => ("tabular(widths: [32, 64, 128], dims: [4, 8, 16])", 8, 64, 10),
            100_000..MANY => ("tabular(widths: [64, 128, 256], dims: [8, 16])", 8, 128, 5),
            _ => ("tabular(widths: [128, 256, 512], dims: [8, 16])", 16, 256, 2),
        };
        let how = match rows {
            // As many as take no time to speak of, so that the same table always has the same winner.
            0..5_000 => "trials { candidates: 40; first: 15 }".to_owned(),
            5_000..MANY => "budget: 10min".to_owned(),
            // Where that is a few trainings, a supernet may be better: a tenth of the rows is there to judge by.
            _ => format!(
                "budget: 1h
  train {{ epochs: 1; batch: {batch}; optimiser: adagrad(lr: 0.1) }}
  evaluate {{ finetune: head(steps: 20, lr: 0.04); validate: 12; batch: 4_096 }}"
            ),
        };
        Self { space, how, dim, hidden, batch, epochs, averaged: rows >= 5_000 }
    }

    pub fn search(&self, name: &str, schema: &str, files: &str, columns: (usize, usize)) -> String {
        let Self { space, how, dim, hidden, batch, epochs, averaged } = self;
        let stop = format!("; stop: early(patience: {})", if *epochs > 2 { 2 } else { 1 });
        let average = if *averaged { "; ema: 0.99" } else { "" };
        let retrain = format!(
            "epochs: {epochs}; batch: {batch}; optimiser: adam(lr: 1e-3); warmup: 0; schedule: constant{average}{stop}"
        );
        // A schema with a time is split by it.
        let data = format!("data {{ files: \"{files}\" }}");
        let (dense, sparse) = columns;
        let (file, _) = space.split_once('(').unwrap_or((space, ""));
        format!(
            "nasrec 1

import \"schema.nasrec\" {{ {schema} }}
import \"{file}.nasrec\" {{ {file} }}
import \"models/dcnv2.nasrec\" {{ dcnv2 }}
import \"models/deepfm.nasrec\" {{ deepfm }}
import \"models/linear.nasrec\" {{ linear_model }}

/// Models of {dense} numeric and {sparse} categorical columns, beside hand-made ones that are trained the same way.
search {name} on {space} with {schema} {{
  seed: 1
  {data}
  {how}
  retrain {{ {retrain} }}
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
        let time = self.how.strip_prefix("budget: ").and_then(|budget| budget.lines().next());
        let time = time.map_or_else(String::new, |budget| {
            format!(
                "The search keeps to {}, unless its baselines and three candidates take longer; `--budget {}` lets it look for longer. ",
                if budget == "1h" { "an hour" } else { "ten minutes" },
                if budget == "1h" { "3h" } else { "1h" }
            )
        });
        let worth = match inferred.worth_a_try.as_slice() {
            [] => String::new(),
            lines => format!(
                "
## Worth a try

Click rates and counts of categories as numbers beside their embeddings: put these lines into `schema.nasrec`, and see
whether the validation part gains. Rates are out of fold, so that no row sees its own label. On three of four public tables they
brought .002 to .013 of AUC; on the fourth, most of whose later rows are of users that were not there before, they did harm.

```nasrec
{}
```
",
                lines.join("\n")
            ),
        };
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

{time}`nasrecc train {dir}/search.nasrec` trains the one model. `nasrecc data stats '{data}' --schema {dir}/schema.nasrec` shows what the
columns hold.
{worth}"
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
        assert_eq!([few.epochs, some.epochs, many.epochs], [20, 10, 2]);
        assert!(few.hidden < some.hidden && some.hidden < many.hidden);
        assert!(few.how.starts_with("trials") && some.how == "budget: 10min" && many.how.starts_with("budget: 1h"));
        assert!(!few.averaged && some.averaged);
    }
}
