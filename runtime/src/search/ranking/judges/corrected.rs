//! What the supernet says, corrected by the trainings of others: a line from its score to the log loss, fitted to these, and a
//! Gaussian process over choices of what that leaves.

use super::super::super::surrogate::{Seen, Surrogate};
use super::super::trainings::Trainings;

pub(in super::super) const NAME: &str = "corrected";

/// Scores of those that are judged, by the supernet's scores of all; nothing where there are too few others.
pub(in super::super) fn scores(trained: &Trainings<'_>, told: &[f64]) -> Option<Vec<f64>> {
    let (judged, others) = trained.numbers();
    let known: Vec<(Seen, f64)> =
        trained.seen(others.clone()).into_iter().zip(told.get(others)?.iter().copied()).collect();
    let is_sound = |(seen, told): &(Seen, f64)| told.is_finite() && seen.losses().all(f64::is_finite);
    let known: Vec<(Seen, f64)> = known.into_iter().filter(is_sound).collect();
    let points = known.iter().flat_map(|(seen, told)| seen.losses().map(|loss| (*told, loss)));
    let line = Line::through(&points.collect::<Vec<_>>())?;
    let left = known.into_iter().map(|(seen, told)| {
        Seen::on_validation(seen.architecture.clone(), seen.losses().map(|loss| loss - line.at(told)))
    });
    let surrogate = Surrogate::fit(trained.space, &left.collect::<Vec<_>>())?;
    let scores = trained.seen(judged).into_iter().zip(told);
    Some(scores.map(|(seen, &told)| line.at(told) + surrogate.expect(&seen.architecture).mean).collect())
}

/// The line that leaves the least squares.
struct Line {
    slope: f64,
    from: (f64, f64),
}

impl Line {
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        let from = (mean(|point| point.0), mean(|point| point.1));
        let both: f64 = points.iter().map(|point| (point.0 - from.0) * (point.1 - from.1)).sum();
        let square: f64 = points.iter().map(|point| (point.0 - from.0).powi(2)).sum();
        Some(Self { slope: if square > 0.0 { both / square } else { 0.0 }, from })
    }

    fn at(&self, x: f64) -> f64 {
        self.from.1 + self.slope * (x - self.from.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leaves_nothing_of_points_on_it() {
        let points: Vec<(f64, f64)> = (0..5).map(|x| (f64::from(x), 2.0 - 0.5 * f64::from(x))).collect();
        let line = Line::through(&points).expect("enough points");
        assert!(points.iter().all(|&(x, y)| (line.at(x) - y).abs() < 1e-12));
        let flat = Line::through(&[(1.0, 2.0), (1.0, 4.0), (1.0, 6.0)]).expect("enough points");
        assert_eq!((flat.slope, flat.at(9.0)), (0.0, 4.0));
        assert!(Line::through(&points[..2]).is_none(), "two points say nothing of what is left");
    }
}
