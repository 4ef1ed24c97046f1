//! What the three modules' build scripts call: find the server's headers, compile
//! our C accessors against them, and generate bindings for our own narrow header.

pub mod apache;
mod common;
pub mod lighttpd;
pub mod nginx;

pub use common::{Error, report};
