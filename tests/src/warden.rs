//! Ends what a program started, when it is killed or interrupted before it could: servers are in a
//! session of their own, which no Ctrl-C reaches.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};

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
