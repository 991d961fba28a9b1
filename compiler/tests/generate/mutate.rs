//! Changes that leave a program nearly sound.

use rand::{Rng, RngExt};

/// The words, numbers, texts, comments, blanks and signs of a text.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let len = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => rest[1..].find('"').map_or(rest.len(), |n| n + 2),
            '\n' => 1,
            c if c.is_whitespace() => end(|c| c != '\n' && c.is_whitespace()),
            c if c.is_ascii_alphanumeric() || c == '_' => end(|c| c.is_ascii_alphanumeric() || c == '_'),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(len);
        tokens.push(token);
        rest = after;
    }
    tokens
}

const NUMBERS: [&str; 14] =
    ["0", "1", "2", "3", "7", "64", "65", "16_777_216", "16_777_217", "1e300", "0.5", "1e-9", "9G", "10%"];

/// A program changed in one to four places; `other` is what a splice takes from.
pub fn mutated(text: &str, other: &str, rng: &mut impl Rng) -> String {
    let donor = tokens(other);
    let mut tokens: Vec<&str> = tokens(text);
    for _ in 0..rng.random_range(1..5) {
        if tokens.len() < 2 {
            break;
        }
        // Blanks are nothing to change.
        let at = |rng: &mut dyn Rng, tokens: &[&str]| {
            let start = rng.random_range(0..tokens.len());
            (start..tokens.len()).find(|&i| !tokens[i].trim().is_empty()).unwrap_or(start)
        };
        let (a, b) = (at(rng, &tokens), at(rng, &tokens));
        match rng.random_range(0..7) {
            0 => {
                tokens.remove(a);
            }
            1 => tokens.insert(a, tokens[a]),
            2 => tokens.swap(a, b),
            3 => {
                let from = at(rng, &donor);
                tokens[a] = donor[from];
            }
            4 => {
                // The start of the one and the end of the other.
                let from = at(rng, &donor);
                tokens.truncate(a);
                tokens.extend(&donor[from..]);
            }
            5 => {
                let count = rng.random_range(1..20).min(donor.len());
                let from = rng.random_range(0..=donor.len() - count);
                tokens.splice(a..a, donor[from..from + count].iter().copied());
            }
            _ => {
                let numbers: Vec<usize> =
                    (0..tokens.len()).filter(|&i| tokens[i].starts_with(|c: char| c.is_ascii_digit())).collect();
                if !numbers.is_empty() {
                    tokens[numbers[rng.random_range(0..numbers.len())]] = NUMBERS[rng.random_range(0..NUMBERS.len())];
                }
            }
        }
    }
    tokens.concat()
}
