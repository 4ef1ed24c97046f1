//! `tfhd` (8.8.7): the track of a track fragment, and the defaults of its samples.

use super::trex::{SampleDefaults, SampleFlags};
use super::{BoxHeader, FormatError, Reader, u32_at, u64_at};
use crate::source::ReadAt;

const BASE_DATA_OFFSET_PRESENT: u32 = 0x1;
const SAMPLE_DESCRIPTION_INDEX_PRESENT: u32 = 0x2;
const DEFAULT_SAMPLE_DURATION_PRESENT: u32 = 0x8;
const DEFAULT_SAMPLE_SIZE_PRESENT: u32 = 0x10;
const DEFAULT_SAMPLE_FLAGS_PRESENT: u32 = 0x20;
const DURATION_IS_EMPTY: u32 = 0x1_0000;
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

/// A `tfhd`. What it does not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TfhdBox {
    /// The track of the fragment.
    pub track_id: u32,
    /// `base_data_offset`: what the `trun` and `saio` offsets count from.
    pub base_data_offset: Option<u64>,
    /// There are no samples for as long as the default duration says.
    pub duration_is_empty: bool,
    /// Without a base data offset, offsets count from the start of the `moof`.
    pub default_base_is_moof: bool,
    description_index: Option<u32>,
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
}

impl TfhdBox {
    /// Reads a `tfhd`.
    ///
    /// # Errors
    /// When it is too short for what its flags say is there, or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 8)?;
        let flags = u32_at(b, 0) & 0xff_ffff;
        let mut end = 8;
        let mut field = |flag: u32, len: usize| {
            let start = end;
            let is_present = flags & flag != 0;
            end += if is_present { len } else { 0 };
            is_present.then_some(start)
        };
        let base_data_offset = field(BASE_DATA_OFFSET_PRESENT, 8);
        let description_index = field(SAMPLE_DESCRIPTION_INDEX_PRESENT, 4);
        let duration = field(DEFAULT_SAMPLE_DURATION_PRESENT, 4);
        let size = field(DEFAULT_SAMPLE_SIZE_PRESENT, 4);
        let sample_flags = field(DEFAULT_SAMPLE_FLAGS_PRESENT, 4);
        if b.len() < end {
            // 8.8.7.2: all fields that the flags (8.8.7.1) announce.
            return Err(header.error("too short for its flags"));
        }
        let word = |at: Option<usize>| at.map(|at| u32_at(b, at));
        Ok(Self {
            track_id: u32_at(b, 4),
            base_data_offset: base_data_offset.map(|at| u64_at(b, at)),
            duration_is_empty: flags & DURATION_IS_EMPTY != 0,
            default_base_is_moof: flags & DEFAULT_BASE_IS_MOOF != 0,
            description_index: word(description_index),
            duration: word(duration),
            size: word(size),
            flags: word(sample_flags),
        })
    }

    /// The defaults of the fragment's samples, where the track has those of `trex`.
    pub fn defaults(&self, trex: SampleDefaults) -> SampleDefaults {
        SampleDefaults {
            description_index: self.description_index.unwrap_or(trex.description_index),
            duration: self.duration.unwrap_or(trex.duration),
            size: self.size.unwrap_or(trex.size),
            flags: self.flags.map_or(trex.flags, SampleFlags),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box, words};

    fn read(content: &[u32]) -> Result<TfhdBox, FormatError> {
        read_box(make_box(b"tfhd", words(content.iter().copied())), TfhdBox::read)
    }

    const TREX: SampleDefaults =
        SampleDefaults { description_index: 1, duration: 10, size: 20, flags: SampleFlags(30) };

    #[test]
    fn fields_are_where_the_flags_say() {
        let all = read(&[0x3b, 5, 1, 2, 3, 4, 6, 7]).unwrap();
        assert_eq!((all.track_id, all.base_data_offset), (5, Some((1 << 32) + 2)));
        let own = SampleDefaults { description_index: 3, duration: 4, size: 6, flags: SampleFlags(7) };
        assert_eq!(all.defaults(TREX), own);

        let some = read(&[0x3_0028, 5, 4, 7]).unwrap();
        assert!(some.duration_is_empty && some.default_base_is_moof);
        assert_eq!(some.base_data_offset, None);
        let mixed = SampleDefaults { duration: 4, flags: SampleFlags(7), ..TREX };
        assert_eq!(some.defaults(TREX), mixed);
    }

    #[test]
    fn flags_without_their_fields_are_refused() {
        let error = read(&[0x3b, 5, 1, 2, 3, 4, 6]).unwrap_err().to_string();
        assert!(error.contains("too short for its flags"), "{error}");
        read(&[0]).unwrap_err();
    }
}
