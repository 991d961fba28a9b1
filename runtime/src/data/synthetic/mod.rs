//! Tables drawn from a planted click model over a schema's own columns, for measurements that need no real data: how
//! well any model could do is known exactly.
//!
//! `columns` draws what a model sees: categories with a long tail, skewed numbers that partly follow a category.
//! `hidden` gives every category its hidden vector, `planted` makes the click's logit of them (columns alone, pairs,
//! triples), and `noise` turns a logit into the click probability of everyone who sees the columns only.
//!
//! Row `i` is a pure function of the schema, the parameters and `i`. Never here: anything that a model is told besides
//! the encoded columns and the label.

mod columns;
mod hidden;
#[cfg(test)]
mod learning;
mod noise;
mod planted;

use nasrec_compiler::recipe::Synthetic;
use nasrec_compiler::schema::Schema;
use rayon::prelude::*;

use self::planted::Planted;
use super::cache::{Origin, Writer};
use super::table::Cells;
use crate::error::DataError;
use crate::{Observer, Result, Stage, Stop};

/// Goes up when the same parameters give other rows, so that old caches are not taken for new ones.
const VERSION: u32 = 2;

/// Rows that one task draws.
const TASK: u64 = 4096;

/// What a cache of these parameters says it was made from.
pub(super) fn origin(parameters: &Synthetic) -> Result<Origin> {
    Ok(Origin::Synthetic { version: VERSION, parameters: serde_json::to_string(parameters)? })
}

/// Draws all rows into `writer`.
///
/// # Errors
/// [`DataError::Synthetic`] for parameters that make no sense; a stop; what [`Writer::append`] fails with.
pub(super) fn write(
    schema: &Schema,
    parameters: &Synthetic,
    writer: &mut Writer,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<()> {
    check(parameters)?;
    // The schema's tables must be addressable here as they must be for files.
    Cells::new(schema)?;
    let planted = Planted::new(schema, parameters);
    observer.begin(Stage { name: "draw data".to_owned(), total: Some(parameters.rows), unit: "rows" });
    let outcome = draw(&planted, parameters.rows, writer, observer, stop);
    observer.end();
    outcome
}

fn draw(planted: &Planted, rows: u64, writer: &mut Writer, observer: &dyn Observer, stop: &Stop) -> Result<()> {
    let together = TASK * 4 * rayon::current_num_threads() as u64;
    let mut done = 0;
    while done < rows {
        stop.check()?;
        let end = rows.min(done + together);
        let starts: Vec<u64> = (done..end).step_by(TASK as usize).collect();
        let records: Vec<Vec<u8>> =
            starts.par_iter().map(|&start| planted.records(start..end.min(start + TASK))).collect();
        for records in records {
            writer.append(&records)?;
        }
        done = end;
        observer.progress(done, "");
    }
    Ok(())
}

fn check(parameters: &Synthetic) -> Result<()> {
    let refuse = |parameter, found: String, expected| Err(DataError::Synthetic { parameter, found, expected }.into());
    if parameters.rows == 0 || parameters.rows > u64::from(u32::MAX) {
        return refuse("rows", parameters.rows.to_string(), "1 to 4294967295");
    }
    let deviations = [
        ("linear", parameters.linear),
        ("pairwise", parameters.pairwise),
        ("higher", parameters.higher),
        ("noise", parameters.noise),
        ("tail", parameters.tail),
    ];
    for (name, value) in deviations {
        // Beyond ten a logit is a certainty, and a tail a single category.
        if !(0.0..=10.0).contains(&value) {
            return refuse(name, value.to_string(), "a number from 0 to 10");
        }
    }
    if !(0.001..=0.999).contains(&parameters.click_rate) {
        return refuse("click_rate", parameters.click_rate.to_string(), "a number from 0.001 to 0.999");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::learning::defaults;
    use super::*;

    #[test]
    fn parameters_that_make_no_sense_are_named() {
        let message = |parameters: &Synthetic| check(parameters).expect_err("refused").to_string();
        assert!(check(&defaults(10)).is_ok());
        assert_eq!(message(&defaults(0)), "synthetic data: found rows = 0, expected 1 to 4294967295");
        let endless = Synthetic { noise: f64::NAN, ..defaults(10) };
        assert_eq!(message(&endless), "synthetic data: found noise = NaN, expected a number from 0 to 10");
        let never = Synthetic { click_rate: 0.0, ..defaults(10) };
        assert_eq!(message(&never), "synthetic data: found click_rate = 0, expected a number from 0.001 to 0.999");
    }
}
