//! Batches built ahead of their use.

use std::ops::Range;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::Receiver;

use super::batch::Batch;
use super::batches::Batches;
use crate::Result;
use crate::machine::MachineError;

/// Threads that build batches. One keeps ahead of any model; where nothing else is to do, memory serves two twice as
/// fast as one, which mostly waits for it.
const BUILDERS: usize = 2;

/// Yields the batches of a range of steps, in order and exactly as [`Batches::step`] gives them, while threads of its own
/// build the next ones. Dropping it ends them.
#[derive(Debug)]
pub struct Prefetch {
    /// They build steps in turn.
    builders: Vec<Builder>,
    next: usize,
}

#[derive(Debug)]
struct Builder {
    /// None once this is being dropped, which is how the thread learns of it.
    receiver: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Builds up to `ahead` batches before they are asked for.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(batches: Arc<Batches>, steps: Range<u64>, ahead: usize) -> Result<Self> {
        let count = BUILDERS.min(ahead).max(1);
        let builders = (0..count).map(|index| {
            let steps = steps.clone().skip(index).step_by(count);
            Builder::start(Arc::clone(&batches), steps, ahead / count)
        });
        Ok(Self { builders: builders.collect::<Result<_>>()?, next: 0 })
    }
}

impl Iterator for Prefetch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let batch = self.builders[self.next].next();
        self.next = (self.next + 1) % self.builders.len();
        batch
    }
}

impl Builder {
    fn start(batches: Arc<Batches>, steps: impl Iterator<Item = u64> + Send + 'static, ahead: usize) -> Result<Self> {
        // One batch more is in the thread's hands while the channel is full.
        let (sender, receiver) = crossbeam_channel::bounded(ahead.saturating_sub(1));
        let thread = thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(move || {
                let mut order = None;
                for step in steps {
                    if sender.send(batches.step_of(step, &mut order)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|cause| MachineError::Thread { purpose: "read batches ahead", cause })?;
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }

    fn next(&mut self) -> Option<Result<Batch>> {
        let batch = self.receiver.as_ref()?.recv().ok();
        if batch.is_none()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            // Ending early must not look like the end of the steps.
            std::panic::resume_unwind(panic);
        }
        batch
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // A panic of a thread whose batches nobody wants any more changes nothing.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::streams::Streams;

    use super::*;
    use crate::data::Part;
    use crate::data::dataset::testing::dataset;

    #[test]
    fn batches_are_those_of_the_pure_function() {
        let (_folder, dataset) = dataset(1_000);
        let part = dataset.part(Part::Train).clone();
        let batches = Arc::new(Batches::shuffled(dataset, part, 32, &Streams::new(1), "train").expect("rows"));
        let steps = 3..3 * batches.per_epoch() + 2;
        for ahead in [0, 1, 7] {
            let read = Prefetch::start(batches.clone(), steps.clone(), ahead).expect("a thread");
            let read: Vec<Batch> = read.collect::<Result<_>>().expect("readable");
            let expected: Result<Vec<Batch>> = steps.clone().map(|step| batches.step(step)).collect();
            assert_eq!(read, expected.expect("readable"));
        }
    }

    #[test]
    fn dropping_ends_the_thread() {
        let (_folder, dataset) = dataset(100);
        let part = dataset.part(Part::Train).clone();
        let batches = Arc::new(Batches::listed(dataset, part, 8).expect("rows"));
        let mut prefetch = Prefetch::start(batches.clone(), 0..u64::MAX, 2).expect("a thread");
        assert_eq!(prefetch.next().expect("one").expect("readable"), batches.step(0).expect("readable"));
        drop(prefetch);
        assert_eq!(Arc::strong_count(&batches), 1, "the thread still holds the batches");
    }
}
