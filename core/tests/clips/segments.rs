//! When segments are presented.

use crate::common::{ask, identity, seeker};
use mp4seek::packaging::Address;
use mp4seek::{Answer, Settings};
use test_boxes::{MEDIA, Track, film_of_tracks, fourcc, full_box, make_box, table};

/// The durations of segments in a playlist.
fn durations(film: &Vec<u8>, query: &str) -> Vec<f64> {
    let address = Address::parse(b"/hls/v1.m3u8").unwrap();
    let settings = Settings::default();
    let answer = seeker().answer_address(film, &identity(film), address, query.as_bytes(), &settings);
    let Answer::Film(playlist) = answer.unwrap() else { panic!("the film itself") };
    let mut text = vec![0; playlist.len().try_into().unwrap()];
    playlist.read_at(film, 0, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    lines.map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

#[test]
fn the_last_segment_ends_when_its_last_picture_does() {
    // I P B B P B B P B B, a second each: the last P, which is decoded as the eighth, is presented
    // as the last. An edit list takes away the second by which all are presented later.
    let offsets = [[1, 1000], [1, 3000], [2, 0], [1, 3000], [2, 0], [1, 3000], [2, 0]];
    let mut video = Track::video();
    video.more = [table(b"ctts", &offsets), full_box(b"stss", 0, [2, 1, 8])].concat();
    video.edts = make_box(b"edts", full_box(b"elst", 0, [1, 10_000, 1000, 0x1_0000]));
    let film = film_of_tracks(&[video]);
    assert_eq!(durations(&film, ""), [9.0, 1.0]);
    assert_eq!(durations(&film, "start=0&end=20"), [9.0, 1.0]);
}

#[test]
fn a_clip_in_fragments_has_one_sample_description() {
    // Samples of a second, five in each of two chunks, the second of which has another description.
    let entry = [36, fourcc(b"avc1"), 0, 0, 0, 0, 0, 0, 0];
    let mut video = Track::video();
    video.stsd = full_box(b"stsd", 0, [&[2][..], &entry, &entry].concat());
    video.stsc = table(b"stsc", &[[1, 5, 1], [2, 5, 2]]);
    video.stco = table(b"stco", &[[MEDIA], [MEDIA + 50]]);
    let film = film_of_tracks(&[video]);
    let status = |query: &str| ask(&film, query).err().map(|e| e.status());
    assert_eq!(status("end=5&format=fmp4"), None);
    for query in ["end=6&format=fmp4", "start=5&format=fmp4"] {
        assert_eq!(status(query), Some(415), "{query}");
    }
    assert_eq!(status("end=6&format=auto"), None);
}
