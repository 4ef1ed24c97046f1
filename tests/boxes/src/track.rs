//! Tracks whose boxes can be replaced one by one.

use crate::{fourcc, full_box, make_box, table};

/// A track, box by box. As [`Track::video`] gives it, it is right: ten samples of one second and
/// ten bytes in one chunk.
#[derive(Debug, Clone)]
pub struct Track {
    /// The handler type.
    pub handler: [u8; 4],
    /// The whole `stsd`.
    pub stsd: Vec<u8>,
    /// The whole `edts`.
    pub edts: Vec<u8>,
    /// The whole `stts`.
    pub stts: Vec<u8>,
    /// The whole `stsc`.
    pub stsc: Vec<u8>,
    /// The whole `stsz`.
    pub stsz: Vec<u8>,
    /// The whole `stco`.
    pub stco: Vec<u8>,
    /// `ctts`, `stss` and whatever else there may be.
    pub more: Vec<u8>,
}

/// Where the media of [`film_of_tracks`] begins.
pub const MEDIA: u32 = 28;

impl Track {
    /// A track that is right.
    pub fn video() -> Self {
        Self {
            handler: *b"vide",
            stsd: full_box(b"stsd", 0, [1, 36, fourcc(b"avc1"), 0, 0, 0, 0, 0, 0, 0]),
            edts: Vec::new(),
            stts: table(b"stts", &[[10, 1000]]),
            stsc: table(b"stsc", &[[1, 10, 1]]),
            stsz: full_box(b"stsz", 0, [10, 10]),
            stco: table(b"stco", &[[MEDIA]]),
            more: Vec::new(),
        }
    }

    /// Its `trak`.
    pub fn build(&self, id: u32) -> Vec<u8> {
        let tkhd = full_box(b"tkhd", 0, [&[0, 0, id][..], &[0; 17]].concat());
        let mdhd = full_box(b"mdhd", 0, [0, 0, 1000, 0, 0x55c4_0000]);
        let hdlr = make_box(b"hdlr", [&[0; 8][..], &self.handler, &[0; 13]].concat());
        let parts = [&self.stsd, &self.stts, &self.stsc, &self.stsz, &self.stco, &self.more];
        let stbl = make_box(b"stbl", parts.map(|p| &p[..]).concat());
        let mdia = make_box(b"mdia", [mdhd, hdlr, make_box(b"minf", stbl)].concat());
        make_box(b"trak", [&tkhd[..], &self.edts, &mdia].concat())
    }
}

/// A `ftyp`.
pub fn ftyp() -> Vec<u8> {
    make_box(b"ftyp", b"isom\0\0\x02\0isom")
}

/// A `mvhd`: 1000 ticks per second, ten seconds.
pub fn mvhd() -> Vec<u8> {
    full_box(b"mvhd", 0, [&[0, 0, 1000, 10_000][..], &[0; 20]].concat())
}

/// A `moov` of these tracks.
pub fn moov(tracks: &[Track]) -> Vec<u8> {
    let traks: Vec<u8> = (1..).zip(tracks).flat_map(|(id, t)| t.build(id)).collect();
    make_box(b"moov", [mvhd(), traks].concat())
}

/// A file of 16,000 edits, each of which asks for a walk through a table of 200,000 samples: one
/// composition offset lies so far out that any sample may be presented at any time.
pub fn tangled_film() -> Vec<u8> {
    let samples = 200_000;
    let edits: Vec<_> = (0..16_000).map(|n| [10, n % 1000, 0x1_0000]).collect();
    let offsets: Vec<_> =
        (0..samples).map(|n| [1, if n % 4000 == 7 { 0x7fff_ffff } else { n % 2 }]).collect();
    film_of_tracks(&[Track {
        stts: table(b"stts", &[[samples, 1]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stsc: table(b"stsc", &[[1, 500, 1]]),
        stco: table(b"stco", &vec![[MEDIA]; 400]),
        edts: make_box(b"edts", table(b"elst", &edits)),
        more: table(b"ctts", &offsets),
        ..Track::video()
    }])
}

/// A file of these tracks, with 1000 bytes of media before the `moov`.
pub fn film_of_tracks(tracks: &[Track]) -> Vec<u8> {
    let media = make_box(b"mdat", [b'#'; 1000]);
    [&ftyp()[..], &media, &moov(tracks)].concat()
}
