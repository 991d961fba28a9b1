//! Which stored parameters of one space fit another.

use std::collections::HashMap;

use serde::Serialize;

use crate::space::Space;

/// How a stored parameter of the first space fits the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Of one shape in both.
    Same,
    /// The first one's is a slice of the second one's.
    Grows,
    /// The second one's is a slice of the first one's.
    Shrinks,
    /// Larger along one axis, smaller along another: their common slice.
    Partly,
    /// Another number of axes.
    Unfit,
    /// Only the first space has it.
    Gone,
    /// Only the second space has it.
    New,
}

/// One stored parameter in both spaces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Carried {
    /// Of the parameter, the same in both spaces.
    pub name: String,
    /// How the shape in the first space fits that in the second.
    pub fit: Fit,
    /// Shapes in the first and in the second space.
    pub shapes: (Option<Vec<usize>>, Option<Vec<usize>>),
    /// Values that could be carried over.
    pub values: u64,
}

/// Every stored parameter of two spaces, compared by name and shape.
pub fn weights(a: &Space, b: &Space) -> Vec<Carried> {
    let of_b: HashMap<&str, &[usize]> = b.params().iter().map(|p| (&*p.name, p.full.as_slice())).collect();
    let of_a: HashMap<&str, &[usize]> = a.params().iter().map(|p| (&*p.name, p.full.as_slice())).collect();
    let one = |name: &str, shape_a: Option<&[usize]>, shape_b: Option<&[usize]>| {
        let (fit, values) = match (shape_a, shape_b) {
            (Some(p), Some(q)) => fitting(p, q),
            (Some(_), None) => (Fit::Gone, 0),
            _ => (Fit::New, 0),
        };
        let shapes = (shape_a.map(<[usize]>::to_vec), shape_b.map(<[usize]>::to_vec));
        Carried { name: name.to_owned(), fit, shapes, values }
    };
    let first = a.params().iter().map(|p| one(&p.name, Some(&p.full), of_b.get(&*p.name).copied()));
    let second = b.params().iter().filter(|p| !of_a.contains_key(&*p.name)).map(|p| one(&p.name, None, Some(&p.full)));
    first.chain(second).collect()
}

fn fitting(a: &[usize], b: &[usize]) -> (Fit, u64) {
    if a.len() != b.len() {
        return (Fit::Unfit, 0);
    }
    let values = a.iter().zip(b).map(|(p, q)| *p.min(q) as u64).product();
    let (up, down) = (a.iter().zip(b).any(|(p, q)| p < q), a.iter().zip(b).any(|(p, q)| p > q));
    let fit = match (up, down) {
        (false, false) => Fit::Same,
        (true, false) => Fit::Grows,
        (false, true) => Fit::Shrinks,
        (true, true) => Fit::Partly,
    };
    (fit, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fit_whole_or_in_part() {
        assert_eq!(fitting(&[4, 8], &[4, 8]), (Fit::Same, 32));
        assert_eq!(fitting(&[4, 8], &[6, 8]), (Fit::Grows, 32));
        assert_eq!(fitting(&[4, 8], &[4, 2]), (Fit::Shrinks, 8));
        assert_eq!(fitting(&[4, 8], &[6, 2]), (Fit::Partly, 8));
        assert_eq!(fitting(&[4], &[4, 1]), (Fit::Unfit, 0));
    }
}
