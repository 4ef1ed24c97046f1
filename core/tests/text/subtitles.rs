//! Styled text: what of it WebVTT shows.

use mp4seek::index::Index;
use mp4seek::text::has_vtt;
use test_boxes::{Film, TrackSpec, make_box};

use super::{document, quicktime, sample, tx3g, vtt};

/// A film of one sample of text for a second.
fn film(coding: &[u8; 4], entry: Vec<u8>, sample: Vec<u8>) -> Vec<u8> {
    Film::of(vec![TrackSpec::text(coding, entry, &[(1000, sample)])]).build()
}

fn one(text: &str) -> String {
    document(&[("00:00:00.000 --> 00:00:01.000", text)])
}

/// A `styl` of one record: bold, and of a color, from a character to another.
fn style(from: u8, to: u8, color: [u8; 3]) -> Vec<u8> {
    make_box(b"styl", [&[0, 1, 0, from, 0, to, 0, 1, 1, 18][..], &color, &[255]].concat())
}

#[test]
fn styles_colors_and_lines_are_kept() {
    let text = [sample("a\n\nbig <deal>"), style(3, 6, [255, 0x88, 0])].concat();
    let expected = "WEBVTT\n\nSTYLE\n::cue(.colorFF8800) { color: #ff8800 }\n\n\
        00:00:00.000 --> 00:00:01.000\na\n&nbsp;\n<c.colorFF8800><b>big</b></c> &lt;deal&gt;\n";
    assert_eq!(vtt(&film(b"tx3g", tx3g([0; 4]), text.clone()), 0, ""), expected);
    assert_eq!(vtt(&film(b"text", quicktime(), text), 0, ""), expected);
    let named = [sample("red"), style(0, 3, [255, 0, 0])].concat();
    assert_eq!(vtt(&film(b"tx3g", tx3g([0; 4]), named), 0, ""), one("<c.red><b>red</b></c>"));
}

#[test]
fn text_is_in_its_encoding() {
    let utf_16 = b"\0\x06\xfe\xff\0H\0i".to_vec();
    assert_eq!(vtt(&film(b"tx3g", tx3g([0; 4]), utf_16.clone()), 0, ""), one("Hi"));
    assert_eq!(vtt(&film(b"text", quicktime(), utf_16), 0, ""), one("Hi"));
    assert_eq!(vtt(&film(b"text", quicktime(), b"\0\x02\x9f!".to_vec()), 0, ""), one("ü!"));
    assert_eq!(vtt(&film(b"tx3g", tx3g([0; 4]), b"\0\x02\x9f!".to_vec()), 0, ""), one("\u{fffd}!"));
    let stated = [&b"\0\x04\0H\0i"[..], &make_box(b"encd", [0, 0, 1, 0])].concat();
    assert_eq!(vtt(&film(b"text", quicktime(), stated), 0, ""), one("Hi"));
}

#[test]
fn boxes_are_placed_on_the_video() {
    let video = TrackSpec { area: [0, 0, 200, 100], ..TrackSpec::video(10, 5) };
    let place = |area: [u32; 4], entry: Vec<u8>, text: Vec<u8>| {
        let text = TrackSpec::text(b"tx3g", entry, &[(1000, text)]);
        vtt(&Film::of(vec![video.clone(), TrackSpec { area, ..text }]).build(), 1, "")
    };
    let settings = |settings: &str| document(&[(&format!("00:00:00.000 --> 00:00:01.000{settings}"), "Hi")]);
    assert_eq!(place([0, 80, 200, 20], tx3g([0, 0, 20, 200]), sample("Hi")), settings(""));
    assert_eq!(place([0, 10, 200, 20], tx3g([0, 0, 20, 200]), sample("Hi")), settings(" line:24%"));
    let moved = [sample("Hi"), make_box(b"tbox", [0, 0, 0, 100, 0, 50, 0, 200])].concat();
    let expected = settings(" line:44% position:75% size:50%");
    assert_eq!(place([0, 0, 200, 100], tx3g([80, 0, 100, 200]), moved), expected);
}

#[test]
fn only_text_that_is_understood_is_converted() {
    let track = |handler: &[u8; 4], coding: &[u8; 4]| {
        let spec = TrackSpec { handler: *handler, ..TrackSpec::new(b"text", coding, 1000, Vec::new()) };
        let file = Film::of(vec![TrackSpec::video(2, 2), spec]).build();
        has_vtt(&Index::build(&file, file.len() as u64).unwrap().tracks[1])
    };
    for (handler, coding) in [(b"sbtl", b"tx3g"), (b"text", b"tx3g"), (b"text", b"text"), (b"text", b"wvtt")]
    {
        assert!(track(handler, coding), "{}", coding.escape_ascii());
    }
    for (handler, coding) in [(b"subt", b"stpp"), (b"clcp", b"c608"), (b"text", b"enct"), (b"meta", b"text")]
    {
        assert!(!track(handler, coding), "{}", coding.escape_ascii());
    }
}
