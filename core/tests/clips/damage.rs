//! Fragmented films of which a part is damaged.

use super::fragments::{boxes, film, notes};
use crate::common::ask;
use mp4seek::limits;
use test_boxes::{Expanded, Film, One, TrackSpec, expand, full_box, make_box};

/// File offsets, 64-bit times, two runs.
const STYLE: u32 = 1 + 32 + 64;

/// The same, but only the first fragment says when it is.
const NO_TIMES: u32 = STYLE + 16;

/// Samples of each track in a fragment, in both styles.
fn size(style: u32) -> usize {
    3 + style as usize % 5
}

fn moofs(film: &[u8]) -> Vec<usize> {
    boxes(film).into_iter().filter(|(t, ..)| t == b"moof").map(|(_, start, _)| start).collect()
}

/// Where the `nth` box of a type is after `from`.
fn inside(film: &[u8], box_type: &[u8; 4], nth: usize, from: usize) -> usize {
    let all = film.windows(4).enumerate().skip(from).filter(|(_, w)| w == box_type);
    all.map(|(at, _)| at).nth(nth).unwrap()
}

/// The samples of each track: bytes, duration, composition offset, and whether each is a sync
/// sample. Times are in ticks of the film: where an empty edit comes first, those of the answer may
/// be finer.
type Samples = Vec<Vec<(Vec<u8>, u32, i64, bool)>>;

/// All samples but those of some fragments, whose time those before them are held for.
fn without(lost: &[usize], style: u32) -> Samples {
    let whole = expand(&ask(&film().build_fragmented(style), "").unwrap().unwrap());
    let tracks = whole.into_iter().map(in_ticks_of_the_film).map(|track| {
        let mut kept: Vec<(Vec<u8>, u32, i64, bool)> = Vec::new();
        let mut gap = 0;
        for (n, s) in track.samples.into_iter().enumerate() {
            if lost.contains(&(n / size(style))) {
                gap += s.delta;
                continue;
            }
            if let Some(last) = kept.last_mut() {
                last.1 += gap;
            }
            gap = 0;
            kept.push((s.bytes, s.delta, s.cts - s.dts, s.sync));
        }
        kept
    });
    tracks.collect()
}

fn samples(film: &[u8]) -> Samples {
    let one = |s: One| (s.bytes, s.delta, s.cts - s.dts, s.sync);
    expand(film)
        .into_iter()
        .map(in_ticks_of_the_film)
        .map(|t| t.samples.into_iter().map(one).collect())
        .collect()
}

fn in_ticks_of_the_film(mut track: Expanded) -> Expanded {
    let timescale = if &track.handler == b"vide" { 1000 } else { 8000 };
    let finer = track.timescale / timescale;
    assert_eq!(track.timescale, finer * timescale);
    for s in &mut track.samples {
        (s.dts, s.cts, s.delta) = (s.dts / i64::from(finer), s.cts / i64::from(finer), s.delta / finer);
    }
    track
}

/// What a plain request for the film gets.
fn given(film: &[u8]) -> Samples {
    samples(&ask(film, "").unwrap().unwrap())
}

fn with(film: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut film = film.to_vec();
    film[at..at + bytes.len()].copy_from_slice(bytes);
    film
}

/// A box shorter than its own header, and one far longer than the file.
const NO_SIZES: [[u8; 4]; 2] = [[0, 0, 0, 3], [0x7f, 0xff, 0xff, 0xff]];

