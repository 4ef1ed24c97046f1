//! A film in fragments to measure with, as ffmpeg writes it for DASH: two seconds each, one `traf`
//! for each track, and media that is a hole in the file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use test_boxes::{flagged_box, full_box, make_box, table};

use crate::films::{Film, opened, trak};

/// Pictures in a fragment: 25 a second.
const PICTURES: u32 = 50;

/// Packets of 1024 samples of audio in a fragment, at 48 kHz: 93.75 on average.
const PACKETS: [u32; 4] = [94, 94, 94, 93];

/// Flags of a sync sample, and of one that depends on others.
const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;

/// A film of so many fragments, each of which begins with a sync sample.
pub(crate) fn film(path: &Path, fragments: u32) -> Film {
    let mut file = File::create(path).unwrap();
    file.write_all(&make_box(b"ftyp", b"iso6\0\0\0\0iso6cmfc")).unwrap();
    file.write_all(&moov()).unwrap();
    let mut packets = 0;
    for n in 0..fragments {
        let held = PACKETS[n as usize % PACKETS.len()];
        let sizes = [
            (0..PICTURES).map(|p| 1000 + (PICTURES * n + p).wrapping_mul(2_654_435_761) % 1300).collect(),
            (0..held).map(|p| 200 + (packets + p).wrapping_mul(2_246_822_519) % 110).collect(),
        ];
        let len = moof(n, packets, &sizes, 0).len();
        file.write_all(&moof(n, packets, &sizes, u32::try_from(len).unwrap() + 8)).unwrap();
        let media: u32 = sizes.iter().flatten().sum();
        file.write_all(&[&(media + 8).to_be_bytes()[..], b"mdat"].concat()).unwrap();
        let end = file.seek(SeekFrom::Current(media.into())).unwrap();
        file.set_len(end).unwrap();
        packets += held;
    }
    opened(path)
}

fn moov() -> Vec<u8> {
    let empty = || {
        vec![
            table::<2>(b"stts", &[]),
            table::<3>(b"stsc", &[]),
            full_box(b"stsz", 0, [0, 0]),
            table::<1>(b"stco", &[]),
        ]
    };
    let video = trak(1, b"vide", b"avc1", 12_800, 0, 512, empty());
    let audio = trak(2, b"soun", b"mp4a", 48_000, 0, 1024, empty());
    let trex = |id, duration, flags| full_box(b"trex", 0, [id, 1, duration, 0, flags]);
    let mvex = make_box(b"mvex", [trex(1, 512, NON_SYNC), trex(2, 1024, SYNC)].concat());
    let mvhd = full_box(b"mvhd", 0, [&[0, 0, 1000, 0][..], &[0; 21]].concat());
    make_box(b"moov", [mvhd, video, audio, mvex].concat())
}

/// Fragment `n`, before which there are so many packets. The media begins `media` bytes after it
/// does.
fn moof(n: u32, packets: u32, sizes: &[Vec<u32>; 2], media: u32) -> Vec<u8> {
    // I, then pyramids of B-frames.
    let offset = |p: usize| if p == 0 { 1024 } else { [512, 1536, 1024, 0, 512][p % 5] };
    let pictures: Vec<_> = sizes[0].iter().enumerate().flat_map(|(p, &size)| [size, offset(p)]).collect();
    let audio_at = media + sizes[0].iter().sum::<u32>();
    // data-offset-present, first-sample-flags-present, sample-size-present,
    // sample-composition-time-offsets-present (8.8.8).
    let video = flagged_box(b"trun", 0, 0xa05, [&[PICTURES, media, SYNC][..], &pictures].concat());
    let count = u32::try_from(sizes[1].len()).unwrap();
    let audio = flagged_box(b"trun", 0, 0x201, [&[count, audio_at][..], &sizes[1]].concat());
    let traf = |id, decode_time, trun: Vec<u8>| {
        // default-base-is-moof (8.8.7).
        let tfhd = flagged_box(b"tfhd", 0, 0x02_0000, [id]);
        make_box(b"traf", [tfhd, full_box(b"tfdt", 0, [decode_time]), trun].concat())
    };
    let trafs = [traf(1, PICTURES * 512 * n, video), traf(2, 1024 * packets, audio)].concat();
    make_box(b"moof", [full_box(b"mfhd", 0, [n + 1]), trafs].concat())
}
