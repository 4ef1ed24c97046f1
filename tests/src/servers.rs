//! Apache, lighttpd and nginx from the distribution's packages, each with a
//! configuration, a directory, a port and a session of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::built;
use crate::client::{Connection, Reply, Request};
use crate::films::Film;
use crate::place::{can_enter, sites_dir, worker};

/// A web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Apache httpd 2.4.
    Apache(Mpm),
    /// lighttpd 1.4.
    Lighttpd,
    /// nginx with its own mp4 module: a peer to measure against.
    Nginx,
}

/// How Apache spreads its work over processes and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mpm {
    /// The default.
    Event,
    /// A process for each connection.
    Prefork,
    /// A thread for each connection.
    Worker,
}

/// Apache as the distribution sets it up.
pub const APACHE: Engine = Engine::Apache(Mpm::Event);

/// Runs each scenario, a function of `&Site`, on both servers.
#[macro_export]
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod apache {
            $(#[test] fn $scenario() { super::$scenario(&$crate::servers::Site::any($crate::servers::APACHE)) })+
        }
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario(&$crate::servers::Site::any($crate::servers::Engine::Lighttpd)) })+
        }
    };
}

/// Runs each scenario, a function of the engine, on both servers.
#[macro_export]
macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {
        mod apache {
            $(#[test] fn $scenario() { super::$scenario($crate::servers::APACHE) })+
        }
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario($crate::servers::Engine::Lighttpd) })+
        }
    };
}

/// Apache with one process, which so remembers of every request what a process remembers.
pub const ONE_PROCESS: &str =
    "ServerLimit 1\nThreadLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\n";

/// A server to be.
#[derive(Debug, Clone)]
pub struct Builder {
    engine: Engine,
    module: bool,
    access_log: bool,
    workers: u32,
    in_memory: bool,
    defaults: String,
    config: String,
    env: Vec<(String, String)>,
}

/// A running server and its document root.
#[derive(Debug)]
pub struct Site {
    engine: Engine,
    address: String,
    docroot: PathBuf,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    port: u16,
    dir: TempDir,
    expected: Mutex<Vec<Announced>>,
}

#[derive(Debug, Clone)]
struct Announced {
    line: Regex,
    required: bool,
}

