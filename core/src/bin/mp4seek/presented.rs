//! What is said of a film whose playlists and manifests are written: which tracks these leave out,
//! and that it may still be recorded.

use std::time::SystemTime;

use mp4seek::Error;
use mp4seek::index::{Growth, Index};
use mp4seek::packaging::{Address, Presentation, Rendition, resources};
use mp4seek::request::{Form, Packaging, TrackKind};

use crate::Failure;
use crate::input::Input;

/// What is wrong with this film.
pub(crate) fn failure(film: &Input, error: &Error) -> Failure {
    match error {
        Error::NoSuchAddress if is_growing(film) => {
            unplayable(film, &format!("too little of it is there yet, and {MAY_GROW}"))
        }
        Error::NoSuchAddress => unplayable(film, "it has no track that players of HLS and DASH can play"),
        error => film.failure(error),
    }
}

/// That nothing can be written for a film.
fn unplayable(film: &Input, reason: &str) -> Failure {
    Failure { code: 3, message: format!("{}: {reason}", film.path.display()) }
}

/// What a film looks like that is still being recorded, and what to do.
const MAY_GROW: &str = "it may still be recorded: nothing in it says that it is complete, and it was written to \
    within the last minute; run this again when that has passed";

fn is_growing(film: &Input) -> bool {
    let identity = film.identity();
    let index = Index::build(&film.file, identity.size);
    index.is_ok_and(|index| index.growth(&identity, SystemTime::now()) == Growth::Growing)
}

/// Says that a film may still be recorded, and what becomes of it.
pub(crate) fn say_growing(film: &Input, presentation: &Presentation, so_far: &str) {
    if presentation.is_growing {
        crate::complain(&format!("{}: {so_far}: {MAY_GROW}", film.path.display()));
    }
}

/// Says that segments of a recording are in another form than was asked for.
pub(crate) fn say_form(film: &Input, presentation: &Presentation, wanted: Form, packaging: Packaging) {
    if presentation.form != wanted {
        let manifest = Address::Manifest(presentation.form).to_string();
        let manifest = format!(", and the manifest is {}", manifest.trim_start_matches('/'));
        let manifest = if packaging.dash { &manifest } else { "" };
        let is_or_was = if presentation.is_growing { "may still be" } else { "was a moment ago" };
        let reason =
            format!("of a film that {is_or_was} recorded, segments are files of their own{manifest}");
        crate::complain(&format!("{}: {reason}", film.path.display()));
    }
}

/// Refuses a film that may still be recorded.
pub(crate) fn refuse_growing(film: &Input, presentation: &Presentation) -> Result<(), Failure> {
    match presentation.is_growing {
        true => Err(unplayable(film, &format!("a manifest over several films cannot grow, and {MAY_GROW}"))),
        false => Ok(()),
    }
}

/// All that players fetch of a presentation. Says which of its tracks they cannot, and why.
pub(crate) fn offered(
    film: &Input,
    presentation: &Presentation,
    packaging: Packaging,
) -> Result<Vec<Address>, Failure> {
    let addresses = resources(presentation, packaging);
    let names: Vec<_> = addresses.iter().filter_map(Address::track).map(|name| name.to_string()).collect();
    if names.is_empty() {
        let has_dash = Packaging { hls: false, dash: true };
        return Err(
            match resources(presentation, has_dash).iter().any(|address| address.track().is_some()) {
                true => unplayable(film, "it has text alone, which HLS has not; --packaging dash writes it"),
                false => failure(film, &Error::NoSuchAddress),
            },
        );
    }
    let say = |reason: &str| crate::complain(&format!("{}: {reason}", film.path.display()));
    if packaging.hls && !addresses.contains(&Address::Multivariant) {
        say("HLS is left out: it has no text alone");
    }
    for (name, why) in &presentation.refused {
        say(&format!("track {name} is left out: {why}"));
    }
    for rendition in presentation.renditions.iter().filter(|rendition| !names.contains(&rendition.name)) {
        say(&format!("track {} is left out: {}", rendition.name, why_left_out(rendition, presentation)));
    }
    Ok(addresses)
}

/// Why no playlist and no manifest has a track that segments can hold.
fn why_left_out(rendition: &Rendition, presentation: &Presentation) -> &'static str {
    if !rendition.is_known() {
        "players of HLS and DASH do not know its coding"
    } else if rendition.track.kind == Some(TrackKind::Text) && presentation.is_growing {
        "HLS has no such text of a film that may still be recorded"
    } else {
        "there is sound in too many other codings"
    }
}
