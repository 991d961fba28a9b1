//! How many different values there are, told from a few thousand bytes (HyperLogLog; Flajolet et al., 2007).

/// Bits of a hash that choose a register: an error of about 1.6 %.
const BITS: u32 = 12;

/// Registers, each the longest run of zeros that a hash of it began with.
#[derive(Clone, Debug)]
pub(super) struct Distinct {
    registers: Vec<u8>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { registers: vec![0; 1 << BITS] }
    }
}

impl Distinct {
    /// Adds a value by its hash.
    pub fn add(&mut self, hash: u64) {
        let register = (hash >> (u64::BITS - BITS)) as usize;
        let run = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        self.registers[register] = self.registers[register].max(run);
    }

    /// About how many different ones were added.
    pub fn count(&self) -> u64 {
        let registers = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|&run| 0.5f64.powi(i32::from(run))).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty = self.registers.iter().filter(|&&run| run == 0).count();
        // Of few values, the registers that nothing fell into tell more.
        if estimate <= 2.5 * registers && empty > 0 {
            return (registers * (registers / empty as f64).ln()).round() as u64;
        }
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use twox_hash::XxHash3_64;

    use super::*;

    #[test]
    fn many_and_few_values_are_counted_about_right() {
        for values in [0u64, 1, 50, 3_000, 40_000, 1_000_000] {
            let mut distinct = Distinct::default();
            for value in (0..values).chain(0..values.min(100)) {
                distinct.add(XxHash3_64::oneshot(&value.to_le_bytes()));
            }
            let counted = distinct.count();
            assert!(counted.abs_diff(values) * 20 <= values, "{values}: {counted}");
        }
    }
}
