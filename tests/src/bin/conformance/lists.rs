//! What is known of films, in `tests/conformance`: `refused.txt` lists those that are refused, and
//! why; `fragments.txt` those of which clips in fragments are; `exceptions.txt` those that a reader
//! cannot judge, and why.

use std::fs;
use std::path::PathBuf;

use crate::Row;

/// The lists, line by line.
pub(crate) struct Lists {
    refused: Vec<[String; 2]>,
    unfragmented: Vec<[String; 2]>,
    exceptions: Vec<[String; 3]>,
}

impl Lists {
    pub(crate) fn read() -> Self {
        Self {
            refused: read("refused.txt"),
            unfragmented: read("fragments.txt"),
            exceptions: read("exceptions.txt"),
        }
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
            let lists = [
                ("refused.txt", "", &row.refused, &self.refused),
                ("fragments.txt", " in fragments", &row.unfragmented, &self.unfragmented),
            ];
            for (file, form, found, list) in lists {
                let listed = list.iter().find(|[name, _]| *name == row.name).map(|[_, why]| why);
                if found.as_ref() != listed {
                    let text = |why: Option<&String>| {
                        why.map_or("served".to_owned(), |why| format!("refused: {why}"))
                    };
                    let (found, listed) = (text(found.as_ref()), text(listed));
                    lines.push(format!("{}{form} is {found}; {file} says {listed}", row.name));
                }
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
        let refused = self.refused.iter().chain(&self.unfragmented).map(|[name, _]| name);
        let names = refused.chain(self.exceptions.iter().map(|[name, ..]| name));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(refused: &[[&str; 2]], unfragmented: &[[&str; 2]], exceptions: &[[&str; 3]]) -> Lists {
        let pairs = |list: &[[&str; 2]]| list.iter().map(|line| line.map(str::to_owned)).collect();
        Lists {
            refused: pairs(refused),
            unfragmented: pairs(unfragmented),
            exceptions: exceptions.iter().map(|line| line.map(str::to_owned)).collect(),
        }
    }

    fn row(name: &str, refused: Option<&str>, unread: [Option<&str>; 2]) -> Row {
        let text = |why: Option<&str>| why.map(str::to_owned);
        Row { name: name.into(), refused: text(refused), unread: unread.map(text), ..Row::default() }
    }

    #[test]
    fn lists_that_say_what_was_found_differ_in_nothing() {
        let lists = lists(
            &[["broken", "415: no moov box"]],
            &[["packed", "415: packets"]],
            &[
                ["odd", "ffmpeg", "knows no rates"],
                ["odd?start=1", "mp4box", "a cut"],
                ["other", "ffmpeg", "x"],
            ],
        );
        let rows = [
            row("broken", Some("415: no moov box"), [Some("cannot open"), None]),
            row("odd", None, [Some("knows no rates"), None]),
            row("good", None, [None, None]),
            Row { unfragmented: Some("415: packets".into()), ..row("packed", None, [None, None]) },
        ];
        // Of films that were not looked at nothing is said.
        assert_eq!(lists.differences(&rows, &|name| name != "other"), [""; 0]);
        assert_eq!(lists.exception("odd", "ffmpeg").as_deref(), Some("knows no rates"));
        assert_eq!(lists.exception("odd?start=1", "mp4box").as_deref(), Some("a cut"));
        assert_eq!((lists.exception("odd", "mp4box"), lists.exception("good", "ffmpeg")), (None, None));
    }

    #[test]
    fn whatever_differs_is_named() {
        let lists = lists(
            &[["mended", "415: no moov box"], ["changed", "415: no stsd"], ["gone", "415: x"]],
            &[["mended", "415: packets"], ["gone in fragments", "415: x"]],
            &[["gone too", "ffmpeg", "x"], ["gone?start=1", "mp4box", "x"]],
        );
        let rows = [
            row("mended", None, [None, None]),
            row("changed", Some("415: no stsz"), [None, None]),
            row("refused", Some("500: disk"), [None, None]),
            Row { unfragmented: Some("415: packets".into()), ..row("packed", None, [None, None]) },
            row("unread", None, [None, Some("cannot be parsed")]),
        ];
        let found = lists.differences(&rows, &|_| true);
        let [_, lines @ .., _] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            lines,
            [
                "mended is served; refused.txt says refused: 415: no moov box",
                "mended in fragments is served; fragments.txt says refused: 415: packets",
                "changed is refused: 415: no stsz; refused.txt says refused: 415: no stsd",
                "refused is refused: 500: disk; refused.txt says served",
                "packed in fragments is refused: 415: packets; fragments.txt says served",
                "unread cannot be judged by mp4box: cannot be parsed; exceptions.txt does not say so",
                "gone is listed, but there is no such film",
                "gone in fragments is listed, but there is no such film",
                "gone too is listed, but there is no such film",
                "gone?start=1 is listed, but there is no such film",
            ]
        );
    }
}