#[test]
fn a_fragment_that_makes_no_sense_is_left_out() {
    let whole = film().build_fragmented(STYLE);
    let moofs = moofs(&whole);
    for (moof, &from) in moofs.iter().enumerate() {
        let at = |box_type, nth| inside(&whole, box_type, nth, from);
        let is_last = moof + 1 == moofs.len();
        for (at, bytes) in [
            // No tfhd in the first traf, none in the second.
            (at(b"tfhd", 0), *b"oops"),
            (at(b"tfhd", 1), *b"oops"),
            // More samples than fit, in the last run of the second track, which has but one in the
            // last fragment.
            (at(b"trun", if is_last { 2 } else { 3 }) + 8, [0, 0, 1, 0]),
            // Media behind the end of the file.
            (at(b"trun", 1) + 12, [0x10, 0, 0, 0]),
            // A decode time far away, after the first track has been taken.
            (at(b"tfdt", 1) + 8, [0x7f, 0xff, 0xff, 0xff]),
        ] {
            let damaged = with(&whole, at, &bytes);
            let what = format!("fragment {moof}, byte {at}: {}", notes(&damaged));
            if is_last && bytes == [0x10, 0, 0, 0] {
                // It may as well be one that is still being written.
                assert_eq!(given(&damaged).iter().map(Vec::len).collect::<Vec<_>>(), [18, 16], "{what}");
                continue;
            }
            assert_eq!(given(&damaged), without(&[moof], STYLE), "{what}");
            let note =
                if is_last { "the film ends before the file does" } else { "left out what is damaged" };
            assert!(what.contains(note), "{what}");
        }
    }
}

/// The film with a `sidx` before the first fragment, and where its fragments are then.
fn with_sidx(version: u8, style: u32) -> (Vec<u8>, Vec<usize>) {
    let whole = film().build_fragmented(style | 1);
    let first = moofs(&whole)[0];
    let mut ends: Vec<usize> = moofs(&whole).split_off(1);
    ends.push(whole.len());
    let mut from = first;
    let mut words = if version == 0 { vec![1, 1000, 0, 8] } else { vec![1, 1000, 0, 0, 0, 8] };
    words.push(u32::try_from(ends.len()).unwrap());
    for end in ends {
        words.extend([u32::try_from(end - from).unwrap(), 400, 0x9000_0000]);
        from = end;
    }
    let sidx = [full_box(b"sidx", version, words), make_box(b"free", [])].concat();
    let shift = u32::try_from(sidx.len()).unwrap();
    let mut film = [&whole[..first], &sidx, &whole[first..]].concat();
    let moofs: Vec<usize> = moofs(&film);
    // Its data offsets count from the start of the file.
    for at in (0..film.len()).filter(|&at| film[at..].starts_with(b"trun")).collect::<Vec<_>>() {
        let place = u32::from_be_bytes(film[at + 12..at + 16].try_into().unwrap()) + shift;
        film[at + 12..at + 16].copy_from_slice(&place.to_be_bytes());
    }
    (film, moofs)
}

/// `mfra` with entries for these fragments: the time of the first sample of each track, in the
/// spelling of a version with numbers of some length.
fn mfra(moofs: impl Iterator<Item = (usize, usize)>, style: u32, version: u8, lengths: u32) -> Vec<u8> {
    let moofs: Vec<_> = moofs.collect();
    let whole = expand(&ask(&film().build_fragmented(style), "").unwrap().unwrap());
    let tfra = (1u32..).zip(&whole).map(|(id, track)| {
        let mut entries = Vec::new();
        let first =
            |&(fragment, at): &(usize, usize)| Some((track.samples.get(fragment * size(style))?.cts, at));
        for (time, at) in moofs.iter().filter_map(first) {
            let (time, at) = (u32::try_from(time).unwrap(), u32::try_from(at).unwrap());
            let words = if version == 0 { vec![time, at] } else { vec![0, time, 0, at] };
            entries.extend(words.into_iter().flat_map(u32::to_be_bytes));
            for (shift, number) in [(4, id), (2, 1), (0, 1)] {
                entries.extend(&number.to_be_bytes()[3 - (lengths >> shift & 3) as usize..]);
            }
        }
        let count = moofs.iter().filter_map(first).count();
        let head = full_box(b"tfra", version, [id, lengths, u32::try_from(count).unwrap()]);
        make_box(b"tfra", [&head[8..], &entries].concat())
    });
    let tfra: Vec<u8> = tfra.flatten().collect();
    let size = u32::try_from(8 + tfra.len() + 16).unwrap();
    make_box(b"mfra", [tfra, full_box(b"mfro", 0, [size])].concat())
}

