//! The colours of a video track.

use crate::boxes::descriptions::{ColourInformation, SampleDescription, VpConfig};
use crate::boxes::{FormatError, Reader};
use crate::source::ReadAt;

/// What the boxes say of the colours; else what the coded video says, as far as its configuration is
/// there (`hvcC`, `av1C`).
pub(super) fn colours<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<Option<ColourInformation>, FormatError> {
    if let Some(colours) = entry.find(reader, b"colr", ColourInformation::parse)? {
        return Ok(Some(colours));
    }
    match &entry.coding.0 {
        b"vp08" | b"vp09" => {
            Ok(entry.find(reader, b"vpcC", VpConfig::parse)?.and_then(|config| config.colours))
        }
        b"av01" | b"dav1" => entry.find(reader, b"av1C", ColourInformation::of_av1),
        _ => entry.find(reader, b"hvcC", ColourInformation::of_hevc),
    }
}
