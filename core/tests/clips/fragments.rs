//! Fragmented films that are unfinished or put together in unusual ways.

use crate::common::{ask, clip, identity, seeker};
use mp4seek::{Answer, Settings};
use test_boxes::{Film, TrackSpec, expand, fourcc, fragments_at, full_box, make_box};

pub(super) fn film() -> Film {
    Film::of(vec![TrackSpec::video(20, 5), TrackSpec::audio(16)])
}

/// The boxes at the top level: type, start, end.
pub(super) fn boxes(film: &[u8]) -> Vec<([u8; 4], usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < film.len() {
        let size = u32::from_be_bytes(film[at..at + 4].try_into().unwrap()) as usize;
        out.push((film[at + 4..at + 8].try_into().unwrap(), at, at + size));
        at += size;
    }
    out
}

/// The samples of each track.
type Names = Vec<Vec<Vec<u8>>>;

fn names(film: &[u8]) -> Names {
    expand(film).into_iter().map(|t| t.samples.into_iter().map(|s| s.bytes).collect()).collect()
}

/// What [`Film::build_fragmented`] has put into the fragments that are complete in the first `len`
/// bytes of the file.
fn complete(film: &Film, bytes: &[u8], style: u32, len: usize) -> Names {
    let size = 3 + style as usize % 5;
    let mut out: Names = vec![Vec::new(); film.tracks.len()];
    let media = boxes(bytes).into_iter().filter(|(t, ..)| t == b"mdat");
    for (n, (_, start, _)) in media.enumerate() {
        let mut at = start + 8;
        for (t, track) in film.tracks.iter().enumerate() {
            let samples = track.samples.iter().enumerate().skip(n * size).take(size);
            for (n, sample) in samples {
                at += sample.size as usize;
                if at <= len {
                    out[t].push(Film::sample_bytes(t, n, sample.size));
                }
            }
        }
    }
    out
}

pub(super) fn notes(film: &Vec<u8>) -> String {
    let seeker = seeker();
    match seeker.answer(film, &identity(film), b"", &Settings::default()).unwrap() {
        Answer::Film(file) => file.notes().join("\n"),
        Answer::Plain(reason) => reason.unwrap_or_default(),
    }
}

#[test]
fn a_film_that_is_being_written_gives_what_is_complete() {
    let film = film();
    for style in [0, 1, 5, 66, 128 + 64] {
        let whole = film.build_fragmented(style);
        let first = boxes(&whole).iter().find(|(t, ..)| t == b"moof").unwrap().1;
        for len in (first..=whole.len()).rev().step_by(5) {
            let mut expected = complete(&film, &whole, style, len);
            expected.retain(|track| !track.is_empty());
            let got = ask(&whole[..len], "").unwrap();
            if expected.is_empty() {
                // Players may know what to do with it.
                assert_eq!(got, None, "style {style}, {len} bytes");
            } else {
                assert_eq!(names(&got.unwrap()), expected, "style {style}, {len} bytes");
            }
        }
    }
}

#[test]
fn the_moov_may_come_last() {
    let whole = film().build_fragmented(0);
    let part = |wanted: bool| -> Vec<u8> {
        let parts = boxes(&whole).into_iter().filter(|(t, ..)| (t == b"moov") == wanted);
        parts.flat_map(|(_, start, end)| whole[start..end].to_vec()).collect()
    };
    let moved = [part(false), part(true)].concat();
    for query in ["", "start=0.7&end=1.5"] {
        assert_eq!(ask(&moved, query).unwrap(), ask(&whole, query).unwrap());
    }
    assert_eq!(ask(&part(false), "start=1").unwrap_err().status(), 415);
}

