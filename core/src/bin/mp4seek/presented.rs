//! What is said of a film whose playlists and manifests are written: which tracks these leave out.

use mp4seek::Error;
use mp4seek::packaging::{Address, Presentation, Rendition, resources};
use mp4seek::request::{Packaging, TrackKind};

use crate::Failure;
use crate::input::Input;

/// What is wrong with this film.
pub(crate) fn failure(film: &Input, error: &Error) -> Failure {
    match error {
        Error::NoSuchAddress => unplayable(film, "it has no track that players of HLS and DASH can play"),
        error => film.failure(error),
    }
}

/// That nothing can be written for a film.
fn unplayable(film: &Input, reason: &str) -> Failure {
    Failure { code: 3, message: format!("{}: {reason}", film.path.display()) }
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
