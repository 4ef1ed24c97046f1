//! A server that has films, and the requests for them.

use std::slice;
use std::thread::sleep;
use std::time::Duration;

use tests::servers::Site;

use crate::Result;
use crate::asks::{Asks, Shuffled};
use crate::contest::Entrant;
use crate::film::{Length, Served};
use crate::servers::{engines, start};

/// Connections of each row.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 32];

/// Seconds of a clip.
pub(crate) const CLIP: u64 = 10;

/// A server that has a film.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) site: Site,
    pub(crate) served: Served,
}

impl Subject {
    pub(crate) fn new(name: impl Into<String>, site: Site, length: Length) -> Result<Self> {
        let served = Served::new(&site, length)?;
        Ok(Self { name: name.into(), site, served })
    }

    /// Ten-second clips of the film, each at another start.
    pub(crate) fn clips<'a>(&'a self, starts: &'a Shuffled, mode: &'static str) -> Entrant<'a> {
        clips(&self.name, &self.site, slice::from_ref(&self.served), starts, mode)
    }

    /// Ranges of the plain file. Their lengths are those of the clips of the entrant before.
    pub(crate) fn ranges<'a>(&'a self, places: &'a Shuffled, mode: &str, clips: usize) -> Entrant<'a> {
        ranges(&self.name, &self.site, slice::from_ref(&self.served), places, mode, clips)
    }
}

/// The servers that our modules run in, each with a film of this length.
pub(crate) fn ours(length: Length) -> Result<Vec<Subject>> {
    let started = engines().into_iter().map(|(name, engine, config)| (name, start(engine, config)));
    started.map(|(name, site)| Subject::new(name, site?, length)).collect()
}

/// Ten-second clips of a server's films.
pub(crate) fn clips<'a>(
    server: &str,
    site: &'a Site,
    films: &'a [Served],
    starts: &'a Shuffled,
    mode: &'static str,
) -> Entrant<'a> {
    let asks = Asks::Clips { films, starts, seconds: Some(CLIP), mode, lens: Vec::new() };
    Entrant::new(format!("{server}: {mode} clips"), site, asks)
}

/// Ranges of a server's plain files. Their lengths are those of the clips of another entrant.
pub(crate) fn ranges<'a>(
    server: &str,
    site: &'a Site,
    films: &'a [Served],
    places: &'a Shuffled,
    mode: &str,
    clips: usize,
) -> Entrant<'a> {
    let asks = Asks::Ranges { films, places, lens: Vec::new(), asked: 0 };
    let name = format!("{server}: ranges as long as {mode} clips");
    Entrant { as_long_as: Some(clips), ..Entrant::new(name, site, asks) }
}

/// All starts of a clip, in milliseconds.
pub(crate) fn starts(length: Length) -> Shuffled {
    Shuffled::new((u64::from(length.seconds()) - CLIP) * 1000)
}

/// A number of connections, in words.
pub(crate) fn at(connections: usize) -> String {
    format!("{connections} connection{}", if connections == 1 { "" } else { "s" })
}

/// A film that changed within the last seconds, its link count too, is not kept by the modules.
pub(crate) fn wait_until_films_are_kept() {
    sleep(Duration::from_secs(3));
}
