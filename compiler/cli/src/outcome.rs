//! How a command ended, of which its exit status follows.

/// How a command ended.
pub(crate) enum Outcome {
    Clean,
    /// Diagnostics were shown, or a verification failed.
    Findings,
    /// The arguments are wrong, and it was said how.
    Misused,
    /// Stopped on request, everything done so far on disk.
    Stopped,
}
