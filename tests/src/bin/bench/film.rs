//! The films to measure with, and where servers have them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use mp4seek::index::Index;
use tests::client::{Reply, Request};
use tests::films::Film;
use tests::servers::{Engine, Site};
use tests::work_dir;

use crate::{Result, films};

/// A film to measure with. Its media is a hole in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    TenMinutes,
    TwoHours,
    TenHours,
}

impl Length {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TenMinutes => "ten minutes",
            Self::TwoHours => "two hours",
            Self::TenHours => "ten hours",
        }
    }

    pub(crate) fn seconds(self) -> u32 {
        match self {
            Self::TenMinutes => 600,
            Self::TwoHours => 7200,
            Self::TenHours => 36_000,
        }
    }

    fn path(self) -> PathBuf {
        work_dir("bench").join(format!("{self:?}.mp4"))
    }

    /// Writes all films. One that an older version of this program left behind may be another.
    pub(crate) fn write_all() {
        for length in [Self::TenMinutes, Self::TwoHours, Self::TenHours] {
            films::film(&length.path(), length.seconds(), true);
        }
    }

    pub(crate) fn film(self) -> Film {
        Film { name: self.name().to_owned(), path: self.path(), stamped: false }
    }

    /// All of the film that stands before its media.
    pub(crate) fn head(self) -> Result<Vec<u8>> {
        let file = File::open(self.path())?;
        let moov = &Index::build(&file, file.metadata()?.len())?.outer_moov;
        // The header of `mdat` has a length of 64 bits.
        let mut head = vec![0; usize::try_from(moov.offset + moov.size + 16)?];
        file.read_exact_at(&mut head, 0)?;
        Ok(head)
    }

    /// Brings the film into the page cache.
    pub(crate) fn warm(self) -> Result<()> {
        let mut film = File::open(self.film().path)?;
        io::copy(&mut film, &mut io::sink())?;
        Ok(())
    }
}

/// A film as a server has it, twice: as a film, and as a plain file that the module does not look
/// at because of its name. Both are the same file, so that both are in the page cache.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) film: String,
    pub(crate) plain: String,
    /// The first of the starts that are asked for, in milliseconds.
    pub(crate) first_start: u64,
    /// Where in the file the plain ranges lie.
    pub(crate) places: Range<u64>,
}

impl Served {
    pub(crate) fn new(site: &Site, length: Length) -> Result<Self> {
        Self::over(site, "http", length)
    }

    /// A film of a server that speaks `http` or `https`.
    pub(crate) fn over(site: &Site, scheme: &str, length: Length) -> Result<Self> {
        let film = length.film();
        let plain = format!("{length:?}.bin");
        site.publish_as(&film, &plain);
        let served = Self {
            film: site.publish(&film),
            plain: format!("/{plain}"),
            first_start: 0,
            places: 0..film.path.metadata()?.len(),
        };
        served.check(site, scheme)?;
        Ok(served)
    }

    /// Makes sure that what is measured is a clip, and a part of a plain file.
    pub(crate) fn check(&self, site: &Site, scheme: &str) -> Result<()> {
        let request =
            |target: &str| Request::get(format!("{scheme}://{}{target}", site.address())).arg("--insecure");
        let clip = request(&format!("{}?start=10&end=20", self.film)).head().send();
        let is_ours = |reply: &Reply| !reply.header("x-mod-h264-streaming").is_empty();
        if clip.status != 200
            || clip.length() >= self.places.end
            || (site.engine() != Engine::Nginx && !is_ours(&clip))
        {
            return Err(format!("{:?} does not cut {}:\n{clip}", site.engine(), self.film).into());
        }
        let range = request(&self.plain).range("1000-2999").send();
        if range.status != 206 || range.length() != 2000 || is_ours(&range) {
            return Err(
                format!("{:?} does not send a range of {}:\n{range}", site.engine(), self.plain).into()
            );
        }
        Ok(())
    }
}

/// A file of nothing, as the media of the films is, by a name that the module does not look at.
pub(crate) fn blank(len: u64) -> Result<Film> {
    let path = work_dir("bench").join(format!("static-{len}.bin"));
    File::create(&path)?.set_len(len)?;
    Ok(Film { name: format!("{len} bytes"), path, stamped: false })
}
