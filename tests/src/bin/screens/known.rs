//! Faults that are known, and why they are a player's own: `tests/screens/known.txt`.

use std::path::PathBuf;

use crate::clips::{Clip, Kind};
use crate::sight::{Fault, Player};

pub(crate) struct Known(Vec<Line>);

/// Player, film, clip, what a fault says, and the reason. A `*` at its end stands for anything.
struct Line {
    fields: [String; 4],
    why: String,
}

impl Known {
    pub(crate) fn read() -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screens/known.txt");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = |line: &str| {
            let fields: Vec<_> = line.splitn(5, '|').map(|field| field.trim().to_owned()).collect();
            let [player, film, clip, says, why] =
                <[String; 5]>::try_from(fields).unwrap_or_else(|_| panic!("{}: {line}", path.display()));
            Line { fields: [player, film, clip, says], why }
        };
        Self(lines.map(line).collect())
    }

    /// Why a fault is the player's own.
    pub(crate) fn why(&self, player: Player, clip: &Clip, fault: &Fault) -> Option<&str> {
        let is_it = |says: &str| says == "*" || fault.text.contains(says) || fault.about == says;
        self.lines_of(player, clip).find(|line| is_it(&line.fields[3])).map(|line| line.why.as_str())
    }

    /// Whether all that a player does with a clip is its own fault.
    pub(crate) fn excuses_all(&self, player: Player, clip: &Clip) -> bool {
        clip.kind != Kind::Plain && self.lines_of(player, clip).any(|line| line.fields[3] == "*")
    }

    fn lines_of(&self, player: Player, clip: &Clip) -> impl Iterator<Item = &Line> {
        let is = |field: &str, name: &str| match field.strip_suffix('*') {
            Some(begins) => name.starts_with(begins),
            None => field == name,
        };
        let (film, kind) = (clip.film.trim_start_matches("screen_"), clip.kind.name());
        self.0.iter().filter(move |Line { fields: [who, of, how, _], .. }| {
            is(who, player.name()) && is(of, film) && is(how, &kind)
        })
    }
}
