//! Clips of some films in Chromium: they play, and show the frames that were asked for wherever
//! one goes in them.

use std::io::Write as _;

use mp4seek::request::Mode;
use serde_json::json;
use tests::browser::{Client, in_chromium, look, play_out, run, stamp};
use tests::films::{self, Film};
use tests::mp4box::{Movie, Reader};
use tests::probe::{Cut, Source};
use tests::servers::Site;

/// Films of kinds that Chromium plays, and whose times ffmpeg reports right. (Open groups of
/// pictures are not among them: after a seek into one its decoder gives up, in the whole film as in
/// a clip.)
const SAMPLE: &[&str] = &[
    "bframes",
    "vfr",
    "late_audio",
    "late_video",
    "edit_inside",
    "edit_empty_first",
    "several_audio",
    "slides",
    "negative_ctts",
    "av1",
    "pyramid",
    "frag_hybrid",
    "vp9_altref",
    "mp3",
    "opus",
    "flac",
    "copied_from_1_3",
    "early_audio",
];

const PAGE: &str = "<!doctype html><video id=player muted></video>";

/// Loads a film into the player.
const LOAD: &str = "
    const [url, done] = arguments;
    const player = document.getElementById('player');
    player.src = url;
    done({});
";

/// How many clips were played, and what is wrong with them.
pub(crate) fn faults(site: &Site, wanted: &dyn Fn(&str) -> bool) -> (usize, Vec<String>) {
    let mut clips = 0;
    let mut faults = Vec::new();
    let mut reader = Reader::start();
    site.put("player.html", PAGE);
    in_chromium(async |browser: &Client| {
        browser.goto(&site.url("/player.html")).await.expect("the page");
        for name in SAMPLE.iter().filter(|name| wanted(name)) {
            let film = films::film(name);
            let movie = reader.read(&film.path).ok();
            let source = crate::source(&film, movie.as_ref()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let target = site.publish(&film);
            let duration = source.reading.duration;
            let part = |part: f64| Some((duration * part * 1e3).round() / 1e3);
            for (start, end, mode) in [
                (part(0.31), part(0.72), Mode::Exact),
                (part(0.31), part(0.72), Mode::Keyframe),
                (part(0.8), None, Mode::Exact),
            ] {
                let cut = Cut { start, end, mode };
                clips += 1;
                let url = site.url(&format!("{target}?{}", cut.query()));
                let clip = read_clip(&mut reader, &film, &cut);
                let wrong = match clip {
                    Ok(clip) => play(browser, &url, &source, &clip, &cut).await.unwrap_or_else(|e| vec![e]),
                    Err(e) => vec![e],
                };
                if !wrong.is_empty() {
                    faults.push(format!(
                        "{name}?{}\n    chromium: {}",
                        cut.query(),
                        wrong.join("\n    chromium: ")
                    ));
                }
            }
        }
    });
    (clips, faults)
}

/// The clip's own tables: the same that the server sends.
fn read_clip(reader: &mut Reader, film: &Film, cut: &Cut) -> Result<Movie, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary directory");
    file.write_all(&tests::probe::clip(&film.path, &cut.query())?).expect("room in the temporary directory");
    reader.read(file.path())
}

async fn play(
    browser: &Client,
    url: &str,
    source: &Source,
    clip: &Movie,
    cut: &Cut,
) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    let (start, end) = source.bounds(cut);
    // It hides what no edit shows, but after a seek it may count it to the clip's length.
    let lasts = end - start - 0.05..=(end - start).max(clip.longest_media()) + 0.05;
    // The frame after one that an edit begins inside of it sets to the edit's beginning.
    let in_place = source.begins_at(start);
    run(browser, LOAD, vec![json!(url)]).await?;
    let frames: Vec<_> =
        source.decoded.frames.iter().filter(|f| f.time >= start - 1e-6 && f.time < end - 1e-6).collect();
    // To the middle of a frame's time: the first, one in the middle, back, and the last.
    let last = frames.len().saturating_sub(1);
    for n in [0, last / 2, last / 3, last] {
        let Some(frame) = frames.get(n) else { continue };
        let until = frames.get(n + 1).map_or(end, |next| next.time);
        let at = (frame.time + until) / 2.0 - start;
        let seen = look(browser, at).await?;
        let length = seen["duration"].as_f64().unwrap_or_default();
        if !lasts.contains(&length) {
            faults.push(format!("lasts {length} s instead of {}", end - start));
        }
        let wanted = frame.stamp.map(|stamp| stamp.number);
        if in_place && stamp(&seen) != wanted {
            faults.push(format!("frame {:?} at {at:.3} instead of {wanted:?}", stamp(&seen)));
        }
    }
    let played = play_out(browser).await?;
    let stopped = played["at"].as_f64().unwrap_or_default();
    if !lasts.contains(&stopped) {
        faults.push(format!("stops at {stopped} instead of {}", end - start));
    }
    faults.dedup();
    Ok(faults)
}
