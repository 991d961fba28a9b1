//! Lines of values or pairs: where records and values end, which column is where, and what a value says.
//!
//! Never here: what becomes of a value for a model.

mod escaped;
mod heading;
mod pairs;
mod records;
mod typed;
mod values;

pub(super) use heading::{Heading, Places, format_of, likely_separator, named, place_of, separator_name};
pub(super) use pairs::{Torn, recognised as recognised_pairs, undescribed as undescribed_pairs};
pub(super) use records::{Record, Records, first as first_record, first_values, whole as whole_records};
pub(super) use typed::{Moment, bool_of, hex_of, int_of, number_of};
pub(super) use values::Line;
#[cfg(test)]
pub(super) use values::Values;
