//! A compressed `moov`, and damage anywhere.

use test_boxes::{Track, film_of_tracks as film, ftyp, full_box, make_box, moov, table};

use crate::judge::judge;
use crate::{CUT, all_queries, is_film, is_refused};

fn compressed(moov: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(moov, 9);
    let size = u32::try_from(moov.len()).unwrap().to_be_bytes();
    let cmvd = make_box(b"cmvd", [&size[..], &packed].concat());
    let cmov = make_box(b"cmov", [make_box(b"dcom", b"zlib"), cmvd].concat());
    [ftyp(), make_box(b"mdat", [b'#'; 1000]), make_box(b"moov", cmov)].concat()
}

#[test]
fn a_moov_that_unpacks_to_too_much_is_refused() {
    is_film(judge(&compressed(&moov(&[Track::video()])), CUT));
    let padded = |n: usize| moov(&[Track { more: make_box(b"free", vec![0; n]), ..Track::video() }]);
    is_refused(judge(&compressed(&padded(30 << 20)), CUT), "cannot be unpacked");
    is_refused(judge(&compressed(&padded(40 << 20)), CUT), "cannot be unpacked");
    // One in the other.
    let inner = compressed(&moov(&[Track::video()]));
    let at = inner.windows(4).position(|w| w == b"moov").unwrap() - 4;
    all_queries(&compressed(&inner[at..]));
    // Cut off, or no zlib at all.
    let whole = compressed(&moov(&[Track::video()]));
    for n in (0..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[n] ^= 0x55;
        all_queries(&broken);
        all_queries(&whole[..n]);
    }
}

#[test]
fn any_word_of_a_film_may_be_any_number() {
    let track = || Track {
        more: [table(b"ctts", &[[5, 100], [5, 0]]), table(b"stss", &[[1], [6]]), table(b"stps", &[[3]])]
            .concat(),
        edts: make_box(b"edts", table(b"elst", &[[1000, u32::MAX, 0x1_0000], [9000, 100, 0x1_0000]])),
        stsz: full_box(b"stsz", 0, [&[0, 10][..], &[10; 10]].concat()),
        ..Track::video()
    };
    let good = film(&[track()]);
    is_film(judge(&good, CUT));
    let moov = good.windows(4).position(|w| w == b"moov").unwrap() - 4;
    for at in (moov..good.len() - 3).step_by(4) {
        for word in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&u32::to_be_bytes(word));
            judge(&bad, CUT);
            judge(&bad, "start=2.5&mode=keyframe");
            judge(&bad, "");
        }
    }
}
