//! Numbers as people read them.

/// A number with its thousands apart.
pub(crate) fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Multiply-accumulates in millions.
pub(crate) fn mmacs(macs: u64) -> String {
    format!("{:.4} MMACs", macs as f64 / 1e6)
}
