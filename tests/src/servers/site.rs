//! A running server: its requests, its files and its logs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use regex::Regex;
use rustix::process::{Signal, kill_process};

use super::process::{Announced, Process, is_routine, pid};
use super::{Builder, Engine, HTTP2_PORT};
use crate::client::{Connection, Reply, Request};
use crate::films::Film;

/// A running server and its document root.
#[derive(Debug)]
pub struct Site {
    pub(super) engine: Engine,
    pub(super) address: String,
    pub(super) docroot: PathBuf,
    pub(super) process: Option<Process>,
}

impl Site {
    /// A server with the default configuration. Where `H264_APACHE_URL`, `H264_LIGHTTPD_URL` or
    /// `H264_NGINX_URL` (`http://host:port`) names one that runs already, with its document root
    /// mounted at `H264_DOCROOT`, that one. `H264_NGINX_HTTP2` (`host:port`) is where that of nginx
    /// speaks HTTP/2.
    pub fn any(engine: Engine) -> Self {
        let variable = match engine {
            Engine::Apache(_) => "H264_APACHE_URL",
            Engine::Lighttpd => "H264_LIGHTTPD_URL",
            Engine::Nginx => "H264_NGINX_URL",
            Engine::Varnish => "H264_VARNISH_URL",
        };
        let Ok(url) = std::env::var(variable) else { return Builder::new(engine).start() };
        let address = url.strip_prefix("http://").unwrap_or(&url).trim_end_matches('/').to_owned();
        let docroot = std::env::var_os("H264_DOCROOT").expect("H264_DOCROOT beside the servers' URLs").into();
        Self { engine, address, docroot, process: None }
    }

    /// Which server this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The directory that is served.
    pub fn docroot(&self) -> &Path {
        &self.docroot
    }

    /// The directory of the server's own files.
    pub fn dir(&self) -> &Path {
        self.running().dir.path()
    }

    /// The id of the server's first process.
    pub fn pid(&self) -> u32 {
        self.running().id()
    }

    /// The URL of `target`, which begins with a slash.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// A request for `target` that can be added to.
    pub fn request(&self, target: &str) -> Request {
        Request::get(self.url(target)).with_http2_at(self.http2_place())
    }

    /// What makes curl speak HTTP/2 with this server from the first byte.
    pub fn http2_arguments(&self) -> Vec<String> {
        self.request("/").http2().arguments()
    }

    /// The port that speaks nothing but HTTP/2 without TLS, where the server has one.
    pub fn http2_place(&self) -> Option<String> {
        let Some(process) = &self.process else {
            return std::env::var("H264_NGINX_HTTP2").ok().filter(|_| self.engine == Engine::Nginx);
        };
        let port = fs::read_to_string(process.dir.path().join(HTTP2_PORT)).ok()?;
        Some(format!("127.0.0.1:{port}"))
    }

    /// GETs `target`.
    pub fn get(&self, target: &str) -> Reply {
        self.request(target).send()
    }

    /// Gets `target` from a server that has been signalled to start again, as soon as it answers.
    pub fn get_after_restart(&self, target: &str) -> Reply {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.request(target).try_send() {
                Ok(reply) => return reply,
                Err(e) => assert!(Instant::now() < deadline, "after the restart: {e}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A connection to speak on by hand.
    pub fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// Puts a film into the document root, and gives its path in URLs. The same
    /// bytes with the same time, whatever the server.
    pub fn publish(&self, film: &Film) -> String {
        let name = film.path.file_name().and_then(|n| n.to_str()).expect("a name we chose");
        self.publish_as(film, name);
        format!("/{name}")
    }

    /// Puts a film into the document root under `name`, directories included. All sites have the same
    /// file: each new link changes the time of its last change, and then what caches know of it counts
    /// no more. A test that looks at caches copies its film with [`Self::put`].
    pub fn publish_as(&self, film: &Film, name: impl AsRef<Path>) {
        let to = self.docroot.join(name);
        fs::create_dir_all(to.parent().expect("a name under the root")).expect("a writable root");
        if to.exists() || fs::hard_link(&film.path, &to).is_ok() {
            return;
        }
        // Another file system: copied beside, then renamed, for servers that others use too.
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let copy = COPIES.fetch_add(1, Ordering::Relaxed);
        let part = self.docroot.join(format!(".part-{}-{copy}", std::process::id()));
        let copied = Command::new("cp")
            .args(["--sparse=always", "--preserve=timestamps", "--"])
            .arg(&film.path)
            .arg(&part)
            .status()
            .is_ok_and(|s| s.success());
        assert!(copied, "{} cannot be copied to {}", film.path.display(), part.display());
        fs::rename(&part, &to).expect("a document root that can be written");
    }

    /// Writes a file into the document root, directories included.
    pub fn put(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.docroot.join(name);
        fs::create_dir_all(path.parent().expect("a name under the root")).expect("a writable root");
        fs::write(path, bytes).expect("a document root that can be written");
    }

    /// The same, of a file that was not changed just now: Apache's tag of one that may change again
    /// within the same second is weak.
    pub fn put_old(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        self.put(&name, bytes);
        let file = fs::File::options().write(true).open(self.docroot.join(name)).expect("a file of our own");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000))
            .expect("a file of our own");
    }

    /// Announces a line of the error log: it must be there when the server stops.
    /// Lines that nothing announced fail the test. (A server started by others
    /// keeps its log to itself.)
    pub fn expect_log(&self, line: &str) {
        self.announce(line, true);
    }

    /// Announces a line of the error log that may be there.
    pub fn allow_log(&self, line: &str) {
        self.announce(line, false);
    }

    fn announce(&self, line: &str, required: bool) {
        if let Some(process) = &self.process {
            let line = Regex::new(line).expect("a regular expression");
            process.expected.lock().expect("a list").push(Announced { line, required });
        }
    }

    /// The lines of the error log so far.
    pub fn error_log(&self) -> Vec<String> {
        self.running().log()
    }

    /// The lines of the access log once there are `lines` of them: the request's
    /// first line, status, bytes of the body.
    pub fn access_log(&self, lines: usize) -> Vec<String> {
        let path = self.dir().join("access.log");
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = fs::read(&path).unwrap_or_default();
            let log: Vec<String> = String::from_utf8_lossy(&log).lines().map(str::to_owned).collect();
            if log.len() >= lines {
                return log;
            }
            assert!(Instant::now() < deadline, "the access log has {} lines of {lines}: {log:?}", log.len());
            // lighttpd keeps lines back until its buffer is full or a signal comes.
            if self.engine == Engine::Lighttpd {
                self.signal(Signal::HUP);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How many descriptors of `path` the server's processes hold.
    pub fn descriptors_of(&self, path: &Path) -> usize {
        let path = path.canonicalize().expect("a file that is there");
        let descriptors = self.processes().into_iter().filter_map(|dir| fs::read_dir(dir.join("fd")).ok());
        descriptors
            .flatten()
            .flatten()
            .filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == path))
            .count()
    }

    /// How many bytes the server's processes have read so far, from the page cache or the disk.
    pub fn bytes_read(&self) -> u64 {
        let io = self.processes().into_iter().filter_map(|dir| fs::read_to_string(dir.join("io")).ok());
        io.filter_map(|io| io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok()))
            .sum()
    }

