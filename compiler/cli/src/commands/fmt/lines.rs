//! What differs between two texts, line by line.

use std::fmt::Write;

/// Lines shown around a change.
const CONTEXT: usize = 2;
/// Most pairs of lines that are compared; beyond, a change is shown as one piece.
const MAX_PAIRS: usize = 4_000_000;

/// The changes from one text to another: `-` before a line that goes, `+` before one that comes.
pub(super) fn diff(before: &str, after: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    let edits = edits(&a, &b);
    let near_change = |i: usize| {
        let near = &edits[i.saturating_sub(CONTEXT)..edits.len().min(i + CONTEXT + 1)];
        near.iter().any(|(sign, _, _)| *sign != ' ')
    };
    let mut out = String::new();
    let mut skipped = true;
    for (i, (sign, line, number)) in edits.iter().enumerate() {
        if !near_change(i) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            let _written = writeln!(out, "@@ line {number} @@");
        }
        let _written = writeln!(out, "{sign}{}", line.trim_end_matches('\r'));
    }
    out
}

/// Every line of both texts with its sign, and its number in the first text.
fn edits<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, &'a str, usize)> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let same_end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (changed_a, changed_b) = (&a[start..a.len() - same_end], &b[start..b.len() - same_end]);
    let mut out: Vec<(char, &str, usize)> =
        a[..start].iter().enumerate().map(|(i, line)| (' ', *line, i + 1)).collect();
    let common = common(changed_a, changed_b);
    let (mut i, mut j) = (0, 0);
    while i < changed_a.len() || j < changed_b.len() {
        let number = start + i + 1;
        if i < changed_a.len() && j < changed_b.len() && changed_a[i] == changed_b[j] {
            out.push((' ', changed_a[i], number));
            (i, j) = (i + 1, j + 1);
        } else if j == changed_b.len() || i < changed_a.len() && common(i + 1, j) >= common(i, j + 1) {
            out.push(('-', changed_a[i], number));
            i += 1;
        } else {
            out.push(('+', changed_b[j], number));
            j += 1;
        }
    }
    out.extend(a[a.len() - same_end..].iter().enumerate().map(|(i, line)| (' ', *line, a.len() - same_end + i + 1)));
    out
}

/// The length of the longest common subsequence of what is left from two places on.
fn common(a: &[&str], b: &[&str]) -> impl Fn(usize, usize) -> u32 {
    let width = b.len() + 1;
    let small = a.len().saturating_mul(b.len()) <= MAX_PAIRS;
    let mut table = vec![0u32; if small { (a.len() + 1) * width } else { 0 }];
    if small {
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                let skip = table[(i + 1) * width + j].max(table[i * width + j + 1]);
                table[i * width + j] = if a[i] == b[j] { table[(i + 1) * width + j + 1] + 1 } else { skip };
            }
        }
    }
    move |i, j| table.get(i * width + j).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\n";
        let after = "a\nb\nc\nD\nd\ne\nf\n";
        assert_eq!(diff(before, after), "@@ line 2 @@\n b\n c\n+D\n d\n e\n f\n-g\n \n");
        assert_eq!(diff("same\n", "same\n"), "");
        assert_eq!(diff("a", "a\n"), "@@ line 1 @@\n a\n+\n");
    }
}