/// The first samples in the `moov`, the others in fragments.
fn hybrid(film: &Film, fragments_before: usize) -> Vec<u8> {
    let size = 3;
    let mut first = film.clone();
    first.moov_first = true;
    first.tracks.iter_mut().for_each(|t| t.samples.truncate(fragments_before * size));
    let trex = (1..).zip(&film.tracks).flat_map(|(id, _)| full_box(b"trex", 0, [id, 1, 0, 0, 0]));
    first.more.push(make_box(b"mvex", trex.collect::<Vec<_>>()));
    let fragments = film.build_fragmented(0);
    let from = boxes(&fragments).into_iter().filter(|(t, ..)| t == b"moof").nth(fragments_before).unwrap().1;
    [first.build(), fragments[from..].to_vec()].concat()
}

#[test]
fn samples_in_the_moov_and_in_fragments_are_one_film() {
    let film = film();
    for (before, query) in [(1, ""), (3, ""), (3, "start=0.6&end=1.2"), (3, "start=1.1")] {
        let got = ask(&hybrid(&film, before), query).unwrap().unwrap();
        let expected = ask(&film.build_fragmented(0), query).unwrap().unwrap();
        let shown = |film: &[u8]| expand(film).iter().map(|t| t.shown()).collect::<Vec<_>>();
        assert_eq!(shown(&got), shown(&expected), "{before} fragments before, {query}");
    }
}

/// A film of one track and fragments of four samples each, 10 ticks and 5 bytes a sample, with two
/// runs; `more` makes the other boxes of a `traf`, given its position in the `moof`.
fn fragments_with(fragments: u32, more: impl Fn(u32, u32) -> Vec<u8>) -> Vec<u8> {
    fragments_at((0..fragments).map(|n| n * 40), more)
}

fn box_of(film: &[u8], box_type: &[u8; 4]) -> Vec<u8> {
    expand(film)[0].boxes.get(box_type).cloned().unwrap_or_default()
}

fn byte(n: u32) -> u8 {
    u8::try_from(n).unwrap()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_be_bytes()).collect()
}

#[test]
fn fields_for_each_sample_in_fragments_are_carried_over() {
    let film = fragments_with(3, |n, _| match n {
        1 => Vec::new(),
        n => make_box(b"sdtp", [&[0; 4][..], &[byte(n) + 1; 4]].concat()),
    });
    let whole = ask(&film, "").unwrap().unwrap();
    assert_eq!(box_of(&whole, b"sdtp"), [[0; 4], [1; 4], [0; 4], [3; 4]].concat());
    assert_eq!(names(&whole)[0].len(), 12);
    let part = clip(&film, "start=0.2&end=1").unwrap();
    assert_eq!(box_of(&part, b"sdtp"), [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 3, 3]);
}

#[test]
fn subsamples_in_fragments_are_carried_over() {
    let part = [0, 9, 1, 0, 0, 0, 0, 0];
    let entry = |delta: u32, parts: u16| {
        [&delta.to_be_bytes()[..], &parts.to_be_bytes(), &part.repeat(parts.into())].concat()
    };
    let film = fragments_with(3, |n, _| match n {
        1 => Vec::new(),
        // The second and the fourth sample.
        _ => make_box(b"subs", [words(&[0, 2]), entry(2, 1), entry(2, 2)].concat()),
    });
    let all = [words(&[0, 4]), entry(2, 1), entry(2, 2), entry(6, 1), entry(2, 2)].concat();
    assert_eq!(box_of(&ask(&film, "").unwrap().unwrap(), b"subs"), all);
    let part = clip(&film, "start=0.2&end=1").unwrap();
    assert_eq!(box_of(&part, b"subs"), [words(&[0, 2]), entry(2, 2), entry(6, 1)].concat());
}