    /// How long the server's processes have computed so far.
    pub fn computed(&self) -> Duration {
        let stats = self.processes().into_iter().filter_map(|dir| fs::read_to_string(dir.join("stat")).ok());
        let ticks = stats.filter_map(|stat| {
            // The name may have anything in it.
            let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        });
        Duration::from_millis(ticks.sum::<u64>() * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// The directories of the server's processes in `/proc`.
    pub fn processes(&self) -> Vec<PathBuf> {
        self.running().processes()
    }

    /// How many threads our module runs in each of the server's processes that has any.
    pub fn module_threads(&self) -> Vec<usize> {
        let of_process = |process: PathBuf| self.module_tasks(&process).len();
        self.processes().into_iter().map(of_process).filter(|&threads| threads > 0).collect()
    }

    /// The directories in `/proc` of the threads that our module runs in one of the server's
    /// processes.
    pub fn module_tasks(&self, process: &Path) -> Vec<PathBuf> {
        let tasks = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
        tasks.map(|task| task.path()).filter(|task| is_module_thread(task)).collect()
    }

    /// Kills the processes that answer. What the log says of that is no surprise then.
    pub fn kill_workers(&self) {
        self.allow_killed();
        let of_process = |process: &PathBuf| process.file_name()?.to_str()?.parse().ok();
        let ids = self.processes().iter().filter_map(of_process).collect::<Vec<u32>>();
        for id in ids.into_iter().filter(|id| *id != self.pid()) {
            // One that has just ended is gone.
            kill_process(pid(id), Signal::KILL).ok();
        }
    }

    /// Kills all of its processes at once, as a machine does that loses its power.
    pub fn kill(mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.kill();
    }

    /// Announces that the test kills processes of the server.
    pub fn allow_killed(&self) {
        let process = self.running();
        process.let_processes_go();
        process.may_be_killed.store(true, Ordering::Relaxed);
        self.allow_log("exited on signal 9$|AH10392: children are killed successively!");
    }

    /// Sends a signal to the server's first process.
    pub fn signal(&self, signal: Signal) {
        self.running().signal(signal);
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("a server that this test started")
    }

    /// Fails if the error log holds a line that was not announced, or lacks one that was.
    pub fn assert_clean_log(&self) {
        let Some(process) = &self.process else { return };
        let log = process.log();
        // A failure below must not poison the list.
        let expected = process.expected.lock().expect("a list").clone();
        let surprises: Vec<_> = log
            .iter()
            .filter(|line| {
                let is_expected = || is_routine(line) || expected.iter().any(|e| e.line.is_match(line));
                process.is_crash(line) || !is_expected()
            })
            .collect();
        assert!(surprises.is_empty(), "unexpected in the log of {:?}: {surprises:#?}", self.engine);
        for e in expected.iter().filter(|e| e.required) {
            assert!(log.iter().any(|line| e.line.is_match(line)), "no {:?} in the log: {log:#?}", e.line);
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        let lost = process.lost();
        let clean = process.stop(self.engine);
        if std::thread::panicking() {
            eprintln!("log of {:?}:\n{}", self.engine, process.log().join("\n"));
            return;
        }
        assert!(clean, "{:?} did not stop when it was signalled to", self.engine);
        assert!(lost.is_empty(), "{:?} lost processes: {lost:?}", self.engine);
        let end = process.wrong_end(self.engine);
        assert!(end.is_none(), "{:?} ended with {end:?}\n{}", self.engine, process.log().join("\n"));
        let misuse = process.misuse();
        assert!(misuse.is_empty(), "valgrind says of {:?}:\n{misuse}", self.engine);
        self.assert_clean_log();
    }
}

/// Whether a directory of `/proc/…/task` is that of a thread our module started.
fn is_module_thread(task: &Path) -> bool {
    fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == "h264-streaming")
}
