//! The scenes of a clip that joins several.

use super::Time;

/// A part of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scene {
    /// Where it begins.
    pub start: Time,
    /// Where it ends, after its start; `None` for the end of the movie.
    pub end: Option<Time>,
}

impl Scene {
    /// Reads `10-20`, `10-` or `-20`. The end may come before the start.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let time = |text: &str| if text.is_empty() { Some(None) } else { Time::parse(text).map(Some) };
        let (start, end) = (time(start)?, time(end)?);
        start.or(end)?;
        Some(Self { start: start.unwrap_or_default(), end })
    }

    /// Whether it has no length.
    pub(super) fn is_backwards(&self) -> bool {
        self.end.is_some_and(|end| end <= self.start)
    }
}

/// Whether a value was written to name scenes: nothing in it but times, and one hyphen in each
/// scene. An identifier or a date is somebody else's.
pub(super) fn are_meant(value: &[u8]) -> bool {
    let is_scene = |scene: &[u8]| scene.iter().filter(|&&b| b == b'-').count() == 1;
    let is_of_times = |b: &u8| b.is_ascii_digit() || b"-:.,".contains(b);
    value.len() > 1 && value.iter().all(is_of_times) && scenes(value).all(is_scene)
}

/// The scenes in a value.
pub(super) fn scenes(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_two_times_of_which_one_may_be_missing() {
        let time = |text| Time::parse(text);
        for (text, start, end) in [
            ("10-20", "10", Some("20")),
            ("10-", "10", None),
            ("-20", "0", Some("20")),
            ("1:05-1:02:03.25", "65", Some("3723.25")),
            ("1e1-2e1", "10", Some("20")),
            ("20-10", "20", Some("10")),
        ] {
            let scene = Scene { start: time(start).unwrap(), end: end.and_then(time) };
            assert_eq!(Scene::parse(text), Some(scene), "{text}");
        }
        for text in ["", "-", "10", "10--20", "1-2-3", "1e-1-2", "a-b", "10 -20", "1:-2", "10-NaN"] {
            assert_eq!(Scene::parse(text), None, "{text}");
        }
    }

    #[test]
    fn scenes_are_told_from_names() {
        for meant in ["10-20", "-20", "10-", "1:2:3:4-5", "20-10", "1-2,3-4", "1.2.3-4"] {
            assert!(are_meant(meant.as_bytes()), "{meant}");
        }
        for other in ["", "-", "17", "abc", "6f1e-4ce2", "2026-11-29", "a-b", "1-2,3", "12-my-title"] {
            assert!(!are_meant(other.as_bytes()), "{other}");
        }
    }
}