#[test]
fn compact_groups_in_fragments_are_carried_over() {
    // The track's own descriptions: 1, none, 1, none, in patterns of two.
    let film = fragments_with(3, |n, _| {
        let sgpd = full_box(b"sgpd", 1, [fourcc(b"roll"), 4, 1, 0x100 + n]);
        let fields = if n == 2 { vec![4, 4, 1 << 7 | 1, 2, 0, 0] } else { vec![2, 4, 1 << 7 | 1, 0] };
        let head = [&[0, 0, 0, 0x80 | 0x14 | 1][..], b"roll", &[0, 0, 0, 1]].concat();
        let csgp = make_box(b"csgp", [head, fields].concat());
        [sgpd, csgp].concat()
    });
    let whole = ask(&film, "").unwrap().unwrap();
    assert_eq!(box_of(&whole, b"sgpd"), words(&[1 << 24, fourcc(b"roll"), 4, 3, 0x100, 0x101, 0x102]));
    let groups = [1, 1, 1, 0, 1, 1, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 3, 1, 2, 2, 0];
    assert_eq!(box_of(&whole, b"sbgp"), [words(&[0, fourcc(b"roll"), 11]), words(&groups)].concat());
}

#[test]
fn groups_with_different_parameters_have_their_descriptions_in_common() {
    let film = fragments_with(3, |n, _| {
        let sgpd = full_box(b"sgpd", 1, [fourcc(b"roll"), 4, 2, 0x100, 0x101 + n]);
        let sbgp = |parameter: u32, group: u32| {
            full_box(b"sbgp", 1, [fourcc(b"roll"), parameter, 2, 1, 0x1_0000 + group, 3, 0x1_0003 - group])
        };
        [sgpd, sbgp(7, 1), sbgp(9, 2)].concat()
    });
    let whole = ask(&film, "").unwrap().unwrap();
    assert_eq!(whole.windows(4).filter(|w| w == b"sgpd").count(), 1);
    assert_eq!(box_of(&whole, b"sgpd"), words(&[1 << 24, fourcc(b"roll"), 4, 4, 0x100, 0x101, 0x102, 0x103]));
    for (parameter, groups) in
        [(7, [1, 1, 3, 2, 1, 1, 3, 3, 1, 1, 3, 4]), (9, [1, 2, 3, 1, 1, 3, 3, 1, 1, 4, 3, 1])]
    {
        let sbgp = [words(&[1 << 24, fourcc(b"roll"), parameter, 6]), words(&groups)].concat();
        assert!(whole.windows(sbgp.len()).any(|w| w == sbgp), "{parameter}");
    }
}

#[test]
fn a_fragment_may_have_a_default_group_of_its_own() {
    // One for all samples of the first and the third; in the second they are in none.
    let film = fragments_with(3, |n, _| match n {
        1 => Vec::new(),
        n => full_box(b"sgpd", 2, [fourcc(b"roll"), 4, 1, 1, 0x100 + n]),
    });
    let whole = ask(&film, "").unwrap().unwrap();
    assert_eq!(box_of(&whole, b"sgpd"), words(&[1 << 24, fourcc(b"roll"), 4, 2, 0x100, 0x102]));
    assert_eq!(box_of(&whole, b"sbgp"), words(&[0, fourcc(b"roll"), 3, 4, 1, 4, 0, 4, 2]));
}

#[test]
fn time_may_pass_without_samples() {
    // The second fragment has none, for 70 ticks, and none says its time.
    let mut film = fragments_with(3, |_, _| Vec::new());
    while let Some(at) = film.windows(4).position(|w| w == b"tfdt") {
        film[at..at + 4].copy_from_slice(b"free");
    }
    let moof = boxes(&film).into_iter().filter(|(t, ..)| t == b"moof").nth(1).unwrap();
    let mut tfhd = full_box(b"tfhd", 0, [1, 70]);
    tfhd[8..12].copy_from_slice(&0x3_0008u32.to_be_bytes());
    let traf = make_box(b"moof", make_box(b"traf", tfhd));
    film.splice(moof.1..moof.2, traf);
    let deltas = |film: &[u8]| expand(film)[0].samples.iter().map(|s| s.delta).collect::<Vec<_>>();
    assert_eq!(deltas(&ask(&film, "").unwrap().unwrap()), [10, 10, 10, 80, 10, 10, 10, 10]);
}

#[test]
fn boxes_of_fragments_that_are_not_known_are_left_out_with_a_note() {
    let film = fragments_with(3, |_, _| full_box(b"what", 0, [0]));
    assert!(notes(&film).lines().any(|note| note == "left out what of fragments: not known how it is cut"));
}

