//! Clips of files with one thing special about them: what a plain reader finds in each clip.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

#[path = "../common/mod.rs"]
mod common;
mod cutting;
mod damage;
mod encrypted;
mod ended;
mod fragments;
mod limits;
mod pictures;
