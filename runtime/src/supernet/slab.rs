//! Records of one length, one after the other in memory that grows and never moves, or in a file where they lie.

use super::file::Mapped;

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
    /// Where they lie in a file, and are only read.
    mapped: Option<Mapped>,
    len: usize,
}

impl Slab {
    pub fn new(stride: usize, limit: usize) -> Self {
        Self { stride, limit, chunks: Vec::new(), mapped: None, len: 0 }
    }

    /// So many records as they lie in a file, where that has as many numbers.
    pub fn mapped(stride: usize, limit: usize, mapped: Mapped, len: usize) -> Option<Self> {
        let numbers = mapped.numbers().len();
        (Some(numbers) == len.checked_mul(stride)).then(|| Self {
            stride,
            limit,
            chunks: Vec::new(),
            mapped: Some(mapped),
            len,
        })
    }

    /// Adds a record of zeros and gives its number.
    pub fn push(&mut self) -> usize {
        self.hold();
        self.add()
    }

    fn add(&mut self) -> usize {
        let slot = self.len;
        if slot.is_multiple_of(CHUNK) {
            let records = CHUNK.min(self.limit - slot);
            self.chunks.push(vec![0f32; records * self.stride]);
        }
        self.len += 1;
        slot
    }

    /// Takes what lies in a file into memory, before it is changed.
    fn hold(&mut self) {
        let Some(mapped) = self.mapped.take() else { return };
        self.len = 0;
        for record in mapped.numbers().chunks_exact(self.stride) {
            let slot = self.add();
            self.record_mut(slot).copy_from_slice(record);
        }
    }

    /// How many records are in memory of this process.
    pub fn held(&self) -> usize {
        if self.mapped.is_some() { 0 } else { self.len }
    }

    #[inline]
    pub fn record(&self, slot: usize) -> &[f32] {
        match &self.mapped {
            None => &self.chunks[slot / CHUNK][slot % CHUNK * self.stride..][..self.stride],
            Some(mapped) => &mapped.numbers()[slot * self.stride..][..self.stride],
        }
    }

    #[inline]
    pub fn record_mut(&mut self, slot: usize) -> &mut [f32] {
        self.hold();
        &mut self.chunks[slot / CHUNK][slot % CHUNK * self.stride..][..self.stride]
    }

    pub fn clear(&mut self) {
        self.chunks = Vec::new();
        self.mapped = None;
        self.len = 0;
    }

    /// Bytes that `records` of a stride take, at most.
    pub fn bytes(stride: u64, records: u64, limit: u64) -> u64 {
        records.next_multiple_of(CHUNK as u64).min(limit).saturating_mul(stride.saturating_mul(4))
    }
}
