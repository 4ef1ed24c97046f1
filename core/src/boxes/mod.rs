//! ISO/IEC 14496-12 boxes: headers, and one file per box that is more than bytes to us.
//!
//! Tables of runs (`stts`, `ctts`, `stsc`, `sbgp`) have one reader in `runs`: `runs/kind.rs` says
//! what an entry of each means. `stsz` and `stz2` are in `sample_sizes`, `co64` in `stco`, `saio`
//! in `saiz`.

mod chpl;
mod cmov;
mod count;
mod csgp;
mod dref;
mod elng;
mod elst;
mod error;
mod freeform;
mod grouping;
mod hdlr;
mod hmmt;
mod id32;
mod mdat;
mod mdhd;
mod mvhd;
mod padb;
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
mod stsd;
mod stsh;
mod stss;
mod stts;
mod subs;
mod table;
mod tfdt;
mod tfhd;
mod tfra;
mod tkhd;
mod tref;
mod trex;
mod trun;

use std::fmt;

pub use chpl::{CHPL_TIMESCALE, Chapter, ChplBox};
pub use cmov::read_cmov;
pub use count::BoxCounter;
pub use csgp::{CsgpBox, FRAGMENT_LOCAL};
pub use dref::{find_dref, read_dref};
pub use elng::read_elng;
pub use elst::{ElstEntry, read_elst, write_edts};
pub(crate) use error::AuxiliaryError;
pub use error::FormatError;
pub(crate) use freeform::read_freeform_name;
pub use grouping::read_grouping_type;
pub use hdlr::read_hdlr;
pub use hmmt::HmmtBox;
pub use id32::{Id32Kept, without_timed_frames};
pub use mdat::{mdat_header, read_cut_off_mdat};
pub use mdhd::MdhdBox;
pub use mvhd::MvhdBox;
pub use padb::{padb_head, read_padb};
pub use reader::{Reader, read_exact, read_words, u16_at, u32_at, u64_at};
pub use runs::{JointRun, JointRuns, OffsetBounds, Pieces, Run, RunKind, Runs};
pub(crate) use saiz::find_encryption_boxes;
pub use saiz::{SaizBox, read_aux_info_type, read_saio, saio_head, saiz_head};
pub use sample_sizes::{SampleSizes, SizeReader};
pub use sbgp::{SbgpBox, sbgp_head, write_sbgp};
pub use sdtp::{entries_of_samples, read_sdtp};
pub use senc::{
    MAX_VECTOR_SIZE, SUBSAMPLES, SencBox, WHOLE_SAMPLES, clear_senc_entry, find_senc, is_senc,
    read_senc_flags, senc_entries_of, senc_head,
};
pub use sgpd::SgpdBox;
pub use sidx::each_sidx_reference;
pub use stco::{ChunkOffsets, OffsetReader, Order};
pub use stps::read_stps;
pub use stsd::{SampleEntry, read_data_references, read_stsd, read_vector_size};
pub use stsh::{read_stsh, write_stsh};
pub use stss::SyncSamples;
pub use stts::is_one_tick_each;
pub use subs::{SubsEntries, SubsEntry, SubsWriter};
pub use table::{READ_AHEAD, Table, TableReader};
pub use tfdt::{read_tfdt, read_tfxd};
pub use tfhd::TfhdBox;
pub use tfra::{TfraEntry, each_tfra_entry, find_mfra};
pub use tkhd::TkhdBox;
pub use tref::{read_track_references, without_references};
pub use trex::{SampleDefaults, SampleFlags, TrexBox};
pub use trun::{TrunBox, TrunEntries, TrunField};

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

/// Appends a box to `out`: size, type, then what `payload` writes.
pub fn write_box(out: &mut Vec<u8>, box_type: &[u8; 4], payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(box_type);
    payload(out);
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(at) = out.get_mut(start..start + 4) {
        at.copy_from_slice(&size.to_be_bytes());
    }
}
