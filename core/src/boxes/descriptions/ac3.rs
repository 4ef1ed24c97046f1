//! `dac3` and `dec3` (ETSI TS 102 366, annex F): the configurations of AC-3 and Enhanced AC-3.

use crate::boxes::bits::BitReader;

/// 4.4.1.3: samples per second of `fscod`.
const FREQUENCIES: [u32; 3] = [48_000, 44_100, 32_000];

/// 4.4.2.3: channels of `acmod`.
const CHANNELS: [u32; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// Table F.6.1: channels of each bit of `chan_loc`, the lowest first.
const PLACES: [u32; 9] = [2, 2, 1, 1, 2, 2, 2, 1, 1];

/// What such a box says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ac3Stream {
    /// Channels, that of low frequencies included.
    pub channels: u32,
    /// Samples per second; `None` for a number that is reserved.
    pub sampling_rate: Option<u32>,
}

impl Ac3Stream {
    /// Takes the content of a `dac3` apart (F.4).
    pub fn parse(b: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(b);
        let (fscod, bsid) = (bits.byte(2)?, bits.byte(5)?);
        // `bsmod`.
        bits.skip(3)?;
        let this = Self::of(fscod, bits.byte(3)?, bits.take(1)?)?;
        // What decoders agree on beyond the standard: 9 and 10 are half and a quarter of the rate.
        let halved = bsid.saturating_sub(8).min(3);
        Some(Self { sampling_rate: this.sampling_rate.map(|rate| rate >> halved), ..this })
    }

    /// Takes the content of a `dec3` apart (F.6): the first independent substream and those that
    /// depend on it.
    pub fn parse_enhanced(b: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(b);
        // `data_rate`, `num_ind_sub`.
        bits.skip(13 + 3)?;
        let fscod = bits.byte(2)?;
        // `bsid`, a bit, `asvc`, `bsmod`.
        bits.skip(5 + 1 + 1 + 3)?;
        let mut this = Self::of(fscod, bits.byte(3)?, bits.take(1)?)?;
        bits.skip(3)?;
        if bits.take(4)? > 0 {
            let places = bits.take(9)?;
            let more = (0u32..).zip(PLACES).filter(|(bit, _)| places >> bit & 1 == 1);
            this.channels += more.map(|(_, channels)| channels).sum::<u32>();
        }
        Some(this)
    }

    fn of(fscod: u8, acmod: u8, lfe: u32) -> Option<Self> {
        Some(Self {
            channels: CHANNELS.get(usize::from(acmod))? + lfe,
            sampling_rate: FREQUENCIES.get(usize::from(fscod)).copied(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn channels_and_rate_are_read() {
        let surround = Some(Ac3Stream { channels: 6, sampling_rate: Some(48_000) });
        assert_eq!(Ac3Stream::parse(&hex("103dc0")), surround);
        assert_eq!(Ac3Stream::parse_enhanced(&hex("1400 20 0f00")), surround);
        assert_eq!((Ac3Stream::parse(&[0x10]), Ac3Stream::parse_enhanced(&[0x14, 0])), (None, None));
        assert_eq!(Ac3Stream::parse(&hex("d03dc0")).unwrap().sampling_rate, None);
        // Mono with half the rate: `bsid` is 9.
        let half = Ac3Stream::parse(&hex("5208a0"));
        assert_eq!(half, Some(Ac3Stream { channels: 1, sampling_rate: Some(22_050) }));
    }

    #[test]
    fn dependent_substreams_add_channels() {
        // 5.1, and the pair Lrs and Rrs.
        let read = Ac3Stream::parse_enhanced(&hex("1400 20 0f02 02")).unwrap();
        assert_eq!(read.channels, 8);
    }
}
