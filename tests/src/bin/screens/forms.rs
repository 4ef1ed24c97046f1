//! Forms of a film beside the flat file, and what plays them.

use crate::sight::Player;

/// An answer that is not a flat file, and how it is played.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// What follows the film's path.
    address: &'static str,
    query: &'static str,
    /// The library of `libraries.js` that plays it in browsers.
    pub(crate) library: Option<&'static str>,
    players: &'static [Player],
    /// Whether a clip in mode `exact` begins at the frame that is asked for. Segments begin at key
    /// frames in both modes.
    pub(crate) is_exact: bool,
}

/// Browsers, which play libraries.
const BROWSERS: &[Player] = &[Player::Chromium, Player::Firefox, Player::WebKit];

const HLS: Form = Form {
    name: "HLS",
    address: "/hls/master.m3u8",
    query: "",
    library: None,
    players: &[Player::Chromium, Player::WebKit, Player::GStreamer, Player::Mpv, Player::Vlc, Player::Ffmpeg],
    is_exact: false,
};
const DASH: Form = Form {
    name: "DASH",
    address: "/dash/manifest.mpd",
    players: &[Player::WebKit, Player::GStreamer, Player::Mpv, Player::Vlc, Player::Ffmpeg],
    ..HLS
};
const TEMPLATE: Form = Form { name: "DASH template", address: "/dash/manifest-template.mpd", ..DASH };

const fn with(name: &'static str, library: &'static str, form: Form) -> Form {
    Form { name, library: Some(library), players: BROWSERS, ..form }
}

/// All of them.
pub(crate) const FORMS: &[Form] = &[
    Form {
        name: "fmp4",
        address: "",
        query: "format=fmp4",
        library: None,
        players: crate::sight::PLAYERS,
        is_exact: true,
    },
    HLS,
    with("HLS, hls.js", "hls.js", HLS),
    with("HLS, Shaka", "Shaka", HLS),
    with("HLS, video.js", "video.js", HLS),
    DASH,
    with("DASH, dash.js", "dash.js", DASH),
    with("DASH, Shaka", "Shaka", DASH),
    TEMPLATE,
    with("DASH template, dash.js", "dash.js", TEMPLATE),
    with("DASH template, Shaka", "Shaka", TEMPLATE),
];

impl Form {
    /// The target of a film, or of a clip of it.
    pub(crate) fn target(&self, film: &str, query: &str) -> String {
        let query: Vec<_> = [self.query, query].into_iter().filter(|part| !part.is_empty()).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{film}{}{mark}{}", self.address, query.join("&"))
    }

    /// Whether it is a playlist of HLS.
    pub(crate) fn is_hls(&self) -> bool {
        self.address == HLS.address
    }

    /// Whether it is a manifest of DASH, without a template.
    pub(crate) fn is_dash(&self) -> bool {
        self.address == DASH.address
    }

    /// Whether a player is one for it.
    pub(crate) fn is_for(&self, player: Player) -> bool {
        self.players.contains(&player)
    }
}

/// The scripts of libraries: the name that the page knows, and where npm puts it.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    ("hls.js", "hls.js/dist/hls.min.js"),
    ("dash.js", "dashjs/dist/legacy/umd/dash.all.min.js"),
    ("shaka.js", "shaka-player/dist/shaka-player.compiled.js"),
    ("video.js", "video.js/dist/video.min.js"),
];
