//! `stsz` and `stz2` (8.7.3): the size of each sample.

use std::ops::Range;

use super::segments::{SEGMENT, Segments};
use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, READ_AHEAD, Reader, Table, TableReader, u16_at, u32_at};
use crate::source::ReadAt;

/// Samples between two prefix sums.
const STRIDE: u32 = 1024;

/// Prefix sums of a segment.
const STRIDES: usize = (SEGMENT / STRIDE) as usize;

/// The sizes of a track's samples.
#[derive(Debug, Clone)]
pub enum SampleSizes {
    /// All alike. QuickTime's audio of a constant bitrate counts PCM frames here and packs
    /// `samples` of them in `bytes`; elsewhere `samples` is 1.
    Constant {
        /// Number of samples.
        count: u32,
        /// What the box says, which is not always what a sample takes.
        stored: u32,
        /// Samples of one packet.
        samples: u32,
        /// Bytes of one packet.
        bytes: u32,
    },
    /// One entry for each.
    Table {
        /// Where the entries are. For fields of 4 bits an entry is a pair of samples.
        table: Table,
        /// Number of samples.
        count: u32,
        /// Bits of a field: 4, 8, 16 (`stz2`) or 32 (`stsz`).
        field_bits: u8,
        /// Bytes of the samples of each segment up to every `STRIDE`th.
        sums: Segments<[u64; STRIDES]>,
    },
}

