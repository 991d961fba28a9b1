//! Some parameters as they were, to be put back.

use super::dense::Dense;
use super::store::{Store, Stored};
use crate::{Result, WeightsError};

/// A copy of some dense parameters and their optimiser state.
#[derive(Clone, Debug)]
pub struct Snapshot(Vec<(usize, Dense)>);

impl Store {
    /// Copies the dense parameters of these identities. Fails for tables: gather a plan and train the copy instead.
    pub fn snapshot(&self, ids: impl IntoIterator<Item = usize>) -> Result<Snapshot> {
        let copy = |id: usize| match self.params.get(id) {
            Some(Stored::Dense(dense)) => Ok((id, dense.clone())),
            _ => Err(WeightsError::NotDense { id }.into()),
        };
        Ok(Snapshot(ids.into_iter().map(copy).collect::<Result<_>>()?))
    }

    /// Puts a snapshot of this store back.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        for (id, saved) in &snapshot.0 {
            match self.params.get_mut(*id) {
                Some(Stored::Dense(dense)) if dense.values.len() == saved.values.len() => dense.clone_from(saved),
                _ => return Err(WeightsError::OtherStore { id: *id }.into()),
            }
        }
        Ok(())
    }
}
