//! What is known of films, in `tests/conformance`: `refused.txt` lists those that are refused, and
//! why; `exceptions.txt` those that a reader cannot judge, and why.

use std::fs;
use std::path::PathBuf;

use crate::Row;

/// Both lists, line by line.
pub(crate) struct Lists {
    refused: Vec<[String; 2]>,
    exceptions: Vec<[String; 3]>,
}

impl Lists {
    pub(crate) fn read() -> Self {
        Self { refused: read("refused.txt"), exceptions: read("exceptions.txt") }
    }

    /// Why a reader cannot judge a film, or of it the cut whose query, but for the mode, follows.
    pub(crate) fn exception(&self, film: &str, reader: &str) -> Option<String> {
        let found = self.exceptions.iter().find(|[name, who, _]| name == film && who == reader);
        found.map(|[.., why]| why.clone())
    }

    /// How the lists differ from what was found; only films that were looked at count.
    pub(crate) fn differences(&self, rows: &[Row], wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        for row in rows {
            let listed = self.refused.iter().find(|[name, _]| *name == row.name).map(|[_, why]| why);
            if row.refused.as_ref() != listed {
                let text =
                    |why: Option<&String>| why.map_or("served".to_owned(), |why| format!("refused: {why}"));
                lines.push(format!(
                    "{} is {}; refused.txt says {}",
                    row.name,
                    text(row.refused.as_ref()),
                    text(listed)
                ));
            }
            let unread = row.unread.iter().zip(["ffmpeg", "mp4box"]);
            for (why, who) in
                unread.filter(|(why, who)| why.is_some() && self.exception(&row.name, who).is_none())
            {
                if row.refused.is_none() {
                    let why = why.as_deref().unwrap_or_default();
                    lines.push(format!(
                        "{} cannot be judged by {who}: {why}; exceptions.txt does not say so",
                        row.name
                    ));
                }
            }
        }
        let film = |name: &str| name.split('?').next().unwrap_or_default().to_owned();
        let known = |name: &str| rows.iter().any(|row| row.name == film(name));
        // Without a corpus its films are not looked at.
        let corpus = |name: &str| name.contains('/') && std::env::var_os("H264_CORPUS").is_none();
        let names =
            self.refused.iter().map(|[name, _]| name).chain(self.exceptions.iter().map(|[name, ..]| name));
        for name in names.filter(|name| !known(name) && !corpus(name) && wanted(&film(name))) {
            lines.push(format!("{name} is listed, but there is no such film"));
        }
        if !lines.is_empty() {
            lines.insert(0, "tests/conformance does not say what was found:".into());
            lines.push("Look at each: is it a fault of ours? If not, mend the lists.".into());
        }
        lines
    }
}

fn read<const N: usize>(name: &str) -> Vec<[String; N]> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let fields = |line: &str| line.splitn(N, '|').map(|field| field.trim().to_owned()).collect::<Vec<_>>();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| fields(line).try_into().unwrap_or_else(|_| panic!("{}: {line}", path.display())))
        .collect()
}
