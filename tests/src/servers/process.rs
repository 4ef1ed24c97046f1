//! The processes of a server: their end, their sockets, and what they log.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::{Engine, under_valgrind};
use crate::warden::Watched;

#[derive(Debug)]
pub(super) struct Process {
    /// The server, or what starts it and ends.
    pub(super) child: Child,
    /// The session of its processes: the id of the first of them.
    pub(super) session: u32,
    pub(super) watched: Watched,
    pub(super) is_daemon: bool,
    pub(super) port: u16,
    pub(super) dir: TempDir,
    pub(super) expected: Mutex<Vec<Announced>>,
    /// The processes, as directories in `/proc`, that have to be there until the server is stopped.
    pub(super) lasting: Mutex<Vec<PathBuf>>,
    /// Whether the test kills some itself.
    pub(super) may_be_killed: AtomicBool,
}

#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) line: Regex,
    pub(super) required: bool,
}

impl Process {
    /// The id of the first process. That of a daemon changes where a new one takes over.
    pub(super) fn id(&self) -> u32 {
        if self.is_daemon { self.masters().first().copied().unwrap_or(self.session) } else { self.session }
    }

    /// The first processes of a daemon, of which there are two while one takes over from the other.
    fn masters(&self) -> Vec<u32> {
        let files = ["server.pid", "server.pid.oldbin"].map(|name| self.dir.path().join(name));
        let ids = files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
        let ours = self.processes();
        ids.filter(|id: &u32| ours.contains(&PathBuf::from(format!("/proc/{id}")))).collect()
    }

    /// Notes the processes there are, once a server with so many workers has started them all. No
    /// log says that a worker of lighttpd died, and another is there at once.
    pub(super) fn note_processes(&mut self, workers: usize) {
        let has_started = self.wait_until(15, |server| server.processes().len() > workers);
        assert!(has_started, "{workers} workers were to start: {:?}", self.processes());
        *self.lasting.get_mut().expect("a list") = self.processes();
    }

    /// No longer asks for the processes there were: the test ends them, or has the server do it.
    pub(super) fn let_processes_go(&self) {
        self.lasting.lock().expect("a list").clear();
    }

    /// Those of the processes there were that ended by themselves.
    pub(super) fn lost(&self) -> Vec<PathBuf> {
        let (now, mut lost) = (self.processes(), self.lasting.lock().expect("a list").clone());
        lost.retain(|process| !now.contains(process));
        lost
    }

    /// How the first process ended, or what started it.
    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// How the first process ended, unless that was well.
    pub(super) fn wrong_end(&mut self, engine: Engine) -> Option<ExitStatus> {
        // lighttpd says 1 where it leaves clients.
        let is_well = |code| code == 0 || (code == 1 && engine == Engine::Lighttpd);
        self.status().filter(|status| !status.code().is_some_and(is_well))
    }

    pub(super) fn signal(&self, signal: Signal) {
        // At HUP lighttpd opens its logs, and keeps its processes.
        if signal != Signal::HUP && signal != Signal::STOP && signal != Signal::CONT {
            self.let_processes_go();
        }
        kill_process(pid(self.id()), signal).expect("a process of ours");
    }

    /// Whether the server is about to listen. A daemon then has written who it is.
    pub(super) fn has_started(&mut self) -> bool {
        if self.is_daemon {
            let id = fs::read_to_string(self.dir.path().join("server.pid"));
            let Ok(id) = id.unwrap_or_default().trim().parse() else { return false };
            if self.session != id {
                self.session = id;
                self.watched = Watched::new(id);
            }
        }
        self.listens()
    }

