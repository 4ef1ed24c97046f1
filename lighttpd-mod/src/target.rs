//! What a request is for.

use mp4seek::packaging::{Address, Route};

use crate::request::Request;
use crate::state::State;

/// What a request of ours is for.
pub(crate) enum Target {
    Film,
    /// What is packaged from the film.
    Resource(Address),
    /// An address behind the film where nothing is.
    Nothing,
    /// A resource, or a film that not everybody may see, by a method that it does not have. The server
    /// itself would send the film.
    NotForPost,
    /// A clip of a film that does not exist.
    NoFilm,
}

/// What a request is for, if it is ours by its method, its path and the configuration.
///
/// The server sends a file whatever stands behind its name in the path. With this module, what does
/// so is a resource, or else is for a clip of a film that does not exist.
pub(crate) fn target(request: &Request<'_>) -> Option<Target> {
    let is_get = request.is_get() || request.is_head();
    let config = State::of(request.module())?.config(request);
    if !(is_get || request.sends_file_too()) || !config.serves(request.path()) {
        return None;
    }
    if request.path_info().is_empty() {
        let refused = || config.holds_films().then_some(Target::NotForPost);
        return if is_get { Some(Target::Film) } else { refused() };
    }
    match Route::of(request.path_info(), config.settings.packaging) {
        Route::To(address) if is_get => Some(Target::Resource(address)),
        Route::To(_) => Some(Target::NotForPost),
        Route::Nowhere => Some(Target::Nothing),
        Route::Elsewhere if config.holds_films() => Some(Target::NoFilm),
        Route::Elsewhere => (is_get && config.asks_for_clip(request.query())).then_some(Target::NoFilm),
    }
}
