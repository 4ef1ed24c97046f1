//! Answers that are sent no faster than they are played: what each client has by which time.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod plot;
mod record;
mod schedule;
mod sent;
mod threads;
