//! What a publisher allows of a film: signed links, parts of it, and how many clips at a time.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod clients;
mod counted;
mod handlers;
mod parts;
mod signed;
mod switch;

use tests::servers::Engine;

/// What else a site says of its files. It may not take films out of the place that guards them.
fn elsewhere(engine: Engine) -> &'static str {
    engine.lines("", "", "location ~* \\.(jpg|png|mp4)$ { expires 30d; }")
}
