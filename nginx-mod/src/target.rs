//! What a request is for.

use mp4seek::packaging::{Address, Route};

use crate::request::Request;

/// What a request for a film, or for what stands behind its address, is for.
pub(crate) enum Target {
    Film,
    /// What is packaged from the film.
    Resource(Address),
    /// An address behind the film where nothing is.
    Nothing,
    /// A resource, or a film that not everybody may see, by a method that it does not have.
    NotForPost,
    /// A clip of a film that does not exist.
    NoFilm,
}

/// What a request is for, if it is ours by its method and the configuration.
pub(crate) fn target(request: &Request) -> Option<Target> {
    let (is_get, section) = (!request.is_post(), request.section());
    if request.path_info().is_empty() {
        let refused = || section.is_guarded().then_some(Target::NotForPost);
        return if is_get { Some(Target::Film) } else { refused() };
    }
    match Route::of(request.path_info(), section.settings().packaging) {
        Route::To(address) if is_get => Some(Target::Resource(address)),
        Route::To(_) => Some(Target::NotForPost),
        Route::Nowhere => Some(Target::Nothing),
        Route::Elsewhere if section.is_guarded() => Some(Target::NoFilm),
        Route::Elsewhere => (is_get && section.asks_for_clip(request.query())).then_some(Target::NoFilm),
    }
}