impl SampleSizes {
    /// Reads an `stsz` or `stz2`. `packet` is (samples, bytes) of a packet where the
    /// sample description says that the constant size of the box is not to be believed.
    ///
    /// # Errors
    /// When the box is malformed or cannot be read.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        packet: Option<(u32, u32)>,
    ) -> Result<Self, FormatError> {
        if header.payload_len() < 12 {
            // 8.7.3.2.1 and 8.7.3.3.1: `sample_size` or `field_size`, then `sample_count`.
            return Err(header.error("too short for a sample count"));
        }
        let field = u32_at(reader.bytes(header.payload() + 4, 4)?, 0);
        if &header.box_type.0 == b"stsz" && field != 0 {
            let count = u32_at(reader.bytes(header.payload() + 8, 4)?, 0);
            let (samples, bytes) = packet.unwrap_or((1, field));
            return Ok(Self::Constant { count, stored: field, samples, bytes });
        }
        let field_bits = match (&header.box_type.0, field & 0xff) {
            (b"stsz", _) => 32u8,
            (_, 4) => 4,
            (_, 8) => 8,
            (_, 16) => 16,
            // 8.7.3.3.2: no other value is allowed.
            (_, n) => return Err(header.error(format!("field size {n} is not 4, 8 or 16"))),
        };
        let count = u32_at(reader.bytes(header.payload() + 8, 4)?, 0);
        let table = Table {
            offset: header.payload() + 12,
            count: if field_bits == 4 { count.div_ceil(2) } else { count },
            entry_size: field_bits.div_ceil(8),
        };
        if table.bytes() > header.payload_len() - 12 {
            // 8.7.3.2.1 and 8.7.3.3.1: one entry for each sample.
            return Err(header.error(format!("{count} sample sizes do not fit in its {} bytes", header.size)));
        }
        Ok(Self::of_table(table, field_bits, count))
    }

    /// The sizes of a table whose place is known.
    pub fn of_table(table: Table, field_bits: u8, count: u32) -> Self {
        Self::Table { table, count, field_bits, sums: Segments::new(count) }
    }

    /// What an `stsz` or `stz2` with `count` of these samples has before its entries.
    pub fn head(&self, count: u32) -> TableHead {
        match self {
            Self::Constant { stored, .. } => head_of(b"stsz", *stored, count, 4),
            Self::Table { field_bits: 32, .. } => stsz_head(count),
            Self::Table { field_bits, table, .. } => {
                head_of(b"stz2", (*field_bits).into(), count, table.entry_size)
            }
        }
    }

    /// Number of samples.
    pub fn count(&self) -> u32 {
        match self {
            Self::Constant { count, .. } | Self::Table { count, .. } => *count,
        }
    }

    /// Samples that have no size of their own: cuts lie on multiples of this from a chunk's start.
    pub fn samples_per_packet(&self) -> u32 {
        match self {
            Self::Constant { samples, .. } => (*samples).max(1),
            Self::Table { .. } => 1,
        }
    }

    /// Bytes of the samples in `range`. O(1) but for the ends of the range.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bytes<R: ReadAt>(&self, source: &R, range: Range<u32>) -> Result<u64, FormatError> {
        match self {
            Self::Constant { samples, bytes, .. } => {
                let packets =
                    u64::from(range.end.saturating_sub(range.start)).div_ceil(u64::from((*samples).max(1)));
                Ok(packets * u64::from(*bytes))
            }
            Self::Table { table, count, field_bits, sums } => {
                let range = range.start..range.end.min(*count);
                if range.is_empty() {
                    return Ok(0);
                }
                if range.end - range.start < STRIDE {
                    let n = range.end - range.start;
                    return Sizes::new(source, *table, *field_bits, range.start, n, n).sum(n);
                }
                let mut pass = Sizes::new(source, *table, *field_bits, 0, *count, READ_AHEAD);
                let mut of_segment = |n: u32| sums.get(n, |samples| pass.prefix_sums(samples.start));
                let (first, last) = (range.start / SEGMENT, range.end / SEGMENT);
                let mut whole = 0u64;
                for segment in first..last {
                    whole = whole.saturating_add(of_segment(segment)?[STRIDES - 1]);
                }
                // Those of its segment that come before a sample.
                let mut before = |at: u32| -> Result<u64, FormatError> {
                    let strides = (at % SEGMENT / STRIDE) as usize;
                    let known = match strides.checked_sub(1) {
                        Some(n) => of_segment(at / SEGMENT)?.get(n).copied().unwrap_or(0),
                        None => 0,
                    };
                    let rest = at % STRIDE;
                    let mut sizes = Sizes::new(source, *table, *field_bits, at - rest, rest, rest);
                    Ok(known.saturating_add(sizes.sum(rest)?))
                };
                Ok(whole.saturating_add(before(range.end)?).saturating_sub(before(range.start)?))
            }
        }
    }

    /// Memory the prefix sums hold, now or later.
    pub fn heap_size(&self) -> usize {
        match self {
            Self::Constant { .. } => 0,
            Self::Table { sums, .. } => sums.heap_size(),
        }
    }

    /// Reads sizes one after the other, from `range.start` to `range.end`.
    pub fn reader<'a, R: ReadAt>(&self, source: &'a R, range: Range<u32>) -> SizeReader<'a, R> {
        match self {
            Self::Constant { samples, bytes, .. } => {
                SizeReader::Constant { samples: (*samples).max(1), bytes: *bytes }
            }
            Self::Table { table, field_bits, .. } => {
                let n = range.end.saturating_sub(range.start);
                SizeReader::Table(Sizes::new(source, *table, *field_bits, range.start, n, 256))
            }
        }
    }
}

/// What an `stsz` of so many samples has before its entries, if each sample has one.
pub fn stsz_head(sample_count: u32) -> TableHead {
    head_of(b"stsz", 0, sample_count, 4)
}

/// Version and flags, `sample_size` or `field_size`, `sample_count`.
fn head_of(box_type: &[u8; 4], size: u32, sample_count: u32, entry_size: u8) -> TableHead {
    TableHead::uncounted(
        box_type,
        [PLAIN, size.to_be_bytes(), sample_count.to_be_bytes()].concat(),
        entry_size,
    )
}

/// An entry of an `stsz`: the size of a sample.
pub fn stsz_entry(size: u32) -> [u8; 4] {
    size.to_be_bytes()
}

/// A byte with the fields of two samples, 4 bits each: of an `stz2` or a `padb` (8.7.6).
#[inline]
pub fn nibbles(first: u8, second: u8) -> u8 {
    first << 4 | second
}

/// The 4 bits of a sample in the byte of its pair. See [`nibbles`].
#[inline]
pub fn nibble_in(pair: u8, sample: u32) -> u8 {
    if sample % 2 == 0 { pair >> 4 } else { pair & 15 }
}