#[test]
fn optional_boxes_of_fragments_that_are_malformed_are_left_out_with_a_note() {
    let csgp = |grouping| [words(&[0x14, fourcc(grouping), 1]), vec![1, 4]].concat();
    for (box_type, content) in
        [(b"sdtp", vec![0; 4 + 3]), (b"subs", words(&[0, 1, 1])), (b"csgp", csgp(b"rap "))]
    {
        let film = fragments_with(20, |_, _| make_box(box_type, content.clone()));
        let whole = ask(&film, "").unwrap().unwrap();
        assert_eq!(expand(&whole)[0].samples.len(), 80);
        let said = format!("left out {} of fragments: ", String::from_utf8_lossy(box_type));
        assert!(notes(&film).lines().any(|note| note.starts_with(&said)), "{}", notes(&film));
    }
    // But not what says which key a sample has.
    let film = fragments_with(20, |_, _| make_box(b"csgp", csgp(b"seig")));
    assert!(ask(&film, "start=0.1").is_err());
}

/// What a decrypter needs, located in every way that fragments have.
#[test]
fn what_decrypters_need_is_carried_over_wherever_it_is() {
    // A vector of 8 bytes and one or two subsamples for each sample.
    let entry = |n: u32| {
        let subsamples = if n % 2 == 0 { 1u16 } else { 2 };
        [&[byte(n); 8][..], &subsamples.to_be_bytes(), &vec![0xaa; 6 * usize::from(subsamples)]].concat()
    };
    let length = |n: u32| u8::try_from(entry(n).len()).unwrap();
    let lengths = |fragment: u32| (0..4).map(|s| length(fragment * 4 + s)).collect::<Vec<_>>();
    let entries = |fragment: u32| (0..4).flat_map(|s| entry(fragment * 4 + s)).collect::<Vec<_>>();
    let saiz = |n| make_box(b"saiz", [&[0, 0, 0, 0, 0, 0, 0, 0, 4][..], &lengths(n)].concat());
    let senc = |n| make_box(b"senc", [words(&[2, 4]), entries(n)].concat());
    let piff = b"\xa2\x39\x4f\x52\x5a\x9b\x4f\x14\xa2\x44\x6c\x42\x7c\x64\x8d\xf4";
    let located = fragments_with(3, |n, _| [saiz(n), full_box(b"saio", 0, [1, 0]), senc(n)].concat());
    let whole = ask(&located, "").unwrap().unwrap();
    let all = [words(&[2, 12]), (0..3).flat_map(entries).collect()].concat();
    assert_eq!(box_of(&whole, b"senc"), all);
    assert_eq!(box_of(&whole, b"saiz"), [&[0, 0, 0, 0, 0, 0, 0, 0, 12][..], &lengths(0).repeat(3)].concat());
    let by_senc_alone = fragments_with(3, |n, _| senc(n));
    let by_piff = fragments_with(3, |n, _| make_box(b"uuid", [piff, &senc(n)[8..]].concat()));
    let with_a_key = fragments_with(3, |n, _| {
        let key = [&[0, 0, 0, 3][..], &[0, 0, 1, 8], &[7; 16], &4u32.to_be_bytes()].concat();
        make_box(b"uuid", [&piff[..], &key, &entries(n)].concat())
    });
    let by_run = fragments_with(3, |n, before| {
        // Each run has a place of its own, the second one first.
        let (first, second) = (entry(n * 4).len() + entry(n * 4 + 1).len(), entries(n).len());
        let parts = [&entries(n)[first..], &entries(n)[..first]].concat();
        let at = before + u32::try_from(saiz(n).len() + 24 + 8).unwrap();
        let saio = full_box(b"saio", 0, [2, at + u32::try_from(second - first).unwrap(), at]);
        [saiz(n), saio, make_box(b"free", parts)].concat()
    });
    for query in ["", "start=0.2&end=1"] {
        let expected = clip(&located, query).unwrap();
        for film in [&by_senc_alone, &by_piff, &with_a_key] {
            assert!(clip(film, query).unwrap() == expected, "{query}");
        }
        // Without a senc nobody knows which flags it would have.
        let cut = clip(&by_run, query).unwrap();
        assert!(!cut.windows(4).any(|w| w == b"senc"));
        assert_eq!(box_of(&cut, b"saiz"), box_of(&expected, b"saiz"));
        let entries = &box_of(&expected, b"senc")[8..];
        let saio = box_of(&cut, b"saio");
        let at = u32::from_be_bytes(saio[saio.len() - 4..].try_into().unwrap()) as usize;
        assert!(&cut[at..at + entries.len()] == entries, "{query}");
    }
}

