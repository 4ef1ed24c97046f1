//! A track, as far as a cut needs it.

use crate::boxes::{
    BoxHeader, BoxType, ElstEntry, FormatError, MdhdBox, Reader, SampleEntry, SgpdBox, TkhdBox, find_senc,
    read_elst, read_hdlr, read_stsd, u16_at, u32_at,
};
use crate::limits;
use crate::source::ReadAt;

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
    /// A box that speaks of samples one by one and whose shape we cannot cut.
    pub unsliced: Option<BoxHeader>,
    /// What the description says of its samples, for those in fragments.
    pub(crate) entry: SampleEntry,
    /// What the `moov` says of encryption, sample by sample.
    pub(crate) senc: Option<BoxHeader>,
    /// The sample group descriptions, for fragments to refer to.
    pub(crate) descriptions: Vec<SgpdBox>,
}

/// Whether a handler is that of subtitles, captions or other text.
pub(crate) fn is_text(handler: BoxType) -> bool {
    matches!(&handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp")
}

impl Track {
    /// How samples of H.264 say whether they are IDR pictures.
    pub(crate) fn avc(&self) -> Option<Pictures> {
        let (configuration, length) = self.entry.units?;
        (&configuration.0 == b"avcC").then_some(Pictures::Avc(length))
    }

    /// A note that nothing says where decoding of the track can begin.
    pub fn untold_sync(&self) -> String {
        let (id, coding) = (self.tkhd.track_id, self.coding);
        format!(
            "track {id} ({coding}): nothing says where decoding can begin, so a clip may begin at any sample"
        )
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.tkhd.heap_size()
            + self.mdhd.heap_size()
            + self.edits.capacity() * size_of::<ElstEntry>()
            + self.chapters.capacity() * size_of::<u32>()
            + self.samples.heap_size()
    }

    pub(super) fn read<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<Self, FormatError> {
        let tkhd = TkhdBox::read(reader, &trak.need(b"tkhd")?.header)?;
        let edits = match trak.child(b"edts")?.map(|edts| edts.child(b"elst")).transpose()?.flatten() {
            Some(elst) => read_elst(reader, &elst.header)?,
            None => Vec::new(),
        };
        let edits = with_media(edits);
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
            Some(dinf) => external_media(reader, &dinf.header, &stbl.need(b"stsd")?.header)?,
            None => None,
        };
        let descriptions = read_descriptions(reader, stbl)?;
        let mut samples = read_samples(reader, stbl, &descriptions, entry.packet, 0)?;
        samples.know_kind(handler, &entry, reader.file_len());
        if mdhd.timescale == 0 && samples.count > 0 {
            return Err(mdia.need(b"mdhd")?.header.error("timescale is 0"));
        }
        let chapters = match trak.child(b"tref")? {
            Some(tref) => read_chapter_ids(reader, &tref.header)?,
            None => Vec::new(),
        };
        let mut unsliced = None;
        let boxes = [stbl, trak].into_iter().flat_map(|parent| &parent.children).map(|c| c.header);
        let (senc, second_senc) = find_senc(reader, boxes)?;
        if samples.count > 0 {
            match Auxiliary::read(reader, stbl, senc, &samples)? {
                Ok(auxiliary) => samples.auxiliary = auxiliary,
                Err(unknown) => unsliced = Some(unknown),
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
            descriptions,
        })
    }
}

/// `elng` (8.4.6): the extended language tag.
fn read_elng<R: ReadAt>(reader: &mut Reader<'_, R>, elng: &BoxHeader) -> Result<String, FormatError> {
    let tag = reader.payload(elng, 4)?.get(4..).unwrap_or_default();
    let tag = tag.split(|&b| b == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(tag.get(..tag.len().min(64)).unwrap_or_default()).into_owned())
}

/// `dref` (8.7.2): the box, if a sample description refers to an entry of it that is another file.
fn external_media<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    dinf: &BoxHeader,
    stsd: &BoxHeader,
) -> Result<Option<BoxHeader>, FormatError> {
    let (children, _) = reader.readable_children(dinf.payload(), dinf.end())?;
    let Some(dref) = children.into_iter().find(|b| &b.box_type.0 == b"dref") else { return Ok(None) };
    let mut here = Vec::new();
    for entry in reader.readable_children(dref.payload().saturating_add(8), dref.end())?.0 {
        let flags = if entry.payload_len() < 4 { 1 } else { u32_at(reader.bytes(entry.payload(), 4)?, 0) };
        // An entry that names no place can only mean this file, whatever its flags say.
        here.push(flags & 1 != 0 || entry.payload_len() <= 5);
    }
    for description in reader.readable_children(stsd.payload().saturating_add(8), stsd.end())?.0 {
        if description.payload_len() >= 8 {
            let index = usize::from(u16_at(reader.bytes(description.payload() + 6, 2)?, 0));
            if index.checked_sub(1).and_then(|n| here.get(n)) == Some(&false) {
                return Ok(Some(dref));
            }
        }
    }
    Ok(None)
}

/// `tref` (8.3.3): the tracks named in its `chap` box.
fn read_chapter_ids<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    tref: &BoxHeader,
) -> Result<Vec<u32>, FormatError> {
    let (children, _) = reader.readable_children(tref.payload(), tref.end())?;
    let Some(chap) = children.into_iter().find(|b| &b.box_type.0 == b"chap") else { return Ok(Vec::new()) };
    let ids = reader.payload(&chap, 0)?;
    Ok(ids.chunks_exact(4).take(limits::TRACKS).map(|id| u32_at(id, 0)).collect())
}

/// An edit list that presents something: after the empty edits of one that presents nothing, the whole media follows, as
/// Chromium plays it. (Firefox plays the media at once, and libavformat by itself nothing at all.)
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
