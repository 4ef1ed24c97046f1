//! When segments are presented.

use crate::common::{identity, seeker};
use mp4seek::packaging::Address;
use mp4seek::{Answer, Settings};
use test_boxes::{Track, expand_fragments, film_of_tracks, find, full_box, make_box, table};

/// What stands at an address behind a film.
fn resource(film: &Vec<u8>, address: &str, query: &str) -> Vec<u8> {
    let address = Address::parse(address.as_bytes()).unwrap();
    let settings = Settings::default();
    let answer = seeker().answer_address(film, &identity(film), address, query.as_bytes(), &settings);
    let Answer::Film(resource) = answer.unwrap() else { panic!("the film itself") };
    let mut bytes = vec![0; resource.len().try_into().unwrap()];
    resource.read_at(film, 0, &mut bytes).unwrap();
    bytes
}

/// The durations of segments in a playlist.
fn durations(film: &Vec<u8>, query: &str) -> Vec<f64> {
    let text = String::from_utf8(resource(film, "/hls/v1.m3u8", query)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    lines.map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

/// I P B B P B B P B B, a second each: the last P, which is decoded as the eighth, is presented as
/// the last. An edit list takes away the second by which all are presented later.
fn reordered() -> Vec<u8> {
    let offsets = [[1, 1000], [1, 3000], [2, 0], [1, 3000], [2, 0], [1, 3000], [2, 0]];
    let mut video = Track::video();
    video.more = [table(b"ctts", &offsets), full_box(b"stss", 0, [2, 1, 8])].concat();
    video.edts = make_box(b"edts", full_box(b"elst", 0, [1, 10_000, 1000, 0x1_0000]));
    film_of_tracks(&[video])
}

#[test]
fn reordered_video_needs_no_edit_list_to_begin_at_0() {
    let film = reordered();
    let file = resource(&film, "/cmaf/v1.mp4", "");
    let trak = find(find(&file, b"moov").unwrap(), b"trak").unwrap();
    assert_eq!(find(trak, b"edts"), None);
    let mut times: Vec<_> = expand_fragments(&file)[0].samples.iter().map(|s| s.cts).collect();
    times.sort_unstable();
    assert_eq!(times, (0..10).map(|n| 1000 * n).collect::<Vec<_>>());
}

#[test]
fn the_last_segment_ends_when_its_last_picture_does() {
    let film = reordered();
    assert_eq!(durations(&film, ""), [9.0, 1.0]);
    assert_eq!(durations(&film, "start=0&end=20"), [9.0, 1.0]);
}
