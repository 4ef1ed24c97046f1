//! Clips of films that do not say where decoding can begin.

use std::cell::RefCell;
use std::io;

use super::fragments::boxes;
use crate::common::{FEW, clip, identity, seeker};
use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::index::{Index, SyncEvidence};
use mp4seek::limits::Limits;
use mp4seek::source::ReadAt;
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{Film, TrackSpec, expand, full_box, make_box};

/// A coding, the box with its configuration, and what a sample begins with: one to begin at, or
/// another.
struct Coding {
    name: &'static [u8; 4],
    configuration: Vec<u8>,
    start: &'static [u8],
    dependent: &'static [u8],
}

/// The configuration of an `mp4v` with this `objectTypeIndication`.
fn esds(object_type: u8) -> Vec<u8> {
    let decoder = [&[4, 13, object_type][..], &[0; 12]].concat();
    make_box(b"esds", [&[0, 0, 0, 0, 3, 18, 0, 0, 0][..], &decoder].concat())
}

fn codings() -> Vec<Coding> {
    let with = |len: usize, at: usize, value: u8| {
        let mut content = vec![0; len];
        content[at] = value;
        content
    };
    let plain = |name, start, dependent| Coding { name, configuration: Vec::new(), start, dependent };
    let of_type = |object_type, start, dependent| Coding {
        configuration: esds(object_type),
        ..plain(b"mp4v", start, dependent)
    };
    // A sequence header, a group header, then the picture: temporal reference and type.
    let mpeg2: (&[u8], &[u8]) =
        (&[0, 0, 1, 0xb3, 9, 0, 0, 1, 0xb8, 0, 8, 0, 0, 1, 0, 0x00, 0x0f], &[0, 0, 1, 0, 0x00, 0x57]);
    // PSC, TR 5, then QCIF, intra or inter.
    let h263: (&[u8], &[u8]) = (&[0, 0, 0x80, 0x16, 0x08], &[0, 0, 0x80, 0x16, 0x0a]);
    let vp8: (&[u8], &[u8]) = (&[0x10, 2, 0, 0x9d, 1, 0x2a], &[0x11, 2, 0, 0x9d, 1, 0x2a]);
    let entry_point: (&[u8], &[u8]) =
        (&[0, 0, 1, 0x0f, 0xca, 0, 0, 1, 0x0e, 5, 0, 0, 1, 0x0d, 9], &[0, 0, 1, 0x0d, 9]);
    vec![
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
            name: b"vvc1",
            configuration: make_box(b"vvcC", with(8, 4, 0xfb)),
            // A delimiter (20) and a picture header (19), then the picture.
            start: &[0, 3, 0, 20 << 3, 9, 0, 2, 0, 19 << 3 | 1, 0, 9, 0, 8 << 3 | 1],
            dependent: &[0, 3, 0, 20 << 3, 9, 0, 2, 0, 19 << 3 | 1, 0, 9, 0, 1],
        },
        plain(b"mp4v", &[0, 0, 1, 0xb3, 0x10, 7, 0, 0, 1, 0xb6, 0x10], &[0, 0, 1, 0xb6, 0x50]),
        of_type(0x20, &[0, 0, 1, 0xb6, 0x10], &[0, 0, 1, 0xb6, 0x50]),
        of_type(0x61, mpeg2.0, mpeg2.1),
        of_type(0x6a, mpeg2.0, mpeg2.1),
        plain(b"m2v1", mpeg2.0, mpeg2.1),
        plain(b"mp2v", mpeg2.0, mpeg2.1),
        plain(b"xdv3", mpeg2.0, mpeg2.1),
        plain(b"xd5c", mpeg2.0, mpeg2.1),
        plain(b"hdv2", mpeg2.0, mpeg2.1),
        plain(b"s263", h263.0, h263.1),
        plain(b"h263", h263.0, h263.1),
        // PLUSPTYPE with UFEP 1 and 18 bits of OPPTYPE, then the type: 0 or 1.
        plain(b"s263", &[0, 0, 0x80, 0x16, 0x1c, 0x80, 0, 0, 0], &[0, 0, 0x80, 0x16, 0x1c, 0x80, 0, 4, 0]),
        // The same without OPPTYPE.
        plain(b"s263", &[0, 0, 0x80, 0x16, 0x1c, 0x00, 0], &[0, 0, 0x80, 0x16, 0x1c, 0x10, 0]),
        plain(b"vp08", vp8.0, vp8.1),
        // Profile 0, then profile 3 with its reserved bit; not a key frame, and one that is only
        // shown again.
        plain(b"vp09", &[0x82, 0x49, 0x83], &[0x86, 0]),
        plain(b"vp09", &[0xb1, 0x49, 0x83], &[0xb3, 0]),
        plain(b"vp09", &[0x82, 0x49, 0x83], &[0x88, 0]),
        of_type(0xb1, &[0x82, 0x49, 0x83], &[0x86, 0]),
        // A delimiter and a sequence header, then a frame: a key frame that is shown, another
        // frame, and a key frame that is shown later.
        plain(b"av01", &[0x12, 0, 0x0a, 2, 0, 0, 0x32, 9, 0x10], &[0x12, 0, 0x32, 9, 0x30]),
        plain(b"av01", &[0x0a, 2, 0, 0, 0x32, 9, 0x10], &[0x0a, 2, 0, 0, 0x32, 9, 0x00]),
        // A frame header in its own unit, with an extension; and one that shows a frame again.
        plain(b"av01", &[0x1e, 0, 9, 0x10], &[0x1a, 9, 0x90]),
        // A header for still pictures.
        plain(b"av01", &[0x0a, 2, 0x18, 0, 0x32, 9, 0xff], &[0x32, 9, 0x30]),
        plain(b"SVQ1", &[0, 0, 0x80, 0x00], &[0, 0, 0x80, 0x01]),
        // One byte of length; and two, for which the first byte of the slice is behind its end.
        plain(b"SVQ3", &[0x21, 9, 0x60], &[0x21, 9, 0x80]),
        plain(b"SVQ3", &[0x41, 0, 3, 0, 0, 0x60], &[0x41, 0, 3, 0x60, 0, 0x20]),
        plain(b"vc-1", entry_point.0, entry_point.1),
    ]
}

