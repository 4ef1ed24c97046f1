//! `trex` (8.8.3): what the samples of a track's fragments have where nothing else is said.

use super::{BoxHeader, FormatError, Reader, u32_at};
use crate::source::ReadAt;

/// The defaults of a track's samples: a `trex`'s, or what a `tfhd` says in their place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleDefaults {
    /// `default_sample_description_index`, 1-based.
    pub description_index: u32,
    /// `default_sample_duration`, in media ticks.
    pub duration: u32,
    /// `default_sample_size`, in bytes.
    pub size: u32,
    /// `default_sample_flags`.
    pub flags: SampleFlags,
}

/// `sample_is_non_sync_sample`
const IS_NON_SYNC_SAMPLE: u32 = 0x1_0000;

/// Where `sample_depends_on` begins, which has two bits; the value that says it does.
const DEPENDS_ON: u32 = 24;
const DEPENDS_ON_OTHERS: u32 = 1;

/// The flags of a sample (8.8.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleFlags(pub u32);

impl SampleFlags {
    /// `sample_is_non_sync_sample`.
    pub fn is_non_sync(self) -> bool {
        self.0 & IS_NON_SYNC_SAMPLE != 0
    }

    /// `sample_depends_on` is 1: the sample cannot be decoded without others.
    pub fn depends_on_others(self) -> bool {
        self.0 >> DEPENDS_ON & 3 == DEPENDS_ON_OTHERS
    }
}

/// A `trex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrexBox {
    /// The track it is about.
    pub track_id: u32,
    /// Its defaults.
    pub defaults: SampleDefaults,
}

impl TrexBox {
    /// Reads a `trex`.
    ///
    /// # Errors
    /// When it is too short or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 24)?;
        Ok(Self {
            track_id: u32_at(b, 4),
            defaults: SampleDefaults {
                description_index: u32_at(b, 8),
                duration: u32_at(b, 12),
                size: u32_at(b, 16),
                flags: SampleFlags(u32_at(b, 20)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box, words};

    fn read(content: &[u32]) -> Result<TrexBox, FormatError> {
        read_box(make_box(b"trex", words(content.iter().copied())), TrexBox::read)
    }

    #[test]
    fn every_field_is_read() {
        let trex = read(&[0, 7, 1, 1024, 600, 0x101_0000]).unwrap();
        let flags = SampleFlags(0x101_0000);
        assert_eq!(trex.track_id, 7);
        let expected = SampleDefaults { description_index: 1, duration: 1024, size: 600, flags };
        assert_eq!(trex.defaults, expected);
        assert!(flags.is_non_sync() && flags.depends_on_others());
        assert!(!SampleFlags(0x200_0000).depends_on_others());
    }

    #[test]
    fn a_short_one_is_refused() {
        let error = read(&[0, 7, 1, 1024, 600]).unwrap_err().to_string();
        assert!(error.contains("trex box at byte 0"), "{error}");
    }
}
