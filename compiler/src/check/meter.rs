//! How much work is left for all items of a file: each has limits of its own, and a file has many.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps that are left; without end unless somebody has said how many.
#[derive(Debug)]
pub(super) struct Meter(AtomicUsize);

impl Default for Meter {
    fn default() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

impl Meter {
    /// So many steps from now on, as long as what is returned is held.
    pub fn limited(&self, steps: usize) -> Limited<'_> {
        self.0.store(steps, Ordering::Relaxed);
        Limited(self)
    }

    pub fn take(&self, steps: usize) {
        let left = self.left();
        if left != usize::MAX {
            self.0.store(left.saturating_sub(steps), Ordering::Relaxed);
        }
    }

    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub fn is_spent(&self) -> bool {
        self.left() == 0
    }
}

/// Work is counted.
pub(super) struct Limited<'m>(&'m Meter);

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        self.0.0.store(usize::MAX, Ordering::Relaxed);
    }
}
