//! Whether a file is still the one that was indexed.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::time::SystemTime;

use crate::boxes::BoxHeader;
use crate::source::{Identity, ReadAt, changed};

/// The metadata by which a file that grows is recognised.
///
/// A recording is appended to while it is sent, and its index stays valid. A new recording by the
/// same camera under the same name may begin as the one before. Sooner or later it has another
/// fragment, or something else, in the place of the last one that was indexed.
#[derive(Debug, Default)]
pub(super) struct Fingerprint {
    /// The first bytes of the `moov`, of the first fragment and of the last: where, and how many.
    probes: Vec<(u64, usize)>,
    digest: u64,
}

/// The bytes of a box that are looked at.
const PROBE: u64 = 1024;

impl Fingerprint {
    /// The fingerprint of a file whose `moov` and first fragment are `boxes`.
    pub(super) fn of<R: ReadAt>(file: &R, boxes: &[BoxHeader]) -> io::Result<Self> {
        let mut this = Self::default();
        boxes.iter().try_for_each(|header| this.add(file, header))?;
        Ok(this)
    }

    /// Looks at a further box, unless it is one of those before.
    pub(super) fn add<R: ReadAt>(&mut self, file: &R, header: &BoxHeader) -> io::Result<()> {
        let probe = (header.offset, usize::try_from(header.size.min(PROBE)).unwrap_or(0));
        if !self.probes.contains(&probe) {
            self.digest = digest(file, self.digest, &probe)?;
            self.probes.push(probe);
        }
        Ok(())
    }

    /// Whether it is that of `file`.
    pub(super) fn is_of<R: ReadAt>(&self, file: &R) -> io::Result<bool> {
        let found = self.probes.iter().try_fold(0, |before, probe| digest(file, before, probe))?;
        Ok(found == self.digest)
    }

    /// Fails if `file` is no longer what it was `then`. Bytes may have been appended to one that
    /// `may_grow`.
    pub(super) fn check<R: ReadAt>(&self, file: &R, then: &Identity, may_grow: bool) -> io::Result<()> {
        let Some(now) = file.identity()? else { return Ok(()) };
        let is_same = now.is_same_content(then)
            || (may_grow && now.may_have_grown(then, SystemTime::now()) && self.is_of(file)?);
        if is_same { Ok(()) } else { Err(changed()) }
    }
}

/// What tells bytes of a file apart, and those `before` them.
fn digest<R: ReadAt>(file: &R, before: u64, (offset, len): &(u64, usize)) -> io::Result<u64> {
    let mut bytes = vec![0; *len];
    file.read_exact_at(&mut bytes, *offset)?;
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(before);
    hasher.write(&bytes);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::testing::{Film, TrackSpec, seeker};
    use crate::virtual_file::VirtualFile;
    use crate::{Answer, Settings};

    /// A film on disk, an answer from it, and whether its bytes can still be had after `change`.
    fn is_sent_after(film: &[u8], change: impl FnOnce(&File, &std::path::Path)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        fs::write(&path, film).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        // Another tick of the clock than that of the change.
        file.set_modified(SystemTime::now() - Duration::from_secs(10)).unwrap();
        let identity = file.identity().unwrap().unwrap();
        let answer = seeker().answer(&file, &identity, b"start=1", &Settings::default());
        let Ok(Answer::Film(clip)) = answer else { panic!("{answer:?}") };
        let read = |clip: &VirtualFile| {
            let mut bytes = vec![0; usize::try_from(clip.len()).unwrap()];
            clip.read_at(&file, 0, &mut bytes)
        };
        read(&clip).unwrap();
        change(&file, &path);
        // However little is read.
        assert_eq!(read(&clip).is_ok(), clip.read_at(&file, clip.len() - 1, &mut [0]).is_ok());
        read(&clip).is_ok()
    }

    #[test]
    fn headers_of_one_file_never_precede_bytes_of_another() {
        let flat = Film::of(vec![TrackSpec::video(40, 10)]).build();
        let fragmented = Film::of(vec![TrackSpec::video(40, 10)]).build_fragmented(0);
        let len = flat.len() as u64;
        for film in [&flat, &fragmented] {
            assert!(is_sent_after(film, |_, path| fs::rename(path, path.with_extension("old")).unwrap()));
            assert!(is_sent_after(film, |_, path| fs::remove_file(path).unwrap()));
            assert!(!is_sent_after(film, |file, _| file.set_len(film.len() as u64 - 1).unwrap()));
            assert!(!is_sent_after(film, |file, _| {
                file.write_all_at(&[1; 9], len / 2).unwrap();
                file.set_modified(SystemTime::now() - Duration::from_secs(5)).unwrap();
            }));
        }
        let append = |film: &[u8]| {
            is_sent_after(film, |file, _| file.write_all_at(b"more", film.len() as u64).unwrap())
        };
        assert!(append(&fragmented) && !append(&flat));
        // What is seen of a file to which something is just being appended.
        let write =
            |film: &[u8]| is_sent_after(film, |file, _| file.set_modified(SystemTime::now()).unwrap());
        assert!(write(&fragmented) && !write(&flat));
        // A new recording, longer than the one before.
        let another =
            [Film::of(vec![TrackSpec::video(41, 10)]).build_fragmented(0), fragmented.clone()].concat();
        assert!(!is_sent_after(&fragmented, |file, _| file.write_all_at(&another, 0).unwrap()));
        // One that begins alike: of its last fragment, the number in its `mfhd` differs.
        let moofs: Vec<_> =
            (0..fragmented.len()).filter(|&at| fragmented[at..].starts_with(b"moof")).collect();
        let number = u64::try_from(moofs[moofs.len() - 1] + 19).unwrap();
        assert!(moofs.len() > 1 && append(&fragmented));
        assert!(!is_sent_after(&fragmented, |file, _| {
            file.write_all_at(&[99], number).unwrap();
            file.write_all_at(b"more", fragmented.len() as u64).unwrap();
        }));
    }
}