/// Two seconds in groups of 5 frames, 100 ms each; `is_start` says which samples decoding can begin
/// at.
fn film_of(
    coding: &Coding,
    boxes: &[Vec<u8>],
    fragmented: bool,
    is_start: impl Fn(usize) -> bool,
) -> Vec<u8> {
    long_film_of(20, coding, boxes, fragmented, is_start)
}

/// The same of so many frames.
fn long_film_of(
    frames: u32,
    coding: &Coding,
    boxes: &[Vec<u8>],
    fragmented: bool,
    is_start: impl Fn(usize) -> bool,
) -> Vec<u8> {
    let mut track = TrackSpec { coding: *coding.name, more: boxes.to_vec(), ..TrackSpec::video(frames, 5) };
    track.samples.iter_mut().for_each(|s| s.sync = true);
    track.in_entry = vec![vec![0; 50], coding.configuration.clone()];
    let film = Film::of(vec![track]);
    let mut film = if fragmented { film.build_fragmented(0) } else { film.build() };
    let mut at = 0;
    for n in 0..frames as usize {
        let name = format!("<0:{n}>").into_bytes();
        at += film[at..].windows(name.len()).position(|w| w == name).unwrap();
        let head = if is_start(n) { coding.start } else { coding.dependent };
        film[at..at + head.len()].copy_from_slice(head);
    }
    film
}

