//! Requests that wait for a model.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::refusal::Refusal;
use crate::tensor::Values;

/// The probabilities of a request's rows, `[outputs, rows]`, or why there are none.
pub type Answer = Result<Vec<f32>, Refusal>;

/// Rows of a request, and who waits for what is said of them.
pub struct Job {
    /// How many.
    pub rows: usize,
    /// The values of each input.
    pub columns: Vec<Values>,
    /// When it came.
    pub came: Instant,
    /// When nobody waits for it any more.
    pub until: Instant,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Answer>,
}

/// Jobs in the order in which they came. So many rows wait, and no more.
pub struct Queue {
    state: Mutex<State>,
    came: Condvar,
    waiting: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    rows: usize,
    closed: bool,
}

impl Queue {
    /// Of at most so many rows.
    pub fn new(waiting: usize) -> Self {
        Self { state: Mutex::default(), came: Condvar::new(), waiting }
    }

    /// Rows that wait.
    pub fn depth(&self) -> usize {
        self.state().rows
    }

    /// Adds a job.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn push(&self, job: Job) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.rows > 0 && state.rows + job.rows > self.waiting {
            let message = format!("{} rows wait for the model, and no more than {} may", state.rows, self.waiting);
            return Err(Refusal::busy(429, message));
        }
        state.rows += job.rows;
        state.jobs.push_back(job);
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    /// No job will come any more. Those that are here are still to be done.
    pub fn close(&self) {
        self.state().closed = true;
        self.came.notify_all();
    }

    /// The next jobs, of at most so many rows together unless the first has more: those that are here, and those that come while the first
    /// waits no longer than `wait`. Nothing once it is closed and empty.
    pub fn take(&self, most: usize, wait: Duration, jobs: &mut Vec<Job>) -> bool {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !wait.is_zero() {
            let until = state.jobs.front().map_or_else(Instant::now, |first| first.came + wait);
            while state.rows < most && !state.closed {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state = self.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        let mut rows = 0;
        while let Some(job) = state.jobs.front()
            && (rows == 0 || rows + job.rows <= most)
        {
            rows += job.rows;
            jobs.extend(state.jobs.pop_front());
        }
        state.rows -= rows;
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(rows: usize) -> Job {
        let now = Instant::now();
        Job { rows, columns: Vec::new(), came: now, until: now, reply: oneshot::channel().0 }
    }

    #[test]
    fn jobs_are_taken_together_up_to_so_many_rows() {
        let queue = Queue::new(100);
        for rows in [3, 4, 5, 50, 1] {
            queue.push(job(rows)).expect("room");
        }
        let taken = || {
            let mut jobs = Vec::new();
            assert!(queue.take(10, Duration::ZERO, &mut jobs));
            jobs.iter().map(|job| job.rows).collect::<Vec<_>>()
        };
        assert_eq!([taken(), taken(), taken(), taken()], [vec![3, 4], vec![5], vec![50], vec![1]]);
        assert_eq!(queue.depth(), 0);
        queue.close();
        assert!(!queue.take(10, Duration::ZERO, &mut Vec::new()), "nothing comes any more");
    }

    #[test]
    fn no_more_rows_wait_than_may() {
        let queue = Queue::new(10);
        queue.push(job(50)).expect("an empty queue takes any request");
        let refusal = queue.push(job(1)).expect_err("it is full");
        assert_eq!((refusal.status, refusal.again), (429, Some(1)), "{refusal}");
        assert!(queue.take(1, Duration::ZERO, &mut Vec::new()));
        queue.push(job(9)).expect("there is room again");
        queue.push(job(1)).expect("and for one more");
        queue.push(job(1)).expect_err("but not for another");
    }

    #[test]
    fn the_first_waits_for_others_no_longer_than_it_may() {
        let queue = Queue::new(100);
        queue.push(job(1)).expect("room");
        let (begun, mut jobs) = (Instant::now(), Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                queue.push(job(1)).expect("room");
            });
            assert!(queue.take(2, Duration::from_secs(20), &mut jobs));
        });
        assert_eq!(jobs.len(), 2, "the second came in time");
        assert!(begun.elapsed() < Duration::from_secs(10), "and nothing was left to wait for");
    }
}
