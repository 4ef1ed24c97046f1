//! Where servers find what they serve, and the user they run as.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::work_dir;

/// A user that a server's workers run as.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) user_name: String,
    pub(crate) group_name: String,
}

/// The user that workers run as when the tests run as root: the owner of the target directory where
/// that is another, else `www-data`.
pub(crate) fn worker() -> Option<&'static Worker> {
    static WORKER: LazyLock<Option<Worker>> = LazyLock::new(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let owner = fs::metadata(work_dir("sites")).expect("a directory that was just created");
        let (user, group) = (owner.uid(), owner.gid());
        // An owner that has no name here comes from another machine: the clone is mounted into a
        // container.
        let named = name("/etc/passwd", user).zip(name("/etc/group", group)).filter(|_| user != 0);
        if let Some((user_name, group_name)) = named {
            return Some(Worker { user, group, user_name, group_name });
        }
        let (user, group) = www_data().expect("a user www-data in /etc/passwd");
        let group_name = name("/etc/group", group).expect("the group of www-data in /etc/group");
        Some(Worker { user, group, user_name: "www-data".into(), group_name })
    });
    WORKER.as_ref()
}

/// The directory of the servers' own directories: in the target directory, where films can be
/// linked instead of copied, or in the system's directory for temporary files where the servers'
/// user cannot enter that one (a clone in `/root`), or where its path would need quotes in a
/// configuration file.
///
/// # Panics
/// With one line that says what to do, where neither will do.
pub fn sites_dir() -> &'static Path {
    static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
        let candidates = [work_dir("sites"), std::env::temp_dir()];
        candidates.iter().find(|dir| is_plain(dir) && can_enter(dir)).cloned().unwrap_or_else(|| {
            let [target, temporary] = candidates.map(|dir| dir.display().to_string());
            let user = worker().map_or("this user", |worker| &worker.user_name);
            panic!(
                "{user} cannot be served from {target} nor from {temporary}: set TMPDIR to a directory that \
                 every user can enter, without a space in its path"
            )
        })
    });
    &DIR
}

/// Whether the path can stand in any server's configuration file, or in `LD_PRELOAD`, as it is.
pub(crate) fn is_plain(path: &Path) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=@,".contains(c);
    path.to_str().is_some_and(|path| path.chars().all(plain))
}

/// Whether the servers' user can enter the directory. The system is asked, as that user.
pub(crate) fn can_enter(dir: &Path) -> bool {
    let Some(worker) = worker() else { return true };
    let mut test = Command::new("setpriv");
    test.arg(format!("--reuid={}", worker.user)).arg(format!("--regid={}", worker.group));
    test.args(["--clear-groups", "test", "-x"]).arg(dir).stdin(Stdio::null());
    test.status().expect("setpriv, of util-linux").success()
}

fn www_data() -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = passwd.lines().find(|line| line.starts_with("www-data:"))?.split(':').skip(2);
    let mut id = || fields.next()?.parse().ok();
    Some((id()?, id()?))
}

fn name(file: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(id.to_string().as_str()))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_directory_is_not_served_from() {
        let private = tempfile::tempdir().expect("a temporary directory");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(private.path(), mode).expect("a directory of our own");
        assert_eq!(can_enter(private.path()), worker().is_none());
        assert!(can_enter(sites_dir()) && can_enter(Path::new("/")));
    }

    #[test]
    fn a_path_that_needs_quotes_is_not_served_from() {
        assert!(is_plain(Path::new("/home/user/mod_h264-streaming+1.0")));
        for path in ["/home/my clone", "/a\"b", "/a{b}", "/a#b", "/a$b", "/a;b"] {
            assert!(!is_plain(Path::new(path)), "{path}");
        }
    }
}
