//! `stsh` (8.6.3): sync samples that can take the place of others.

use super::{u32_at, write_box};

/// The entries of the payload of an `stsh`: `shadowed_sample_number` and `sync_sample_number`, both
/// 1-based. `None` when it is too short for them.
pub fn read_stsh(payload: &[u8]) -> Option<impl Iterator<Item = (u32, u32)>> {
    let count = u32_at(payload.get(4..8)?, 0) as usize;
    let entries = payload.get(8..)?.get(..count.checked_mul(8)?)?.chunks_exact(8);
    Some(entries.map(|e| (u32_at(e, 0), u32_at(e, 4))))
}

/// Writes an `stsh`.
pub fn write_stsh(out: &mut Vec<u8>, entries: &[(u32, u32)]) {
    write_box(out, b"stsh", |out| {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(0).to_be_bytes());
        for (shadowed, sync) in entries {
            out.extend_from_slice(&shadowed.to_be_bytes());
            out.extend_from_slice(&sync.to_be_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let entries = [(2, 1), (9, 8)];
        let mut out = Vec::new();
        write_stsh(&mut out, &entries);
        assert_eq!(read_stsh(&out[8..]).unwrap().collect::<Vec<_>>(), entries);
        assert!(read_stsh(&out[8..out.len() - 1]).is_none());
    }
}