    /// The directories in `/proc` of the processes that have not ended.
    pub(super) fn processes(&self) -> Vec<PathBuf> {
        let session = self.session.to_string();
        let ours = |stat: &str| {
            // The name of a program may hold spaces, but it ends in the last parenthesis.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split(' ').skip(1);
            // The parent of a process that has ended may not have taken note: state `Z`.
            fields.next() != Some("Z") && fields.nth(2) == Some(session.as_str())
        };
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|process| process.path());
        processes.filter(|dir| fs::read_to_string(dir.join("stat")).is_ok_and(|stat| ours(&stat))).collect()
    }

    /// Stops the server and waits for its end; whether it went by itself.
    pub(super) fn stop(&mut self, engine: Engine) -> bool {
        // At SIGTERM, a child of Apache's event closes the sockets that its workers have in hand. A
        // worker whose connection just came to its end gives the socket's memory back before it
        // lets go of it, and so now and then a child dies of SIGSEGV. A graceful stop leaves the
        // sockets to the workers, but waits for every client that stays, and then nothing but
        // SIGKILL hurries a child.
        if matches!(engine, Engine::Apache(_)) && !self.ended() && !self.has_clients() {
            self.signal(Signal::WINCH);
            self.wait_until(15, |server| server.processes().len() <= 1);
        }
        // Apache's first process looks for its children's end only once a second, or at a signal.
        if self.is_daemon {
            self.masters().into_iter().for_each(|id| {
                kill_process(pid(id), Signal::TERM).ok();
            });
        } else if !self.ended() {
            self.signal(Signal::TERM);
        }
        // lighttpd's first process does not wait for its workers.
        let clean = self.wait_until(15, |server| server.ended() && server.processes().is_empty());
        if !clean {
            self.kill();
        }
        clean
    }

    /// Ends all processes at once.
    pub(super) fn kill(&mut self) {
        kill_process_group(pid(self.session), Signal::KILL).ok();
        self.child.wait().ok();
    }

    /// Whether the port is this server's. A connection would succeed with another server that was
    /// faster, too.
    fn listens(&self) -> bool {
        let fds = fs::read_dir(format!("/proc/{}/fd", self.id())).into_iter().flatten().flatten();
        let open: Vec<_> = fds.filter_map(|fd| fs::read_link(fd.path()).ok()).collect();
        let ours = |inode: &str| open.contains(&PathBuf::from(format!("socket:[{inode}]")));
        self.sockets().iter().any(|(state, inode)| state == "0A" && ours(inode))
    }

    /// Whether there are connections that their clients have not closed.
    fn has_clients(&self) -> bool {
        // Established, and FIN_WAIT_1 and 2, which only the server has closed.
        self.sockets().iter().any(|(state, _)| matches!(state.as_str(), "01" | "04" | "05"))
    }

    /// State and inode, as the kernel writes them, of the sockets on the server's port.
    fn sockets(&self) -> Vec<(String, String)> {
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.id())).unwrap_or_default();
        let address = format!("0100007F:{:04X}", self.port);
        // There are thousands of lines after so many requests, and only these need to be parsed.
        let lines = table.lines().filter(|line| line.contains(&address));
        let rows = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter_map(|row| match row.as_slice() {
            [_, local, _, state, _, _, _, _, _, inode, ..] if *local == address => {
                Some(((*state).to_owned(), (*inode).to_owned()))
            }
            _ => None,
        })
        .collect()
    }

    pub(super) fn ended(&mut self) -> bool {
        let Some(end) = self.status() else { return false };
        // A daemon goes on when what started it has ended well, and soon says who it is.
        let is_daemon = self.is_daemon && end.success();
        !is_daemon || (self.session != self.child.id() && self.processes().is_empty())
    }

    /// Waits until it is `done`, at most this many seconds; whether it is.
    fn wait_until(&mut self, seconds: u64, done: impl Fn(&mut Self) -> bool) -> bool {
        let deadline =
            Instant::now() + Duration::from_secs(if under_valgrind() { 4 * seconds } else { seconds });
        while !done(self) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// What valgrind says of the server and its children.
    pub(super) fn misuse(&self) -> String {
        let files = fs::read_dir(self.dir.path()).expect("a directory of our own").flatten();
        let logs = files.filter(|f| f.file_name().to_string_lossy().starts_with("valgrind."));
        let logs: Vec<_> = logs.map(|f| fs::read(f.path()).expect("a file of our own")).collect();
        assert!(!logs.is_empty() || !under_valgrind(), "valgrind says nothing at all");
        String::from_utf8_lossy(&logs.concat()).into_owned()
    }

    pub(super) fn log(&self) -> Vec<String> {
        ["stderr.log", "error.log"]
            .into_iter()
            .filter_map(|name| fs::read(self.dir.path().join(name)).ok())
            .flat_map(|log| String::from_utf8_lossy(&log).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Whether a line says that a process died, or that the module panicked. No test can allow it,
    /// but for what it kills itself.
    pub(super) fn is_crash(&self, line: &str) -> bool {
        // Ending takes valgrind longer than nginx waits for its workers.
        let may_be_killed = self.may_be_killed.load(Ordering::Relaxed) || under_valgrind();
        let died = |words: &str, killed: &str| {
            line.contains(words) && !(may_be_killed && line.contains(&format!("{words}{killed}")))
        };
        died("exit signal ", "Killed (9)") || died("exited on signal ", "9") || line.contains("panicked at ")
    }
}

pub(super) fn pid(id: u32) -> Pid {
    i32::try_from(id).ok().and_then(Pid::from_raw).expect("the id of a process")
}

/// What a server says when it starts, opens its logs again, and stops.
pub(super) fn is_routine(line: &str) -> bool {
    const ROUTINE: &[&str] = &[
        "resuming normal operations",
        "AH00094: Command line:",
        "caught SIGTERM, shutting down",
        "caught SIGWINCH, shutting down gracefully",
        "server started (lighttpd",
        "server stopped by UID",
        "logfiles cycled UID",
        "using the \"epoll\" event method",
        // nginx 1.25.1 and later have another way to say so, which older ones do not know.
        "the \"listen ... http2\" directive is deprecated",
        // The machine's clock, which others set.
        "warning: clock jumped",
    ];
    // Ending takes valgrind longer than Apache and nginx wait for their children.
    const SLOW: [&str; 2] = ["AH00045: child process", " exited on signal 9"];
    line.trim().is_empty()
        || ROUTINE.iter().any(|routine| line.contains(routine))
        || (under_valgrind() && SLOW.iter().any(|slow| line.contains(slow)))
        || is_notice_of_nginx(line)
}

/// What nginx says of its processes, as long as they end well.
fn is_notice_of_nginx(line: &str) -> bool {
    line.contains(" [notice] ")
        && !line.contains("h264_streaming")
        && (!line.contains("exited with code") || line.ends_with("exited with code 0"))
}
