//! How the loss of a training goes: a point every so many steps, the same wherever the training was stopped.

use serde::{Deserialize, Serialize};

use crate::backend::Stepped;
use crate::run::Curve;

/// Points of a curve, about.
const POINTS: u64 = 100;

/// A curve while it is drawn: it goes into the checkpoints, so that what comes after one is what would have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Drawn {
    points: Curve,
    /// Of the losses since the last point.
    sum: f64,
    steps: u64,
    /// Of those, the ones that were not finite.
    #[serde(default)]
    missing: u64,
    /// Of all steps, the ones whose loss was not finite, and how many of them were the latest, in a row.
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    row: u64,
}

impl Drawn {
    /// A step of `all` is done, and this was told of it and those before.
    pub fn step(&mut self, done: u64, all: u64, told: Option<&Stepped>) {
        if let Some(told) = told {
            let finite = told.steps - told.failed;
            if finite > 0 {
                self.sum += told.loss * finite as f64;
                self.row = 0;
            } else {
                self.row += told.steps;
            }
            self.steps += finite;
            self.missing += told.failed;
            self.failed += told.failed;
        }
        if done.is_multiple_of(all.div_ceil(POINTS).max(1)) || done == all {
            // A mean of those alone that are left would look like one of all.
            let mean = (self.steps > 0 && self.missing == 0).then(|| self.sum / self.steps as f64);
            self.points.push((done, mean));
            (self.sum, self.steps, self.missing) = (0.0, 0, 0);
        }
    }

    /// Steps so far whose loss was not finite.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// How many of them were the latest, one after the other.
    pub fn failed_in_a_row(&self) -> u64 {
        self.row
    }

    pub fn ended(self) -> Curve {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_the_same_wherever_it_was_interrupted() {
        let told = |step: u64| {
            let failed = step.is_multiple_of(7);
            Stepped { steps: 1, failed: failed.into(), loss: if failed { f64::NAN } else { 1.0 / step as f64 } }
        };
        for all in [1, 3, 99, 100, 101, 250, 1234] {
            let draw = |drawn: &mut Drawn, steps: std::ops::Range<u64>| {
                steps.for_each(|step| drawn.step(step + 1, all, Some(&told(step + 1))));
            };
            let mut whole = Drawn::default();
            draw(&mut whole, 0..all);
            assert!((1..=101).contains(&whole.points.len()), "{all}");
            assert_eq!(whole.points.last().expect("points").0, all);
            assert_eq!((whole.failed(), whole.failed_in_a_row()), (all / 7, u64::from(all.is_multiple_of(7))));
            let mut from = 0;
            for &(to, mean) in &whole.points {
                assert_eq!(mean.is_none(), (from + 1..=to).any(|step| step.is_multiple_of(7)), "{from}..{to} of {all}");
                from = to;
            }
            for cut in 0..all {
                let mut first = Drawn::default();
                draw(&mut first, 0..cut);
                let text = serde_json::to_string(&first).expect("JSON");
                let mut rest: Drawn = serde_json::from_str(&text).expect("JSON");
                draw(&mut rest, cut..all);
                assert_eq!(rest, whole, "{cut} of {all}");
            }
        }
    }
}
