//! The requests that a hostile film is tried with. What begins with a slash is an address behind
//! the film.

use mp4seek::packaging::Address;
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Answer, Error, Seeker, Settings};

/// Asks a film of that length for a clip, or for what stands at an address behind it.
pub(crate) fn ask(seeker: &Seeker, film: &impl ReadAt, len: u64, query: &str) -> Result<Answer, Error> {
    let identity =
        Identity { device: 1, inode: 1, size: len, mtime: 1, mtime_nanos: 0, ctime: 1, ctime_nanos: 0 };
    let settings = Settings::default();
    let (path, query) = match query.split_once('?') {
        Some((path, query)) => (path, query),
        None if query.starts_with('/') => (query, ""),
        None => ("", query),
    };
    match Address::parse(path.as_bytes()) {
        Some(address) => seeker.answer_address(film, &identity, address, query.as_bytes(), &settings),
        None => seeker.answer(film, &identity, query.as_bytes(), &settings),
    }
}

/// Some that are always tried, and one that the film's own last bytes choose.
pub(crate) fn of(film: &[u8]) -> Vec<String> {
    let mut last = [0; 4];
    let n = film.len().min(4);
    last[..n].copy_from_slice(&film[film.len() - n..]);
    let [a, b, c, d] = last;
    let start = f64::from(a) / 16.0;
    let end = start + f64::from(b) / 64.0 + 0.001;
    let mode = if c & 1 == 0 { "exact" } else { "keyframe" };
    let tracks = ["", "&tracks=video", "&tracks=a1", "&tracks=1", "&lang=en"][usize::from(d) % 5];
    vec![
        String::new(),
        "start=0.2".into(),
        "start=0.1&end=0.35&mode=keyframe".into(),
        "end=0.25".into(),
        format!("start={start}&end={end}&mode={mode}{tracks}"),
        format!("start={}", u32::from_be_bytes(last)),
        "start=0.2&format=fmp4".into(),
        format!("start={start}&end={end}&mode={mode}{tracks}&format=fmp4"),
        format!("/cmaf/v1.mp4?start={start}&end={end}"),
        "/cmaf/a1.mp4".into(),
        "/cmaf/v1/2.m4s".into(),
        "/hls/master.m3u8".into(),
        format!("/hls/v1.m3u8?start={start}"),
        "/dash/manifest-template.mpd".into(),
        "/text/t1.vtt?start=0.1".into(),
        "/text/chapters.vtt".into(),
        // As many scenes as there may be, backwards and all over one another.
        (0..32).map(|n| format!("clip=0.{}-", 31 - n)).collect::<Vec<_>>().join("&"),
        format!("clip={start}-{end}&clip=-0.5,0.1-{end}&mode={mode}{tracks}&format=fmp4"),
        "/hls/v1.m3u8?clip=0.4-&clip=-0.3".into(),
        "/text/t1.vtt?clip=0.4-&clip=0.1-0.3".into(),
        "/text/chapters.vtt?clip=0.4-&clip=0.1-0.3".into(),
    ]
}
