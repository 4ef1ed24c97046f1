//! Posters in a browser.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};

use crate::browser::{Browser, Client, in_browser, run, stamp};
use crate::films::{COLUMNS, ROWS, film};
use crate::servers::Site;

/// The cells of a picture.
const SEE: &str = "
    const [url, columns, rows, done] = arguments;
    const picture = new Image();
    picture.onerror = () => done({ error: `${url} is no picture` });
    picture.onload = () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: columns * 16, height: rows * 16 });
        const pen = canvas.getContext('2d');
        pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
        const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
        const cells = [];
        for (let row = 0; row < rows; row++)
            for (let column = 0; column < columns; column++)
                cells.push(pixels[((row * 16 + 8) * canvas.width + column * 16 + 8) * 4 + 1]);
        done({ cells, width: picture.naturalWidth, height: picture.naturalHeight });
    };
    picture.src = url;
";

/// Looks at posters of films of AV1, flat and in fragments.
///
/// # Panics
/// Where a poster is not shown, or shows another frame.
pub fn assert_shown(browser: Browser, site: &Site) {
    site.put("empty.html", "<!doctype html>");
    in_browser(browser, &[], async |client: &Client| {
        client.goto(&site.url("/empty.html")).await.expect("a page");
        for (kind, places) in [
            ("av1", &[("0", 0), ("1.9", 0), ("2", 50), ("3.99", 50), ("5.5", 100)][..]),
            ("frag_av1", &[("0", 0), ("1.5", 30)]),
        ] {
            let path = site.publish(&film(kind));
            for (at, frame) in places {
                let url = site.url(&format!("{path}?poster={at}"));
                let seen: Value =
                    run(client, SEE, vec![json!(url), json!(COLUMNS), json!(ROWS)]).await.expect("a picture");
                assert_eq!(stamp(&seen), Some(*frame), "{kind} at {at}: {seen}");
            }
        }
    });
}
