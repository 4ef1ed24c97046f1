//! Films at the very limits: they can be cut, and so can their clips, again and again.

use std::io;

use crate::common::{clip, identity, seeker};
use mp4seek::index::Index;
use mp4seek::limits;
use mp4seek::source::ReadAt;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Error, Settings};
use test_boxes::{Film, TrackSpec, expand, fourcc, full_box, make_box};

/// The film with the greatest number of something that can be read; the next one cannot.
fn at_the_limit(film_with: impl Fn(usize) -> Vec<u8>) -> (usize, Vec<u8>) {
    let is_read = |n| {
        let film = film_with(n);
        Index::build(&film, film.len() as u64).is_ok()
    };
    let (mut most, mut too_many) = (1, 1 << 18);
    assert!(is_read(most) && !is_read(too_many));
    while too_many - most > 1 {
        let middle = usize::midpoint(most, too_many);
        *if is_read(middle) { &mut most } else { &mut too_many } = middle;
    }
    (most, film_with(most))
}

/// The film's clip, the clip of that, and so on.
fn cut_again_and_again(film: &[u8], query: &str) -> Vec<Vec<u8>> {
    let mut clips = vec![film.to_vec()];
    for n in 0..5 {
        clips.push(clip(&clips[n], query).unwrap_or_else(|e| panic!("clip {n} is the last: {e}")));
    }
    clips.remove(0);
    clips
}

fn count(film: &[u8], name: &[u8; 4]) -> usize {
    film.windows(4).filter(|w| w == name).count()
}

/// Video without edits and composition offsets. A clip needs both.
fn plain_video() -> TrackSpec {
    let mut video = TrackSpec { edits: Vec::new(), ..TrackSpec::video(40, 5) };
    video.samples.iter_mut().for_each(|sample| sample.offset = 0);
    video
}

#[test]
fn a_track_of_as_many_boxes_as_there_may_be_is_cut_again_and_again() {
    let (most, film) = at_the_limit(|n| {
        let in_trak = vec![make_box(b"junk", []); n];
        Film::of(vec![TrackSpec { in_trak, ..plain_video() }]).build()
    });
    // Beside the header and the media.
    assert_eq!(most, limits::CHILDREN - 2);
    for cut in cut_again_and_again(&film, "start=0.35") {
        assert_eq!((count(&cut, b"junk"), count(&cut, b"edts")), (most, 1));
    }
}

#[test]
fn tables_of_as_many_boxes_as_there_may_be_are_cut_again_and_again() {
    let descriptions = full_box(b"sgpd", 1, [fourcc(b"roll"), 2, 0]);
    let (most, film) = at_the_limit(|n| {
        // Only each fifth picture says that decoding can begin with it, and no table does.
        let boxes = vec![descriptions.clone(); n];
        super::pictures::film_without_table(&boxes)
    });
    assert!(most > limits::CHILDREN - 8, "{most}");
    assert_eq!((count(&film, b"stss"), count(&film, b"edts")), (0, 1));
    for cut in cut_again_and_again(&film, "start=0.15") {
        assert_eq!((count(&cut, b"sgpd"), count(&cut, b"stss")), (most, 1));
    }
}

#[test]
fn a_film_of_as_many_boxes_as_there_may_be_is_cut_again_and_again() {
    const TRACKS: usize = 20;
    let (most, film) = at_the_limit(|n| {
        let junk = |track| vec![make_box(b"junk", []); (n + track) / TRACKS];
        let tracks = (0..TRACKS).map(|track| TrackSpec { in_trak: junk(track), ..plain_video() });
        Film::of(tracks.collect()).build()
    });
    assert!(most > limits::MOOV_BOXES - 20 * TRACKS, "{most}");
    for cut in cut_again_and_again(&film, "start=0.35") {
        assert_eq!((count(&cut, b"junk"), count(&cut, b"edts")), (most, TRACKS));
    }
}

#[test]
fn the_top_level_may_have_as_many_boxes_again_and_again() {
    let film_with = |n: usize| {
        // The media lies in a box of another kind, which is copied.
        let mut film = Film::of(vec![plain_video()]).build();
        let mdat = film.windows(4).position(|w| w == b"mdat").unwrap();
        film[mdat..mdat + 4].copy_from_slice(b"junk");
        film.extend(make_box(b"junk", []).repeat(n));
        film
    };
    let (most, film) = at_the_limit(film_with);
    assert_eq!(most, limits::CHILDREN - 3);
    for cut in cut_again_and_again(&film, "start=0.35") {
        assert_eq!((count(&cut, b"junk"), count(&cut, b"mdat")), (most + 1, 1));
    }
}

