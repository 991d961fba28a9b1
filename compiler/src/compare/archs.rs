//! Two architectures, side by side.

use std::collections::HashMap;

use serde::Serialize;

use crate::format::value;
use crate::plan::{Layout, Param, Plan};
use crate::space::{Architecture, Space};

/// A choice that two architectures make otherwise; nothing where it does not exist or is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name, such as `b[1].x`.
    pub choice: String,
    /// What the first and the second make of it, as source writes it.
    pub values: (Option<String>, Option<String>),
}

/// The choices that differ, by name and by value as source writes it.
pub fn architectures(a: (&Space, &Architecture), b: (&Space, &Architecture)) -> Vec<Difference> {
    let made = |(space, architecture): (&Space, &Architecture)| -> Vec<(String, String)> {
        let all = space.choices().iter().zip(architecture.made());
        let made = all.filter(|(_, made)| made.is_some());
        made.map(|(choice, made)| (choice.name.clone(), value(choice, *made))).collect()
    };
    let (of_a, of_b) = (made(a), made(b));
    let find = |all: &[(String, String)], name: &str| {
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&String> = of_a.iter().map(|(name, _)| name).collect();
    names.extend(of_b.iter().map(|(name, _)| name).filter(|name| find(&of_a, name).is_none()));
    names
        .into_iter()
        .map(|name| Difference { choice: name.clone(), values: (find(&of_a, name), find(&of_b, name)) })
        .filter(|difference| difference.values.0 != difference.values.1)
        .collect()
}

/// A parameter that both architectures use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Common {
    /// Its name in both plans.
    pub name: String,
    /// Values that each uses.
    pub used: (u64, u64),
    /// Values that both use: stored places that are in both slices.
    pub shared: u64,
}

/// The parameters that both plans use, by name. Slices are compared place by place, which means something where both
/// are stored in one shape; otherwise nothing is shared.
pub fn parameters(a: &Plan, b: &Plan) -> Vec<Common> {
    let of_b: HashMap<&str, &Param> = b.params.iter().map(|param| (&*param.name, param)).collect();
    a.params
        .iter()
        .filter_map(|param| of_b.get(&*param.name).map(|other| (param, *other)))
        .map(|(p, q)| {
            let shared =
                if p.full == q.full { p.axes.iter().zip(&q.axes).map(|(p, q)| common(p, q)).product() } else { 0 };
            Common { name: p.name.to_string(), used: (p.len() as u64, q.len() as u64), shared }
        })
        .collect()
}

/// Positions that are in both layouts: of two ascending lists of runs.
fn common(a: &Layout, b: &Layout) -> u64 {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(p), Some(q)) = (a.runs().get(i), b.runs().get(j)) {
        let (end_p, end_q) = (p.start + p.len, q.start + q.len);
        count += end_p.min(end_q).saturating_sub(p.start.max(q.start)) as u64;
        if end_p <= end_q { i += 1 } else { j += 1 }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_meet_where_both_have_a_position() {
        let a = Layout::from_positions([0, 1, 2, 5, 6]);
        let b = Layout::from_positions([1, 2, 3, 6, 9]);
        assert_eq!((common(&a, &b), common(&b, &a), common(&a, &Layout::default())), (3, 3, 0));
    }
}