/// Sums sizes in order: see [`SampleSizes::reader`].
pub enum SizeReader<'a, R: ReadAt> {
    /// All alike.
    Constant {
        /// Samples of one packet.
        samples: u32,
        /// Bytes of one packet.
        bytes: u32,
    },
    /// From the table.
    Table(Sizes<'a, R>),
}

impl<R: ReadAt> SizeReader<'_, R> {
    /// Bytes of the next `n` samples, which begin and end on packets.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sum(&mut self, n: u32) -> Result<u64, FormatError> {
        match self {
            Self::Constant { samples, bytes } => Ok(u64::from(n.div_ceil(*samples)) * u64::from(*bytes)),
            Self::Table(sizes) => sizes.sum(n),
        }
    }

    /// Gives the sizes of the next `n` samples, of which each is a packet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each(&mut self, n: u32, mut give: impl FnMut(u32)) -> Result<(), FormatError> {
        match self {
            Self::Constant { bytes, .. } => (0..n).for_each(|_| give(*bytes)),
            Self::Table(sizes) if sizes.field_bits == 32 => sizes.each_word(n, give)?,
            Self::Table(sizes) => {
                for _ in 0..n {
                    give(u32::try_from(sizes.sum(1)?).unwrap_or(u32::MAX));
                }
            }
        }
        Ok(())
    }
}

/// Sizes of a table, in order.
pub struct Sizes<'a, R: ReadAt> {
    reader: TableReader<'a, R>,
    field_bits: u8,
    next: u32,
    end: u32,
}

impl<'a, R: ReadAt> Sizes<'a, R> {
    fn new(source: &'a R, table: Table, field_bits: u8, first: u32, count: u32, window: u32) -> Self {
        let reader = TableReader::new(source, table, window);
        Self { reader, field_bits, next: first, end: first.saturating_add(count) }
    }

    /// The prefix sums of the segment that begins with sample `first`.
    fn prefix_sums(&mut self, first: u32) -> Result<[u64; STRIDES], FormatError> {
        self.next = first;
        let mut sums = [0; STRIDES];
        let mut sum = 0u64;
        for all in &mut sums {
            sum = sum.saturating_add(self.sum(STRIDE)?);
            *all = sum;
        }
        Ok(sums)
    }

    /// Gives the next `n` sizes, which are fields of 32 bits.
    fn each_word(&mut self, n: u32, mut give: impl FnMut(u32)) -> Result<(), FormatError> {
        let mut left = n.min(self.end.saturating_sub(self.next));
        while left > 0 {
            let b = self.reader.entries(self.next)?;
            let took = u32::try_from(b.len() / 4).unwrap_or(left).min(left).max(1);
            let b = b.get(..took as usize * 4).unwrap_or_default();
            b.chunks_exact(4).for_each(|c| give(u32_at(c, 0)));
            self.next += took;
            left -= took;
        }
        Ok(())
    }

    fn sum(&mut self, n: u32) -> Result<u64, FormatError> {
        let mut left = n.min(self.end.saturating_sub(self.next));
        let mut sum = 0u64;
        while left > 0 {
            let took;
            if self.field_bits == 4 {
                let pair = *self.reader.entry(self.next / 2)?.first().unwrap_or(&0);
                sum += u64::from(nibble_in(pair, self.next));
                took = 1;
            } else {
                let size = usize::from(self.field_bits / 8);
                let b = self.reader.entries(self.next)?;
                let have = u32::try_from(b.len() / size).unwrap_or(left);
                took = have.min(left).max(1);
                let b = b.get(..took as usize * size).unwrap_or_default();
                sum += match self.field_bits {
                    8 => b.iter().map(|&b| u64::from(b)).sum::<u64>(),
                    // Mostly those of a chunk or two.
                    32 if took <= FEW => b.chunks_exact(4).map(|c| u64::from(u32_at(c, 0))).sum(),
                    16 => b.chunks_exact(2).map(|c| u64::from(u16_at(c, 0))).sum(),
                    _ => b.chunks(4 * WORDS).map(sum_of_words).sum(),
                };
            }
            self.next += took;
            left -= took;
        }
        Ok(sum)
    }
}

/// Sizes that are added up one by one.
const FEW: u32 = 8;

/// Words that [`sum_of_words`] can take: the sum of as many bytes has no more than 16 bits.
const WORDS: usize = 256;

