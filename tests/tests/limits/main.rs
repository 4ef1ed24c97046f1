//! What a publisher allows of a film: signed links, and parts of it.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod parts;
mod signed;
