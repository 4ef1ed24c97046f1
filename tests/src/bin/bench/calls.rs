//! System calls of a clip, without those that a range needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tests::servers::Site;

use crate::asks::{Ask, Asks};
use crate::bar::{Bar, Limit};
use crate::film::Length;
use crate::subject::{ours, starts, wait_until_films_are_kept};
use crate::{Bench, Result, progress};

/// Calls, by their names.
type Calls = BTreeMap<String, f64>;

/// Counts the calls of ten-second clips and of ranges of the same lengths, over one connection.
pub(crate) fn calls(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    length.warm()?;
    let starts = starts(length);
    let subjects = ours(length)?;
    wait_until_films_are_kept();
    let requests = if bench.is_quick { 20 } else { 100 };
    for subject in &subjects {
        let server = &subject.name;
        let name = format!("{server}: system calls of a clip − of a range");
        progress(&name);
        let mut clips = subject.clips(&starts, "exact").asks;
        let mut ranges = subject.ranges(&starts, "exact", 0).asks;
        let of_clips = count(&subject.site, &mut clips, requests);
        ranges.set_lens(clips.take_lens());
        let counted =
            of_clips.and_then(|of_clips| Ok((of_clips, count(&subject.site, &mut ranges, requests)?)));
        progress("");
        let (of_clips, of_ranges) = match counted {
            Ok(counted) => counted,
            Err(e) => {
                bench.skip(name, e.to_string());
                continue;
            }
        };
        let sum = |calls: &Calls| calls.values().sum::<f64>();
        let value = sum(&of_clips) - sum(&of_ranges);
        bench.report(Bar { name, value, limit: Limit::AtMost(6.0) });
        for (what, calls) in [("a clip", of_clips), ("a range", of_ranges)] {
            let mut often: Vec<_> = calls.iter().filter(|(_, times)| **times >= 0.05).collect();
            often.sort_by(|a, b| b.1.total_cmp(a.1));
            let line: Vec<_> = often.iter().map(|(name, times)| format!("{name} {times:.1}")).collect();
            let name = format!("{server}: {what}");
            bench.detail(
                &format!("  {name}: {}", line.join(", ")),
                json!({ "name": name, "system_calls": calls }),
            );
        }
    }
    Ok(())
}

/// The calls of a server for each of some requests.
fn count(site: &Site, asks: &mut Asks<'_>, requests: u32) -> Result<Calls> {
    let mut client = site.connect();
    let mut ask = |asks: &mut Asks<'_>| -> Result<()> {
        client.try_write(&request(&asks.next(), site.address()))?;
        let reply = client.reply();
        if !matches!(reply.status, 200 | 206) {
            return Err(reply.to_string().into());
        }
        asks.answered(reply.body.len() as u64);
        Ok(())
    };
    // A connection begins slowly, and its first answers take more writes.
    for _ in 0..10 {
        ask(asks)?;
    }
    asks.take_lens();
    let log = site.dir().join("strace.log");
    let strace = Strace::attach(site, &log)?;
    for _ in 0..requests {
        ask(asks)?;
    }
    strace.detach()?;
    let mut calls = Calls::new();
    let text = fs::read(&log)?;
    for name in String::from_utf8_lossy(&text).lines().filter_map(name_of_call) {
        *calls.entry(name.to_owned()).or_default() += 1.0 / f64::from(requests);
    }
    Ok(calls)
}

fn request(ask: &Ask, address: &str) -> String {
    let range = ask.range.as_ref();
    let range =
        range.map_or_else(String::new, |range| format!("Range: bytes={}-{}\r\n", range.start, range.end - 1));
    format!("{} {} HTTP/1.1\r\nHost: {address}\r\n{range}\r\n", ask.method, ask.target)
}

/// The name of the call that a line of strace's tells the beginning of: `1234 read(3, …`. The end
/// of a call that another thread interrupted (`1234 <... read resumed>`), and signals, have lines
/// of their own.
fn name_of_call(line: &str) -> Option<&str> {
    let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let (name, _) = call.split_once('(')?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

/// strace, attached to all threads of a server.
struct Strace(Child);

impl Strace {
    fn attach(site: &Site, log: &Path) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(log).stdin(Stdio::null()).stderr(Stdio::null());
        let processes = site.processes();
        for process in &processes {
            strace.arg("-p").arg(process.file_name().ok_or("no process")?);
        }
        let mut strace = Self(strace.spawn().map_err(|_| "strace is not installed")?);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !processes.iter().all(|process| is_traced(process)) {
            if strace.0.try_wait()?.is_some() || Instant::now() > deadline {
                return Err("strace may not attach to the server".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(strace)
    }

    /// Lets the server go, once all is written down.
    fn detach(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.0), Signal::INT)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // One that was detached has ended.
        if matches!(self.0.try_wait(), Ok(None)) {
            kill_process(Pid::from_child(&self.0), Signal::INT).ok();
            self.0.wait().ok();
        }
    }
}

/// Whether all threads of a process are traced.
fn is_traced(process: &Path) -> bool {
    let tasks = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let mut statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    statuses.all(|status| status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0")))
}