#[test]
fn without_a_table_a_film_ends_where_boxes_do() {
    let whole = film().build_fragmented(STYLE);
    for (moof, &at) in moofs(&whole).iter().enumerate() {
        for size in NO_SIZES {
            let damaged = with(&whole, at, &size);
            let lost: Vec<_> = (moof..9).collect();
            if moof == 0 {
                // Without a box that could be a fragment, it is a film of no length.
                assert_eq!(ask(&damaged, "").unwrap(), None);
                assert_eq!(ask(&damaged, "start=0.1").unwrap_err().status(), 416);
                continue;
            }
            assert_eq!(given(&damaged), without(&lost, STYLE), "fragment {moof}");
            assert!(notes(&damaged).contains("the film ends before the file does"));
        }
    }
}

#[test]
fn a_table_shows_the_way_past_damage() {
    let whole = film().build_fragmented(STYLE);
    let all = moofs(&whole);
    let mut films: Vec<(Vec<u8>, Vec<usize>)> = vec![with_sidx(0, STYLE), with_sidx(1, STYLE)];
    for (version, lengths) in [(0, 0), (1, 0), (0, 0b11_1001), (1, 0b11_1111)] {
        let mfra = mfra(all.iter().copied().enumerate(), STYLE, version, lengths);
        films.push(([whole.clone(), mfra].concat(), all.clone()));
    }
    for (n, (film, moofs)) in films.iter().enumerate() {
        assert_eq!(given(film), without(&[], STYLE), "film {n}");
        for (moof, &at) in moofs.iter().enumerate() {
            let mdat = inside(film, b"mdat", 0, at) - 4;
            for size in NO_SIZES {
                let (no_moof, no_mdat) = (with(film, at, &size), with(film, mdat, &size));
                let what = format!("film {n}, fragment {moof}: {}", notes(&no_moof));
                assert_eq!(given(&no_moof), without(&[moof], STYLE), "{what}");
                // Its samples are where the fragment says, whatever their box is.
                assert_eq!(given(&no_mdat), without(&[], STYLE), "{what}");
            }
            // A box that reaches to the end of the file, and one that ends inside of another
            // fragment.
            for size in [0, u32::try_from(film.len() - mdat - 20).unwrap()] {
                let long = with(film, mdat, &size.to_be_bytes());
                assert_eq!(given(&long), without(&[], STYLE), "film {n}, fragment {moof}: {}", notes(&long));
            }
            // A box that makes no sense, and one that is too long after it.
            let Some(&next) = moofs.get(moof + 1) else { continue };
            let size = u32::try_from(film.len() - mdat - 20).unwrap();
            let damaged = with(&with(film, inside(film, b"tfhd", 1, at), b"oops"), mdat, &size.to_be_bytes());
            assert_eq!(
                given(&damaged),
                without(&[moof], STYLE),
                "film {n}, fragment {moof}: {}",
                notes(&damaged)
            );
            // Several in a row, the last of them in pieces.
            let damaged = with(&with(film, at, &NO_SIZES[0]), inside(film, b"tfhd", 1, next), b"oops");
            assert_eq!(
                given(&damaged),
                without(&[moof, moof + 1], STYLE),
                "film {n}, fragments {moof} and after"
            );
        }
    }
}

