//! `elst` (8.6.6): the edit list.

use super::{BoxHeader, FormatError, Reader, u32_at, u64_at, write_box};
use crate::limits;
use crate::source::ReadAt;

/// One edit: a range of movie time and the media that is presented in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElstEntry {
    /// Length in movie ticks.
    pub segment_duration: u64,
    /// Where in the media it begins, in media ticks; `None` for an empty edit.
    pub media_time: Option<i64>,
    /// 16.16 fixed point: 0x10000 plays, 0 dwells on one sample.
    pub media_rate: u32,
}

impl ElstEntry {
    /// The rate of an ordinary edit.
    pub const NORMAL_RATE: u32 = 0x1_0000;

    /// A `media_rate` as a signed number: a negative one plays backwards.
    pub fn signed_rate(media_rate: u32) -> i32 {
        i32::from_ne_bytes(media_rate.to_ne_bytes())
    }
}

/// Reads an `elst`.
///
/// # Errors
/// When the box is malformed, has more than [`limits::EDITS`] entries that present something, or
/// cannot be read.
pub fn read_elst<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Vec<ElstEntry>, FormatError> {
    let b = reader.payload(header, 8)?;
    let wide = b.first() == Some(&1);
    let count = u32_at(b, 4) as usize;
    // 8.6.6.2: `entry_count` entries follow. How many there may be is our own limit.
    if count > limits::ALL_EDITS {
        return Err(header.error(format!("{count} edits, more than the {} we take", limits::ALL_EDITS)));
    }
    let size = if wide { 20 } else { 12 };
    // 8.6.6.2: the fields of an entry have 64 bits in version 1, and 32 in version 0.
    let entries = b
        .get(8..8 + count * size)
        .ok_or_else(|| header.error(format!("{count} edits do not fit in its {} bytes", header.size)))?;
    let entries: Vec<_> = entries
        .chunks_exact(size)
        .map(|e| {
            let (segment_duration, media_time, rate) = if wide {
                (u64_at(e, 0), i64::from_be_bytes(u64_at(e, 8).to_be_bytes()), 16)
            } else {
                (u32_at(e, 0).into(), i32::from_be_bytes(u32_at(e, 4).to_be_bytes()).into(), 8)
            };
            ElstEntry {
                segment_duration,
                // 8.6.6.3: -1 is the empty edit. Other negative times do not exist.
                media_time: (media_time >= 0).then_some(media_time),
                media_rate: u32_at(e, rate),
            }
        })
        .collect();
    let presented = entries.iter().filter(|e: &&ElstEntry| e.media_time.is_some()).count();
    if presented > limits::EDITS {
        let most = limits::EDITS;
        return Err(
            header.error(format!("{presented} edits that are not empty, more than the {most} we take"))
        );
    }
    Ok(entries)
}

/// Writes an `edts` (8.6.5) with an `elst`, version 1 only where needed.
pub fn write_edts(out: &mut Vec<u8>, entries: &[ElstEntry]) {
    write_box(out, b"edts", |out| write_elst(out, entries));
}

fn write_elst(out: &mut Vec<u8>, entries: &[ElstEntry]) {
    let narrow = |e: &ElstEntry| {
        u32::try_from(e.segment_duration).is_ok() && i32::try_from(e.media_time.unwrap_or(-1)).is_ok()
    };
    let wide = !entries.iter().all(narrow);
    write_box(out, b"elst", |out| {
        out.extend_from_slice(&[u8::from(wide), 0, 0, 0]);
        out.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
        for e in entries {
            let duration = e.segment_duration.to_be_bytes();
            let media_time = e.media_time.unwrap_or(-1).to_be_bytes();
            let from = if wide { 0 } else { 4 };
            out.extend_from_slice(&duration[from..]);
            out.extend_from_slice(&media_time[from..]);
            out.extend_from_slice(&e.media_rate.to_be_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    fn edit(segment_duration: u64, media_time: Option<i64>) -> ElstEntry {
        ElstEntry { segment_duration, media_time, media_rate: ElstEntry::NORMAL_RATE }
    }

    #[test]
    fn what_is_written_is_read() {
        for (version, edits) in [
            (0, vec![edit(500, None), edit(1000, Some(7))]),
            (1, vec![edit(1 << 32, Some(0))]),
            (1, vec![edit(1, Some(1 << 31))]),
            (0, vec![]),
        ] {
            let mut edts = Vec::new();
            write_edts(&mut edts, &edits);
            assert_eq!(edts[16], version);
            assert_eq!(read_box(edts[8..].to_vec(), read_elst).unwrap(), edits);
        }
    }

    #[test]
    fn other_negative_times_are_empty_edits() {
        let elst = full_box(b"elst", 0, [1, 5, u32::MAX - 1, 0x1_0000]);
        assert_eq!(read_box(elst, read_elst).unwrap(), [edit(5, None)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let error = |words: &[u32]| {
            read_box(full_box(b"elst", 0, words.iter().copied()), read_elst).unwrap_err().to_string()
        };
        assert!(error(&[2, 5, 0, 0x1_0000]).contains("2 edits do not fit"));
        assert!(error(&[u32::MAX]).contains("more than"));
        let many = u32::try_from(limits::EDITS).unwrap() + 1;
        let words: Vec<u32> = std::iter::once(many).chain([1, 0, 0x1_0000].repeat(many as usize)).collect();
        assert!(error(&words).contains("not empty"));
    }
}
