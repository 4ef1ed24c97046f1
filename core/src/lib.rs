//! Seek in MP4 movies: the query of a request in, the exact bytes of a playable clip out. Nothing
//! is transcoded, nothing is written to disk.
//!
//! A server's module opens the file and calls [`Seeker::answer`]. The stages of that call, in the
//! order the data flows, are `request`, `source`, `boxes`, `movie`, `fragments`, `index`, `seek`,
//! `extents`, `plan`, `generate` and `virtual_file`. Those that a module needs are public; some
//! others are visible for benches, fuzzing and the command line, and may change at any time.
//!
//! ```
//! use mp4seek::source::Identity;
//! use mp4seek::{Answer, Seeker, Settings};
//!
//! # use std::io::Write;
//! # fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
//! #     [&(content.len() as u32 + 8).to_be_bytes(), &name[..], content].concat()
//! # }
//! # fn full(name: &[u8; 4], words: &[u32]) -> Vec<u8> {
//! #     let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
//! #     boxed(name, &[&[0; 4], &words[..]].concat())
//! # }
//! # // Ten samples of a byte and a second each: the digits behind the header of the `mdat`.
//! # let entry = boxed(b"test", &[&[0; 7][..], &[1], &[0; 20]].concat());
//! # let stbl = [
//! #     boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1], &entry[..]].concat()),
//! #     full(b"stts", &[1, 10, 1]),
//! #     full(b"stsc", &[1, 1, 10, 1]),
//! #     full(b"stsz", &[1, 10]),
//! #     full(b"stco", &[1, 8]),
//! # ];
//! # let minf = boxed(b"minf", &boxed(b"stbl", &stbl.concat()));
//! # let hdlr = boxed(b"hdlr", &[&[0; 8], &b"vide"[..], &[0; 13]].concat());
//! # let mdia = [full(b"mdhd", &[0, 0, 1, 10, 0]), hdlr, minf].concat();
//! # let tkhd = full(b"tkhd", &[&[0, 0, 1, 0, 10][..], &[0; 15]].concat());
//! # let trak = boxed(b"trak", &[tkhd, boxed(b"mdia", &mdia)].concat());
//! # let mvhd = full(b"mvhd", &[&[0, 0, 1, 10][..], &[0; 20]].concat());
//! # let movie = [boxed(b"mdat", b"0123456789"), boxed(b"moov", &[mvhd, trak].concat())].concat();
//! # let mut file = tempfile::tempfile()?;
//! # file.write_all(&movie)?;
//! let identity = Identity::of(&file.metadata()?);
//! let answer = Seeker::default().answer(&file, &identity, b"start=5&end=8", &Settings::default())?;
//! let Answer::Film(clip) = answer else { panic!("the file as it is") };
//!
//! let mut bytes = vec![0; clip.len().try_into()?];
//! clip.read_at(&file, 0, &mut bytes)?;
//! // The metadata comes first, then the three seconds of media.
//! assert!(bytes[4..8] == *b"ftyp" || bytes[4..8] == *b"moov");
//! assert!(bytes.ends_with(b"567"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address_answer;
pub mod answer;
#[doc(hidden)]
pub mod boxes;
mod cache;
#[doc(hidden)]
pub mod describe;
pub mod explanation;
#[doc(hidden)]
pub mod extents;
mod fragments;
mod generate;
pub mod http;
#[doc(hidden)]
pub mod index;
#[doc(hidden)]
pub mod limits;
mod movie;
#[doc(hidden)]
pub mod numbers;
#[doc(hidden)]
pub mod offsets;
pub mod pace;
#[doc(hidden)]
pub mod packaging;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod poster;
pub mod request;
#[doc(hidden)]
pub mod seek;
pub mod server;
pub mod source;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod time;
pub mod virtual_file;

pub use answer::{Answer, Error, Seeker};
pub use request::Settings;

// Tests share a file that names this crate as a user does.
#[cfg(test)]
extern crate self as mp4seek;
#[cfg(test)]
mod testing;
