//! Ends what a program started, when it is killed or interrupted before it could: servers are in a
//! session of their own, which no Ctrl-C reaches.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use rustix::process::{Pid, Signal, kill_process};

/// Reads which process groups there are, until the program that starts and ends them is gone.
const SCRIPT: &str = r#"
groups=' '
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) groups="${groups%% "$group" *} ${groups#* "$group" }" ;;
    esac
done
[ -n "${groups# }" ] || exit 0
for signal in TERM KILL; do
    for group in $groups; do
        kill -s "$signal" -- "-$group"
    done
    sleep 3
done
"#;

/// A process group that is ended when this program does not do it. Let it go when it has ended.
#[derive(Debug)]
pub struct Watched(u32);

impl Watched {
    /// Of the process that leads the group.
    ///
    /// # Panics
    /// Where there is no shell.
    pub fn new(leader: u32) -> Self {
        tell('+', leader);
        Self(leader)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell('-', self.0);
    }
}

fn tell(sign: char, group: u32) {
    static WARDEN: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| {
        let warden = Command::new("sh")
            .args(["-c", SCRIPT, "warden"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Mutex::new(warden.expect("a shell").stdin.take().expect("a pipe"))
    });
    let mut to = WARDEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // At once, so that no line is there in part when this program is killed. A warden that somebody
    // killed watches nothing, which is no reason for a test to fail.
    to.write_all(format!("{sign} {group}\n").as_bytes()).ok();
}

/// A test's program, run once more for that test alone, which is killed before it ends.
#[derive(Debug)]
pub struct Again {
    process: Child,
    /// What it says, from the character waited for to the end of the line.
    pub said: String,
}

impl Again {
    /// Starts it with `variable` set, and waits for a line with `begins` in it.
    ///
    /// # Panics
    /// When it ends without such a line.
    pub fn of(test: &str, variable: &str, begins: char) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", test, "--nocapture"])
            .env(variable, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        // Where tests run one at a time, the line begins with the test's name.
        let said = lines.find_map(|line| Some(line[line.find(begins)?..].to_owned()));
        Self { process, said: said.expect("what this program says") }
    }

    /// Kills it, and waits for its end.
    ///
    /// # Panics
    /// When it has ended by itself.
    pub fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("a child of ours");
        self.process.wait().expect("a child of ours");
    }
}
