//! Figures of a column of numbers, in one pass and in the order of the rows.

/// Most numbers that a median or quantiles are worked out from: evenly spaced training rows.
pub(super) const SAMPLED: usize = 1 << 20;

/// Count, mean and spread of numbers (Welford, 1962), and some of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    count: u64,
    mean: f64,
    /// Sum of squared differences from the mean.
    squares: f64,
    least: f64,
    greatest: f64,
    sample: Vec<f64>,
}

impl Numbers {
    pub fn add(&mut self, number: f64, sampled: bool) {
        if self.count == 0 {
            (self.least, self.greatest) = (number, number);
        }
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        if sampled {
            self.sample.push(number);
        }
    }

    /// 0 where there are none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Of the population; 0 where there are none.
    pub fn deviation(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.squares / self.count as f64).sqrt() }
    }

    /// The least and the greatest; both 0 where there are none.
    pub fn range(&self) -> (f64, f64) {
        (self.least, self.greatest)
    }

    /// The lower of the two in the middle; 0 where there are none.
    pub fn median(&mut self) -> f64 {
        self.sample.sort_unstable_by(f64::total_cmp);
        self.sample.get(self.sample.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
    }

    /// What separates `count` parts of about as many numbers each, rising; fewer where many numbers are alike.
    pub fn quantiles(&mut self, count: usize) -> Vec<f64> {
        self.sample.sort_unstable_by(f64::total_cmp);
        let at = |part: usize| self.sample.get(part * self.sample.len() / count).copied();
        let mut edges: Vec<f64> = (1..count).filter_map(at).collect();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_sums_by_hand() {
        let mut numbers = Numbers::default();
        for number in [3.0, 1.0, 4.0, 1.0, 5.0, 9.0] {
            numbers.add(number, true);
        }
        let mean = 23.0 / 6.0;
        let squares: f64 = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0f64].iter().map(|number| (number - mean).powi(2)).sum();
        assert!((numbers.mean() - mean).abs() < 1e-12);
        assert!((numbers.deviation() - (squares / 6.0).sqrt()).abs() < 1e-12);
        assert_eq!((numbers.range(), numbers.median()), ((1.0, 9.0), 3.0));
        assert_eq!(numbers.quantiles(3), [3.0, 5.0]);
        assert_eq!(numbers.quantiles(6), [1.0, 3.0, 4.0, 5.0, 9.0]);
        let mut none = Numbers::default();
        assert_eq!((none.mean(), none.deviation(), none.median(), none.quantiles(4)), (0.0, 0.0, 0.0, Vec::new()));
    }
}
