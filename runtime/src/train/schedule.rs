//! The learning rate over the steps of a run.

use nasrec_compiler::recipe::Schedule;

/// Where warm-up starts and the cosine ends.
const FLOOR: f64 = 1e-8;

/// Linear warm-up, then a cosine down to almost nothing, or constant; what cuts it on a plateau is [`Watch`](super::Watch).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// The learning rate after warming up.
    pub lr: f64,
    /// Steps of warm-up.
    pub warmup: u64,
    /// All steps, those of warming up among them.
    pub total: u64,
    /// How it goes on from there.
    pub shape: Schedule,
}

impl Cosine {
    /// The learning rate of step `t`, from 0. With `m = 1e-8`: `m + (lr - m) t / W` in warm-up, then
    /// `m + (lr - m) (1 + cos(pi (t - W) / (T - W))) / 2`.
    pub fn at(&self, step: u64) -> f64 {
        let (t, warmup, total) = (step as f64, self.warmup as f64, self.total as f64);
        if step < self.warmup {
            return FLOOR + (self.lr - FLOOR) * t / warmup;
        }
        match self.shape {
            Schedule::Constant | Schedule::Plateau { .. } => self.lr,
            Schedule::Cosine => {
                let done = if self.total > self.warmup { ((t - warmup) / (total - warmup)).min(1.0) } else { 0.0 };
                FLOOR + (self.lr - FLOOR) * (1.0 + (std::f64::consts::PI * done).cos()) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls() {
        let schedule = Cosine { lr: 0.12, warmup: 10, total: 110, shape: Schedule::Cosine };
        assert_eq!(schedule.at(0), 1e-8);
        assert!((schedule.at(5) - (1e-8 + (0.12 - 1e-8) * 0.5)).abs() < 1e-15);
        assert_eq!(schedule.at(10), 0.12);
        assert!((schedule.at(60) - (1e-8 + (0.12 - 1e-8) * 0.5)).abs() < 1e-12);
        assert!((schedule.at(110) - 1e-8).abs() < 1e-15);
        assert!((schedule.at(1000) - 1e-8).abs() < 1e-15, "past the end it stays down");
        let constant = Cosine { shape: Schedule::Constant, ..schedule };
        assert_eq!((constant.at(5) < 0.12, constant.at(10), constant.at(109)), (true, 0.12, 0.12));
        let all_warmup = Cosine { warmup: 10, total: 10, ..schedule };
        assert!(all_warmup.at(10).is_finite());
    }
}