#[test]
fn a_table_says_when_a_fragment_after_damage_is() {
    let whole = film().build_fragmented(NO_TIMES);
    let moofs = moofs(&whole);
    assert!(moofs.len() > 3);
    for (moof, &at) in moofs.iter().enumerate().skip(1) {
        let damaged = with(&whole, at, &NO_SIZES[0]);
        let lost: Vec<_> = (moof..9).collect();
        assert_eq!(given(&damaged), without(&lost, NO_TIMES));
        let reported = |places: &[usize]| {
            let some = moofs.iter().copied().enumerate().filter(|(n, _)| places.contains(n));
            given(&[damaged.clone(), mfra(some, NO_TIMES, 1, 0)].concat())
        };
        let all: Vec<_> = (0..moofs.len()).collect();
        assert_eq!(reported(&all), without(&[moof], NO_TIMES));
        // Those without a time of their own come after one that has one.
        assert_eq!(reported(&[moof, moof + 2]), without(&[moof, moof + 1], NO_TIMES));
        // One after it may have one.
        let timed = film().build_fragmented(STYLE);
        let at = self::moofs(&timed);
        let mfra = mfra(at.iter().copied().enumerate(), STYLE, 0, 0);
        let mut damaged = [with(&timed, at[moof], &NO_SIZES[0]), mfra].concat();
        if let Some(&next) = at.get(moof + 1) {
            for nth in [0, 0] {
                let tfdt = inside(&damaged, b"tfdt", nth, next);
                damaged[tfdt..tfdt + 4].copy_from_slice(b"free");
            }
        }
        assert_eq!(given(&damaged), without(&[moof], STYLE));
        // A segment index has no such times.
        let (film, moofs) = with_sidx(1, NO_TIMES);
        assert_eq!(given(&with(&film, moofs[moof], &NO_SIZES[1])), without(&lost, NO_TIMES));
    }
}

#[test]
fn tables_that_lie_do_no_harm() {
    let whole = film().build_fragmented(STYLE);
    let moofs = moofs(&whole);
    let lies = [0, 1, 8, moofs[0] + 1, moofs[1] + 8, moofs[2] - 3, moofs[2] + 40, whole.len() - 1, 1 << 30];
    // Undamaged films do not need them; others find what is there between the lies.
    let true_ones = moofs.iter().copied().enumerate();
    let all = mfra(true_ones.chain(lies.iter().map(|&at| (1, at))), STYLE, 0, 0);
    let only_lies = mfra(lies.iter().map(|&at| (1, at)), STYLE, 1, 3);
    for (n, table) in [&all, &only_lies].into_iter().enumerate() {
        let film = [whole.clone(), table.clone()].concat();
        assert_eq!(given(&film), without(&[], STYLE));
        let damaged = with(&film, moofs[1], &NO_SIZES[0]);
        let lost: Vec<_> = if n == 0 { vec![1] } else { (1..9).collect() };
        assert_eq!(given(&damaged), without(&lost, STYLE), "{}", notes(&damaged));
    }
    // Tables that are damaged themselves are none.
    let film = with(&[whole.clone(), all.clone()].concat(), moofs[1], &NO_SIZES[0]);
    let end = film.len();
    let first = whole.len() + 8;
    for (at, word) in [
        (end - 4, 7),
        (end - 4, u32::MAX),
        (end - 12, 1),
        (whole.len(), 20),
        (first, 9),
        (first + 20, u32::MAX),
    ] {
        let damaged = with(&film, at, &word.to_be_bytes());
        let kept = given(&damaged);
        let lost: Vec<_> = (1..9).collect();
        let is_found = (at, word) == (first + 20, u32::MAX);
        let expected = if is_found { without(&[1], STYLE) } else { without(&lost, STYLE) };
        assert_eq!(kept, expected, "{word} at {at} of {end}: {}", notes(&damaged));
    }
}

/// A fragment may turn out to make no sense when a part of it was taken. All are then read again,
/// and that has an end.
#[test]
fn a_film_that_is_all_damage_ends() {
    let far = |film: &mut Vec<u8>, moof: usize| {
        let at = inside(film, b"tfdt", 1, moof) + 8;
        film[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    };
    let spec = Film::of(vec![TrackSpec::video(90, 5), TrackSpec::audio(90)]);
    let whole = spec.build_fragmented(STYLE);
    let all = moofs(&whole);
    let kept = |damaged: usize| {
        let mut film = whole.clone();
        all.iter().skip(1).step_by(2).take(damaged).for_each(|&moof| far(&mut film, moof));
        given(&film)[0].len()
    };
    let size = size(STYLE);
    assert_eq!(kept(2), 90 - 2 * size);
    assert_eq!(kept(limits::LEFT_OUT), 90 - limits::LEFT_OUT * size);
    // The film ends before the one that is over the limit.
    assert_eq!(kept(limits::LEFT_OUT + 1), (limits::LEFT_OUT + 1) * size);
}
