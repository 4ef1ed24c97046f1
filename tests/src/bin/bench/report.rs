//! What was measured, as tables and as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rows::{ROWS, Row};
use crate::{CONNECTIONS, Key, NGINX, OURS, STATIC, Speed, Subject, median_speed};

/// A measured value and what it should be.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) server: &'static str,
    pub(crate) value: f64,
    pub(crate) limit: Limit,
}

#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.value >= limit,
            Limit::AtMost(limit) => self.value <= limit,
        }
    }

    fn wanted(&self) -> String {
        match self.limit {
            Limit::AtLeast(limit) => format!("≥ {limit}"),
            Limit::AtMost(limit) => format!("≤ {limit}"),
        }
    }
}

/// A ratio of the rates of one row to another's, for each number of connections.
struct Ratio {
    what: &'static str,
    row: &'static str,
    /// Server (that of the row where it is `None`) and kind of what it is compared with.
    peer: (Option<&'static str>, &'static str),
    /// Whether it is of the first bytes instead.
    of_first_bytes: bool,
    limit: Limit,
}

const RATIO: Ratio = Ratio {
    what: "",
    row: "ten-second clip",
    peer: (None, STATIC),
    of_first_bytes: false,
    limit: Limit::AtLeast(0.9),
};

const RATIOS: &[Ratio] = &[
    Ratio { what: "ten-second clip ÷ static, answers/s", ..RATIO },
    Ratio {
        what: "ten-second clip, metadata last ÷ static, answers/s",
        row: "ten-second clip, metadata last",
        ..RATIO
    },
    Ratio {
        what: "ten-second clips, each another ÷ static, answers/s",
        row: "ten-second clips, each another",
        ..RATIO
    },
    Ratio {
        what: "ten-second clip ÷ nginx's, answers/s",
        peer: (Some("nginx"), NGINX),
        limit: Limit::AtLeast(5.0),
        ..RATIO
    },
    Ratio {
        what: "mid-film seek ÷ static, bytes/s",
        row: "mid-film seek",
        limit: Limit::AtLeast(0.95),
        ..RATIO
    },
    Ratio {
        what: "mid-film seek ÷ nginx's, time to the first byte",
        row: "mid-film seek",
        peer: (Some("nginx"), NGINX),
        of_first_bytes: true,
        limit: Limit::AtMost(0.2),
    },
    Ratio {
        what: "HEAD of a seek ÷ of a static file, answers/s",
        row: "HEAD of a seek",
        limit: Limit::AtLeast(0.7),
        ..RATIO
    },
];

/// The bars that are ratios of rows.
pub(crate) fn bars_of(medians: &BTreeMap<Key, Speed>) -> Vec<Bar> {
    let mut bars = Vec::new();
    for server in ["Apache", "lighttpd"] {
        for ratio in RATIOS {
            for n in CONNECTIONS {
                let ours = medians.get(&(ratio.row, n, server, OURS));
                let peer = medians.get(&(ratio.row, n, ratio.peer.0.unwrap_or(server), ratio.peer.1));
                let (Some(ours), Some(peer)) = (ours, peer) else { continue };
                let value = if ratio.of_first_bytes {
                    ours.first_byte / peer.first_byte
                } else {
                    ours.rate / peer.rate
                };
                let connections = if n == 1 { "connection" } else { "connections" };
                let what = format!("{}, {n} {connections}", ratio.what);
                bars.push(Bar { what, server, value, limit: ratio.limit });
            }
        }
        let of = |row| medians.get(&(row, 1, server, OURS));
        if let (Some(ten_hours), Some(ten_minutes)) = (of("clip of ten hours"), of("clip of ten minutes")) {
            let what = "ten-second clip of the ten-hour ÷ of the ten-minute film, time".to_owned();
            let value = ten_minutes.rate / ten_hours.rate;
            bars.push(Bar { what, server, value, limit: Limit::AtMost(1.2) });
        }
    }
    bars
}

pub(crate) fn print_bars(bars: &[Bar]) {
    println!("{:82}{:10}{:>8}  bar", "", "", "");
    for bar in bars {
        let verdict = if bar.is_met() { "" } else { "  missed" };
        println!("{:82}{:10}{:>8.2}  {}{verdict}", bar.what, bar.server, bar.value, bar.wanted());
    }
    println!();
}

