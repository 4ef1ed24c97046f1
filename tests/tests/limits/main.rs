//! What a publisher allows of a film: signed links, parts of it, and how many clips at a time.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod clients;
mod parts;
mod signed;
