//! Records of one length, one after the other in memory that grows and never moves.

/// Records that are allocated together: a megabyte of the usual ones. Pages that no record has reached take no memory,
/// and of blocks of a hundred kilobytes the allocator wastes every fifth.
const CHUNK: usize = 8192;

#[derive(Clone, Debug)]
pub(crate) struct Slab {
    /// Numbers a record.
    stride: usize,
    /// Most records that there will be: the last chunk is no longer than needed.
    limit: usize,
    chunks: Vec<Vec<f32>>,
    len: usize,
}

impl Slab {
    pub fn new(stride: usize, limit: usize) -> Self {
        Self { stride, limit, chunks: Vec::new(), len: 0 }
    }

    /// Adds a record of zeros and gives its number.
    pub fn push(&mut self) -> usize {
        let slot = self.len;
        if slot.is_multiple_of(CHUNK) {
            let records = CHUNK.min(self.limit - slot);
            self.chunks.push(vec![0f32; records * self.stride]);
        }
        self.len += 1;
        slot
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn record(&self, slot: usize) -> &[f32] {
        &self.chunks[slot / CHUNK][slot % CHUNK * self.stride..][..self.stride]
    }

    #[inline]
    pub fn record_mut(&mut self, slot: usize) -> &mut [f32] {
        &mut self.chunks[slot / CHUNK][slot % CHUNK * self.stride..][..self.stride]
    }

    pub fn clear(&mut self) {
        self.chunks = Vec::new();
        self.len = 0;
    }

    /// Bytes that `records` of a stride take, at most.
    pub fn bytes(stride: u64, records: u64, limit: u64) -> u64 {
        records.next_multiple_of(CHUNK as u64).min(limit).saturating_mul(stride.saturating_mul(4))
    }
}
