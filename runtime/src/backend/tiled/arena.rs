//! Which buffer holds what, and when: values that are never alive together share one.

use std::cmp::Reverse;

/// A stretch of one of a tile's buffers: the first `len` values a sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub buffer: usize,
    pub len: usize,
}

/// Something that needs memory from time `start` to time `end`, both included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub start: usize,
    pub end: usize,
    pub len: usize,
}

/// Gives every request a buffer; two that are alive at one time never share. Returns the slots and each buffer's
/// length a sample.
pub(crate) fn assign(requests: &[Request]) -> (Vec<Slot>, Vec<usize>) {
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|&i| requests[i].start);
    let mut slots = vec![Slot { buffer: 0, len: 0 }; requests.len()];
    let mut buffers: Vec<(usize, usize)> = Vec::new();
    for i in order {
        let Request { start, end, len } = requests[i];
        // The tightest free buffer that is large enough, else the largest free one, grown.
        let free = |&(_, &(busy_until, _)): &(usize, &(usize, usize))| busy_until < start;
        let fit = buffers.iter().enumerate().filter(free).filter(|(_, b)| b.1 >= len).min_by_key(|(_, b)| b.1);
        let chosen = fit.or_else(|| buffers.iter().enumerate().filter(free).max_by_key(|(_, b)| b.1));
        let buffer = match chosen {
            Some((index, _)) => index,
            None => {
                buffers.push((0, 0));
                buffers.len() - 1
            }
        };
        buffers[buffer] = (end, buffers[buffer].1.max(len));
        slots[i] = Slot { buffer, len };
    }
    // The largest first, so that programs which follow each other find buffers of about the lengths that they need.
    let mut by_length: Vec<usize> = (0..buffers.len()).collect();
    by_length.sort_by_key(|&buffer| Reverse(buffers[buffer].1));
    let mut places = vec![0; buffers.len()];
    by_length.iter().enumerate().for_each(|(place, &buffer)| places[buffer] = place);
    slots.iter_mut().for_each(|slot| slot.buffer = places.get(slot.buffer).copied().unwrap_or(0));
    (slots, by_length.iter().map(|&buffer| buffers[buffer].1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_together_lies_apart() {
        let request = |start, end, len| Request { start, end, len };
        let requests = [request(0, 2, 8), request(1, 3, 4), request(3, 4, 6), request(4, 5, 4), request(9, 9, 100)];
        let (slots, lengths) = assign(&requests);
        for (i, a) in requests.iter().enumerate() {
            for (j, b) in requests.iter().enumerate().skip(i + 1) {
                let together = a.start <= b.end && b.start <= a.end;
                assert!(!together || slots[i].buffer != slots[j].buffer, "{i} and {j}");
            }
            assert!(lengths[slots[i].buffer] >= a.len);
        }
        assert_eq!(lengths.len(), 2, "two are alive at most");
    }
}