impl Builder {
    /// A server with the module loaded and on, and a log of every request, those that it refuses in words too.
    pub fn new(engine: Engine) -> Self {
        let defaults = match engine {
            Engine::Apache(_) => "H264Streaming On\nLogLevel h264_streaming:info\n",
            Engine::Lighttpd => {
                "h264-streaming.enable = \"enable\"\nh264-streaming.log-client-errors = \"enable\"\n"
            }
            Engine::Nginx => "",
        };
        Self {
            engine,
            module: true,
            access_log: true,
            workers: 2,
            in_memory: false,
            defaults: defaults.into(),
            config: String::new(),
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

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds lines to the server's configuration. `{docroot}`, `{dir}` and `{port}`
    /// stand for the site's own. For nginx they go into its `server` block.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
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
        let mut process = Process { child, port, dir, expected: Mutex::default() };
        let deadline = Instant::now() + Duration::from_secs(if under_valgrind() { 120 } else { 30 });
        while !process.listens() {
            if process.ended() || Instant::now() > deadline {
                process.stop(self.engine);
                return Err(process.log().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Site { engine: self.engine, address, docroot, process: Some(process) })
    }

    fn command(&self, dir: &Path, test: bool) -> Command {
        let program = match self.engine {
            Engine::Apache(_) => "apache2",
            Engine::Lighttpd => "lighttpd",
            Engine::Nginx => "nginx",
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
            Engine::Nginx => self.nginx_config(),
        };
        let path = |p: &Path| p.to_str().expect("a target directory whose path is UTF-8").to_owned();
        let config = config
            .replace("{docroot}", &path(&dir.path().join("docroot")))
            .replace("{dir}", &path(dir.path()))
            .replace("{port}", &port.to_string());
        fs::write(dir.path().join("server.conf"), config).expect("a directory of our own");
        dir
    }

    fn apache_config(&self, mpm: Mpm) -> String {
        let mpm = match mpm {
            Mpm::Event => "event",
            Mpm::Prefork => "prefork",
            Mpm::Worker => "worker",
        };
        let mut text = String::new();
        let modules = [
            "authn_core",
            "authn_file",
            "authz_core",
            "authz_host",
            "authz_user",
            "auth_basic",
            "alias",
            "dir",
            "env",
            "headers",
            "mime",
            "ratelimit",
            "reqtimeout",
            "rewrite",
            "setenvif",
            "status",
        ];
        writeln!(text, "LoadModule mpm_{mpm}_module {APACHE_MODULES}/mod_mpm_{mpm}.so").ok();
        for name in modules {
            writeln!(text, "LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so").ok();
        }
        if mpm != "prefork" {
            writeln!(text, "LoadModule http2_module {APACHE_MODULES}/mod_http2.so\nProtocols h2c http/1.1")
                .ok();
        }
        if self.module {
            let module = built("H264_APACHE_MODULE", "libmod_h264_streaming_apache.so");
            writeln!(text, "LoadModule h264_streaming_module \"{}\"", module.display()).ok();
        }
        if self.access_log {
            text.push_str("LogFormat \"%r %>s %B\" test\nCustomLog {dir}/access.log test\n");
        }
        if let Some(worker) = worker() {
            writeln!(text, "User #{}\nGroup #{}", worker.user, worker.group).ok();
        }
        writeln!(
            text,
            "ServerRoot {{dir}}\nDefaultRuntimeDir {{dir}}\nPidFile {{dir}}/server.pid\nErrorLog {{dir}}/error.log\n\
             Listen 127.0.0.1:{{port}}\nServerName localhost:{{port}}\nTypesConfig /etc/mime.types\n\
             StartServers {workers}\nMaxConnectionsPerChild 0\nKeepAliveTimeout 30\nMaxKeepAliveRequests 0\n\
             DocumentRoot {{docroot}}\n\
             <Directory />\nRequire all denied\nOptions None\nAllowOverride None\n</Directory>\n\
             <Directory {{docroot}}>\nRequire all granted\nOptions FollowSymLinks\nAllowOverride All\n</Directory>",
            workers = self.workers
        )
        .ok();
        text + &self.defaults + &self.config
    }

    fn lighttpd_config(&self) -> String {
        let mut text = String::from(
            "server.modules = (\"mod_rewrite\", \"mod_redirect\", \"mod_alias\", \"mod_access\", \"mod_auth\", \
             \"mod_authn_file\", \"mod_setenv\", \"mod_status\"",
        );
        if self.access_log {
            text.push_str(", \"mod_accesslog\"");
        }
        if self.module {
            text.push_str(", \"mod_h264_streaming\"");
        }
        text.push_str(")\n");
        if self.access_log {
            text.push_str("accesslog.filename = \"{dir}/access.log\"\naccesslog.format = \"%r %>s %B\"\n");
        }
        if let Some(worker) = worker() {
            let (user, group) = (&worker.user_name, &worker.group_name);
            writeln!(text, "server.username = \"{user}\"\nserver.groupname = \"{group}\"").ok();
        }
        text.push_str(
            "server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.document-root = \"{docroot}\"\n\
             server.errorlog = \"{dir}/error.log\"\nserver.pid-file = \"{dir}/server.pid\"\n\
             server.upload-dirs = (\"{dir}/tmp\")\n\
             server.max-keep-alive-requests = 65535\nserver.max-keep-alive-idle = 30\n\
             server.feature-flags += (\"server.h2proto\" => \"enable\", \"server.h2c\" => \"enable\")\n\
             mimetype.assign = (\".mp4\" => \"video/mp4\", \".m4v\" => \"video/x-m4v\", \".m4a\" => \"audio/mp4\", \
             \".mov\" => \"video/quicktime\", \".flv\" => \"video/x-flv\", \".html\" => \"text/html\", \
             \".txt\" => \"text/plain\")\n",
        );
        if self.workers != 2 {
            writeln!(text, "server.max-worker = {}", self.workers).ok();
        }
        text + &self.defaults + &self.config
    }

    fn link_lighttpd_modules(&self, dir: &Path) {
        for entry in fs::read_dir(LIGHTTPD_MODULES).unwrap_or_else(|e| panic!("{LIGHTTPD_MODULES}: {e}")) {
            let entry = entry.expect("a directory that can be read");
            symlink(entry.path(), dir.join(entry.file_name())).expect("a directory of our own");
        }
        let ours = dir.join("mod_h264_streaming.so");
        if self.module {
            let module = built("H264_LIGHTTPD_MODULE", "libmod_h264_streaming_lighttpd.so");
            // An installed module of ours is not the one under test.
            if ours.is_symlink() {
                fs::remove_file(&ours).expect("a directory of our own");
            }
            // The server loads it again when it restarts, and then no longer as root.
            if can_enter(module.parent().expect("a file in a directory")) {
                symlink(module, ours).expect("a directory of our own");
            } else {
                fs::copy(module, ours).expect("a directory of our own");
            }
        }
    }

    fn nginx_config(&self) -> String {
        let user = worker().map(|w| format!("user {} {};", w.user_name, w.group_name)).unwrap_or_default();
        let access_log = if self.access_log { "{dir}/access.log" } else { "off" };
        format!(
            "{user}\ndaemon off;\nworker_processes {};\npid {{dir}}/server.pid;\nerror_log {{dir}}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\nsendfile on;\nkeepalive_requests 1000000;\naccess_log {access_log};\n\
             types {{ video/mp4 mp4; }}\n\
             client_body_temp_path {{dir}}/tmp;\nproxy_temp_path {{dir}}/tmp;\nfastcgi_temp_path {{dir}}/tmp;\n\
             uwsgi_temp_path {{dir}}/tmp;\nscgi_temp_path {{dir}}/tmp;\n\
             server {{\nlisten 127.0.0.1:{{port}};\nroot {{docroot}};\n{}\n}}\n}}\n",
            self.workers, self.config
        )
    }
}

impl Site {
    /// A server with the default configuration. Where `H264_APACHE_URL` or
    /// `H264_LIGHTTPD_URL` (`http://host:port`) names one that runs already, with
    /// its document root mounted at `H264_DOCROOT`, that one.
    pub fn any(engine: Engine) -> Self {
        let variable = match engine {
            Engine::Apache(_) => "H264_APACHE_URL",
            Engine::Lighttpd => "H264_LIGHTTPD_URL",
            Engine::Nginx => "H264_NGINX_URL",
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
        self.running().child.id()
    }

    /// The URL of `target`, which begins with a slash.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// A request for `target` that can be added to.
    pub fn request(&self, target: &str) -> Request {
        Request::get(self.url(target))
    }

    /// GETs `target`.
    pub fn get(&self, target: &str) -> Reply {
        self.request(target).send()
    }

    /// Gets `target` from a server that was told to start again, as soon as it answers.
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

    /// Puts a film into the document root under `name`.
    pub fn publish_as(&self, film: &Film, name: impl AsRef<Path>) {
        let to = self.docroot.join(name);
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

    /// The directories of the server's processes in `/proc`.
    pub fn processes(&self) -> Vec<PathBuf> {
        self.running().processes()
    }

    /// How many threads our module runs in each of the server's processes that has any.
    pub fn module_threads(&self) -> Vec<usize> {
        let of_process = |process: PathBuf| self.module_tasks(&process).len();
        self.processes().into_iter().map(of_process).filter(|&threads| threads > 0).collect()
    }

    /// The directories in `/proc` of the threads that our module runs in one of the server's processes.
    pub fn module_tasks(&self, process: &Path) -> Vec<PathBuf> {
        let tasks = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
        tasks.map(|task| task.path()).filter(|task| is_module_thread(task)).collect()
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
            .filter(|line| !is_routine(line) && !expected.iter().any(|e| e.line.is_match(line)))
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
        let clean = process.stop(self.engine);
        if std::thread::panicking() {
            eprintln!("log of {:?}:\n{}", self.engine, process.log().join("\n"));
            return;
        }
        assert!(clean, "{:?} did not stop when it was told to", self.engine);
        let misuse = process.misuse();
        assert!(misuse.is_empty(), "valgrind says of {:?}:\n{misuse}", self.engine);
        self.assert_clean_log();
    }
}

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a process of ours");
    }

    /// The directories in `/proc` of the processes that have not ended.
    fn processes(&self) -> Vec<PathBuf> {
        let session = self.child.id().to_string();
        let ours = |stat: &str| {
            // The name of a program may hold spaces, but it ends in the last parenthesis.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split(' ').skip(1);
            // Of a process that has ended, its parent may not have taken note: state `Z`.
            fields.next() != Some("Z") && fields.nth(2) == Some(session.as_str())
        };
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|process| process.path());
        processes.filter(|dir| fs::read_to_string(dir.join("stat")).is_ok_and(|stat| ours(&stat))).collect()
    }

    /// Stops the server and waits for its end; whether it went by itself.
    fn stop(&mut self, engine: Engine) -> bool {
        // At SIGTERM, a child of Apache's event closes the sockets that its workers have in hand. A worker
        // whose connection just came to its end gives the socket's memory back before it lets go of it, and
        // so now and then a child dies of SIGSEGV. A graceful stop leaves the sockets to the workers, but
        // waits for every client that stays, and then nothing but SIGKILL hurries a child.
        if matches!(engine, Engine::Apache(_)) && !self.ended() && !self.has_clients() {
            self.signal(Signal::WINCH);
            self.wait_until(15, |server| server.processes().len() <= 1);
        }
        // Apache's first process looks for its children's end only once a second, or when it is told.
        if !self.ended() {
            self.signal(Signal::TERM);
        }
        // lighttpd's first process does not wait for its workers.
        let clean = self.wait_until(15, |server| server.ended() && server.processes().is_empty());
        if !clean {
            kill_process_group(self.pid(), Signal::KILL).ok();
            self.child.wait().ok();
        }
        clean
    }

    /// Whether the port is this server's. A connection would tell as much of another server that was faster.
    fn listens(&self) -> bool {
        let fds = fs::read_dir(format!("/proc/{}/fd", self.child.id())).into_iter().flatten().flatten();
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
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap_or_default();
        let address = format!("0100007F:{:04X}", self.port);
        // Of thousands of lines, after so many requests, only these are worth taking apart.
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

    fn ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
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
    fn misuse(&self) -> String {
        let files = fs::read_dir(self.dir.path()).expect("a directory of our own").flatten();
        let logs = files.filter(|f| f.file_name().to_string_lossy().starts_with("valgrind."));
        logs.filter_map(|f| fs::read_to_string(f.path()).ok()).collect()
    }

    fn log(&self) -> Vec<String> {
        ["stderr.log", "error.log"]
            .into_iter()
            .filter_map(|name| fs::read(self.dir.path().join(name)).ok())
            .flat_map(|log| String::from_utf8_lossy(&log).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }
}

const APACHE_MODULES: &str = "/usr/lib/apache2/modules";
const LIGHTTPD_MODULES: &str = "/usr/lib/lighttpd";

/// What a server says when it starts, is told to open its logs again, and stops.
fn is_routine(line: &str) -> bool {
    const ROUTINE: &[&str] = &[
        "resuming normal operations",
        "AH00094: Command line:",
        "caught SIGTERM, shutting down",
        "caught SIGWINCH, shutting down gracefully",
        "server started (lighttpd",
        "server stopped by UID",
        "logfiles cycled UID",
        "using the \"epoll\" event method",
        // The machine's clock, which others set.
        "warning: clock jumped",
    ];
    // Ending takes valgrind longer than Apache waits for its children.
    const SLOW: &str = "AH00045: child process";
    line.trim().is_empty()
        || ROUTINE.iter().any(|routine| line.contains(routine))
        || (under_valgrind() && line.contains(SLOW))
}

/// Whether `H264_VALGRIND` asks for servers whose every use of memory is checked.
fn under_valgrind() -> bool {
    std::env::var_os("H264_VALGRIND").is_some()
}

/// Whether a directory of `/proc/…/task` is that of a thread our module started.
fn is_module_thread(task: &Path) -> bool {
    fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == "h264-streaming")
}

/// A directory on tmpfs, where Linux systems have one for everybody.
fn memory_dir() -> PathBuf {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let dir = PathBuf::from("/dev/shm");
    let file_system = rustix::fs::statfs(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    assert_eq!(file_system.f_type as i64, TMPFS_MAGIC, "{} must be a tmpfs", dir.display());
    dir
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

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
