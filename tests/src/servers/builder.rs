//! A server to be: its options, its directory, and its start.

use std::fs::{self, File};
use std::iter;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::Process;
use super::{Engine, HTTP2_PORT, Site, free_port, under_valgrind};
use crate::place::{sites_dir, worker};
use crate::warden::Watched;

/// A server to be.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) engine: Engine,
    pub(super) module: bool,
    pub(super) access_log: bool,
    pub(super) workers: u32,
    pub(super) in_memory: bool,
    pub(super) is_daemon: bool,
    pub(super) defaults: String,
    pub(super) config: String,
    pub(super) http: String,
    pub(super) env: Vec<(String, String)>,
}

impl Builder {
    /// A server with the module loaded and on, and a log of every request, those that it refuses in
    /// words too.
    pub fn new(engine: Engine) -> Self {
        let defaults = match engine {
            Engine::Apache(_) => "H264Streaming On\nLogLevel h264_streaming:info\n",
            Engine::Lighttpd => {
                "h264-streaming.enable = \"enable\"\nh264-streaming.log-client-errors = \"enable\"\n"
            }
            Engine::Nginx => "h264_streaming on;\nh264_streaming_log_client_errors on;\n",
            Engine::Varnish => "",
        };
        Self {
            engine,
            module: true,
            access_log: true,
            workers: 2,
            in_memory: false,
            is_daemon: false,
            defaults: defaults.into(),
            config: String::new(),
            http: String::new(),
            env: Vec::new(),
        }
    }

    /// Without our module.
    #[must_use]
    pub fn without_module(mut self) -> Self {
        self.module = false;
        self.defaults.clear();
        self
    }

    /// With the module loaded, but none of its directives set.
    #[must_use]
    pub fn without_defaults(mut self) -> Self {
        self.defaults.clear();
        self
    }

    /// Without a log of requests, as one measures.
    #[must_use]
    pub fn without_access_log(mut self) -> Self {
        self.access_log = false;
        self
    }

