//! Manifests of DASH (ISO/IEC 23009-1), which call it a media presentation description (MPD).

mod adaptation_set;
mod segments;
#[cfg(test)]
mod tests;
mod xml;

use super::choice::Choice;
use super::ladder::{Offered, target_duration};
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
    write(&[(Links::new(&presentation.query), Choice::new(presentation))], presentation.seconds(), form)
}

/// The manifest of several renditions of the same pictures, each in a movie of its own: they are
/// representations of one set, where they have the same coding. Sound and text are those of the first
/// movie that has sound.
pub fn ladder(rungs: &[Rung], form: Form) -> String {
    let seconds = rungs.iter().map(|rung| rung.presentation.seconds()).fold(0.0, f64::max);
    let films = rungs.iter().map(|rung| (rung.links(), Choice::new(rung.presentation)));
    write(&films.collect::<Vec<_>>(), seconds, form)
}

fn write(films: &[Offered<'_>], seconds: f64, form: Form) -> String {
    let target = target_duration(films);
    let segmented = || films.iter().flat_map(|(_, choice)| choice.segmented());
    let delays = segmented().map(|rendition| {
        let rates = Rates::of(rendition);
        rates.buffer(rates.peak(target))
    });
    // Whole milliseconds, rounded up, and at least one.
    let buffer = delays.max().unwrap_or(0).div_ceil(1000).max(1);
    let profile = match form {
        Form::Ranges => "urn:mpeg:dash:profile:isoff-on-demand:2011",
        Form::Segments => "urn:mpeg:dash:profile:isoff-live:2011",
    };
    let is_protected = segmented().any(|rendition| rendition.track.is_encrypted);
    let text = |value: &str| Some(value.to_owned());
    let mut xml = Xml::new();
    xml.open(
        "MPD",
        &[
            ("xmlns", text("urn:mpeg:dash:schema:mpd:2011")),
            ("xmlns:cenc", is_protected.then(|| "urn:mpeg:cenc:2013".to_owned())),
            ("profiles", text(profile)),
            ("type", text("static")),
            ("mediaPresentationDuration", Some(duration(seconds))),
            ("minBufferTime", Some(format!("PT{}.{:03}S", buffer / 1000, buffer % 1000))),
        ],
    );
    xml.open("Period", &[("id", text("1"))]);
    Writer { xml: &mut xml, form, target, id: 0 }.write(films);
    xml.finish()
}

/// A duration of XML Schema, to the microsecond.
fn duration(seconds: f64) -> String {
    let decimals = format!("{seconds:.6}");
    format!("PT{}S", decimals.trim_end_matches('0').trim_end_matches('.'))
}
