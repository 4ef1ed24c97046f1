//! Where a path behind a movie's leads.

use crate::request::Packaging;

use super::{Address, AddressKind};

/// Where what follows a movie's path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To nothing of ours: the server does with it what it does without the module.
    Elsewhere,
    /// Into a folder of ours where nothing is: not found.
    Nowhere,
    /// To a resource of a kind that is on.
    To(Address),
}

/// The folders of all addresses. The server would send the movie itself for what is not taken out
/// of its hands here, and a misspelt playlist is no wish for gigabytes.
const FOLDERS: [&[u8]; 4] = [b"hls", b"dash", b"cmaf", b"text"];

impl Route {
    /// Where a decoded path leads, which begins with a slash or is empty.
    pub fn of(path_info: &[u8], packaging: Packaging) -> Self {
        let folder = path_info.strip_prefix(b"/").and_then(|path| path.split(|&b| b == b'/').next());
        if !packaging.is_on() || !folder.is_some_and(|folder| FOLDERS.contains(&folder)) {
            return Self::Elsewhere;
        }
        match Address::parse(path_info) {
            Some(address) if address.kind().is_on(packaging) => Self::To(address),
            _ => Self::Nowhere,
        }
    }
}

impl AddressKind {
    /// Whether the configuration has turned it on.
    pub fn is_on(self, packaging: Packaging) -> bool {
        match self {
            Self::Hls => packaging.hls,
            Self::Dash => packaging.dash,
            Self::Cmaf | Self::Text => packaging.is_on(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Packaging = Packaging { hls: true, dash: true };
    const HLS: Packaging = Packaging { hls: true, dash: false };
    const DASH: Packaging = Packaging { hls: false, dash: true };

    fn route(path: &str, packaging: Packaging) -> Route {
        Route::of(path.as_bytes(), packaging)
    }

    #[test]
    fn a_kind_that_is_on_has_addresses() {
        let addresses = ["/hls/master.m3u8", "/dash/manifest.mpd", "/cmaf/v1.mp4", "/text/t1.vtt"];
        for (packaging, is_on) in [
            (BOTH, [true, true, true, true]),
            (HLS, [true, false, true, true]),
            (DASH, [false, true, true, true]),
        ] {
            for (path, is_on) in addresses.into_iter().zip(is_on) {
                let wanted = Address::parse(path.as_bytes()).filter(|_| is_on);
                assert_eq!(route(path, packaging), wanted.map_or(Route::Nowhere, Route::To), "{path}");
            }
        }
        for path in addresses {
            assert_eq!(route(path, Packaging::default()), Route::Elsewhere, "{path}");
        }
    }

    #[test]
    fn other_paths_are_the_servers() {
        for path in ["/hls", "/hls/", "/text/t1.srt", "/cmaf/v1/", "/dash//manifest.mpd"] {
            assert_eq!(route(path, BOTH), Route::Nowhere, "{path}");
        }
        for path in ["", "/", "//hls/master.m3u8", "/HLS/master.m3u8", "/hlsx/a", "/a/hls/master.m3u8"] {
            assert_eq!(route(path, BOTH), Route::Elsewhere, "{path}");
        }
    }
}