/// What a subject is compared with: nginx's module, and the same server's static file.
const PEERS: [(&str, Option<&str>, &str); 2] =
    [("÷ nginx's", Some("nginx"), NGINX), ("÷ static", None, STATIC)];

pub(crate) fn print_row(row: &Row, subjects: &[Subject<'_>], medians: &BTreeMap<Key, Speed>) {
    let unit = if row.by_bytes { "MB/s" } else { "answers/s" };
    let len = subjects.first().map(|subject| subject.len).unwrap_or_default();
    println!("{} of a {}: {} ?{}, {len} bytes", row.name, row.film.name(), row.method, row.query);
    let heading: String =
        CONNECTIONS.map(|n| format!("{:>17} {:>12}", format!("{unit} at {n}"), "first byte")).concat();
    println!("  {:24}{heading}", "");
    let line = |name: String, cells: &dyn Fn(usize) -> Option<(String, String)>| {
        let cells =
            CONNECTIONS.map(|n| cells(n).map_or_else(String::new, |(a, b)| format!("{a:>17} {b:>12}")));
        println!("  {name:24}{}", cells.concat());
    };
    for subject in subjects {
        line(format!("{}, {}", subject.server, subject.kind), &|n| {
            let speed = medians.get(&(row.name, n, subject.server, subject.kind))?;
            let rate = if row.by_bytes { speed.rate / 1e6 } else { speed.rate };
            Some((format!("{rate:.0}"), format!("{:.3} ms", speed.first_byte * 1e3)))
        });
    }
    for (name, server, kind) in PEERS {
        // nginx's own static file shows what no module can pass.
        let ours =
            |s: &&Subject<'_>| s.kind == OURS || (s.kind == STATIC && s.server == "nginx" && kind == NGINX);
        for subject in subjects.iter().filter(|_| row.beside_others).filter(ours) {
            let of = if subject.kind == STATIC { "nginx static" } else { subject.server };
            line(format!("{of} {name}"), &|n| {
                let ours = medians.get(&(row.name, n, subject.server, subject.kind))?;
                let peer = medians.get(&(row.name, n, server.unwrap_or(subject.server), kind))?;
                let (rate, first) = (ours.rate / peer.rate, ours.first_byte / peer.first_byte);
                Some((format!("× {rate:.2}"), format!("× {first:.2}")))
            });
        }
    }
    println!();
}

pub(crate) fn as_json(
    samples: &BTreeMap<Key, Vec<Speed>>,
    medians: &BTreeMap<Key, Speed>,
    subjects: &[Vec<Subject<'_>>],
    bars: &[Bar],
) -> Value {
    let mut rows = Vec::new();
    for (row, subjects) in ROWS.iter().zip(subjects) {
        for (key, speeds) in samples.iter().filter(|(key, _)| key.0 == row.name) {
            let (_, connections, server, kind) = *key;
            let median = median_speed(speeds);
            let ratio = |server, kind| {
                medians.get(&(row.name, connections, server, kind)).map(|peer| {
                    json!({ "rate": median.rate / peer.rate, "first_byte": median.first_byte / peer.first_byte })
                })
            };
            let subject = subjects.iter().find(|s| (s.server, s.kind) == (server, kind));
            rows.push(json!({
                "row": row.name, "film": row.film.name(), "method": row.method, "query": row.query,
                "bytes": subject.map(|s| s.len), "connections": connections, "server": server, "kind": kind,
                "unit": if row.by_bytes { "bytes/s" } else { "answers/s" },
                "rate": median.rate, "first_byte_seconds": median.first_byte,
                "to_nginx": ratio("nginx", NGINX), "to_static": ratio(server, STATIC),
                "rates": speeds.iter().map(|s| s.rate).collect::<Vec<_>>(),
                "first_bytes_seconds": speeds.iter().map(|s| s.first_byte).collect::<Vec<_>>(),
            }));
        }
    }
    let bars = bars.iter().map(|bar| {
        json!({
            "what": bar.what, "server": bar.server, "value": bar.value, "bar": bar.wanted(), "met": bar.is_met(),
        })
    });
    json!({ "rows": rows, "bars": bars.collect::<Vec<_>>() })
}
