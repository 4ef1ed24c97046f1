//! Films that mean harm, made box by box.

/// A box: size, type, content.
pub(crate) fn make_box(box_type: &[u8; 4], content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(box_type);
    out.extend_from_slice(content);
    out
}

/// A full box: version, no flags, then words.
pub(crate) fn full_box(box_type: &[u8; 4], words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let content: Vec<u8> = std::iter::once(0).chain(words).flat_map(u32::to_be_bytes).collect();
    make_box(box_type, content)
}

/// A full box of a table: the count, then the entries.
pub(crate) fn table<const N: usize>(box_type: &[u8; 4], entries: &[[u32; N]]) -> Vec<u8> {
    let count = u32::try_from(entries.len()).unwrap();
    full_box(box_type, std::iter::once(count).chain(entries.iter().flatten().copied()))
}

/// A track, box by box; as made it is right: ten samples of one second and ten bytes in one chunk.
pub(crate) struct Track {
    pub(crate) handler: [u8; 4],
    pub(crate) stsd: Vec<u8>,
    pub(crate) edts: Vec<u8>,
    pub(crate) stts: Vec<u8>,
    pub(crate) stsc: Vec<u8>,
    pub(crate) stsz: Vec<u8>,
    pub(crate) stco: Vec<u8>,
    /// `ctts`, `stss` and whatever else there may be.
    pub(crate) more: Vec<u8>,
}

/// Where the media of [`film`] begins.
pub(crate) const MEDIA: u32 = 28;

impl Track {
    pub(crate) fn video() -> Self {
        Self {
            handler: *b"vide",
            stsd: full_box(b"stsd", [1, 36, 0x6176_6331, 0, 0, 0, 0, 0, 0, 0]),
            edts: Vec::new(),
            stts: table(b"stts", &[[10, 1000]]),
            stsc: table(b"stsc", &[[1, 10, 1]]),
            stsz: full_box(b"stsz", [10, 10]),
            stco: table(b"stco", &[[MEDIA]]),
            more: Vec::new(),
        }
    }

    pub(crate) fn build(&self, id: u32) -> Vec<u8> {
        let tkhd = full_box(b"tkhd", [&[0, 0, id][..], &[0; 17]].concat());
        let mdhd = full_box(b"mdhd", [0, 0, 1000, 0, 0x55c4_0000]);
        let hdlr = make_box(b"hdlr", [&[0; 8][..], &self.handler, &[0; 13]].concat());
        let parts = [&self.stsd, &self.stts, &self.stsc, &self.stsz, &self.stco, &self.more];
        let stbl = make_box(b"stbl", parts.map(|p| &p[..]).concat());
        let mdia = make_box(b"mdia", [mdhd, hdlr, make_box(b"minf", stbl)].concat());
        make_box(b"trak", [&tkhd[..], &self.edts, &mdia].concat())
    }
}

pub(crate) fn ftyp() -> Vec<u8> {
    make_box(b"ftyp", b"isom\0\0\x02\0isom")
}

pub(crate) fn mvhd() -> Vec<u8> {
    full_box(b"mvhd", [&[0, 0, 1000, 10_000][..], &[0; 20]].concat())
}

pub(crate) fn moov(tracks: &[Track]) -> Vec<u8> {
    let traks: Vec<u8> = (1..).zip(tracks).flat_map(|(id, t)| t.build(id)).collect();
    make_box(b"moov", [mvhd(), traks].concat())
}

/// A film of these tracks, with 1000 bytes of media before the `moov`.
pub(crate) fn film(tracks: &[Track]) -> Vec<u8> {
    let media = make_box(b"mdat", [b'#'; 1000]);
    [&ftyp()[..], &media, &moov(tracks)].concat()
}
