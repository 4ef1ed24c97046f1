//! Where an answer is, and for how long caches may keep it.

use crate::request::{Canonical, Parameters, Settings, has_foreign, is_same_query};

/// What a configuration says of an answer to caches.
#[derive(Debug, Clone, Default)]
pub(super) struct Naming {
    /// The canonical query; `None` for an answer that has none.
    query: Option<String>,
    parameters: Parameters,
    canonical: Canonical,
    max_age: Option<u32>,
}

/// Where an answer is, for clients and caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Where it was asked for, as far as is known.
    Here,
    /// At this path and query, too (`Content-Location`, RFC 9110, 8.7).
    Also(String),
    /// There alone: the request is redirected.
    Elsewhere(String),
}

impl Naming {
    /// That of the answer to what has this canonical query, if any.
    pub(super) fn of(query: Option<String>, settings: &Settings) -> Self {
        Self {
            query,
            parameters: settings.parameters,
            canonical: settings.canonical,
            max_age: settings.max_age,
        }
    }

    /// Where an answer is. It `has_links` where it is a playlist, which have the query that came.
    pub(super) fn location(&self, target: &[u8], path: &[u8], query: &[u8], has_links: bool) -> Location {
        let Some(canonical) = &self.query else { return Location::Here };
        let Some((asked_path, asked)) = path_of(target, query) else { return Location::Here };
        // What led the server to another path may have been told by a parameter which film it is.
        let is_led = !percent_encoding::percent_decode(asked_path.as_bytes()).eq(path.iter().copied());
        if is_led && has_foreign(query, &self.parameters) {
            return Location::Here;
        }
        let separator = if canonical.is_empty() { "" } else { "?" };
        let location = format!("{asked_path}{separator}{canonical}");
        let is_canonical = canonical.as_bytes() == asked;
        match self.canonical {
            Canonical::Redirect if !is_canonical => Location::Elsewhere(location),
            Canonical::Off if !is_canonical && has_links => Location::Here,
            _ => Location::Also(location),
        }
    }

    /// The `Cache-Control` of an answer that stays as it is.
    pub(super) fn max_age(&self) -> Option<String> {
        self.max_age.map(|seconds| format!("max-age={seconds}"))
    }
}

/// Path and query of what a client asked for, if its query is this one. Where it is another, the
/// server was told to take this one in its place, and nobody knows what a client would have to ask
/// for.
fn path_of<'t>(target: &'t [u8], query: &[u8]) -> Option<(&'t str, &'t [u8])> {
    let at = target.iter().position(|&byte| byte == b'?').unwrap_or(target.len());
    let (path, rest) = target.split_at(at);
    let asked = rest.get(1..).unwrap_or_default();
    let path = std::str::from_utf8(path).ok().filter(|path| path.bytes().all(|b| b.is_ascii_graphic()))?;
    let path = match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.get(rest.find('/')?..)?,
        _ => path,
    };
    // To a client, what begins with two slashes is the name of a server.
    let is_path = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\");
    (is_path && is_same_query(asked, query)).then_some((path, asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_a_rule_may_go_by_is_not_left_out() {
        let naming = Naming::of(Some("start=3".to_owned()), &Settings::default());
        for (target, path, query, location) in [
            ("/f.mp4?start=3.0&utm=1", "/f.mp4", "start=3.0&utm=1", Some("/f.mp4?start=3")),
            ("/a%20f.mp4?start=3.0&utm=1", "/a f.mp4", "start=3.0&utm=1", Some("/a%20f.mp4?start=3")),
            ("/v/f?start=3.0", "/f.mp4", "start=3.0", Some("/v/f?start=3")),
            ("/get?film=f&start=3", "/f.mp4", "film=f&start=3", None),
            ("/get?film=f&start=3", "", "film=f&start=3", None),
        ] {
            let found = naming.location(target.as_bytes(), path.as_bytes(), query.as_bytes(), false);
            let wanted = location.map_or(Location::Here, |location| Location::Also(location.to_owned()));
            assert_eq!(found, wanted, "{target}");
        }
    }

    #[test]
    fn a_path_is_known_where_the_query_is_the_clients() {
        let cases: [(&[u8], &[u8], Option<&str>); 24] = [
            (b"/a/f.mp4?start=1", b"start=1", Some("/a/f.mp4")),
            (b"/f.mp4", b"", Some("/f.mp4")),
            (b"/f.mp4?", b"", Some("/f.mp4")),
            (b"/f%20.mp4?a?b", b"a?b", Some("/f%20.mp4")),
            (b"http://a.example/f.mp4?t=1", b"t=1", Some("/f.mp4")),
            (b"/f.mp4?u=http://a/", b"u=http://a/", Some("/f.mp4")),
            (b"/scene/7", b"start=1", None),
            (b"/f.mp4?start=2", b"start=1", None),
            (b"http://a.example", b"", None),
            (b"//b.example/f.mp4?t=1", b"t=1", None),
            (b"/\\b.example/f.mp4", b"", None),
            (b"/f.mp4\r\nX: y", b"", None),
            (b"/f.mp4?st%61rt=%31%2e%35", b"start=1.5", Some("/f.mp4")),
            (b"/f.mp4?a=%2f\"\xff", b"a=%2F%22%FF", Some("/f.mp4")),
            (b"/f.mp4?a=1%26start=2", b"a=1&start=2", None),
            (b"/f.mp4?a=%252e", b"a=%2e", None),
            (b"/f.mp4?a=%3", b"a=%3", Some("/f.mp4")),
            (b"/f.mp4?a=%31", b"a=1%", None),
            (b"/f.mp4?start=1&x[]=2", b"start=1&x%5B%5D=2", Some("/f.mp4")),
            (b"/f.mp4?t=3%2c7&a=%40", b"t=3,7&a=@", Some("/f.mp4")),
            (b"/f.mp4?a=b%20c", b"a=b+c", Some("/f.mp4")),
            (b"/f.mp4?a=b%20c", b"a=bc", None),
            (b"/f.mp4?a%3D1=2", b"a=1=2", None),
            (b"/f.mp4?t=3%2c7", b"t=3,8", None),
        ];
        for (target, query, path) in cases {
            let found = path_of(target, query).map(|(path, _)| path);
            assert_eq!(found, path, "{}", target.escape_ascii());
        }
    }
}
