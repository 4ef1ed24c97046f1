//! Clips of films that do not say where decoding can begin.

use std::cell::RefCell;
use std::io;

use super::fragments::boxes;
use super::{Film, TrackSpec, clip, expand, full_box, make_box};
use crate::index::Index;
use crate::source::ReadAt;

/// A coding, the box with its configuration, and what a sample begins with: one to begin at, or another.
struct Coding {
    name: &'static [u8; 4],
    configuration: Vec<u8>,
    start: &'static [u8],
    dependent: &'static [u8],
}

fn codings() -> [Coding; 3] {
    let with = |len: usize, at: usize, value: u8| {
        let mut content = vec![0; len];
        content[at] = value;
        content
    };
    [
        Coding {
            name: b"avc1",
            configuration: make_box(b"avcC", with(8, 4, 0xff)),
            // A delimiter, then the picture.
            start: &[0, 0, 0, 2, 9, 0x10, 0, 0, 0, 9, 0x65],
            dependent: &[0, 0, 0, 2, 9, 0x10, 0, 0, 0, 9, 0x41],
        },
        Coding {
            name: b"hev1",
            configuration: make_box(b"hvcC", with(23, 21, 1)),
            start: &[0, 3, 0x46, 1, 0x50, 0, 9, 19 << 1],
            dependent: &[0, 3, 0x46, 1, 0x50, 0, 9, 1 << 1],
        },
        Coding {
            name: b"mp4v",
            configuration: Vec::new(),
            start: &[0, 0, 1, 0xb3, 0x10, 7, 0, 0, 1, 0xb6, 0x10],
            dependent: &[0, 0, 1, 0xb6, 0x50],
        },
    ]
}

/// Two seconds in groups of 5 frames, 100 ms each; `is_start` says which samples decoding can begin at.
fn film_of(
    coding: &Coding,
    boxes: &[Vec<u8>],
    fragmented: bool,
    is_start: impl Fn(usize) -> bool,
) -> Vec<u8> {
    let mut track = TrackSpec { coding: *coding.name, more: boxes.to_vec(), ..TrackSpec::video(20, 5) };
    track.samples.iter_mut().for_each(|s| s.sync = true);
    track.in_entry = vec![vec![0; 50], coding.configuration.clone()];
    let film = Film::of(vec![track]);
    let mut film = if fragmented { film.build_fragmented(0) } else { film.build() };
    for n in 0..20 {
        let name = format!("<0:{n}>").into_bytes();
        let at = film.windows(name.len()).position(|w| w == name).unwrap();
        let head = if is_start(n) { coding.start } else { coding.dependent };
        film[at..at + head.len()].copy_from_slice(head);
    }
    film
}

/// How many samples a clip decodes.
fn decoded(film: &[u8], query: &str) -> usize {
    expand(&clip(film, query).unwrap())[0].samples.len()
}

fn sync_samples(film: &[u8]) -> Vec<u32> {
    let stss = &expand(film)[0].boxes[b"stss"];
    stss[8..].chunks_exact(4).map(|n| u32::from_be_bytes(n.try_into().unwrap())).collect()
}

#[test]
fn where_no_box_says_where_decoding_can_begin_the_pictures_do() {
    for coding in codings() {
        for fragmented in [false, true] {
            let name = String::from_utf8_lossy(coding.name);
            let groups = film_of(&coding, &[], fragmented, |n| n % 5 == 0);
            assert_eq!(decoded(&groups, "start=0.8"), 15, "{name}");
            assert_eq!(decoded(&groups, "start=1.4&end=1.5"), 4, "{name}");

            let from = clip(&groups, "start=1.4&end=1.5&mode=keyframe").unwrap();
            assert_eq!(expand(&from)[0].edits[0].1, 100, "{name}: shown from its key frame on");
            assert_eq!(sync_samples(&clip(&groups, "start=0.8").unwrap()), [1, 6, 11], "{name}");
            // Each of them is one, as the missing table says; or none is, and then it is believed.
            for whole in [true, false] {
                let film = film_of(&coding, &[], fragmented, |_| whole);
                assert_eq!(decoded(&film, "start=1.5&end=1.6"), 1, "{name}");
                assert!(!expand(&clip(&film, "start=0.5").unwrap())[0].boxes.contains_key(b"stss"), "{name}");
            }
        }
    }
}

#[test]
fn a_table_of_no_sync_samples_or_of_all_says_as_little() {
    let [avc, ..] = codings();
    let all = [full_box(b"stss", 0, (0..=20).map(|n| if n == 0 { 20 } else { n }))];
    assert_eq!(decoded(&film_of(&avc, &all, false, |n| n % 5 == 0), "start=1.4&end=1.5"), 4);
    assert_eq!(decoded(&film_of(&avc, &all, false, |_| false), "start=1.5&end=1.6"), 1);
    let empty = [full_box(b"stss", 0, [0])];
    assert_eq!(decoded(&film_of(&avc, &empty, false, |n| n % 5 == 0), "start=1.4&end=1.5"), 4);
    assert_eq!(decoded(&film_of(&avc, &empty, false, |_| false), "start=1.5&end=1.6"), 16);
}

/// A film that says where reads of it begin.
struct Watched<'a>(&'a Vec<u8>, RefCell<Vec<u64>>);

impl ReadAt for Watched<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.borrow_mut().push(offset);
        self.0.read_at(buf, offset)
    }
}

#[test]
fn an_index_is_built_without_a_look_at_the_media() {
    let [avc, ..] = codings();
    for fragmented in [false, true] {
        let film = film_of(&avc, &[], fragmented, |n| n % 5 == 0);
        let source = Watched(&film, RefCell::default());
        Index::build(&source, film.len() as u64).unwrap();
        for (_, start, end) in boxes(&film).into_iter().filter(|(t, ..)| t == b"mdat") {
            let media = start as u64 + 8..end as u64;
            let reads = source.1.borrow();
            // At its end there could be an mfro.
            let mut inside = reads.iter().filter(|&&at| media.contains(&at) && at + 16 != film.len() as u64);
            assert_eq!(inside.next(), None, "{media:?}: {reads:?}");
        }
    }
}
