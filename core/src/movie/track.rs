//! A track, as far as a cut needs it.

use crate::boxes::{
    BoxHeader, BoxType, ElstEntry, FormatError, MdhdBox, Reader, SampleEntry, TkhdBox, find_dref, find_senc,
    read_data_references, read_dref, read_elng, read_elst, read_hdlr, read_stsd, read_track_references,
};
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::encryption::Auxiliary;
use super::node::Node;
use super::random_access::read_descriptions;
use super::samples::{SampleTable, read_samples};
use super::sync_detection::Pictures;

/// A track, ready to be cut.
#[derive(Debug)]
pub struct Track {
    /// The track header.
    pub tkhd: TkhdBox,
    /// The media header.
    pub mdhd: MdhdBox,
    /// `vide`, `soun`, `text` …
    pub handler: BoxType,
    /// The coding of the first sample description.
    pub coding: BoxType,
    /// The edit list; empty when there is none.
    pub edits: Vec<ElstEntry>,
    /// Where `PreSkip` of Opus stands in the file, if there is just one description.
    pub pre_skip: Option<u64>,
    /// Where the samples are, and when.
    pub samples: SampleTable,
    /// Language: a BCP 47 tag (`elng`), or three letters (`mdhd`), or empty.
    pub language: String,
    /// The `dref` of a track whose media lies in another file.
    pub external: Option<BoxHeader>,
    /// The tracks that hold this one's chapters (`tref`, type `chap`).
    pub chapters: Vec<u32>,
    /// A box with an entry for each sample that cannot be cut.
    pub unsliced: Option<BoxHeader>,
    /// The first sample description, for the samples in fragments.
    pub(crate) entry: SampleEntry,
    /// The `senc` in the `moov`.
    pub(crate) senc: Option<BoxHeader>,
}

/// Whether a handler is that of subtitles, captions or other text.
pub(crate) fn is_text(handler: BoxType) -> bool {
    matches!(&handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp")
}

impl Track {
    /// How samples show whether they are IDR pictures of H.264, in a track of H.264.
    pub(crate) fn avc(&self) -> Option<Pictures> {
        let (configuration, length) = self.entry.units?;
        (&configuration.0 == b"avcC").then_some(Pictures::Avc(length))
    }

    /// A note that nothing says where decoding of the track can begin.
    pub fn note_of_unknown_sync(&self) -> String {
        let (id, coding) = (self.tkhd.track_id, self.coding);
        format!(
            "track {id} ({coding}): nothing says where decoding can begin, so a clip may begin at any sample"
        )
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        self.tkhd.heap_size()
            + self.mdhd.heap_size()
            + self.edits.capacity() * size_of::<ElstEntry>()
            + self.chapters.capacity() * size_of::<u32>()
            + self.samples.heap_size()
    }

    /// Reads a `trak` (8.3.1).
    ///
    /// # Errors
    /// When a box is missing or malformed, or the file cannot be read.
    pub(super) fn read<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<Self, FormatError> {
        let tkhd = TkhdBox::read(reader, &trak.need(b"tkhd")?.header)?;
        let edits = read_edits(reader, trak)?;
        let mdia = trak.need(b"mdia")?;
        let mdhd = MdhdBox::read(reader, &mdia.need(b"mdhd")?.header)?;
        let handler = match mdia.child(b"hdlr")? {
            Some(hdlr) => read_hdlr(reader, &hdlr.header)?,
            None => BoxType(*b"    "),
        };
        let language = match mdia.child(b"elng")? {
            Some(elng) => read_elng(reader, &elng.header)?,
            None => mdhd.language(),
        };
        let minf = mdia.need(b"minf")?;
        let stbl = minf.need(b"stbl")?;
        let entry = read_stsd(reader, &stbl.need(b"stsd")?.header, handler)?;
        let external = match minf.child(b"dinf")? {
            Some(dinf) => find_external_media(reader, &dinf.header, &stbl.need(b"stsd")?.header)?,
            None => None,
        };
        let descriptions = read_descriptions(reader, stbl)?;
        let mut samples = read_samples(reader, stbl, &descriptions, entry.packet, MediaTime(0))?;
        samples.know_kind(handler, &entry, reader.file_len());
        if mdhd.timescale == 0 && samples.count > 0 {
            return Err(mdia.need(b"mdhd")?.header.error("timescale is 0"));
        }
        let chapters = match trak.child(b"tref")? {
            Some(tref) => read_track_references(reader, &tref.header, b"chap")?,
            None => Vec::new(),
        };
        let mut unsliced = None;
        let boxes = [stbl, trak].into_iter().flat_map(|parent| &parent.children).map(|c| c.header);
        let (senc, second_senc) = find_senc(reader, boxes)?;
        if samples.count > 0 {
            match Auxiliary::read(reader, stbl, senc, &samples) {
                Ok(auxiliary) => samples.auxiliary = auxiliary,
                Err(e) => unsliced = Some(e.unsupported()?),
            }
            unsliced = unsliced.or(second_senc);
        }
        Ok(Self {
            tkhd,
            mdhd,
            handler,
            coding: entry.coding,
            pre_skip: entry.pre_skip,
            edits,
            samples,
            language,
            external,
            chapters,
            unsliced,
            entry,
            senc,
        })
    }
}

/// The `dref` in a `dinf`, if a sample description refers to an entry of it that is another file.
fn find_external_media<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    dinf: &BoxHeader,
    stsd: &BoxHeader,
) -> Result<Option<BoxHeader>, FormatError> {
    let Some(dref) = find_dref(reader, dinf)? else { return Ok(None) };
    let is_here = read_dref(reader, &dref)?;
    let references = read_data_references(reader, stsd)?;
    // They are counted from 1.
    let mut entries = references.iter().filter_map(|n| is_here.get(usize::from(*n).checked_sub(1)?));
    Ok(entries.any(|is_here| !is_here).then_some(dref))
}

/// The edit list of a `trak`.
fn read_edits<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<Vec<ElstEntry>, FormatError> {
    let Some(edts) = trak.child(b"edts")? else { return Ok(Vec::new()) };
    let Some(elst) = edts.child(b"elst")? else { return Ok(Vec::new()) };
    Ok(with_media(read_elst(reader, &elst.header)?))
}

/// Completes an edit list of empty edits alone: the whole media follows them, as in Chromium.
/// (Firefox plays the media at once, and libavformat by itself plays nothing.)
fn with_media(mut edits: Vec<ElstEntry>) -> Vec<ElstEntry> {
    if !edits.is_empty() && edits.iter().all(|e| e.media_time.is_none()) {
        // Its duration of 0 means to the end.
        edits.push(ElstEntry {
            segment_duration: 0,
            media_time: Some(0),
            media_rate: ElstEntry::NORMAL_RATE,
        });
    }
    edits
}
