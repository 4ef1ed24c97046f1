//! Links from playlists and manifests to other resources of the same movie.

use std::fmt::Display;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What a query cannot hold as it is (RFC 3986, 3.4). An escape that is there already stays.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What a path cannot hold as it is (RFC 3986, 3.3): what a query cannot, the characters that end a
/// path or escape, and a colon, which would make a scheme of what precedes it.
const NOT_IN_A_PATH: &AsciiSet = &NOT_IN_A_QUERY.add(b'?').add(b'%').add(b':');

/// A query as it came, as links carry it on.
pub(crate) fn escape_query(query: &[u8]) -> String {
    percent_encode(query, NOT_IN_A_QUERY).to_string()
}

/// Writes links. All of them are relative, so that they stay behind whatever proxy the request came
/// through, and carry on the query, so that they lead to the same clip.
///
/// A link holds neither quotes nor line breaks. In XML, its `&` and `'` have to be escaped.
pub(super) struct Links {
    /// The query with its `?`, or nothing.
    query: String,
    /// What precedes the name of a playlist.
    playlists: String,
    /// What precedes the folders of other resources.
    folder: String,
}

impl Links {
    pub(super) fn new(query: &str) -> Self {
        let escaped = escape_query(query.as_bytes());
        let query = if query.is_empty() { String::new() } else { format!("?{escaped}") };
        Self { query, playlists: String::new(), folder: "..".to_owned() }
    }

    /// Links from a text that stands elsewhere, from where `film` leads to the movie: a relative path
    /// with nothing escaped.
    pub(super) fn from_elsewhere(film: &[u8], query: &str) -> Self {
        let film = percent_encode(film, NOT_IN_A_PATH);
        Self { playlists: format!("{film}/hls/"), folder: film.to_string(), ..Self::new(query) }
    }

    /// From a playlist to another.
    pub(super) fn playlist(&self, track: &str) -> String {
        format!("{}{track}.m3u8{}", self.playlists, self.query)
    }

    /// From a playlist to that of a track's key frames.
    pub(super) fn iframes(&self, track: &str) -> String {
        format!("{}{track}-iframes.m3u8{}", self.playlists, self.query)
    }

    /// To the file of a track.
    pub(super) fn file(&self, track: &str) -> String {
        format!("{}/cmaf/{track}.mp4{}", self.folder, self.query)
    }

    /// To the initialization section of a track.
    pub(super) fn init(&self, track: &str) -> String {
        format!("{}/cmaf/{track}/init.mp4{}", self.folder, self.query)
    }

    /// To a segment of a track.
    pub(super) fn segment(&self, track: &str, number: impl Display) -> String {
        format!("{}/cmaf/{track}/{number}.m4s{}", self.folder, self.query)
    }

    /// To all segments of a track, as the template of a `SegmentTemplate`: `$Number$` stands for the
    /// number, and `$$` for a `$` (ISO/IEC 23009-1, 5.3.9.4.4).
    pub(super) fn segment_template(&self, track: &str) -> String {
        let [folder, query] = [&self.folder, &self.query].map(|part| part.replace('$', "$$"));
        format!("{folder}/cmaf/{track}/$Number$.m4s{query}")
    }

    /// To the initialization section of a track, as such a template.
    pub(super) fn init_template(&self, track: &str) -> String {
        self.init(track).replace('$', "$$")
    }

    /// To the text of a track as WebVTT.
    pub(super) fn text(&self, track: &str) -> String {
        format!("{}/cmaf/{track}.vtt{}", self.folder, self.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::Address;

    /// The address that a link leads to from a folder beside that of all addresses.
    fn target(folder: &str, link: &str) -> Option<Address> {
        let path = link.split('?').next().unwrap();
        let path = path.strip_prefix("..").map_or_else(|| format!("/{folder}/{path}"), str::to_owned);
        Address::parse(path.as_bytes())
    }

    #[test]
    fn a_link_leads_to_an_address() {
        for query in ["", "start=3"] {
            let links = Links::new(query);
            let all = [
                ("hls", links.playlist("v1"), "/hls/v1.m3u8"),
                ("hls", links.iframes("v1"), "/hls/v1-iframes.m3u8"),
                ("dash", links.file("a2"), "/cmaf/a2.mp4"),
                ("dash", links.init("v1"), "/cmaf/v1/init.mp4"),
                ("dash", links.init_template("v1"), "/cmaf/v1/init.mp4"),
                ("dash", links.segment("v1", 7), "/cmaf/v1/7.m4s"),
                ("dash", links.segment_template("v1").replace("$Number$", "7"), "/cmaf/v1/7.m4s"),
                ("hls", links.text("t1"), "/cmaf/t1.vtt"),
            ];
            for (folder, link, path) in all {
                assert_eq!(target(folder, &link), Address::parse(path.as_bytes()), "{link}");
                assert!(target(folder, &link).is_some(), "{link}");
                assert_eq!(link.split_once('?').map_or("", |(_, query)| query), query, "{link}");
            }
        }
    }

    #[test]
    fn a_query_is_carried_on_as_it_came() {
        for query in
            ["start=3&end=0:01:02.5&tracks=v1-a2", "t=npt:1,2", "a=%22%20&b=+;'()*!@/?~", "%", "=&=&"]
        {
            assert_eq!(Links::new(query).playlist("v1"), format!("v1.m3u8?{query}"));
        }
    }

    #[test]
    fn what_would_end_a_link_is_escaped() {
        let link = Links::new("a=\"b\r\n#<c> d{$e}\\é\u{7f}").playlist("v1");
        assert_eq!(link, "v1.m3u8?a=%22b%0D%0A%23%3Cc%3E%20d%7B$e%7D%5C%C3%A9%7F");
    }

    #[test]
    fn a_dollar_is_doubled_in_templates_alone() {
        let links = Links::new("a=$Time$");
        assert_eq!(links.segment_template("v1"), "../cmaf/v1/$Number$.m4s?a=$$Time$$");
        assert_eq!(links.init_template("v1"), "../cmaf/v1/init.mp4?a=$$Time$$");
        assert_eq!(links.file("v1"), "../cmaf/v1.mp4?a=$Time$");
        let links = Links::from_elsewhere(b"5$ to $9.mp4", "a=$");
        assert_eq!(links.segment_template("v1"), "5$$%20to%20$$9.mp4/cmaf/v1/$Number$.m4s?a=$$");
        assert_eq!(links.init_template("v1"), "5$$%20to%20$$9.mp4/cmaf/v1/init.mp4?a=$$");
    }
}
