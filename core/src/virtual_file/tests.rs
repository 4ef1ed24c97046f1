use std::fs;

use super::*;
use crate::packaging::Address;
use crate::testing::{Film as Crafted, TrackSpec, identity};
use crate::{Answer, Seeker, Settings};

#[test]
fn a_text_is_sent_whole_whatever_becomes_of_the_file() {
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), [0; 40_000]).unwrap();
    let source = path.reopen().unwrap();
    let identity = Identity::of(&source.metadata().unwrap());
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let text = VirtualFile::text(bytes.clone().into(), "/text/t1.vtt", &identity).of_type("text/vtt");
    fs::write(path.path(), "another").unwrap();
    assert_eq!((text.len(), text.media_type(), text.is_compressible()), (100_000, Some("text/vtt"), true));
    assert!(text.etag().ends_with("-/text/t1.vtt\""), "{}", text.etag());
    // It is sent in windows, as the rest is, to its last byte.
    let (mut sent, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let batch = text.next(&source, &(at..text.len()), 30_000);
        assert_eq!((batch.len(), batch.media.is_empty()), ((100_000 - at).min(30_000), true));
        let mut window = vec![0; batch.generated];
        text.read_at(&source, at, &mut window).unwrap();
        sent.extend(window);
        at += batch.len();
    }
    assert!(sent == bytes);
    assert!(text.read_at(&source, 99_999, &mut [0; 2]).is_err());
}

/// What a server sends of a part of a file, and how many bytes of that are not copied.
fn send(file: &VirtualFile, film: &Vec<u8>, range: Range<u64>, most: usize) -> (Vec<u8>, u64) {
    let (mut sent, mut from_file, mut range) = (Vec::new(), 0, range);
    while !range.is_empty() {
        let batch = file.next(film, &range, most);
        assert!(batch.generated > 0 && batch.generated <= most && batch.len() <= range.end - range.start);
        let mut window = vec![0; batch.generated];
        file.read_at(film, range.start, &mut window).unwrap();
        sent.extend(window);
        let media = usize::try_from(batch.media.start).unwrap()..usize::try_from(batch.media.end).unwrap();
        sent.extend_from_slice(&film[media]);
        from_file += batch.media.end - batch.media.start;
        range.start += batch.len();
    }
    (sent, from_file)
}

/// Pictures of up to so many bytes, and sound, side by side.
fn film_with_pictures_of(most: u32) -> Vec<u8> {
    let mut video = TrackSpec::video(80, 8);
    for (sample, n) in video.samples.iter_mut().zip(0u32..) {
        sample.size = if sample.sync { most } else { most / (1 + n % 5) };
    }
    Crafted::of(vec![video, TrackSpec::audio(60)]).build()
}

#[test]
fn large_media_of_segments_is_sent_from_the_file() {
    for (most, share) in [(60_000, 70), (300, 0), (20_000, 10)] {
        let film = film_with_pictures_of(most);
        let (seeker, identity, settings) = (Seeker::default(), identity(&film), Settings::default());
        let at = |path: &str| {
            let address = Address::parse(path.as_bytes()).unwrap();
            seeker.answer_address(&film, &identity, address, b"", &settings).unwrap()
        };
        for (answer, share) in [
            (seeker.answer(&film, &identity, b"format=fmp4&start=2", &settings).unwrap(), share),
            (at("/cmaf/v1.mp4"), share),
            (at("/cmaf/v1/1.m4s"), share),
            (at("/cmaf/a1/1.m4s"), 0),
        ] {
            let Answer::Film(file) = answer else { panic!("the plain file") };
            let mut whole = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&film, 0, &mut whole).unwrap();
            for window in [64 * 1024, 5_000] {
                let (sent, from_file) = send(&file, &film, 0..file.len(), window);
                assert!(sent == whole, "{most} {window}");
                assert!(from_file >= file.len() * share / 100, "{most} {window} {from_file}");
                assert!(share > 0 || from_file == 0);
            }
            // Ranges, one of them back to where the media is not known any more.
            for (start, end) in [(3, 5), (1, 2), (0, 1), (1, 7)] {
                let range = file.len() * start / 9..file.len() * end / 9;
                let part = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                assert!(send(&file, &film, range, 64 * 1024).0 == whole[part], "{most} {start} {end}");
            }
        }
    }
}

/// A film of which nothing is in memory.
#[derive(Debug)]
struct OnDisk<'a>(&'a Vec<u8>);

impl ReadAt for OnDisk<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn is_at_hand(&self, _: &Range<u64>) -> bool {
        false
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.0.identity()
    }
}

#[test]
fn tables_that_stay_as_they_are_are_sent_from_the_file() {
    let mut video = TrackSpec::video(40_000, 50);
    // A composition offset of its own for each sample.
    video.samples.iter_mut().zip(0i32..).for_each(|(sample, n)| sample.offset = n % 3);
    let film = Crafted::of(vec![video, TrackSpec::audio(30_000)]).build();
    let seeker = Seeker::default();
    for query in ["start=500", "start=500&end=900"] {
        let answer = seeker.answer(&film, &identity(&film), query.as_bytes(), &Settings::default()).unwrap();
        let Answer::Film(file) = answer else { panic!("the plain file") };
        let mut whole = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(&film, 0, &mut whole).unwrap();
        let metadata = 0..file.metadata_len();
        for window in [64 * 1024, 5_000] {
            assert!(send(&file, &film, 0..file.len(), window).0 == whole, "{query} {window}");
            let (sent, from_file) = send(&file, &film, metadata.clone(), window);
            assert!(sent == whole[..sent.len()]);
            assert!(from_file > metadata.end / 3, "{query} {window}: {from_file} of {}", metadata.end);
        }
        // Ranges that begin and end in tables.
        for (start, end) in [(3, 5), (1, 2), (0, 1), (1, 7)] {
            let range = metadata.end * start / 9..metadata.end * end / 9;
            let part = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert!(send(&file, &film, range, 64 * 1024).0 == whole[part], "{query} {start} {end}");
        }
        // No thread that must not wait sends what it would have to wait for.
        let mut at = 0;
        while at < metadata.end {
            let batch = file.next(&OnDisk(&film), &(at..metadata.end), 64 * 1024);
            assert!(batch.media.is_empty(), "{query} {at} {:?}", batch.media);
            at += batch.len();
        }
    }
}

#[test]
fn what_is_heard_before_the_first_picture_is_sent_in_time() {
    let mut video = TrackSpec::video(20, 5);
    video.edits = Vec::new();
    video.samples.iter_mut().for_each(|sample| sample.offset += 300);
    let film = Crafted::of(vec![video, TrackSpec::audio(20)]).build();
    let query = b"start=0&end=1.5&format=fmp4";
    let answer = Seeker::default().answer(&film, &identity(&film), query, &Settings::default()).unwrap();
    let Answer::Film(file) = answer else { panic!("the plain file") };
    let before = |millis| file.presented_before(&film, Duration::from_millis(millis)).unwrap();
    // Audio in packets of some 12 bytes, of which the first is heard from the start on.
    assert!(before(50) > before(0) + 10, "{} {}", before(0), before(50));
}