#[test]
fn entries_for_decrypters_that_differ_in_kind_are_refused() {
    // One senc cannot say of some samples that only vectors follow, and of others that subsamples
    // do.
    let film = |kinds: [u32; 3]| {
        fragments_with(3, move |n, before| {
            let flags = kinds[n as usize];
            let rest: &[u8] = if flags == 0 { &[] } else { &[0, 1, 0, 5, 0, 0, 0, 0] };
            let entry = [&[7; 8][..], rest].concat();
            let saiz = make_box(b"saiz", [&[0, 0, 0, 0, byte(8 + 8 * flags / 2)][..], &words(&[4])].concat());
            let saio = full_box(b"saio", 0, [1, before + 17 + 20 + 16]);
            [saiz, saio, make_box(b"senc", [words(&[flags, 4]), entry.repeat(4)].concat())].concat()
        })
    };
    assert!(clip(&film([2, 2, 2]), "start=0.1").is_ok());
    assert!(clip(&film([0, 0, 0]), "start=0.1").is_ok());
    let refused = clip(&film([2, 0, 2]), "start=0.1").unwrap_err();
    assert_eq!(refused.status(), 415);
    assert!(refused.to_string().starts_with("senc box"), "{refused}");
}

#[test]
fn what_the_moov_says_of_its_own_samples_is_kept() {
    let mut film = Film::of(vec![TrackSpec::video(20, 5)]);
    let group = |counts: &[u32]| full_box(b"sbgp", 0, [&[fourcc(b"roll"), 2][..], counts].concat());
    film.tracks[0].more = vec![
        full_box(b"sgpd", 1, [fourcc(b"roll"), 4, 1, 7]),
        group(&[4, 1, 5, 0]),
        make_box(b"sdtp", [&[0; 4][..], &[5; 9]].concat()),
    ];
    let whole = ask(&hybrid(&film, 3), "").unwrap().unwrap();
    assert_eq!(names(&whole)[0].len(), 20);
    assert_eq!(box_of(&whole, b"sbgp"), words(&[0, fourcc(b"roll"), 2, 4, 1, 16, 0]));
    assert_eq!(box_of(&whole, b"sdtp"), [[0; 4].to_vec(), vec![5; 9], vec![0; 11]].concat());
}

#[test]
fn smooth_streaming_may_begin_before_0() {
    const TFXD: &[u8; 16] = b"\x6d\x1d\x9b\x05\x42\xd5\x44\xe6\x80\xe2\x14\x1d\xaf\xf7\x57\xb2";
    let times = [-20i64, 30, 70];
    let mut film = fragments_with(3, |n, _| {
        let time = times[n as usize].to_be_bytes();
        make_box(b"uuid", [&TFXD[..], &[1, 0, 0, 0], &time, &40u64.to_be_bytes()].concat())
    });
    while let Some(at) = film.windows(4).position(|w| w == b"tfdt") {
        film[at..at + 4].copy_from_slice(b"free");
    }
    let deltas =
        expand(&ask(&film, "").unwrap().unwrap())[0].samples.iter().map(|s| s.delta).collect::<Vec<_>>();
    assert_eq!(deltas, [10, 10, 10, 20, 10, 10, 10, 10, 10, 10, 10, 10]);
}
