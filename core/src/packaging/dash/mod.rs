//! Manifests of DASH (ISO/IEC 23009-1), which call it a media presentation description (MPD).

mod adaptation_set;
mod segments;
#[cfg(test)]
mod tests;
mod xml;

use super::choice::Choice;
use super::links::Links;
use super::rates::Rates;
use super::{Form, Presentation};

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
    let choice = Choice::new(presentation);
    let target = choice.target_duration();
    let delays = choice.segmented().map(|rendition| {
        let rates = Rates::of(rendition);
        rates.buffer(rates.peak(target))
    });
    // Whole milliseconds, rounded up, and at least one.
    let buffer = delays.max().unwrap_or(0).div_ceil(1000).max(1);
    let profile = match form {
        Form::Ranges => "urn:mpeg:dash:profile:isoff-on-demand:2011",
        Form::Segments => "urn:mpeg:dash:profile:isoff-live:2011",
    };
    let is_protected = choice.segmented().any(|rendition| rendition.track.is_encrypted);
    let text = |value: &str| Some(value.to_owned());
    let mut xml = Xml::new();
    xml.open(
        "MPD",
        &[
            ("xmlns", text("urn:mpeg:dash:schema:mpd:2011")),
            ("xmlns:cenc", is_protected.then(|| "urn:mpeg:cenc:2013".to_owned())),
            ("profiles", text(profile)),
            ("type", text("static")),
            ("mediaPresentationDuration", Some(duration(presentation.seconds()))),
            ("minBufferTime", Some(format!("PT{}.{:03}S", buffer / 1000, buffer % 1000))),
        ],
    );
    xml.open("Period", &[("id", text("1"))]);
    let links = Links::new(&presentation.query);
    Writer { xml: &mut xml, links: &links, form, target, id: 0 }.write(&choice);
    xml.finish()
}

/// A duration of XML Schema, to the microsecond.
fn duration(seconds: f64) -> String {
    let decimals = format!("{seconds:.6}");
    format!("PT{}S", decimals.trim_end_matches('0').trim_end_matches('.'))
}