    /// With this many processes (nginx, lighttpd: workers; Apache: children).
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// With its directory, and so its document root, in a file system without a disk (tmpfs).
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// As a daemon, which nginx has to be for another nginx to take over from it.
    #[must_use]
    pub fn daemon(mut self) -> Self {
        assert_eq!(self.engine, Engine::Nginx, "the others are started as they are needed");
        self.is_daemon = true;
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With HLS and DASH on.
    #[must_use]
    pub fn packaging(self) -> Self {
        let line = match self.engine {
            Engine::Lighttpd => "h264-streaming.packaging = (\"hls\", \"dash\")",
            Engine::Nginx => "h264_streaming_packaging hls dash;",
            _ => "H264StreamingPackaging hls dash",
        };
        self.config(line)
    }

    /// With what the demo page needs: types for its files, and permission to ask about the films of
    /// another server and to see what comes from there. The playlist of key frames has one for each
    /// segment, so that segments of a second list them all.
    #[must_use]
    pub fn demo_page(self) -> Self {
        let lines = match self.engine {
            Engine::Lighttpd => {
                "setenv.add-response-header = (\"Access-Control-Allow-Origin\" => \"*\",\n\
                 \"Access-Control-Expose-Headers\" => \"Content-Length, ETag\", \"Timing-Allow-Origin\" => \"*\")\n\
                 mimetype.assign += (\".js\" => \"text/javascript\", \".css\" => \"text/css\", \
                 \".json\" => \"application/json\")\n\
                 h264-streaming.segment-duration = 1\n\
                 index-file.names = (\"index.html\")"
            }
            Engine::Nginx => {
                "add_header Access-Control-Allow-Origin * always;\n\
                 add_header Access-Control-Expose-Headers \"Content-Length, ETag\" always;\n\
                 add_header Timing-Allow-Origin * always;\n\
                 h264_streaming_segment_duration 1s;\n\
                 index index.html;"
            }
            _ => {
                "Header always set Access-Control-Allow-Origin \"*\"\n\
                 Header always set Access-Control-Expose-Headers \"Content-Length, ETag\"\n\
                 Header always set Timing-Allow-Origin \"*\"\n\
                 H264StreamingSegmentDuration 1\n\
                 DirectoryIndex index.html"
            }
        };
        self.config(lines)
    }

    /// Adds lines to the server's configuration. `{docroot}`, `{dir}` and `{port}`
    /// stand for the site's own. For nginx they go into its `server` block.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// Adds lines to nginx's `http` block, with the same placeholders.
    #[must_use]
    pub fn http(mut self, lines: &str) -> Self {
        self.http.push_str(lines);
        self
    }

    /// Starts the server and waits until it takes connections.
    pub fn start(self) -> Site {
        for _ in 0..5 {
            let port = free_port();
            let dir = self.write(port);
            match self.try_start(port, dir) {
                Ok(site) => return site,
                // Another process may have taken the port since we looked.
                Err(log) if log.to_ascii_lowercase().contains("address already in use") => {}
                Err(log) => panic!("{:?} does not start:\n{log}", self.engine),
            }
        }
        panic!("{:?} found no free port", self.engine)
    }

    /// Runs the server's own configuration test: whether it passed, and what it said.
    pub fn test_config(&self) -> (bool, String) {
        let dir = self.write(free_port());
        let out = self.command(dir.path(), true).output().expect("a server that can be run");
        let said = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn try_start(&self, port: u16, dir: TempDir) -> Result<Site, String> {
        let address = format!("127.0.0.1:{port}");
        let stderr = File::create(dir.path().join("stderr.log")).expect("a directory of our own");
        let child = self
            .command(dir.path(), false)
            .stdin(Stdio::null())
            .stdout(stderr.try_clone().expect("a file of our own"))
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|e| panic!("{:?}: {e}", self.engine));
        let docroot = dir.path().join("docroot");
        let (session, is_daemon) = (child.id(), self.is_daemon);
        let watched = Watched::new(session);
        let mut process = Process {
            child,
            session,
            watched,
            is_daemon,
            port,
            dir,
            expected: Mutex::default(),
            lasting: Mutex::default(),
            may_be_killed: AtomicBool::default(),
        };
        let deadline = Instant::now() + Duration::from_secs(if under_valgrind() { 120 } else { 30 });
        while !process.has_started() {
            if process.ended() || Instant::now() > deadline {
                process.stop(self.engine);
                return Err(process.log().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.engine == Engine::Lighttpd {
            process.note_processes(lighttpd_workers(process.dir.path()));
        }
        Ok(Site { engine: self.engine, address, docroot, process: Some(process) })
    }

    fn command(&self, dir: &Path, test: bool) -> Command {
        let program = match self.engine {
            Engine::Apache(_) => "apache2",
            Engine::Lighttpd => "lighttpd",
            Engine::Nginx => "nginx",
            Engine::Varnish => "varnishd",
        };
        // lighttpd that copies itself (`server.graceful-restart-bg`) has to know where it is.
        let path = path_with_sbin();
        let places = path.split(':').map(|dir| Path::new(dir).join(program));
        let program = places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| program.into());
        // In a session of its own: Apache's prefork signals its whole process group.
        // setsid becomes the server, so that our child's id is the server's.
        let mut command = if test { Command::new(&program) } else { Command::new("setsid") };
        if !test && under_valgrind() {
            let log = format!("--log-file={}/valgrind.%p", dir.display());
            command.args([
                "valgrind",
                "--quiet",
                "--vgdb=no",
                "--trace-children=yes",
                "--num-callers=30",
                &log,
            ]);
        }
        command.args((!test).then_some(&program)).env("PATH", path).env("LC_ALL", "C.UTF-8");
        command.envs(self.env.iter().cloned());
        let conf = dir.join("server.conf");
        match self.engine {
            Engine::Apache(_) => command.arg(if test { "-t" } else { "-DFOREGROUND" }).arg("-f").arg(conf),
            Engine::Lighttpd => command
                .arg(if test { "-tt" } else { "-D" })
                .arg("-m")
                .arg(dir.join("modules"))
                .arg("-f")
                .arg(conf),
            Engine::Varnish => {
                let port = fs::read_to_string(dir.join("port")).expect("a file of our own");
                command.args(["-F", "-j", "none", "-s", "malloc,64m", "-a"]).arg(format!("127.0.0.1:{port}"));
                command.arg("-n").arg(dir.join("tmp")).arg("-f").arg(conf).args(test.then_some("-C"))
            }
            Engine::Nginx => command.args(test.then_some("-t")).arg("-p").arg(dir).arg("-c").arg(conf),
        };
        command
    }

    fn write(&self, port: u16) -> TempDir {
        let dir = tempfile::Builder::new()
            .prefix("site-")
            .tempdir_in(if self.in_memory { memory_dir() } else { sites_dir().to_owned() })
            .expect("a directory that can be written");
        // The server's workers run as another user when the tests run as root.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a directory of our own");
        for name in ["docroot", "tmp", "modules"] {
            fs::create_dir(dir.path().join(name)).expect("a directory of our own");
        }
        if let Some(worker) = worker() {
            for name in ["", "tmp"] {
                chown(dir.path().join(name), Some(worker.user), Some(worker.group)).expect("root's right");
            }
            // What lighttpd opens again as this user when it copies itself.
            if self.engine == Engine::Lighttpd {
                for name in ["server.pid", "error.log", "access.log"] {
                    File::create(dir.path().join(name)).expect("a directory of our own");
                    chown(dir.path().join(name), Some(worker.user), Some(worker.group))
                        .expect("root's right");
                }
            }
        }
        let config = match self.engine {
            Engine::Apache(mpm) => self.apache_config(mpm),
            Engine::Lighttpd => {
                self.link_lighttpd_modules(&dir.path().join("modules"));
                self.lighttpd_config()
            }
            Engine::Nginx => {
                let http2_port =
                    iter::repeat_with(free_port).find(|&free| free != port).expect("a free port");
                fs::write(dir.path().join(HTTP2_PORT), http2_port.to_string())
                    .expect("a directory of our own");
                self.nginx_config(http2_port)
            }
            Engine::Varnish => {
                // Where it listens is said on its command line.
                fs::write(dir.path().join("port"), port.to_string()).expect("a directory of our own");
                self.config.clone()
            }
        };
        let path = |p: &Path| p.to_str().expect("a target directory whose path is UTF-8").to_owned();
        let config = config
            .replace("{docroot}", &path(&dir.path().join("docroot")))
            .replace("{dir}", &path(dir.path()))
            .replace("{port}", &port.to_string());
        fs::write(dir.path().join("server.conf"), config).expect("a directory of our own");
        dir
    }
}

/// How many workers lighttpd starts: by itself none, and one is the first process itself.
fn lighttpd_workers(dir: &Path) -> usize {
    let config = fs::read_to_string(dir.join("server.conf")).expect("a file of our own");
    let mut lines = config.lines().filter_map(|line| line.strip_prefix("server.max-worker = "));
    let count = lines.next_back().map_or(0, |count| count.trim().parse().expect("a number of workers"));
    if count == 1 { 0 } else { count }
}

/// A directory on tmpfs, where Linux systems have one for everybody.
fn memory_dir() -> PathBuf {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let dir = PathBuf::from("/dev/shm");
    let file_system = rustix::fs::statfs(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    assert_eq!(file_system.f_type as i64, TMPFS_MAGIC, "{} must be a tmpfs", dir.display());
    dir
}

fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::servers::APACHE;

    #[test]
    fn a_port_of_another_is_not_taken_for_ours() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = other.local_addr().expect("an address").port();
        for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
            let builder = Builder::new(engine).without_module();
            let log = builder.try_start(port, builder.write(port)).expect_err("no port to listen on");
            assert!(log.to_ascii_lowercase().contains("address already in use"), "{engine:?}: {log}");
        }
    }
}
