//! Buffers that are used again, as they are: the system clears every page that it hands out, and so would we, only to
//! write over it.

use std::sync::{Mutex, PoisonError};

/// Buffers that nobody uses now.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// A buffer with anything in it; empty where none was given back.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub fn give_back(&self, buffer: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}
