//! `sdtp` (8.6.4): what samples depend on, a byte for each; and `stdp` (8.5.3), which has the same
//! layout with two bytes for each. Neither has a count.

use std::ops::Range;

use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, Reader, read_exact};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// Bytes of version and flags.
const FLAGS: u64 = PLAIN.len() as u64;

/// What an `sdtp` has before its entries.
pub fn sdtp_head() -> TableHead {
    TableHead::uncounted(b"sdtp", PLAIN, 1)
}

/// What an `stdp` has before its entries.
pub fn stdp_head() -> TableHead {
    TableHead::uncounted(b"stdp", PLAIN, 2)
}

/// Appends the entries of the first `samples` samples to `out`.
///
/// # Errors
/// When there are fewer entries, or the file cannot be read.
pub fn read_sdtp<R: ReadAt>(
    reader: &Reader<'_, R>,
    header: &BoxHeader,
    samples: u32,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    if header.payload_len() < FLAGS + u64::from(samples) {
        // 8.6.4.2: one byte for each sample of the track fragment.
        return Err(header.error("fewer entries than the fragment has samples"));
    }
    let start = out.len();
    out.resize(start + samples as usize, 0);
    read_exact(reader.source(), out.get_mut(start..).unwrap_or_default(), header.payload() + FLAGS)
}

/// Where the entries of some samples stand in an `sdtp` or `stdp`, which has `entry_size` bytes for
/// each. `None` when it has fewer.
pub fn entries_of_samples(
    header: &BoxHeader,
    entry_size: u8,
    samples: &Range<SampleNumber>,
) -> Option<Range<u64>> {
    let place = |sample: SampleNumber| header.payload() + FLAGS + u64::from(sample.0) * u64::from(entry_size);
    let entries = place(samples.start)..place(samples.end);
    (entries.end <= header.end()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_box;

    #[test]
    fn entries_follow_the_flags() {
        let mut file = Vec::new();
        sdtp_head().write(&mut file, |out| out.extend_from_slice(&[0x10, 0x20, 0x30]));
        assert_eq!(file, b"\0\0\0\x0fsdtp\0\0\0\0\x10\x20\x30");
        read_box(file, |reader, header| {
            let mut out = vec![9];
            read_sdtp(reader, header, 3, &mut out).unwrap();
            assert_eq!(out, [9, 0x10, 0x20, 0x30]);
            read_sdtp(reader, header, 4, &mut out).unwrap_err();
            let of = |size, samples: Range<u32>| {
                entries_of_samples(header, size, &(SampleNumber(samples.start)..SampleNumber(samples.end)))
            };
            assert_eq!((of(1, 1..3), of(1, 1..4)), (Some(13..15), None));
            assert_eq!((of(2, 0..1), of(2, 0..2)), (Some(12..14), None));
        });
    }
}
