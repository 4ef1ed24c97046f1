//! Which movies an operator knows of already.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::limits;
use crate::source::Identity;

/// The movies that a process has reported. A movie that changes is another one.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<HashSet<Identity>>);

impl Reports {
    /// Whether this is the first report of a movie. Where too many are known all are forgotten, and
    /// so may be reported again.
    pub(crate) fn is_first(&self, film: &Identity) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::REPORTS && !known.contains(film) {
            known.clear();
        }
        known.insert(*film)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Severity;
    use crate::testing::{Film, TrackSpec, identity};
    use crate::{Seeker, Settings};

    #[test]
    fn a_visitor_cannot_fill_the_log() {
        let film = Film::of(vec![TrackSpec::video(50, 10)]).build();
        let broken = b"\0\0\0\x08mdat".to_vec();
        let seeker = Seeker::default();
        let severity = |file: &Vec<u8>, query: &str, identity: &Identity| {
            let error = seeker.answer(file, identity, query.as_bytes(), &Settings::default()).unwrap_err();
            seeker.severity(&error, identity)
        };
        for _ in 0..2 {
            assert_eq!(severity(&film, "start=x", &identity(&film)), Severity::Info);
            assert_eq!(severity(&film, "start=1000", &identity(&film)), Severity::Info);
        }
        let first = identity(&broken);
        let changed = Identity { mtime: first.mtime + 1, ..first };
        for identity in [first, changed] {
            assert_eq!(severity(&broken, "start=1", &identity), Severity::Warning);
            assert_eq!(severity(&broken, "start=2", &identity), Severity::Debug);
            assert_eq!(severity(&broken, "start=x", &identity), Severity::Info);
        }
    }

    #[test]
    fn each_state_of_a_film_is_reported_once_within_bounds() {
        let (reports, film) = (Reports::default(), identity(&Vec::new()));
        assert!(reports.is_first(&film) && !reports.is_first(&film));
        assert!(reports.is_first(&Identity { mtime: film.mtime + 1, ..film }));
        for inode in 0..3 * limits::REPORTS as u64 {
            reports.is_first(&Identity { inode, ..film });
            assert!(reports.0.lock().unwrap().len() <= limits::REPORTS);
        }
    }
}
