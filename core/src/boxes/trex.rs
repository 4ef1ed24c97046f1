//! `trex` (8.8.3): what the samples of a track's fragments have where nothing else is said.

use super::{BoxHeader, FormatError, Reader, u32_at, write_box};
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
    /// A sync sample, which depends on no other.
    pub const SYNC: Self = Self(2 << DEPENDS_ON);

    /// A sample that depends on others.
    pub const NON_SYNC: Self = Self(DEPENDS_ON_OTHERS << DEPENDS_ON | IS_NON_SYNC_SAMPLE);

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

/// Appends an `mvex` (8.8.1): an `mehd` (8.8.2) with the duration of the movie where that is known,
/// and what holds for the samples of its tracks.
pub fn write_mvex(out: &mut Vec<u8>, duration: Option<u64>, tracks: &[TrexBox]) {
    write_box(out, b"mvex", |out| {
        if let Some(duration) = duration {
            write_box(out, b"mehd", |out| {
                out.extend_from_slice(&[1, 0, 0, 0]);
                out.extend_from_slice(&duration.to_be_bytes());
            });
        }
        for TrexBox { track_id, defaults } in tracks {
            let SampleDefaults { description_index, duration, size, flags } = defaults;
            write_box(out, b"trex", |out| {
                for word in [0, *track_id, *description_index, *duration, *size, flags.0] {
                    out.extend_from_slice(&word.to_be_bytes());
                }
            });
        }
    });
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

    #[test]
    fn what_is_written_is_read() {
        let defaults =
            SampleDefaults { description_index: 1, duration: 1024, size: 600, flags: SampleFlags::SYNC };
        let written = TrexBox { track_id: 7, defaults };
        let mut file = Vec::new();
        write_mvex(&mut file, Some(1 << 40), &[written]);
        let (mehd, trex) = read_box(file, |reader, mvex| {
            let children = reader.children(mvex.payload(), mvex.end()).unwrap();
            let mehd = reader.payload(&children[0], 12).unwrap().to_vec();
            (mehd, TrexBox::read(reader, &children[1]).unwrap())
        });
        assert_eq!((&mehd[..4], &mehd[4..]), (&[1, 0, 0, 0][..], &(1_u64 << 40).to_be_bytes()[..]));
        assert_eq!(trex, written);
    }
}
