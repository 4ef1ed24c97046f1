//! `moof` (8.8.4) as it is written: one `mfhd`, and for each track a `traf` with some `trun`s. What
//! fragments of a source say is read by `tfhd`, `tfdt` and `trun`.
//!
//! All but the entries of the runs has a fixed length, so that the length of a fragment follows
//! from the number of its samples.

use super::trex::SampleFlags;
use super::trun::TrunField;
use super::write::BOX_HEAD_SIZE;
use crate::time::ClipTime;

/// Bytes of the head of a `moof` and its `mfhd`.
pub const MOOF_HEAD_SIZE: u32 = 24;

/// Bytes of a `traf` before its runs: its head, `tfhd`, `tfdt`.
pub const TRAF_HEAD_SIZE: u32 = 44;

/// Bytes of a `trun` before its entries.
pub const TRUN_HEAD_SIZE: u32 = 20;

/// Bytes of the head of the `mdat` that follows.
pub const MDAT_HEAD_SIZE: u32 = 8;

/// `default-base-is-moof` (8.8.7.1).
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

/// `data-offset-present` (8.8.8.1).
const DATA_OFFSET_PRESENT: u32 = 1;

/// Appends the head of a `moof` of that size, and its `mfhd` (8.8.5).
pub fn write_moof_head(out: &mut Vec<u8>, size: u32, sequence_number: u32) {
    for word in [size, u32::from_be_bytes(*b"moof"), 16, u32::from_be_bytes(*b"mfhd"), 0, sequence_number] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Appends the head of an `mdat` with so many bytes of media.
pub fn write_mdat_head(out: &mut Vec<u8>, media_len: u32) {
    out.extend_from_slice(&media_len.saturating_add(MDAT_HEAD_SIZE).to_be_bytes());
    out.extend_from_slice(b"mdat");
}

/// Appends a `free` box (8.1.2) of that size, head included, in the place of a `traf` or `trun`
/// without samples.
pub fn write_free(out: &mut Vec<u8>, size: u32) {
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(b"free");
    out.resize(out.len() + (size as usize).saturating_sub(BOX_HEAD_SIZE), 0);
}

/// Which fields the entries of a run have. The others have the defaults of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunFields {
    /// `sample_duration`
    pub duration: bool,
    /// `sample_size`
    pub size: bool,
    /// `sample_flags`
    pub flags: bool,
    /// `sample_composition_time_offset`
    pub offset: bool,
}

/// An entry of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrunEntry {
    /// How long the sample lasts, in media ticks.
    pub duration: u32,
    /// Its size in bytes.
    pub size: u32,
    /// Its flags.
    pub flags: SampleFlags,
    /// Its composition offset, as a field of 32 signed bits.
    pub offset: u32,
}

impl TrunEntry {
    /// The composition offset.
    pub fn signed_offset(&self) -> ClipTime {
        ClipTime(i32::from_ne_bytes(self.offset.to_ne_bytes()).into())
    }
}

impl TrunFields {
    /// Bytes of an entry.
    pub fn entry_size(self) -> u32 {
        4 * [self.duration, self.size, self.flags, self.offset].map(u32::from).iter().sum::<u32>()
    }

    fn flags(self) -> u32 {
        let fields = [
            (self.duration, TrunField::Duration),
            (self.size, TrunField::Size),
            (self.flags, TrunField::Flags),
            (self.offset, TrunField::CompositionOffset),
        ];
        fields.into_iter().filter(|(is_there, _)| *is_there).map(|(_, field)| field as u32).sum()
    }

