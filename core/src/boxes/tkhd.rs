//! `tkhd` (8.3.2): the track header.

use super::mvhd::write_times;
use super::{BoxHeader, FormatError, Reader, u32_at, u64_at, write_box};
use crate::source::ReadAt;

/// The track header; the fields that a cut does not change are kept as bytes.
#[derive(Debug, Clone)]
pub struct TkhdBox {
    /// Track number, referred to by `tref`.
    pub track_id: u32,
    /// Duration as the file states it, in movie ticks; not to be trusted.
    pub duration: u64,
    creation: u64,
    modification: u64,
    flags: [u8; 3],
    /// From the reserved words after `duration` to the end of the box.
    rest: Vec<u8>,
}

impl TkhdBox {
    /// Reads a `tkhd`.
    ///
    /// # Errors
    /// When it is too short or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 84)?;
        let wide = b.first() == Some(&1);
        let (rest, creation, modification, track_id, duration) = if wide {
            (36, u64_at(b, 4), u64_at(b, 12), u32_at(b, 20), u64_at(b, 28))
        } else {
            (24, u32_at(b, 4).into(), u32_at(b, 8).into(), u32_at(b, 12), u32_at(b, 20).into())
        };
        let rest = b.get(rest..).unwrap_or_default().to_vec();
        if rest.len() < 60 {
            return Err(header.error("too short for its version"));
        }
        Ok(Self { track_id, duration, creation, modification, flags: [b[1], b[2], b[3]], rest })
    }

    /// Whether the track is part of the presentation.
    pub fn is_enabled(&self) -> bool {
        self.flags[2] & 1 != 0
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.rest.capacity()
    }

    /// Writes the header with another duration, version 1 only where needed.
    pub fn write(&self, out: &mut Vec<u8>, duration: u64) {
        write_box(out, b"tkhd", |out| {
            let mut middle = [0; 8];
            middle[..4].copy_from_slice(&self.track_id.to_be_bytes());
            write_times(out, self.flags, self.creation, self.modification, &middle, duration);
            out.extend_from_slice(&self.rest);
        });
    }
}
