//! Seek in MP4 films: the query of a request in, the exact bytes of a playable
//! clip out. Nothing is transcoded, nothing is written to disk.
//!
//! A server shim opens the file and calls [`Seeker::answer`]; everything else
//! here is a stage of that call, in the order the data flows: `request`,
//! `source`, `boxes`, `index`, `seek`, `plan`, `virtual_file`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod answer;
pub mod boxes;
pub mod cache;
pub mod extents;
mod fragments;
pub mod generate;
pub mod http;
pub mod index;
pub mod limits;
mod movie;
#[doc(hidden)]
pub mod numbers;
#[doc(hidden)]
pub mod offsets;
pub mod plan;
pub mod request;
pub mod seek;
pub mod server;
pub mod source;
#[doc(hidden)]
pub mod time;
pub mod virtual_file;

pub use answer::{Answer, Error, Seeker};
pub use request::Settings;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
