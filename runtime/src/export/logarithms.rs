//! Where tables of logarithms have their next row: with these edges no logarithm of another library says which row a number has.

use nasrec_compiler::schema::Table;

/// From where on numbers have the row of 0 and those that follow it, of the square of the logarithm for numbers beyond 2; infinity from
/// where none has it. None of a table of other numbers.
pub(super) fn edges(table: &Table) -> Vec<f64> {
    let row = |x: f64| table.row_of_number(x).unwrap_or_default();
    let rows = row(0.0)..=row(Table::GREATEST);
    match table {
        Table::LogSquare => rows.map(|wanted| least_of(2.0, |x| x > 2.0 && row(x) >= wanted)).collect(),
        Table::LogBuckets { .. } => rows.map(|wanted| least_of(0.0, |x| row(x) >= wanted)).collect(),
        _ => Vec::new(),
    }
}

/// The least number from `from` on of which something is so that then is so of all larger ones; infinity where of none.
fn least_of(from: f64, is: impl Fn(f64) -> bool) -> f64 {
    // Positive numbers are in the order of their bits.
    let (mut low, mut high) = (from.to_bits(), f64::INFINITY.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if is(f64::from_bits(middle)) { high = middle } else { low = middle + 1 }
    }
    f64::from_bits(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_where_a_table_of_logarithms_has_its_next_row() {
        for table in [1.3, 2.0, 10.0].map(|base| Table::LogBuckets { base }).into_iter().chain([Table::LogSquare]) {
            let row = |x: f64| table.row_of_number(x).unwrap_or_default();
            let edges = edges(&table);
            assert_eq!(edges.len(), row(Table::GREATEST) - row(0.0) + 1);
            for (edge, wanted) in edges.into_iter().zip(row(0.0)..).skip(1) {
                assert!(row(edge) >= wanted && row(edge.next_down()) < wanted, "{table:?} {wanted}");
            }
        }
        assert_eq!(least_of(2.0, |x| x > 2.0), 2f64.next_up());
        assert_eq!(least_of(0.0, |_| false), f64::INFINITY);
    }
}
