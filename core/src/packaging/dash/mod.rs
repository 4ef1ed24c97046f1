//! Manifests of DASH (ISO/IEC 23009-1), which call it a media presentation description (MPD).

mod adaptation_set;
mod segments;
#[cfg(test)]
mod tests;
mod xml;

use super::choice::{Choice, window_of};
use super::ladder::Offered;
use super::links::Links;
use super::rates::Rates;
use super::{Form, Presentation, Rung};

use adaptation_set::Writer;
use xml::Xml;

/// The manifest of a presentation: one adaptation set for each track, because tracks of one
/// language and coding may still say different things, and a player takes the representations of a
/// set for the same content.
///
/// The manifest of a movie that still grows is that of what is complete: a static one, which a
/// player that wants more loads again. (A dynamic one would have to say when each segment came to
/// be.)
pub fn manifest(presentation: &Presentation, form: Form) -> String {
    manifest_of_scenes(std::slice::from_ref(presentation), form)
}

/// The manifest of scenes that follow one another, each a period of its own.
pub fn manifest_of_scenes(scenes: &[Presentation], form: Form) -> String {
    let periods = scenes.iter().map(|scene| Period {
        films: vec![(Links::new(&scene.query), Choice::new(scene))],
        seconds: scene.seconds(),
    });
    write(&periods.collect::<Vec<_>>(), form)
}

/// The manifest of several renditions of the same pictures, each in a movie of its own: they are
/// representations of one set, where they have the same coding. Sound and text are those of the first
/// movie that has sound.
pub fn ladder(rungs: &[Rung], form: Form) -> String {
    let seconds = rungs.iter().map(|rung| rung.presentation.seconds()).fold(0.0, f64::max);
    let films = rungs.iter().map(|rung| (rung.links(), Choice::new(rung.presentation)));
    write(&[Period { films: films.collect(), seconds }], form)
}

/// What is played between two times.
struct Period<'p> {
    films: Vec<Offered<'p>>,
    seconds: f64,
}

fn write(periods: &[Period<'_>], form: Form) -> String {
    let films = || periods.iter().flat_map(|period| &period.films);
    let segmented = || films().flat_map(|(_, choice)| choice.segmented());
    let delays = segmented().map(|rendition| {
        let rates = Rates::of(rendition);
        rates.buffer(rates.peak(window_of(rendition)))
    });
    // Whole milliseconds, rounded up, and at least one.
    let buffer = delays.max().unwrap_or(0).div_ceil(1000).max(1);
    let profile = match form {
        Form::Ranges => "urn:mpeg:dash:profile:isoff-on-demand:2011",
        Form::Segments => "urn:mpeg:dash:profile:isoff-live:2011",
    };
    let is_protected = segmented().any(|rendition| rendition.track.is_encrypted);
    let videos = || segmented().filter_map(|rendition| rendition.track.video.as_ref());
    let is_supplemented = videos().any(|video| video.supplemental.is_some());
    let text = |value: &str| Some(value.to_owned());
    let mut xml = Xml::new();
    xml.open(
        "MPD",
        &[
            ("xmlns", text("urn:mpeg:dash:schema:mpd:2011")),
            ("xmlns:cenc", is_protected.then(|| "urn:mpeg:cenc:2013".to_owned())),
            ("xmlns:scte214", is_supplemented.then(|| "urn:scte:dash:scte214-extensions".to_owned())),
            ("profiles", text(profile)),
            ("type", text("static")),
            ("mediaPresentationDuration", Some(duration(periods.iter().map(|period| period.seconds).sum()))),
            ("minBufferTime", Some(format!("PT{}.{:03}S", buffer / 1000, buffer % 1000))),
        ],
    );
    for (period, id) in periods.iter().zip(1..) {
        let lasts = (periods.len() > 1).then(|| duration(period.seconds));
        xml.open("Period", &[("id", Some(format!("{id}"))), ("duration", lasts)]);
        Writer { xml: &mut xml, form, id: 0 }.write(&period.films);
        xml.close();
    }
    xml.finish()
}

/// A duration of XML Schema, to the microsecond.
fn duration(seconds: f64) -> String {
    let decimals = format!("{seconds:.6}");
    format!("PT{}S", decimals.trim_end_matches('0').trim_end_matches('.'))
}
