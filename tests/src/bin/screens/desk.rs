//! What players need that there is none of where nobody sits: a screen, and speakers.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::warden::Watched;

/// A display without a screen and an audio server without speakers, ended with this.
pub(crate) struct Desk {
    processes: Vec<(Child, Watched)>,
    dir: TempDir,
    display: String,
}

impl Desk {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut display = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("Xvfb: run `tests/setup.sh screens`");
        let number = BufReader::new(display.stdout.take().expect("a pipe")).lines().next();
        let socket = dir.path().join("audio");
        let audio = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"])
            .args(["-L", "module-null-sink sink_name=screens rate=48000"])
            .arg("-L")
            .arg(format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display()))
            .env("HOME", dir.path())
            .env("XDG_RUNTIME_DIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("pulseaudio: run `tests/setup.sh screens`");
        let number = number.and_then(Result::ok).expect("a display");
        let processes = [display, audio].map(|process| {
            let watched = Watched::new(process.id());
            (process, watched)
        });
        let desk = Self { processes: processes.into(), dir, display: format!(":{}", number.trim()) };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !socket.exists() {
            assert!(Instant::now() < deadline, "pulseaudio does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        desk
    }

    /// What announces them to a player.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let socket = self.dir.path().join("audio");
        [("DISPLAY", self.display.clone()), ("PULSE_SERVER", format!("unix:{}", socket.display()))]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for (process, _) in &mut self.processes {
            kill_process(Pid::from_child(process), Signal::TERM).ok();
            process.wait().ok();
        }
    }
}
