//! What only audio tracks have: channels and a sampling rate.

use crate::boxes::descriptions::{
    Ac3Stream, Ac4Stream, AlacConfig, Esds, FlacConfig, OpusConfig, SampleDescription,
};
use crate::boxes::{FormatError, Reader};
use crate::index::Track;
use crate::source::ReadAt;

use super::track::AudioDescription;

/// What a box says: channels and samples per second.
type Said = (Option<u32>, Option<u32>);

/// Describes an audio track, by the configuration of its decoder before the fields of the sample
/// description: those have 2 channels in many files whatever there is (12.2.3.2), and rates up to
/// 65,535 Hz.
pub(super) fn describe<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    track: &Track,
    entry: &SampleDescription,
) -> Result<Option<AudioDescription>, FormatError> {
    let Some((fields_channels, fields_rate)) = entry.sound else { return Ok(None) };
    let (channels, rate) = of_configuration(reader, entry)?;
    let said = |said: Option<u32>, field| said.filter(|&n| n > 0).unwrap_or(field);
    let rate = match said(rate, fields_rate) {
        // Audio is counted in its samples nearly everywhere.
        0 => track.mdhd.timescale,
        rate => rate,
    };
    let channels = u16::try_from(said(channels, fields_channels)).unwrap_or(u16::MAX);
    Ok(Some(AudioDescription { channels, sampling_rate: rate }))
}

/// What the configuration of the decoder says.
fn of_configuration<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<Said, FormatError> {
    let of_ac3 = |stream: Ac3Stream| (Some(stream.channels), stream.sampling_rate);
    let said = match &entry.coding.0 {
        b"mp4a" => {
            let audio = entry.find(reader, b"esds", Esds::parse)?.and_then(|esds| esds.audio);
            audio.map(|audio| (audio.channels, audio.sampling_rate))
        }
        b"Opus" => {
            let config = entry.find(reader, b"dOps", OpusConfig::parse)?;
            config.map(|config| (Some(config.channels.into()), Some(OpusConfig::SAMPLING_RATE)))
        }
        b"ac-3" => entry.find(reader, b"dac3", Ac3Stream::parse)?.map(of_ac3),
        b"ec-3" => entry.find(reader, b"dec3", Ac3Stream::parse_enhanced)?.map(of_ac3),
        b"ac-4" => {
            let stream = entry.find(reader, b"dac4", Ac4Stream::parse)?;
            stream.map(|stream| (None, Some(stream.sampling_rate)))
        }
        b"fLaC" => {
            let config = entry.find(reader, b"dfLa", FlacConfig::parse)?;
            config.map(|config| (Some(config.channels), Some(config.sampling_rate)))
        }
        b"alac" => {
            let config = entry.find(reader, b"alac", AlacConfig::parse)?;
            config.map(|config| (Some(config.channels), Some(config.sampling_rate)))
        }
        // 3GPP TS 26.244, 6.5: one channel, whatever the field says, at 8 or 16 kHz.
        b"samr" => Some((Some(1), Some(8_000))),
        b"sawb" => Some((Some(1), Some(16_000))),
        _ => None,
    };
    Ok(said.unwrap_or_default())
}
