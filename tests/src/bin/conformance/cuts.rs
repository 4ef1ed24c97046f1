//! Where a film is cut: at its beginning and end, inside a group of pictures, around key frames,
//! for a single frame, at the joints of its edit list.

use mp4seek::request::Mode;
use tests::mp4box::Movie;
use tests::probe::{Cut, Reading};

/// A spread of cuts of the film that is read so, in both modes.
pub(crate) fn of(reading: Option<&Reading>, movie: Option<&Movie>) -> Vec<Cut> {
    let (duration, frames) = match (reading, movie) {
        // ffprobe does not find where the edits of a film in fragments end.
        (Some(reading), Some(movie)) if reading.duration > movie.end() + 1.0 => {
            (movie.end(), reading.frames())
        }
        (Some(reading), _) => (reading.duration, reading.frames()),
        (None, Some(movie)) => (movie.duration / movie.timescale, Vec::new()),
        // Whatever it is, there is an answer to this.
        (None, None) => (2.0, Vec::new()),
    };
    // Even of a film that lasts no time, a clip can be requested.
    let part = |part: f64| Some(duration.max(0.001) * part);
    let mut ranges = vec![
        (None, part(0.37)),
        (part(0.59), None),
        (part(0.251), part(0.613)),
        (Some(duration - 1.0).filter(|at| *at > 0.0), None),
        (Some(0.01), part(0.95)),
    ];
    // Two frames in the middle, and the time between them.
    let middle = frames.iter().filter(|f| f.0 > duration * 0.45 && f.0 < duration - 0.1).take(2);
    if let [(from, _), (to, _)] = middle.copied().collect::<Vec<_>>()[..] {
        ranges.push((Some(from), Some(to)));
        ranges.push((Some(from + (to - from) * 0.4), Some(to + (to - from) * 0.3)));
    }
    let keys: Vec<_> = frames.iter().filter(|f| f.1).map(|f| f.0).collect();
    let key = keys.iter().position(|at| *at > duration * 0.3).filter(|at| *at > 0);
    if let Some(key) = key {
        let (from, to) = (keys[key - 1], keys[key]);
        let inside = |part: f64| Some(from + (to - from) * part);
        ranges.push((inside(0.3), inside(0.7)));
        ranges.push((Some(to - 0.001), Some(to + 0.001)));
        ranges.push((Some(to), keys.get(key + 1).copied()));
    }
    for joint in movie.map(Movie::joints).unwrap_or_default() {
        ranges.push((Some(joint - 0.3), Some(joint + 0.3)));
        ranges.push((Some(joint), Some(joint + 0.5)));
    }
    ranges.push((None, None));
    // As people and players ask: no finer than microseconds.
    let micros = |at: f64| (at * 1e6).round() / 1e6;
    ranges
        .into_iter()
        .map(|(start, end)| (start.map(micros), end.map(micros)))
        .filter(|(start, end)| {
            start.is_none_or(|at| at >= 0.0 && at < duration && end.is_none_or(|end| at < end))
        })
        .flat_map(|(start, end)| [Mode::Exact, Mode::Keyframe].map(|mode| Cut { start, end, mode }))
        .collect()
}

/// The query of a cut without its mode.
pub(crate) fn times(cut: &Cut) -> String {
    let query = cut.query();
    query.split_once('&').map(|(_, times)| times.to_owned()).unwrap_or_default()
}
