//! `stsh` (8.6.3): sync samples that can take the place of others.

use super::u32_at;
use super::write::{PLAIN, TableHead};
use crate::numbers::SampleNumber;

/// The entries of the payload of an `stsh`: `shadowed_sample_number` and `sync_sample_number`, but
/// for those with the number of no sample. `None` when it is too short for them.
pub fn read_stsh(payload: &[u8]) -> Option<impl Iterator<Item = (SampleNumber, SampleNumber)>> {
    let count = u32_at(payload.get(4..8)?, 0) as usize;
    let entries = payload.get(8..)?.get(..count.checked_mul(8)?)?.chunks_exact(8);
    let sample = |entry, at| SampleNumber::from_one_based(u32_at(entry, at));
    Some(entries.filter_map(move |entry| Some((sample(entry, 0)?, sample(entry, 4)?))))
}

/// Writes an `stsh`.
pub fn write_stsh(out: &mut Vec<u8>, entries: &[(SampleNumber, SampleNumber)]) {
    TableHead::counted(b"stsh", PLAIN, 8).write(out, |out| {
        for (shadowed, sync) in entries {
            out.extend_from_slice(&shadowed.one_based().to_be_bytes());
            out.extend_from_slice(&sync.one_based().to_be_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let entries = [(1, 0), (8, 7)].map(|(one, other)| (SampleNumber(one), SampleNumber(other)));
        let mut out = Vec::new();
        write_stsh(&mut out, &entries);
        assert_eq!(read_stsh(&out[8..]).unwrap().collect::<Vec<_>>(), entries);
        assert_eq!(out[16..24], [0, 0, 0, 2, 0, 0, 0, 1]);
        assert!(read_stsh(&out[8..out.len() - 1]).is_none());
    }
}
