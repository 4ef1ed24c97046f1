//! Chapters as Nero writes them (`chpl`). No standard has them; many players read them.

use crate::boxes::{u64_at, write_box};
use crate::seek::Clip;

/// A `chpl` with the chapters of the clip, moved with it. Times are in units of 100 ns. `None` when
/// it is malformed.
pub(super) fn cut_chpl(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let ticks =
        |t: u64| u64::try_from(u128::from(t) * 10_000_000 / u128::from(clip.timescale)).unwrap_or(u64::MAX);
    let (from, to) = (ticks(clip.start.0), ticks((clip.start + clip.duration).0));
    let prefix = if payload.first() == Some(&0) { 4 } else { 8 };
    let count = usize::from(*payload.get(prefix)?);
    let mut at = prefix + 1;
    let mut kept: Vec<(u64, &[u8])> = Vec::new();
    for _ in 0..count {
        let start = u64_at(payload.get(at..at + 8)?, 0);
        let len = usize::from(*payload.get(at + 8)?);
        let title = payload.get(at + 8..at + 9 + len)?;
        at += 9 + len;
        if start <= from {
            // The clip begins in this chapter, or in a later one.
            kept.clear();
        }
        if start < to {
            kept.push((start.saturating_sub(from), title));
        }
    }
    let mut out = Vec::new();
    write_box(&mut out, b"chpl", |out| {
        out.extend_from_slice(payload.get(..prefix).unwrap_or_default());
        out.push(u8::try_from(kept.len()).unwrap_or(u8::MAX));
        for (start, title) in &kept {
            out.extend_from_slice(&start.to_be_bytes());
            out.extend_from_slice(title);
        }
    });
    Some(out)
}
