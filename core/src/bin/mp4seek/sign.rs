//! `mp4seek sign`: a link that a server with `H264StreamingSecretFile` lets through.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use mp4seek::Settings;
use mp4seek::packaging::Address;
use mp4seek::request::{Asked, Parameter, Parameters};
use mp4seek::server::{KeyFile, about_key_file};

use crate::{Failure, print};

#[derive(Args)]
pub(crate) struct SignOptions {
    /// The file of keys that the server has. Its first key signs.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// Until when the link is good: seconds since 1970.
    #[arg(long, value_name = "UNIX", conflicts_with = "valid_for")]
    expires: Option<u64>,
    /// For how many seconds from now the link is good. Without either, it never expires.
    #[arg(long, value_name = "SECONDS")]
    valid_for: Option<u64>,
    /// Another name that the server has given to a parameter: start=from. May be repeated.
    #[arg(long, value_name = "PARAMETER=NAME")]
    parameter: Vec<String>,
    /// The link: /films/movie.mp4?start=61.5, alone or behind https://host.
    link: String,
}

pub(crate) fn run(options: &SignOptions) -> Result<(), Failure> {
    let SignOptions { secret_file, link, .. } = options;
    let wrong = |message: String| Failure { code: 2, message };
    let file = KeyFile::read(secret_file)
        .map_err(|e| Failure { code: 1, message: about_key_file(secret_file, &e) })?;
    let parameters = parameters(&options.parameter).map_err(wrong)?;
    let path = path_of(link).ok_or_else(|| wrong(format!("{link} has no path that begins with /")))?;
    if is_not_normal(&path) {
        return Err(wrong(format!("{link} has //, /./ or /../ in its path: the server sees another one")));
    }
    // A browser keeps a fragment (`#t=10`) to itself.
    let (link, fragment) = link.split_at(link.find('#').unwrap_or(link.len()));
    let mut link = link.to_owned();
    if let Some(expires) = options.expires.or_else(|| Some(now().saturating_add(options.valid_for?))) {
        let name = parameters.name(Parameter::Expires);
        append(&mut link, &format!("{name}={expires}"));
    }
    let query = link.split_once('?').map_or("", |(_, query)| query);
    // A server answers 400 whoever has signed it.
    let settings = Settings { parameters, ..Settings::default() };
    Asked::parse(query.as_bytes(), &settings).map_err(|e| wrong(format!("{link} cannot be signed: {e}")))?;
    let signature = file.keys().sign(&path, query.as_bytes(), &parameters);
    let signature = signature.map_err(|e| wrong(format!("{link} cannot be signed: {e}")))?;
    let name = parameters.name(Parameter::Sig);
    append(&mut link, &format!("{name}={signature}"));
    print(&format!("{link}{fragment}\n"))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

fn append(link: &mut String, parameter: &str) {
    link.push(if link.contains('?') { '&' } else { '?' });
    link.push_str(parameter);
}

fn parameters(renamed: &[String]) -> Result<Parameters, String> {
    let pairs = renamed
        .iter()
        .map(|pair| pair.split_once('=').ok_or_else(|| format!("{pair} is not of the form parameter=name")));
    let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
    let pairs = pairs.iter().map(|(parameter, name)| (parameter.as_bytes(), name.as_bytes()));
    Parameters::default().rename(pairs).map_err(|error| error.to_string())
}

/// The path of the film, decoded: without the address of a playlist or a segment behind it.
fn path_of(link: &str) -> Option<Vec<u8>> {
    let link = link.split(['?', '#']).next().unwrap_or_default();
    // Behind a `/`, it is the path that has a `://` in it.
    let scheme = link.split_once("://").filter(|(scheme, _)| !scheme.contains('/'));
    let behind_scheme = scheme.map(|(_, rest)| rest).or_else(|| link.strip_prefix("//"));
    let path = match behind_scheme {
        Some(rest) => rest.get(rest.find('/')?..)?,
        None => link,
    };
    let path: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    let behind = (0..path.len()).find(|&at| path.get(at..).and_then(Address::parse).is_some());
    let film = path.get(..behind.unwrap_or(path.len()))?;
    film.starts_with(b"/").then(|| film.to_vec())
}

/// Whether servers resolve a path before they look at its signature.
fn is_not_normal(path: &[u8]) -> bool {
    let parts = path.split(|&byte| byte == b'/').skip(1);
    parts.enumerate().any(|(n, part)| n > 0 && part.is_empty() || part == b"." || part == b"..")
        || path.starts_with(b"//")
}

#[cfg(test)]
mod tests {
    use super::{is_not_normal, path_of};

    #[test]
    fn servers_resolve_some_paths() {
        for (path, is) in [
            ("/f.mp4", false),
            ("/a/..b/f.mp4", false),
            ("//a/f.mp4", true),
            ("/a//f.mp4", true),
            ("/a/../f.mp4", true),
            ("/./f.mp4", true),
        ] {
            assert_eq!(is_not_normal(path.as_bytes()), is, "{path}");
        }
    }

    #[test]
    fn the_path_is_that_of_the_film() {
        let path = |link| path_of(link).map(|path| String::from_utf8(path).unwrap());
        for (link, expected) in [
            ("/a.mp4?start=1", "/a.mp4"),
            ("https://host:81/b/a%20c.mp4?start=/1", "/b/a c.mp4"),
            ("//host/a.mp4", "/a.mp4"),
            ("/proxy/http://host/a.mp4", "/proxy/http://host/a.mp4"),
            ("https://host/b/http://other/a.mp4", "/b/http://other/a.mp4"),
            ("/a.mp4/hls/master.m3u8?x", "/a.mp4"),
            ("/hls/a.mp4/cmaf/v1/1.m4s", "/hls/a.mp4"),
        ] {
            assert_eq!(path(link).as_deref(), Some(expected), "{link}");
        }
        assert_eq!((path("a.mp4"), path("https://host"), path("?start=1")), (None, None, None));
    }
}
