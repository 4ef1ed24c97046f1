//! Films to measure with: the tables that ffmpeg writes for a film of pictures with B-frames and
//! AAC, in front of (or behind) media that is a hole in the file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use mp4seek::source::Identity;
use test_boxes::{full_box, make_box, table};

/// A film to measure with.
pub(crate) struct Film {
    /// The open file.
    pub(crate) file: File,
    /// Its identity.
    pub(crate) identity: Identity,
}

/// 25 pictures a second, a key frame every two seconds, and packets of 1024 samples of sound at 48
/// kHz.
pub(crate) fn film(path: &Path, seconds: u32, moov_first: bool) -> Film {
    let pictures = seconds * 25;
    let packets = u32::try_from(u64::from(seconds) * 48_000 / 1024).unwrap();
    let picture_size = |n: u32| 1000 + n.wrapping_mul(2_654_435_761) % 1300;
    let packet_size = |n: u32| 200 + n.wrapping_mul(2_246_822_519) % 110;

    // A chunk for each picture, then the sound that goes with it: 1 or 2 packets.
    let mut chunks = [Vec::new(), Vec::new()];
    let mut sound_of_chunk = Vec::new();
    let (mut at, mut packet) = (0u64, 0);
    for n in 0..pictures {
        chunks[0].push(at);
        at += u64::from(picture_size(n));
        let until = if n + 1 == pictures { packets } else { until_picture(n + 1).min(packets) };
        if until > packet {
            chunks[1].push(at);
            sound_of_chunk.push(until - packet);
            at += (packet..until).map(|p| u64::from(packet_size(p))).sum::<u64>();
            packet = until;
        }
    }
    let media_len = at;

    let reorder = [512u32, 1536, 1024, 0, 512];
    let mut offsets: Vec<[u32; 2]> = Vec::new();
    for n in 0..pictures {
        // I, then B-frame pyramids of changing depth, as an encoder chooses them.
        let offset = if n % 50 == 0 { 1024 } else { reorder[(n % 5) as usize] * (1 + n / 7 % 3) / 2 };
        match offsets.last_mut() {
            Some(last) if last[1] == offset => last[0] += 1,
            _ => offsets.push([1, offset]),
        }
    }
    let mut of_chunk: Vec<[u32; 3]> = Vec::new();
    for (n, samples) in (1..).zip(&sound_of_chunk) {
        if of_chunk.last().is_none_or(|last| last[1] != *samples) {
            of_chunk.push([n, *samples, 1]);
        }
    }
    let each_is_sync: Vec<u32> = (0..pictures).step_by(50).map(|n| n + 1).collect();

    let moov = |start: u64| {
        let video = trak(
            1,
            b"vide",
            b"avc1",
            12_800,
            pictures,
            512,
            vec![
                full_box(b"stts", 0, vec![1, pictures, 512]),
                full_box(b"stss", 0, counted(each_is_sync.iter().copied())),
                table(b"ctts", &offsets),
                full_box(b"stsc", 0, vec![1, 1, 1, 1]),
                full_box(b"stsz", 0, [0].into_iter().chain(counted((0..pictures).map(picture_size)))),
                chunk_offsets(&chunks[0], start),
            ],
        );
        let audio = trak(
            2,
            b"soun",
            b"mp4a",
            48_000,
            packets,
            1024,
            vec![
                full_box(b"stts", 0, vec![1, packets, 1024]),
                table(b"stsc", &of_chunk),
                full_box(b"stsz", 0, [0].into_iter().chain(counted((0..packets).map(packet_size)))),
                chunk_offsets(&chunks[1], start),
            ],
        );
        let mvhd = full_box(b"mvhd", 0, [&[0, 0, 1000, seconds * 1000][..], &[0; 21]].concat());
        make_box(b"moov", [mvhd, video, audio].concat())
    };

    let ftyp = make_box(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41");
    let header_len = 16;
    let start = ftyp.len() as u64;
    let moov_len = moov(0).len() as u64;
    let before = if moov_first { moov_len } else { 0 };
    let moov = moov(start + before + header_len);
    assert_eq!(moov.len() as u64, moov_len);
    let mut file = File::create(path).unwrap();
    file.write_all(&ftyp).unwrap();
    if moov_first {
        file.write_all(&moov).unwrap();
    }
    file.write_all(b"\0\0\0\x01mdat").unwrap();
    file.write_all(&(header_len + media_len).to_be_bytes()).unwrap();
    let end_of_media = start + before + header_len + media_len;
    file.set_len(end_of_media).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    if !moov_first {
        file.write_all(&moov).unwrap();
    }
    opened(path)
}

/// A film that was written.
pub(crate) fn opened(path: &Path) -> Film {
    let file = File::open(path).unwrap();
    let mut identity = Identity::of(&file.metadata().unwrap());
    // As one that has lain there for a while: of others nothing is kept.
    identity.ctime -= 60;
    Film { file, identity }
}

/// How many packets of sound begin before a picture.
fn until_picture(n: u32) -> u32 {
    u32::try_from(u64::from(n) * 48_000 / 25 / 1024 + 1).unwrap()
}

/// The `trak` of a track with these tables.
pub(crate) fn trak(
    id: u32,
    handler: &[u8; 4],
    coding: &[u8; 4],
    timescale: u32,
    count: u32,
    delta: u32,
    tables: Vec<Vec<u8>>,
) -> Vec<u8> {
    let milliseconds =
        u32::try_from(u64::from(count) * u64::from(delta) * 1000 / u64::from(timescale)).unwrap();
    let mut tkhd = full_box(b"tkhd", 0, [&[0, 0, id, 0, milliseconds][..], &[0; 15]].concat());
    tkhd[11] = 1;
    let mdhd = full_box(b"mdhd", 0, vec![0, 0, timescale, count * delta, 0x55c4 << 16]);
    let hdlr = make_box(b"hdlr", [&[0; 8][..], handler, &[0; 13]].concat());
    let entry =
        make_box(coding, [0, 0, 0, 0, 0, 0, 0, 1].iter().chain(&[0; 20]).copied().collect::<Vec<_>>());
    let stsd = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
    let stbl = make_box(b"stbl", [vec![stsd], tables].concat().concat());
    let mdia = make_box(b"mdia", [mdhd, hdlr, make_box(b"minf", &stbl)].concat());
    make_box(b"trak", [tkhd, mdia].concat())
}

fn chunk_offsets(chunks: &[u64], start: u64) -> Vec<u8> {
    let narrow = chunks.iter().map(|&o| u32::try_from(o + start).unwrap());
    full_box(b"stco", 0, counted(narrow))
}

fn counted(words: impl ExactSizeIterator<Item = u32>) -> Vec<u32> {
    std::iter::once(u32::try_from(words.len()).unwrap()).chain(words).collect()
}