#[test]
fn a_film_of_as_many_edits_as_there_may_be_is_cut_again_and_again() {
    // Each begins before the first sample, so that a clip has an empty one before it.
    let film_with = |n| {
        let mut video = TrackSpec::video(40, 5);
        video.samples.iter_mut().for_each(|sample| sample.offset += 100);
        video.edits = vec![(2, 199, 0x10000); n];
        Film::of(vec![video]).build()
    };
    let (most, film) = at_the_limit(film_with);
    assert_eq!(most, limits::EDITS);
    let clips = cut_again_and_again(&film, "start=0.004");
    for (n, cut) in (1..).zip(&clips) {
        let edits = &expand(cut)[0].edits;
        assert_eq!(edits.iter().filter(|(_, media, _)| *media >= 0).count(), most - 2 * n, "clip {n}");
        assert!(edits.len() > most, "clip {n} has {} edits", edits.len());
    }
    // Empty ones have a limit of their own.
    let film_with = |n| {
        let mut video = TrackSpec::video(40, 5);
        video.edits = vec![(1, -1, 0x10000); n];
        video.edits.push((1000, 100, 0x10000));
        Film::of(vec![video]).build()
    };
    let (most, film) = at_the_limit(film_with);
    assert_eq!(most, limits::ALL_EDITS - 1);
    cut_again_and_again(&film, "start=0.1");
}

/// A film that ends in zeros.
struct Long(Vec<u8>, u64);

impl ReadAt for Long {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let all = self.0.len() as u64 + self.1;
        let len = buf.len().min(usize::try_from(all.saturating_sub(offset)).unwrap());
        for (at, byte) in (offset..).zip(&mut buf[..len]) {
            *byte = usize::try_from(at).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(0);
        }
        Ok(len)
    }
}

/// A clip as the source of another.
struct Cut<'a>(Box<VirtualFile>, &'a dyn ReadAt);

impl ReadAt for Cut<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = buf.len().min(usize::try_from(self.0.len().saturating_sub(offset)).unwrap());
        self.0.read_at(&self.1, offset, &mut buf[..len])?;
        Ok(len)
    }
}

fn cut_of(source: &dyn ReadAt, len: u64) -> Result<Cut<'_>, Error> {
    let identity = mp4seek::source::Identity { size: len, ..identity(&[]) };
    let answer = seeker().answer(&source, &identity, b"start=0.15", &Settings::default())?;
    let Answer::Film(file) = answer else { panic!("{answer:?}") };
    Ok(Cut(file, source))
}

/// A film whose `moov`, which is its last box, has `size` bytes.
fn film_of_moov(size: u64) -> (Long, u64) {
    let mut film = Film { more: vec![make_box(b"junk", [])], ..Film::of(vec![plain_video()]) }.build();
    let moov = film.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let hole = size - (film.len() - moov) as u64;
    let junk = film.len() - 8;
    film[moov..moov + 4].copy_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
    film[junk..junk + 4].copy_from_slice(&u32::try_from(hole + 8).unwrap().to_be_bytes());
    let len = film.len() as u64 + hole;
    (Long(film, hole), len)
}

#[test]
fn the_largest_metadata_can_be_cut_again_and_again() {
    let (film, len) = film_of_moov(limits::MOOV);
    let first = cut_of(&film, len).unwrap();
    let second = cut_of(&first, first.0.len()).unwrap();
    let third = cut_of(&second, second.0.len()).unwrap();
    let fourth = cut_of(&third, third.0.len()).unwrap();
    let fifth = cut_of(&fourth, fourth.0.len()).unwrap();
    assert!(first.0.len() > limits::MOOV && fifth.0.len() > limits::MOOV);
    // What could not be cut again is not sent.
    let (film, len) = film_of_moov(limits::MOOV_OF_CLIP);
    let error = cut_of(&film, len).err().unwrap().to_string();
    assert!(error.contains("metadata would be larger"), "{error}");
    let (film, len) = film_of_moov(limits::MOOV_OF_CLIP + 1);
    let error = cut_of(&film, len).err().unwrap().to_string();
    assert!(error.contains("moov box at byte") && error.contains("more than the"), "{error}");
}