/// A film whose pictures say where decoding can begin, with more boxes among its tables.
pub(super) fn film_without_table(boxes: &[Vec<u8>]) -> Vec<u8> {
    film_of(&codings().swap_remove(0), boxes, false, |n| n % 5 == 0)
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
    let avc = codings().swap_remove(0);
    let all = [full_box(b"stss", 0, (0..=20).map(|n| if n == 0 { 20 } else { n }))];
    assert_eq!(decoded(&film_of(&avc, &all, false, |n| n % 5 == 0), "start=1.4&end=1.5"), 4);
    assert_eq!(decoded(&film_of(&avc, &all, false, |_| false), "start=1.5&end=1.6"), 1);
    for coding in codings() {
        let name = String::from_utf8_lossy(coding.name);
        assert_eq!(decoded(&film_of(&coding, &all, false, |n| n % 5 == 0), "start=1.4&end=1.5"), 4, "{name}");
    }
    let empty = [full_box(b"stss", 0, [0])];
    assert_eq!(decoded(&film_of(&avc, &empty, false, |n| n % 5 == 0), "start=1.4&end=1.5"), 4);
    assert_eq!(decoded(&film_of(&avc, &empty, false, |_| false), "start=1.5&end=1.6"), 16);
    // A 3GP of intra pictures only has an empty table.
    let intra = film_of(&avc, &empty, false, |_| true);
    assert_eq!(decoded(&intra, "start=1.5&end=1.6"), 1);
    assert!(!expand(&clip(&intra, "start=0.5").unwrap())[0].boxes.contains_key(b"stss"));
}

/// A film that says where reads of it begin.
struct Watched<'a>(&'a Vec<u8>, RefCell<Vec<u64>>);

impl ReadAt for Watched<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.borrow_mut().push(offset);
        self.0.read_at(buf, offset)
    }
}

/// What is looked into for the list of where a player may seek to.
#[test]
fn many_scenes_take_no_more_looks_than_one() {
    let film = long_film_of(9000, &codings().swap_remove(0), &[], false, |n| n % 300 == 0);
    let is_within = |query: &str, reads: u64| {
        let seeker = Seeker::with_limits(DEFAULT_CACHE_SIZE, Limits { reads, ..FEW });
        let answer = seeker.answer(&film, &identity(&film), query.as_bytes(), &Settings::default());
        matches!(answer, Ok(Answer::Film(_)))
    };
    let enough = (10..).map(|power| 1 << power).find(|&reads| is_within("start=30", reads)).unwrap();
    assert!(enough > 1 << 18, "{enough}");
    // To find where each scene begins is another matter.
    assert!(is_within(&format!("clip={}", ["30-"; 32].join(",")), 3 * enough), "{enough}");
}

#[test]
fn an_index_is_built_without_a_look_at_the_media() {
    let avc = codings().swap_remove(0);
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

#[test]
fn a_coding_that_is_not_read_is_noted() {
    let evidence = |name: &'static [u8; 4], configuration: Vec<u8>, start, more: &[Vec<u8>]| {
        let coding = Coding { name, configuration, start, dependent: start };
        let film = film_of(&coding, more, false, |_| true);
        let index = Index::build(&film, film.len() as u64).unwrap();
        let clip = seeker().answer(&film, &identity(&film), b"start=1", &Settings::default());
        let Ok(mp4seek::Answer::Film(clip)) = clip else { panic!("{clip:?}") };
        let noted =
            clip.notes().iter().filter(|n| n.contains("nothing says where decoding can begin")).count();
        (index.tracks[0].samples.sync_evidence(&film).unwrap(), noted)
    };
    let some = [full_box(b"stss", 0, [2, 1, 11])];
    assert_eq!(evidence(b"rle ", vec![], &[0], &[]), (SyncEvidence::Nothing, 1));
    assert_eq!(evidence(b"mp4v", esds(0x21), &[0], &[]), (SyncEvidence::Nothing, 1));
    assert_eq!(evidence(b"rle ", vec![], &[0], &some), (SyncEvidence::Boxes, 0));
    assert_eq!(evidence(b"jpeg", vec![], &[0], &[]), (SyncEvidence::Coding, 0));
    assert_eq!(evidence(b"apcn", vec![], &[0], &[]), (SyncEvidence::Coding, 0));
    assert_eq!(evidence(b"vp08", vec![], &[0x10, 2, 0, 0x9d, 1, 0x2a], &[]), (SyncEvidence::Pictures, 0));
    // The coding is known, but not even the first picture can be decoded on its own.
    assert_eq!(evidence(b"vp08", vec![], &[0x11], &[]), (SyncEvidence::Nothing, 1));
}
