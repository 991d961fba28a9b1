//! Did you mean …?

/// Longest name that anything is suggested for.
const MAX_LETTERS: usize = 64;

/// The candidate nearest to `name`, where one is near enough to be a slip of the finger.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = name.chars().take(MAX_LETTERS + 1).collect();
    if letters.len() > MAX_LETTERS {
        return None;
    }
    // A name of one letter is near to every other one, and none of them is meant.
    let limit = (letters.len() / 3).max(1).min(letters.len().saturating_sub(1));
    let mut rows = Rows::default();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .filter_map(|candidate| Some((rows.distance(&letters, candidate, limit)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The last rows of a table of distances: two before the one at hand, for swaps.
#[derive(Default)]
struct Rows {
    b: Vec<char>,
    two_before: Vec<usize>,
    before: Vec<usize>,
    row: Vec<usize>,
}

impl Rows {
    /// Edits between two words: insertions, deletions, substitutions, swaps of neighbours; `None` where there are more
    /// than `limit`.
    fn distance(&mut self, a: &[char], b: &str, limit: usize) -> Option<usize> {
        let Self { b: letters, two_before, before, row } = self;
        letters.clear();
        letters.extend(b.chars().take(a.len() + limit + 1));
        if letters.len().abs_diff(a.len()) > limit {
            return None;
        }
        before.clear();
        before.extend(0..=letters.len());
        two_before.clone_from(before);
        for (i, &from) in a.iter().enumerate() {
            row.clear();
            row.push(i + 1);
            for (j, &to) in letters.iter().enumerate() {
                let mut best = (before[j + 1] + 1).min(row[j] + 1).min(before[j] + usize::from(from != to));
                if i > 0 && j > 0 && from == letters[j - 1] && a[i - 1] == to {
                    best = best.min(two_before[j - 1] + 1);
                }
                row.push(best);
            }
            // A swap reaches back two rows.
            if row.iter().chain(before.iter()).all(|&edits| edits > limit) {
                return None;
            }
            std::mem::swap(two_before, before);
            std::mem::swap(before, row);
        }
        before.last().copied().filter(|&edits| edits <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        assert_eq!(nearest("gatign", ["fc", "gating", "plus"]), Some("gating"));
        assert_eq!(nearest("fc", ["gating", "plus"]), None);
        assert_eq!(nearest("z", ["x", "y"]), None);
        assert_eq!(nearest("epoch", ["epochs", "batch"]), Some("epochs"));
    }
}
