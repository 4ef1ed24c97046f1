//! What was seen, as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::clips::{Clip, Kind};
use crate::known::Known;
use crate::sight::{Fault, Own, Player, Sight, millis, text};

/// What a player did with a clip.
pub(crate) struct Verdict {
    pub(crate) player: Player,
    /// The clip's number.
    pub(crate) clip: usize,
    pub(crate) sight: Sight,
    /// What is wrong, and why it is the player's own fault.
    faults: Vec<(Fault, Option<String>)>,
}

impl Verdict {
    pub(crate) fn of(
        player: Player,
        number: usize,
        clip: &Clip,
        sight: Sight,
        own: &Own,
        known: &Known,
    ) -> Self {
        let whose = |fault: Fault| {
            let why = match clip.kind {
                Kind::Plain => Some("the plain file".to_owned()),
                Kind::Nginx => Some("nginx's".to_owned()),
                _ if own.has(&fault) => Some("as in the plain file".to_owned()),
                _ => known.why(player, clip, &fault).map(str::to_owned),
            };
            (fault, why)
        };
        let faults = sight.faults(player, &clip.wanted, own).into_iter().map(whose).collect();
        Self { player, clip: number, sight, faults }
    }

    /// Whether nothing is wrong but what is the player's own fault.
    pub(crate) fn is_right(&self) -> bool {
        self.ours() == 0
    }

    /// Becomes the other one, if that is better.
    pub(crate) fn better(&mut self, other: Self) {
        if other.ours() < self.ours() {
            *self = other;
        }
    }

    fn ours(&self) -> usize {
        self.faults.iter().filter(|(_, why)| why.is_none()).count()
    }

    fn cell(&self) -> String {
        let Some((fault, why)) = self.faults.iter().min_by_key(|(_, why)| why.is_some()) else {
            return "right".into();
        };
        let more = if self.faults.len() > 1 {
            format!(" (and {} more)", self.faults.len() - 1)
        } else {
            String::new()
        };
        let said = format!("{}{more}", fault.text.replace('|', "/"));
        if why.is_none() { format!("**{said}**") } else { said }
    }

    /// Everything that was seen, for a reader who looks closer.
    pub(crate) fn details(&self, clip: &Clip) -> String {
        let Sight {
            still,
            begin,
            duration,
            offset,
            seeks,
            ended,
            last,
            frames,
            loaded,
            stalls,
            buffered,
            switches,
            warnings,
            ..
        } = &self.sight;
        let seconds = |at: Option<f64>| at.map_or("–".into(), |at| format!("{at:.3}"));
        let ms = |offset: Option<f64>| offset.map_or("–".into(), millis);
        let mut said = format!(
            "{:<9} {}, {}: {} instead of {} frames, still {}, begins",
            self.player.name(),
            clip.film.trim_start_matches("screen_"),
            clip.kind.name(),
            frames.len(),
            clip.wanted.frames.len(),
            text(*still),
        );
        for (after, number) in begin.iter().take(4) {
            write!(said, " {number} ({after:.2})").ok();
        }
        let [before, at_end] = *duration;
        write!(
            said,
            ", duration {} and {}, A/V {} (the film's {}), seeks",
            seconds(before),
            seconds(at_end),
            ms(*offset),
            ms(clip.wanted.offset)
        )
        .ok();
        for seek in seeks.iter().chain(&self.sight.fragment) {
            write!(said, " {:.2}: {} {}", seek.to, text(seek.frame), ms(seek.offset)).ok();
        }
        write!(said, ", ended {}, last {}, loaded {}", seconds(*ended), text(*last), seconds(*loaded)).ok();
        if *stalls > 0 {
            write!(said, ", {stalls} stalls").ok();
        }
        for switch in switches {
            write!(said, "\n    {switch}").ok();
        }
        for warning in warnings {
            write!(said, ", recovers from {warning}").ok();
        }
        for (of, ranges) in buffered {
            write!(said, "\n    buffered {of}:").ok();
            for (from, to) in ranges {
                write!(said, " {from:.4}–{to:.4}").ok();
            }
        }
        for (fault, why) in &self.faults {
            let whose = why.as_ref().map_or("FAULT".into(), |why| format!("own ({why})"));
            write!(said, "\n    {whose}: {}", fault.text).ok();
        }
        said
    }
}

/// Writes the table to where people read it.
pub(crate) fn publish(table: &str) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::create_dir_all(&docs).expect("a directory for it");
    let text = [include_str!("players.md"), "\n", table].concat();
    std::fs::write(docs.join("players.md"), text).expect("a directory just created");
}

/// Films and clips down, players across.
pub(crate) fn table(clips: &[Clip], verdicts: &[Verdict]) -> String {
    let mut cells = BTreeMap::new();
    for verdict in verdicts {
        cells.insert((verdict.clip, verdict.player), verdict.cell());
    }
    let mut players: Vec<_> = verdicts.iter().map(|verdict| verdict.player).collect();
    players.sort();
    players.dedup();
    let mut text = String::from("| film | clip |");
    for player in &players {
        write!(text, " {} |", player.title()).ok();
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(players.len()));
    text.push('\n');
    for (number, clip) in clips.iter().enumerate() {
        let film = clip.film.trim_start_matches("screen_").replace('_', " ");
        write!(text, "| {} | {} |", film, clip.kind.name()).ok();
        for player in &players {
            write!(text, " {} |", cells.get(&(number, *player)).map_or("", String::as_str)).ok();
        }
        text.push('\n');
    }
    text
}