    /// Appends an entry.
    pub fn write_entry(self, out: &mut Vec<u8>, entry: &TrunEntry) {
        let words = [
            (self.duration, entry.duration),
            (self.size, entry.size),
            (self.flags, entry.flags.0),
            (self.offset, entry.offset),
        ];
        for (_, word) in words.into_iter().filter(|(is_there, _)| *is_there) {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// Appends what a `traf` (8.8.6) of that size has before its runs. The decode time
/// (`baseMediaDecodeTime`, 8.8.12) is in media ticks.
pub fn write_traf_head(out: &mut Vec<u8>, size: u32, track_id: u32, decode_time: u64) {
    let name = |name: &[u8; 4]| u32::from_be_bytes(*name);
    let words = [size, name(b"traf"), 16, name(b"tfhd"), DEFAULT_BASE_IS_MOOF, track_id];
    // Version 1: the time has 64 bits.
    for word in words.into_iter().chain([20, name(b"tfdt"), 1 << 24]) {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(&decode_time.to_be_bytes());
}

/// What a `trun` (8.8.8) has before its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunHead {
    /// Number of samples.
    pub sample_count: u32,
    /// What the entries have.
    pub fields: TrunFields,
    /// Where the media of the run begins, from the start of the `moof`.
    pub data_offset: u32,
}

impl TrunHead {
    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let entries = self.sample_count.saturating_mul(self.fields.entry_size());
        let words = [
            TRUN_HEAD_SIZE.saturating_add(entries),
            u32::from_be_bytes(*b"trun"),
            // Version 1: composition offsets are signed.
            1 << 24 | DATA_OFFSET_PRESENT | self.fields.flags(),
            self.sample_count,
            self.data_offset,
        ];
        for word in words {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{Reader, TfhdBox, TrunBox, read_tfdt};
    use crate::time::MediaTime;

    #[test]
    fn what_is_written_is_read() {
        let fields = TrunFields { duration: false, size: true, flags: true, offset: true };
        let head = TrunHead { sample_count: 2, fields, data_offset: 99 };
        let mut file = Vec::new();
        let traf = TRAF_HEAD_SIZE + TRUN_HEAD_SIZE + 2 * fields.entry_size();
        let size = MOOF_HEAD_SIZE + traf;
        write_moof_head(&mut file, size, 3);
        assert_eq!(file.len(), MOOF_HEAD_SIZE as usize);
        write_traf_head(&mut file, traf, 7, 5 << 32 | 9);
        assert_eq!(file.len(), (MOOF_HEAD_SIZE + TRAF_HEAD_SIZE) as usize);
        head.write(&mut file);
        assert_eq!(file.len(), (MOOF_HEAD_SIZE + TRAF_HEAD_SIZE + TRUN_HEAD_SIZE) as usize);
        for (size, flags, offset) in [(10, SampleFlags::SYNC, 0), (20, SampleFlags::NON_SYNC, u32::MAX)] {
            fields.write_entry(&mut file, &TrunEntry { duration: 1, size, flags, offset });
        }
        write_free(&mut file, 12);
        write_mdat_head(&mut file, 30);
        let mut reader = Reader::new(&file, file.len() as u64);
        let [moof, free] = reader.children(0, u64::from(size) + 12).unwrap()[..] else { panic!() };
        assert_eq!((&moof.box_type.0, &free.box_type.0, free.size), (b"moof", b"free", 12));
        let [mfhd, traf] = reader.children(moof.payload(), moof.end()).unwrap()[..] else { panic!() };
        assert_eq!(reader.payload(&mfhd, 8).unwrap()[4..8], [0, 0, 0, 3]);
        let [tfhd, tfdt, trun] = reader.children(traf.payload(), traf.end()).unwrap()[..] else { panic!() };
        let read = TfhdBox::read(&mut reader, &tfhd).unwrap();
        assert_eq!((read.track_id, read.default_base_is_moof), (7, true));
        assert_eq!(read_tfdt(&mut reader, &tfdt).unwrap(), MediaTime(5 << 32 | 9));
        let run = TrunBox::read(&mut reader, &trun).unwrap();
        assert_eq!((run.data_offset, run.sample_count()), (Some(99), 2));
        let mut all = Vec::new();
        run.each_window(&mut reader, |_, entries| {
            all.extend(entries.column(TrunField::Size, 0).zip(entries.column(TrunField::Flags, 0)));
            assert!(entries.column(TrunField::CompositionOffset, 0).eq([0, u32::MAX]));
            true
        })
        .unwrap();
        assert_eq!(all, [(10, SampleFlags::SYNC.0), (20, SampleFlags::NON_SYNC.0)]);
        assert!(SampleFlags::NON_SYNC.is_non_sync() && !SampleFlags::SYNC.is_non_sync());
    }
}
