//! Numbers and errors of the system as people read them.

use std::io::{Error, ErrorKind};

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

/// All arithmetic of one sample in millions of operations.
pub(crate) fn mops(ops: u64) -> String {
    format!("{:.4} million operations", ops as f64 / 1e6)
}

/// What the system says went wrong, without its number.
pub(super) fn reason(error: &Error) -> String {
    let said = error.to_string();
    match error.kind() {
        ErrorKind::IsADirectory => "is a directory; expected a file".to_owned(),
        ErrorKind::NotADirectory => "a part of its path is a file, not a folder".to_owned(),
        ErrorKind::NotFound => "there is no such file; check its path".to_owned(),
        ErrorKind::PermissionDenied => "permission denied; check who may read and write it".to_owned(),
        _ => said.rfind(NUMBER).map_or(said.clone(), |at| said[..at].to_owned()),
    }
}

/// What std puts behind the words of the system.
const NUMBER: &str = " (os error ";

/// A text that quotes errors of the system anywhere, with them in words: a cause is often text already.
pub(crate) fn worded(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(NUMBER) {
        let behind = &rest[at + NUMBER.len()..];
        let number = behind.split_once(')').and_then(|(number, _)| number.parse().ok());
        let Some(error) = number.map(Error::from_raw_os_error) else {
            out.push_str(&rest[..at + NUMBER.len()]);
            rest = behind;
            continue;
        };
        let said = error.to_string();
        let end = at + NUMBER.len() + behind.find(')').map_or(behind.len(), |close| close + 1);
        match rest[..end].strip_suffix(&said) {
            Some(before) => out.extend([before, &reason(&error)]),
            None => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn errors_of_the_system_are_words() {
        let said = |number| format!("cannot read x: {} and more", Error::from_raw_os_error(number));
        assert_eq!(worded(&said(21)), "cannot read x: is a directory; expected a file and more");
        assert_eq!(worded(&said(2)), "cannot read x: there is no such file; check its path and more");
        assert_eq!(worded(&said(28)), "cannot read x: No space left on device and more");
        for other in ["no (os error 2) of its own", "half (os error ", "odd (os error x)"] {
            assert_eq!(worded(other), other);
        }
    }
}
