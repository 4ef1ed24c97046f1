//! Groups of samples by key (ISO/IEC 23001-7, 6), whose descriptions are very many or unlike.

use crate::common::{ask, clip};
use crate::fragments::notes;
use mp4seek::index::Index;
use test_boxes::{Film, Sample, TrackSpec, find, fourcc, fragments_at, full_box, make_box, position, words};

const FRAGMENTS: u32 = 20;

/// Fragments of four samples whose boxes are `traf`, behind a `moov` that describes groups.
fn film(in_stbl: &[u8], traf: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let fragments = fragments_at((0..FRAGMENTS).map(|n| n * 40), |n, _| traf(n));
    let sample = Sample { delta: 10, offset: 0, sync: true, size: 5 };
    let mut track = TrackSpec::new(b"vide", b"avc1", 100, vec![sample]);
    track.more = vec![in_stbl.to_vec()];
    let head = Film::of(vec![track]).build_fragmented(0);
    [&head[..position(&head, b"moof") - 4], &fragments[position(&fragments, b"moof") - 4..]].concat()
}

/// Descriptions in version 0, which does not say how long each is.
fn unlike(grouping: &[u8; 4]) -> Vec<u8> {
    make_box(b"sgpd", [&words([0, fourcc(grouping), 2])[..], &[1; 20], &[2; 29]].concat())
}

fn many(grouping: &[u8; 4]) -> Vec<u8> {
    let entries = (0..5000u32).flat_map(|n| words([1, n, 0, 0, 0]));
    let head = words([1 << 24, fourcc(grouping), 20, 5000]);
    make_box(b"sgpd", head.into_iter().chain(entries).collect::<Vec<_>>())
}

fn group(grouping: &[u8; 4], index: u32) -> Vec<u8> {
    full_box(b"sbgp", 0, [fourcc(grouping), 1, 4, index])
}

#[test]
fn descriptions_that_are_not_looked_into_stay_as_they_are() {
    for grouping in [b"seig", b"aaaa"] {
        for (sgpd, last) in [(unlike(grouping), 2), (many(grouping), 5000)] {
            let film = film(&sgpd, |n| group(grouping, if n % 2 == 0 { 1 } else { last }));
            for query in ["", "start=0.2&end=5"] {
                let cut = clip(&film, query).unwrap();
                let moov = find(&cut, b"moov").unwrap();
                assert!(moov.windows(sgpd.len()).any(|w| w == sgpd), "{query}");
                let sbgp = words([0, fourcc(grouping), if query.is_empty() { 20 } else { 13 }]);
                let at = position(moov, &sbgp) + sbgp.len();
                let first = if query.is_empty() { 4 } else { 2 };
                assert_eq!(moov[at..at + 16], words([first, 1, 4, last]), "{query}");
            }
        }
    }
}

#[test]
fn descriptions_of_a_fragment_that_cannot_be_told_apart_are_left_out_but_not_those_of_keys() {
    let of = |grouping, sgpd: &dyn Fn(&[u8; 4]) -> Vec<u8>| {
        film(&[], |_| [sgpd(grouping), group(grouping, 0x1_0001)].concat())
    };
    for sgpd in [&unlike as &dyn Fn(&[u8; 4]) -> Vec<u8>, &many] {
        let film = of(b"aaaa", sgpd);
        ask(&film, "").unwrap().unwrap();
        assert!(notes(&film).contains("left out sgpd of fragments: "), "{}", notes(&film));
        let error = ask(&of(b"seig", sgpd), "start=0.1").unwrap_err();
        assert!(error.status() == 415 && error.to_string().starts_with("sgpd box"), "{error}");
    }
    // Those of the `moov` and one of a fragment's own, which cannot be put together.
    let own = full_box(b"sgpd", 1, [fourcc(b"seig"), 4, 1, 7]);
    let both = film(&many(b"seig"), |_| [&own[..], &group(b"seig", 0x1_0001)].concat());
    let error = ask(&both, "start=0.1").unwrap_err();
    assert!(error.status() == 415 && error.to_string().contains("descriptions"), "{error}");
}

/// A second box of a grouping counts for nothing, however it is.
#[test]
fn a_second_box_of_a_grouping_is_not_read() {
    let csgp = make_box(b"csgp", [&words([0x14, fourcc(b"seig"), 1])[..], &[1, 4, 0x10]].concat());
    let malformed = make_box(b"csgp", words([0x14, fourcc(b"seig"), 1]));
    let film = film(&many(b"seig")[..], |_| [&csgp[..], &malformed].concat());
    let index = Index::build(&film, film.len() as u64).unwrap();
    assert_eq!(index.tracks[0].samples.count, 4 * FRAGMENTS);
}

/// A clear lead whose `senc` is empty, and says other things than those of the samples behind it.
#[test]
fn a_senc_of_no_entries_says_nothing_of_others() {
    let entry = [&[7; 8][..], &[0, 1, 0, 5, 0, 0, 0, 0]].concat();
    let senc = |n| match n {
        0 => full_box(b"senc", 0, [0]),
        1 => make_box(b"senc", []),
        _ => make_box(b"senc", [words([2, 4]), entry.repeat(4)].concat()),
    };
    let with = |lead: u32| fragments_at([0, 40, 80], move |n, _| senc(if n == 0 { lead } else { 2 }));
    let expected = clip(&with(9), "start=0.45&end=1.1").unwrap();
    assert!(clip(&with(0), "start=0.45&end=1.1").unwrap() == expected);
    // The same with lengths of 0.
    let located = fragments_at([0, 40, 80], |n, before| {
        let length = if n == 0 { 0 } else { 16 };
        let lengths = make_box(b"saiz", [&[0, 0, 0, 0, length][..], &words([4])].concat());
        let lengths =
            if n == 0 { make_box(b"saiz", [&[0; 5][..], &words([4]), &[0; 4]].concat()) } else { lengths };
        let entries = before + u32::try_from(lengths.len() + 20 + 16).unwrap();
        [lengths, full_box(b"saio", 0, [1, entries]), senc(if n == 0 { 0 } else { 2 })].concat()
    });
    let cut = clip(&located, "start=0.1&end=1.1").unwrap();
    assert!(cut.windows(64).any(|w| w == entry.repeat(4)));
}
