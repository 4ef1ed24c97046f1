//! Asks mp4box.js for the tables of a film.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{Movie, Sample, Track};

/// The reader, waiting for films.
#[derive(Debug)]
pub struct Reader {
    process: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    /// Starts the reader that is installed by `tests/setup.sh conformance`.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/read.cjs");
        let mut process = Command::new("node")
            .arg(script)
            .env("H264_NPM", crate::npm_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run tests/setup.sh conformance");
        let ask = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, ask, answers }
    }

    /// Reads the film at `path`.
    ///
    /// # Errors
    /// What the reader says when it cannot.
    pub fn read(&mut self, path: &Path) -> Result<Movie, String> {
        writeln!(self.ask, "{}", path.display()).expect("a reader: run tests/setup.sh conformance");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("UTF-8");
        let json: Value = serde_json::from_str(&line).expect("a reader: run tests/setup.sh conformance");
        match json["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Movie::from_json(&json)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap_or(f64::NAN)
}

fn items<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], |v| v)
}

impl Movie {
    fn from_json(json: &Value) -> Self {
        Self {
            timescale: number(&json["timescale"]),
            duration: number(&json["duration"]),
            tracks: items(json, "tracks").iter().map(Track::from_json).collect(),
        }
    }
}

impl Track {
    fn from_json(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let edit = |e: &Value| (number(&e[0]), number(&e[1]), number(&e[2]));
        Self {
            id: json["id"].as_u64().unwrap_or(0),
            enabled: json["enabled"] == true,
            kind: text("kind"),
            codec: text("codec"),
            timescale: number(&json["timescale"]),
            duration: number(&json["duration"]),
            edits: items(json, "edits").iter().map(edit).collect(),
            samples: items(json, "samples").iter().map(Sample::from_json).collect(),
        }
    }
}

impl Sample {
    fn from_json(json: &Value) -> Self {
        Self {
            dts: number(&json[0]),
            cts: number(&json[1]),
            duration: number(&json[2]),
            sync: json[3] == true,
            size: json[4].as_u64().unwrap_or(0),
            hash: json[5].as_str().unwrap_or_default().to_owned(),
        }
    }
}
