//! A client that notes when it got how much.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a client got.
pub(crate) struct Record {
    /// When, since it asked, it had how many bytes of the body.
    pub(crate) points: Vec<(Duration, u64)>,
    pub(crate) body: Vec<u8>,
}

/// Gets a URL with curl, and what else `args` ask of it.
pub(crate) fn get(url: &str, args: &[String]) -> Record {
    let began = Instant::now();
    let mut curl = Command::new("curl")
        .args(["-q", "-sS", "-N", "-k", "--fail", "--noproxy", "*", "--max-time", "120"])
        .args(args)
        .arg("--")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let mut out = curl.stdout.take().expect("a pipe");
    let mut record = Record { points: vec![(began.elapsed(), 0)], body: Vec::new() };
    let mut buffer = vec![0; 1 << 18];
    loop {
        let len = out.read(&mut buffer).expect("a pipe that can be read");
        if len == 0 {
            break;
        }
        record.body.extend_from_slice(buffer.get(..len).unwrap_or_default());
        record.points.push((began.elapsed(), record.body.len() as u64));
    }
    assert!(curl.wait().expect("a child of ours").success(), "{url} {args:?}");
    record
}
