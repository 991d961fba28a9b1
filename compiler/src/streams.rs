//! Named random streams: every draw is a pure function of (seed, stream, index), so there is no
//! generator state to save, and drawing more in one place never moves a draw in another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Names a stream of a run.
pub type Key = [u8; 32];

/// The random draws of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// Two runs of one seed draw the same.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The key of a named stream; [`at`] then takes an index without hashing again.
    pub fn key(&self, name: &str) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(name.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The generator for item `index` of the stream `name`.
    pub fn rng(&self, name: &str, index: u64) -> ChaCha8Rng {
        at(self.key(name), index)
    }
}

/// The generator for item `index` of the stream with this key.
pub fn at(key: Key, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// The key of a stream of its own for item `index` below the stream with this key: for draws of a step, of a node in it.
pub fn below(key: Key, index: u64) -> Key {
    let mut hasher = blake3::Hasher::new_keyed(&key);
    hasher.update(&index.to_le_bytes());
    *hasher.finalize().as_bytes()
}