/// The sum of big-endian words. Processors count the other way round, so the first and the third
/// byte of each are added up, the second and the fourth, side by side: that takes no turning.
fn sum_of_words(b: &[u8]) -> u64 {
    let (mut even, mut odd) = (0u32, 0u32);
    for word in b.chunks_exact(4) {
        let word = u32_at(word, 0).swap_bytes();
        even = even.wrapping_add(word & 0x00ff_00ff);
        odd = odd.wrapping_add((word >> 8) & 0x00ff_00ff);
    }
    let (first, third) = (u64::from(even & 0xffff), u64::from(even >> 16));
    let (second, fourth) = (u64::from(odd & 0xffff), u64::from(odd >> 16));
    (first << 24) + (second << 16) + (third << 8) + fourth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    #[test]
    fn words_add_up() {
        let words: Vec<u32> = (0..256).map(|n: u32| n.wrapping_mul(2_654_435_761)).collect();
        for words in [&words[..], &words[..3], &[u32::MAX; 256], &[]] {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            assert_eq!(sum_of_words(&bytes), words.iter().map(|&w| u64::from(w)).sum::<u64>());
        }
    }

    #[test]
    fn each_kind_of_box_is_read() {
        let read = |box_type: &[u8; 4], words: &[u32]| {
            let file = full_box(box_type, 0, words.iter().copied());
            let sizes = read_box(file.clone(), |reader, header| SampleSizes::read(reader, header, None))?;
            let mut written = Vec::new();
            sizes.head(sizes.count()).write(&mut written, |out| out.extend_from_slice(&file[20..]));
            assert_eq!(written, file);
            Ok::<_, FormatError>((sizes.count(), sizes.bytes(&file, 0..sizes.count())?))
        };
        assert_eq!(read(b"stsz", &[5, 3]).unwrap(), (3, 15));
        assert_eq!(read(b"stsz", &[0, 2, 7, 8]).unwrap(), (2, 15));
        assert_eq!(read(b"stz2", &[4, 3, 0x1230_0000]).unwrap(), (3, 6));
        assert_eq!(read(b"stz2", &[8, 3, 0x0102_0300]).unwrap(), (3, 6));
        assert_eq!(read(b"stz2", &[16, 2, 0x0102_0003]).unwrap(), (2, 261));
        let mut own = Vec::new();
        stsz_head(2).write(&mut own, |out| out.extend_from_slice(&[stsz_entry(7), stsz_entry(8)].concat()));
        assert_eq!(own, full_box(b"stsz", 0, [0, 2, 7, 8]));
        assert!(read(b"stz2", &[5, 1, 0]).unwrap_err().to_string().contains("field size 5"));
        assert!(read(b"stsz", &[0, 2, 7]).unwrap_err().to_string().contains("2 sample sizes"));
        read(b"stsz", &[0]).unwrap_err();
    }

    #[test]
    fn two_samples_share_a_byte() {
        let pair = nibbles(9, 4);
        assert_eq!([4, 5].map(|sample| nibble_in(pair, sample)), [9, 4]);
    }

    #[test]
    fn bytes_of_any_range_are_the_sum_of_its_sizes() {
        let count = 40_000u32;
        let sizes: Vec<u32> = (0..count).map(|n| n.wrapping_mul(2_654_435_761) >> 8).collect();
        let source: Vec<u8> = sizes.iter().flat_map(|s| s.to_be_bytes()).collect();
        let table = SampleSizes::of_table(Table { offset: 0, count, entry_size: 4 }, 32, count);
        for (start, end) in [
            (0, count),
            (0, SEGMENT),
            (SEGMENT, 2 * SEGMENT),
            (1, SEGMENT + 1),
            (SEGMENT - 1, count - 1),
            (700, 1723),
            (700, 1724),
            (700, 9000),
            (3 * STRIDE, 5 * STRIDE),
            (35_000, count + 10),
            (12, 12),
        ] {
            let expected: u64 =
                sizes[start as usize..end.min(count) as usize].iter().map(|&s| u64::from(s)).sum();
            assert_eq!(table.bytes(&source, start..end).unwrap(), expected, "{start}..{end}");
        }
    }
}
