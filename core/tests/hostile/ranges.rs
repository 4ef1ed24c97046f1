//! What must hold for every form of an answer: any ranges of it, in any order, are parts of the
//! whole, and segments are parts of the track file that they belong to.

use mp4seek::source::ReadAt;
use mp4seek::virtual_file::{VirtualFile, WINDOW};
use mp4seek::{Answer, Seeker};

use crate::queries::ask;

/// Answers longer than this are not looked at: no film of the fuzzer has one.
const LOOKED_AT: u64 = 4 << 20;

/// Bytes behind a film that choose the form of the answer, and its ranges.
const CHOICE: usize = 28;

/// Where a range begins in an answer, and how long it is, in 65,536ths of what there is.
pub(crate) type Share = [u16; 2];

/// Splits what the fuzzer gives: a film, the form that is asked for, and ranges.
pub(crate) fn split(data: &[u8]) -> Option<(&[u8], String, Vec<Share>)> {
    let (film, choice) = data.split_at_checked(data.len().checked_sub(CHOICE)?)?;
    let (form, ranges) = choice.split_at(4);
    let start = f64::from(form[1]) / 32.0;
    let mut query = format!("start={start}");
    if form[2] < 200 {
        query += &format!("&end={}", start + f64::from(form[2]) / 64.0 + 0.001);
    }
    if form[3] & 1 == 1 {
        query += "&mode=keyframe";
    }
    let form = match form[0] % 8 {
        0 => query,
        1 | 2 => format!("{query}&format=fmp4"),
        3 => "format=fmp4".into(),
        4 => format!("/cmaf/v1.mp4?{query}"),
        5 => "/cmaf/v1.mp4".into(),
        6 => format!("/cmaf/a1.mp4?{query}"),
        _ => format!("/hls/v1.m3u8?{query}"),
    };
    let share = |at: usize| u16::from_be_bytes([ranges[at], ranges[at + 1]]);
    Some((film, form, (0..ranges.len()).step_by(4).map(|at| [share(at), share(at + 2)]).collect()))
}

/// Asks for a form of a film, as a whole and in ranges; whether there is one that was looked at.
pub(crate) fn judge_ranges(film: &[u8], form: &str, ranges: &[Share]) -> bool {
    let film = film.to_vec();
    let seeker = Seeker::new(1 << 20);
    let Some(answer) = form_of(&seeker, &film, form) else { return false };
    if answer.len() > LOOKED_AT {
        return false;
    }
    let whole = read(&answer, &film, 0, answer.len());
    for [from, len] in ranges {
        let part = |share: u16, of: u64| (of * u64::from(share)) >> 16;
        let from = part(*from, answer.len() + 1);
        let len = part(*len, answer.len() + 1 - from);
        let at = usize::try_from(from).unwrap();
        let expected = &whole[at..][..usize::try_from(len).unwrap()];
        assert!(read(&answer, &film, from, len) == expected, "{form}: {len} bytes at {from}");
        assert!(send(&answer, &film, from, len) == expected, "{form}: {len} bytes sent from {from}");
    }
    if let Some((path, query)) = form.split_once(".mp4").filter(|_| form.starts_with("/cmaf")) {
        check_segments(&seeker, &film, (path, query), &whole);
    }
    true
}

/// The parts of a track file, which are resources of their own, are all of it but its index.
fn check_segments(seeker: &Seeker, film: &Vec<u8>, (path, query): (&str, &str), whole: &[u8]) {
    let part = |name: String| {
        let answer = form_of(seeker, film, &format!("{path}/{name}{query}"))?;
        Some(read(&answer, film, 0, answer.len()))
    };
    let init = part("init.mp4".into()).unwrap();
    assert!(whole.starts_with(&init), "{path}{query}: the head");
    let segments: Vec<_> = (1..=0xffff).map_while(|n| part(format!("{n}.m4s"))).flatten().collect();
    assert!(whole.ends_with(&segments), "{path}{query}: the segments");
    let index = &whole[init.len()..whole.len() - segments.len()];
    assert_eq!(index.get(4..8), Some(&b"sidx"[..]), "{path}{query}");
    assert_eq!(index[..4], u32::try_from(index.len()).unwrap().to_be_bytes(), "{path}{query}");
}

/// A form of a film; `None` where there is none, or where that is the film itself.
fn form_of(seeker: &Seeker, film: &Vec<u8>, form: &str) -> Option<VirtualFile> {
    match ask(seeker, film, film.len() as u64, form) {
        Ok(Answer::Film(answer)) => Some(*answer),
        _ => None,
    }
}

fn read(answer: &VirtualFile, film: &Vec<u8>, from: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    answer.read_at(film, from, &mut bytes).unwrap_or_else(|e| panic!("{len} bytes at {from}: {e}"));
    bytes
}

/// A range as a server sends it: what is generated, and then what lies in the file, in turns.
fn send(answer: &VirtualFile, film: &Vec<u8>, from: u64, len: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut at, end) = (from, from + len);
    while at < end {
        let batch = answer.next(film, &(at..end), WINDOW);
        out.extend(read(answer, film, at, batch.generated as u64));
        let mut media = vec![0; usize::try_from(batch.media.end - batch.media.start).unwrap()];
        film.read_exact_at(&mut media, batch.media.start).unwrap();
        out.extend(media);
        at += batch.len();
    }
    out
}
