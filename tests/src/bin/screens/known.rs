//! Faults that are known, and why they are a player's own: `tests/screens/known.txt`.

use std::path::PathBuf;

use crate::clips::Clip;
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
        let found = |line: &&Line| {
            let [who, film, kind, says] = &line.fields;
            let is = |field: &String, name: &str| match field.strip_suffix('*') {
                Some(begins) => name.starts_with(begins),
                None => field == name,
            };
            is(who, player.name())
                && is(film, clip.film.trim_start_matches("screen_"))
                && is(kind, &clip.kind.name())
                && (says == "*" || fault.text.contains(says.as_str()) || fault.about == says)
        };
        self.0.iter().find(found).map(|line| line.why.as_str())
    }
}
