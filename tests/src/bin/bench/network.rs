//! The network that is measured over: of our own, so that no setting of the machine is measured
//! with it.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::Result;

const CONGESTION_CONTROL: &str = "/proc/sys/net/ipv4/tcp_congestion_control";
/// In the environment: that this is done.
const IS_OWN: &str = "H264_BENCH_NETWORK";

/// Where this program may, it begins again in a network of its own, with CUBIC, the congestion
/// control that Linux comes with. Where the machine lets no network choose CUBIC
/// (`net.ipv4.tcp_allowed_congestion_control`) it takes Reno, and else what there is. Some machines
/// are set to BBR, which sends at the pace it has last measured: over the loopback what is compared
/// are then its estimates, and the client's core does the server's work whenever an acknowledgement
/// lets more out.
///
/// # Errors
/// When it cannot begin again.
pub(crate) fn enter() -> Result<()> {
    const ENTER: &str =
        "ip link set lo up && { echo cubic > $0 || echo reno > $0 || true; } 2> /dev/null && exec \"$@\"";
    if env::var_os(IS_OWN).is_some() || !can_have_own() {
        return Ok(());
    }
    let mut again = Command::new("unshare");
    again.args(["--net", "sh", "-c", ENTER, CONGESTION_CONTROL]).arg(env::current_exe()?);
    again.args(env::args_os().skip(1)).env(IS_OWN, "1");
    Err(again.exec().into())
}

/// The congestion control that all servers use.
pub(crate) fn congestion_control() -> String {
    fs::read_to_string(CONGESTION_CONTROL)
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

fn can_have_own() -> bool {
    let mut attempt = Command::new("unshare");
    attempt.args(["--net", "ip", "link", "set", "lo", "up"]).stderr(Stdio::null());
    attempt.status().is_ok_and(|status| status.success())
}
