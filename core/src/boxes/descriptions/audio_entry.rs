//! The fields of an `AudioSampleEntry` (12.2.3), or of QuickTime's sound sample description of
//! version 0, 1 or 2.

use crate::boxes::{u16_at, u32_at, u64_at};

/// What the fields say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AudioFields {
    /// Channels; 0 where that is not said.
    pub(super) channels: u32,
    /// Samples per second; 0 where that is not said.
    pub(super) sampling_rate: u32,
    /// How many bytes they are. Boxes follow.
    pub(super) len: u64,
}

/// Bytes of the fields in the usual form.
pub(super) const USUAL: u64 = 28;

/// Bytes of QuickTime's version 1.
const VERSION_1: u64 = 44;

/// Bytes of QuickTime's version 2.
const VERSION_2: u64 = 64;

impl AudioFields {
    /// The same in the usual form, for a description with this content.
    pub(super) fn write(&self, b: &[u8]) -> Option<Vec<u8>> {
        // `reserved` and `data_reference_index` (8.5.2.2), then `reserved`.
        let mut out = [b.get(..8)?, &[0; 8]].concat();
        out.extend_from_slice(&u16::try_from(self.channels).unwrap_or(u16::MAX).to_be_bytes());
        // `samplesize` is always the same, but for codings that are not compressed.
        out.extend_from_slice(&16_u16.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        // 16.16; what does not fit is said elsewhere.
        out.extend_from_slice(&u16::try_from(self.sampling_rate).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        Some(out)
    }
}

/// Takes the content of a description apart. In an `stsd` of version 1, the description is that of
/// ISO/IEC 14496-12, whose version 1 has no more fields; in one of version 0, its version is that
/// of QuickTime.
pub(super) fn parse(b: &[u8], stsd_version: u8) -> AudioFields {
    let version = if stsd_version == 0 { u16_at(b, 8) } else { 0 };
    let usual = AudioFields {
        channels: u16_at(b, 16).into(),
        // 16.16; what does not fit is said elsewhere.
        sampling_rate: u32_at(b, 24) >> 16,
        len: if version == 1 { VERSION_1 } else { USUAL },
    };
    if version != 2 || b.len() < 64 {
        return usual;
    }
    AudioFields {
        channels: u32_at(b, 40),
        sampling_rate: whole(f64::from_bits(u64_at(b, 32))),
        len: VERSION_2,
    }
}

/// A rate as a whole number; 0 for one that no audio has.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is within the range that is checked"
)]
fn whole(rate: f64) -> u32 {
    if (1.0..=10_000_000.0).contains(&rate) { rate.round() as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_of_quicktime_says_where_its_boxes_begin() {
        let mut b = [0; 64];
        (b[9], b[17], b[24], b[25]) = (1, 2, 0xac, 0x44);
        assert_eq!(parse(&b, 0), AudioFields { channels: 2, sampling_rate: 44_100, len: 44 });
        assert_eq!(parse(&b, 1).len, 28);
        b[9] = 2;
        b[32..40].copy_from_slice(&96_000f64.to_bits().to_be_bytes());
        b[43] = 6;
        assert_eq!(parse(&b, 0), AudioFields { channels: 6, sampling_rate: 96_000, len: 64 });
    }

    #[test]
    fn what_is_no_rate_is_none() {
        for rate in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e12] {
            assert_eq!(whole(rate), 0, "{rate}");
        }
        assert_eq!(whole(44_099.7), 44_100);
    }
}
