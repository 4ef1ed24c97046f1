//! ISO/IEC 14496-12 boxes: headers, and one file per box that is more than bytes to us.
//!
//! Tables of runs (`stts`, `ctts`, `stsc`, `sbgp`) have one reader in `runs`: `runs/kind.rs` says
//! what an entry of each means. `stsz` and `stz2` are in `sample_sizes`, `co64` in `stco`, `saio`
//! in `saiz`.

mod bits;
mod chpl;
mod cmov;
mod count;
mod csgp;
mod ctts;
pub mod descriptions;
mod dref;
mod elng;
mod elst;
mod error;
mod freeform;
mod ftyp;
mod grouping;
mod hdlr;
mod hmmt;
mod id32;
mod mdat;
mod mdhd;
mod meta;
mod moof;
mod mvhd;
mod nested;
mod padb;
mod picture;
mod pssh;
mod reader;
mod runs;
mod saiz;
mod sample_sizes;
mod sbgp;
mod sdtp;
mod segments;
mod senc;
mod sgpd;
mod sidx;
mod stco;
mod stps;
mod stsc;
mod stsd;
mod stsh;
mod stss;
mod stts;
mod subs;
mod table;
mod text_entry;
mod text_sample;
mod tfdt;
mod tfhd;
mod tfra;
mod tkhd;
mod track_user_data;
mod tref;
mod trex;
mod trun;
mod words;
mod write;
mod wvtt;

use std::fmt;

pub use chpl::{CHPL_TIMESCALE, Chapter, ChplBox};
pub use cmov::read_cmov;
pub use count::BoxCounter;
pub use csgp::{CsgpBox, FRAGMENT_LOCAL, csgp_head};
pub use ctts::{ctts_head, read_ctts_head};
pub use dref::{find_dref, read_dref};
pub use elng::read_elng;
pub use elst::{ElstEntry, read_elst, write_edts};
pub(crate) use error::AuxiliaryError;
pub use error::FormatError;
pub(crate) use freeform::read_freeform_name;
pub use ftyp::write_ftyp;
pub use grouping::{most_group_runs, read_grouping_type};
pub use hdlr::{read_handler_name, read_hdlr};
pub use hmmt::HmmtBox;
pub use id32::{Id32Kept, without_timed_frames, write_id32};
pub use mdat::{mdat_header, read_cut_off_mdat};
pub use mdhd::MdhdBox;
pub use meta::meta_children_at;
pub use moof::{
    MDAT_HEAD_SIZE, MOOF_HEAD_SIZE, TRAF_HEAD_SIZE, TRUN_HEAD_SIZE, TrunEntry, TrunFields, TrunHead,
    write_free, write_mdat_head, write_moof_head, write_traf_head,
};
pub use mvhd::MvhdBox;
pub use padb::{padb_head, read_padb};
pub use picture::PictureFile;
pub use pssh::PsshBox;
pub use reader::{Reader, read_exact};
pub use runs::{
    JointRun, JointRuns, OffsetBounds, Pieces, RUN_ENTRY_SIZE, Run, RunKind, Runs, change_run_values,
    put_run_entry, run_entry,
};
pub(crate) use saiz::find_encryption_boxes;
pub use saiz::{SaizBox, read_aux_info_type, read_saio, saio_entry, saio_head, saiz_head};
pub use sample_sizes::{SampleSizes, SizeReader, nibble_in, nibbles, stsz_entry, stsz_head};
pub use sbgp::{SbgpBox, read_sbgp_head, sbgp_head, write_sbgp};
pub use sdtp::{entries_of_samples, read_sdtp, sdtp_head, stdp_head};
pub use senc::{
    SUBSAMPLES, SencBox, WHOLE_SAMPLES, clear_senc_entry, find_senc, has_subsamples, is_senc,
    read_senc_flags, senc_entries_of, senc_head,
};
pub use sgpd::{GroupEntries, SgpdBox};
pub use sidx::{SIDX_ENTRIES, SIDX_ENTRY_SIZE, SIDX_HEAD_SIZE, SidxHead, each_sidx_reference, sidx_entry};
pub use stco::{
    ChunkOffsets, OffsetReader, Order, chunk_offsets_head, offset_size, put_offset, read_narrow_offsets,
    write_offset,
};
pub use stps::{read_stps, stps_head};
pub use stsc::{STSC_ENTRY_SIZE, move_first_chunks, put_first_chunk, put_stsc_entry, stsc_entry, stsc_head};
pub use stsd::{
    SampleEntry, pre_skip_field, read_data_references, read_sample_entries, read_stsd, read_vector_size,
    without_room,
};
pub use stsh::{read_stsh, write_stsh};
pub use stss::{SyncSamples, move_sample_numbers, read_sample_numbers, stss_entry, stss_head};
pub use stts::{is_one_tick_each, stts_head};
pub use subs::{SubsEntries, SubsEntry, SubsWriter};
pub use table::{READ_AHEAD, Table, TableReader};
pub use text_entry::{Justification, TextBox, TextEntry, TextStyle, read_text_entry};
pub use text_sample::{StyleRecord, TextSample};
pub use tfdt::{read_tfdt, read_tfxd};
pub use tfhd::TfhdBox;
pub use tfra::{TfraEntry, each_tfra_entry, find_mfra};
pub use tkhd::TkhdBox;
pub use track_user_data::TrackUserData;
pub use tref::{read_track_references, without_references};
pub use trex::{SampleDefaults, SampleFlags, TrexBox, write_mvex};
pub use trun::{TrunBox, TrunEntries, TrunField};
pub use write::{BOX_HEAD_SIZE, TableHead, box_head, long_box_head};
pub use wvtt::{VttCue, read_vtt_header, read_vtt_sample};

// No other stage reads or writes the fields of a box.
pub(in crate::boxes) use reader::{u16_at, u32_at, u64_at};
pub(in crate::boxes) use write::write_box;

/// A box's four-character code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoxType(pub [u8; 4]);

impl fmt::Display for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for b in self.0 {
            match b {
                0x20..=0x7e => write!(f, "{}", char::from(b))?,
                _ => write!(f, "\\x{b:02x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// Where a box stands: section 4.2 of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxHeader {
    /// Its type.
    pub box_type: BoxType,
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Length of the header: 8, or 16 with a 64-bit size.
    pub header_len: u8,
    /// Length of the whole box, header included.
    pub size: u64,
}

impl BoxHeader {
    /// Whether the header has a size of 64 bits, `largesize`.
    pub fn has_large_size(&self) -> bool {
        self.header_len > 8
    }

    /// Offset of the first byte after the header.
    pub fn payload(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.header_len))
    }

    /// Length without the header.
    pub fn payload_len(&self) -> u64 {
        self.size.saturating_sub(u64::from(self.header_len))
    }

    /// Offset of the first byte after the box.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}
