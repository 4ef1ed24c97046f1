//! What `mp4seek sign` makes of links. (That servers take them: `tests/limits`.)

use std::fs;
use std::process::{Command, Output};

use tests::built;

fn sign(arguments: &[&str]) -> Output {
    let keys = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(keys.path(), "a key of some length\n").expect("a file of our own");
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.args(["sign", "--secret-file"]).arg(keys.path()).args(arguments).output().expect("a program")
}

fn signed(link: &str) -> String {
    let done = sign(&[link]);
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("a link").trim_end().to_owned()
}

#[test]
fn a_fragment_stays_behind_the_signature() {
    for link in ["/film.mp4", "/film.mp4?start=1", "https://host/film.mp4?start=1"] {
        for fragment in ["#t=10", "#", "#t=10?x&y"] {
            assert_eq!(signed(&format!("{link}{fragment}")), signed(link) + fragment);
        }
    }
}

#[test]
fn the_name_of_a_host_is_no_part_of_what_is_signed() {
    let signature = |link: &str| signed(link).split_once("sig=").map(|(_, signature)| signature.to_owned());
    for host in ["https://host", "//host", "//user@host:81"] {
        assert_eq!(signature(&format!("{host}/film.mp4")), signature("/film.mp4"), "{host}");
    }
}

#[test]
fn a_link_that_cannot_be_signed_is_told_why() {
    for (arguments, reason) in [
        (&["/film.mp4?sig=00"][..], "it is signed already"),
        (&["--expires", "5", "/film.mp4?expires=6"], "it says more than once"),
        (&["/film.mp4?expires=soon"], "not in seconds"),
        (&["/film.mp4?t=1&start=2"], "it names t beside start"),
        (&["film.mp4"], "no path that begins with /"),
    ] {
        let done = sign(arguments);
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && error.contains(reason), "{arguments:?}: {error}");
    }
}
