//! The moving average of weights over the steps of a training (Polyak and Juditsky, 1992; with a decay as Tarvainen and Valpola,
//! arXiv 1703.01780, have it).
//!
//! After step `t` the mean of a weight is `d` times what it was and `1 - d` times the weight, from 0 on; over `1 - d^t` it is the
//! average, which so owes nothing to where it began, as the means of Adam do not. Steps count that moved nothing, too. A row that no step
//! touches stays as it is, so its mean is brought up to date only when the row is moved or asked for.

/// A moving average in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// How much of the mean stays in a step, above 0 and below 1.
    pub decay: f64,
    /// Steps before this one.
    pub step: u64,
}

impl Average {
    /// How much of a mean stays over so many steps.
    fn stays(self, steps: u64) -> f64 {
        self.decay.powf(steps as f64)
    }

    /// Moves means as so many steps do in which the values are these.
    pub(crate) fn follow(self, means: &mut [f32], values: &[f32], steps: u64) {
        let stays = self.stays(steps);
        let (stays, comes) = (stays as f32, (1.0 - stays) as f32);
        means.iter_mut().zip(values).for_each(|(mean, value)| *mean = stays * *mean + comes * value);
    }

    /// Brings means that were left alone since step `since` up to date.
    pub(crate) fn catch_up(self, means: &mut [f32], values: &[f32], since: f32) {
        let missed = self.step.saturating_sub(since as u64);
        if missed > 0 {
            self.follow(means, values, missed);
        }
    }

    /// What means come to, before this step, as averages; none before the first.
    pub(crate) fn unbias(self) -> Option<f32> {
        (self.step > 0).then(|| (1.0 / (1.0 - self.stays(self.step))) as f32)
    }
}

/// Numbers that are kept of a row of `dim` columns: their means, and how many steps these have seen. That is a whole number, exact up to
/// 16,777,216 steps.
pub(crate) fn of_row(dim: usize) -> usize {
    dim + 1
}
