//! Embedding lookups.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{DEVIATION, EACH, size};
use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants};
use crate::tensor::{Init, TensorKind};

/// One row of each field's table, `[fields, dim]`; of a sequence the rows of one table in the order of its places, zeros where there is nothing. Params:
/// one table `[rows, dim]` a field, in field order; that of a sequence once a place. No inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embed;

impl Op for Embed {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "embed",
        params: &[
            ("fields", Wants::Categorical, Default::Required),
            size("dim"),
            (DEVIATION, Wants::Positive, Default::Absent),
            (EACH, Wants::Widths, Default::Absent),
        ],
        meaning: "One row of each field's table, or of a sequence one for each place: a sparse tensor. `deviation`: of the first values; \
                  without it Xavier's, which is larger the fewer rows there are. `each: width in [0, 8, 16]` leaves open how wide the rows \
                  of each column are, with zeros behind them; 0 leaves the column out.",
        make: |_| Embed.into(),
    }];

    fn name(&self) -> &'static str {
        "embed"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([], &[fields, dim]) = (operands, given) else { return None };
        Some(Applied::new(TensorKind::Sparse, [fields, dim]).tables("table", dim, Init::XavierNormal))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..2
    }
}
