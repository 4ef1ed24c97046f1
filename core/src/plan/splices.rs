//! Where a decoder has to begin anew amid a clip.
//!
//! A picture at the start of an open group (CRA) says of its number in the order of output only the
//! low bits. Behind a joint, a decoder counts it on from the scene before: it comes out too early as
//! often as not, and all pictures of its scene in the order of the coding. ITU-T H.265 has a picture
//! for that (BLA). It differs in the type that the header of each slice says.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::{Film, Track};
use crate::limits;
use crate::movie::Dependencies;
use crate::seek::{Clip, TrackClip};
use crate::source::Patch;

/// What is to be changed of the media of the tracks that are held for each scene to be decoded as if it
/// were alone, in the order of the file.
pub(super) fn splices(
    film: &Film<'_>,
    clip: &Clip,
    is_held: impl Fn(usize) -> bool,
) -> Result<Box<[Patch]>, FormatError> {
    let mut all = Vec::new();
    for (number, (track, held)) in film.index.tracks.iter().zip(&clip.tracks).enumerate() {
        if let Some(held) = held.as_ref().filter(|held| held.ranges.len() > 1 && is_held(number)) {
            of_track(film, track, held, &mut all)?;
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all.into())
}

fn of_track(
    film: &Film<'_>,
    track: &Track,
    held: &TrackClip,
    all: &mut Vec<Patch>,
) -> Result<(), FormatError> {
    let Dependencies::Said(pictures) = Dependencies::of(&track.entry) else { return Ok(()) };
    let later = held.ranges.iter().skip(1);
    for (before, range) in held.ranges.iter().zip(later) {
        let first = range.samples.start;
        // Its leading pictures are presented in that scene. The file has one byte for both.
        let is_amid = |samples: &Range<_>| samples.start < first && first < samples.end;
        if before.samples.end == first || held.ranges.iter().any(|other| is_amid(&other.samples)) {
            continue;
        }
        let mut chunk = track.samples.chunk_of(&film.source, first)?;
        let place = track.samples.place_of(&film.source, &mut chunk, first)?;
        let patches = pictures.as_broken_link(&film.source, place)?;
        // All slices of a picture, or none.
        if all.len() + patches.len() > limits::PATCHES {
            return Ok(());
        }
        all.extend(patches);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Answer;
    use crate::request::Settings;
    use crate::testing::{Film, Sample, TrackSpec, expand, expand_fragments, identity, make_box, seeker};

    const IDR: u8 = 19;
    const CRA: u8 = 21;
    const BLA: u8 = 16;
    const SIZE: u32 = 30_000;

    /// Thirty pictures, ten a second. Each tenth is a sync sample of this type, in two slices, before
    /// which the next two are presented.
    fn film_of(sync: u8) -> Vec<u8> {
        let samples = (0..30).map(|n| {
            let offset = match n % 10 {
                0 => 3,
                1 | 2 => 0,
                _ => 1,
            };
            Sample { delta: 1, offset, sync: n % 10 == 0, size: SIZE }
        });
        let mut track = TrackSpec::new(b"vide", b"hvc1", 10, samples.collect());
        let mut configuration = vec![0; 23];
        configuration[21] = 3;
        track.in_entry = vec![vec![0; 50], make_box(b"hvcC", configuration)];
        let mut film = Film::of(vec![track]).build();
        for n in 0..30 {
            let name = Film::sample_bytes(0, n, SIZE);
            let at = film.windows(name.len()).position(|w| w == name).unwrap();
            let kind = if n % 10 == 0 { sync } else { 1 };
            let rest = SIZE - 4 - 10_000 - 4;
            for (at, len) in [(at, 10_000), (at + 10_004, rest)] {
                film[at..at + 4].copy_from_slice(&len.to_be_bytes());
                film[at + 4] = kind << 1;
            }
            film[at + 6] = u8::try_from(n).unwrap();
        }
        film
    }

    /// The number of each sample that begins a group, and the types of its slices, in the clip.
    fn groups(film: &[u8], query: &str) -> Vec<(u8, u8, u8)> {
        let clip = crate::testing::clip(film, query).unwrap();
        let tracks = if query.contains("fmp4") { expand_fragments(&clip) } else { expand(&clip) };
        let clip = tracks.first().unwrap();
        let all = clip.samples.iter().map(|s| (s.bytes[6], s.bytes[4] >> 1, s.bytes[10_008] >> 1));
        all.filter(|(n, ..)| n % 10 == 0).collect()
    }

    #[test]
    fn a_scene_begins_with_a_broken_link() {
        let film = film_of(CRA);
        assert_eq!(groups(&film, "clip=0.5-0.8,2.3-2.6"), [(0, CRA, CRA), (20, BLA, BLA)]);
        assert_eq!(groups(&film, "clip=2.3-2.6,0.5-0.8"), [(20, CRA, CRA), (0, BLA, BLA)]);
        assert_eq!(groups(&film, "clip=2.3-2.6,2.3-2.6"), [(20, BLA, BLA), (20, BLA, BLA)]);
        assert_eq!(groups(&film, "format=fmp4&clip=0.5-0.8,2.3-2.6"), [(0, CRA, CRA), (20, BLA, BLA)]);
        assert_eq!(groups(&film, "start=0.5&end=2.6"), [(0, CRA, CRA), (10, CRA, CRA), (20, CRA, CRA)]);
        // What is decoded through it as well keeps its leading pictures.
        assert_eq!(groups(&film, "clip=0.5-1.8,1.3-1.6"), [(0, CRA, CRA), (10, CRA, CRA), (10, CRA, CRA)]);
    }

    #[test]
    fn other_pictures_stay_as_they_are() {
        assert_eq!(groups(&film_of(IDR), "clip=0.5-0.8,2.3-2.6"), [(0, IDR, IDR), (20, IDR, IDR)]);
        // A sample whose units do not fill it.
        let mut film = film_of(CRA);
        let at = film.windows(7).position(|w| w[..5] == [0, 0, 0x27, 0x10, CRA << 1] && w[6] == 20).unwrap();
        film[at + 10_006] += 1;
        assert_eq!(groups(&film, "clip=0.5-0.8,2.3-2.6"), [(0, CRA, CRA), (20, CRA, CRA)]);
    }

    #[test]
    fn what_is_sent_from_the_file_has_nothing_to_be_changed() {
        let film = film_of(CRA);
        for query in ["clip=0.5-0.8,2.3-2.9", "format=fmp4&clip=0.5-0.8,2.3-2.9"] {
            let settings = Settings::default();
            let answer = seeker().answer(&film, &identity(&film), query.as_bytes(), &settings);
            let Ok(Answer::Film(file)) = answer else { panic!("{answer:?}") };
            let mut whole = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&film, 0, &mut whole).unwrap();
            for (from, most) in [(0, 4096), (0, 65_536), (1, 100), (777, 30_000)] {
                let mut sent = Vec::new();
                let mut from_file = 0;
                let mut range = from..file.len();
                while !range.is_empty() {
                    let batch = file.next(&film, &range, most);
                    let mut generated = vec![0; batch.generated];
                    file.read_at(&film, range.start, &mut generated).unwrap();
                    sent.append(&mut generated);
                    let media = batch.media.start.try_into().unwrap()..batch.media.end.try_into().unwrap();
                    from_file += media.len();
                    sent.extend_from_slice(&film[media]);
                    range.start += batch.len();
                }
                assert!(sent == whole[usize::try_from(from).unwrap()..], "{query} {from} {most}");
                assert!(from_file > 200_000, "{query} {from} {most}: {from_file}");
            }
        }
    }
}
