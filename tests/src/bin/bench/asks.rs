//! What is asked for: random places, none of them twice.

use std::cell::Cell;
use std::ops::Range;

use crate::film::Served;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) target: String,
    /// Bytes that are asked for.
    pub(crate) range: Option<Range<u64>>,
}

/// Numbers below a bound in a random order, the same in each run of the program. Each comes once
/// before any of them comes again.
#[derive(Debug)]
pub(crate) struct Shuffled {
    below: u64,
    state: Cell<u64>,
}

impl Shuffled {
    pub(crate) fn new(below: u64) -> Self {
        Self { below: below.max(1), state: Cell::new(1) }
    }

    /// A linear congruential generator whose modulus is a power of two passes through all states
    /// (Hull and Dobell: the increment is odd, and the multiplier less one is a multiple of four).
    /// The states that are not below the bound are left out.
    pub(crate) fn next(&self) -> u64 {
        const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
        const INCREMENT: u64 = 1_442_695_040_888_963_407;
        let mask = self.below.next_power_of_two() - 1;
        loop {
            let next = self.state.get().wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & mask;
            self.state.set(next);
            if next < self.below {
                return next;
            }
        }
    }

    /// The next number as a film and a number for it, which is below the third value.
    fn pick<'a>(&self, films: &'a [Served]) -> (&'a Served, u64, u64) {
        let below = self.below / films.len() as u64;
        let number = self.next();
        let film = usize::try_from(number / below).unwrap_or_default().min(films.len() - 1);
        (&films[film], number % below, below)
    }
}

/// The requests of one kind.
#[derive(Debug)]
pub(crate) enum Asks<'a> {
    /// Clips of these seconds (to the end of the film if there are none) at random starts.
    Clips {
        films: &'a [Served],
        starts: &'a Shuffled,
        seconds: Option<u64>,
        mode: &'static str,
        lens: Vec<u64>,
    },
    /// Byte ranges at random places of the plain files, of the lengths that are listed, one after
    /// the other.
    Ranges { films: &'a [Served], places: &'a Shuffled, lens: Vec<u64>, asked: usize },
    /// Segments of the video of a film.
    Segments { film: &'a Served, numbers: &'a Shuffled, lens: Vec<u64> },
    /// What stands at a path behind a film's, of clips at random starts.
    Playlists { film: &'a Served, path: &'static str, starts: &'a Shuffled },
    /// The same request again and again.
    Same(Ask),
}

impl Asks<'_> {
    pub(crate) fn next(&mut self) -> Ask {
        match self {
            Self::Clips { films, starts, seconds, mode, .. } => {
                let (film, number, _) = starts.pick(films);
                let start = film.first_start + number;
                let (whole, milliseconds) = (start / 1000, start % 1000);
                let mut target = format!("{}?start={whole}.{milliseconds:03}", film.film);
                if let Some(seconds) = seconds {
                    target.push_str(&format!("&end={}.{milliseconds:03}", whole + *seconds));
                }
                if !mode.is_empty() {
                    target.push_str(&format!("&mode={mode}"));
                }
                Ask::get(target)
            }
            Self::Ranges { films, places, lens, asked } => {
                let (film, number, below) = places.pick(films);
                let len = lens.get(*asked % lens.len().max(1)).copied().unwrap_or(1).min(film.places.end);
                *asked += 1;
                // The numbers are spread over the places.
                let Range { start, end } = film.places;
                let places = end.saturating_sub(start + len) + 1;
                let place = u128::from(number) * u128::from(places) / u128::from(below);
                let place = (start + u64::try_from(place).unwrap_or_default()).min(end - len);
                Ask { range: Some(place..place + len), ..Ask::get(film.plain.clone()) }
            }
            Self::Segments { film, numbers, .. } => {
                Ask::get(format!("{}/cmaf/v1/{}.m4s", film.film, numbers.next() + 1))
            }
            Self::Playlists { film, path, starts } => {
                let start = starts.next();
                Ask::get(format!("{}{path}?start={}.{:03}", film.film, start / 1000, start % 1000))
            }
            Self::Same(ask) => ask.clone(),
        }
    }

    /// Takes note of the length of an answer.
    pub(crate) fn answered(&mut self, len: u64) {
        if let Self::Clips { lens, .. } | Self::Segments { lens, .. } = self {
            lens.push(len);
        }
    }

    /// The lengths of the answers since they were last taken.
    pub(crate) fn take_lens(&mut self) -> Vec<u64> {
        match self {
            Self::Clips { lens, .. } | Self::Segments { lens, .. } => std::mem::take(lens),
            _ => Vec::new(),
        }
    }

    /// Says which lengths to ask for from now on.
    pub(crate) fn set_lens(&mut self, new: Vec<u64>) {
        if let Self::Ranges { lens, asked, .. } = self {
            (*lens, *asked) = (new, 0);
        }
    }
}

impl Ask {
    pub(crate) fn get(target: String) -> Self {
        Self { method: "GET", target, range: None }
    }
}
