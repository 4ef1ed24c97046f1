//! What clients got over time, drawn beside what they may get.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use tests::target_dir;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 480.0;
const MARGIN: f64 = 60.0;

/// A line of a plot.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(Duration, u64)>,
}

/// Draws the lines into `target/pace/NAME.svg`. The first is the one that the others are held to.
pub(crate) fn draw(name: &str, lines: &[Line]) {
    let points = || lines.iter().flat_map(|line| &line.points);
    let last = points().map(|(time, _)| time.as_secs_f64()).fold(1.0, f64::max);
    let most = points().map(|(_, bytes)| *bytes as f64).fold(1.0, f64::max);
    let x = |time: f64| MARGIN + time / last * (WIDTH - 2.0 * MARGIN);
    let y = |bytes: f64| HEIGHT - MARGIN - bytes / most * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{name}: megabytes over seconds</text>\n"
    );
    for second in (0u32..).take_while(|second| f64::from(*second) <= last) {
        let at = x(second.into());
        let (top, bottom) = (MARGIN, HEIGHT - MARGIN);
        writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>").ok();
        writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\">{second}</text>", bottom + 16.0).ok();
    }
    for step in 0..=4 {
        let bytes = most * f64::from(step) / 4.0;
        writeln!(svg, "<text x=\"8\" y=\"{:.1}\">{:.2}</text>", y(bytes), bytes / 1e6).ok();
    }
    for (n, line) in lines.iter().enumerate() {
        let hue = n * 360 / lines.len();
        let (colour, width) = if n == 0 { ("black".into(), 3) } else { (format!("hsl({hue} 80% 45%)"), 1) };
        let steps = line.points.iter().map(|(time, bytes)| {
            let (x, y) = (x(time.as_secs_f64()), y(*bytes as f64));
            format!("{x:.1},{y:.1}")
        });
        let steps = steps.collect::<Vec<_>>().join(" ");
        writeln!(
            svg,
            "<polyline points=\"{steps}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        )
        .ok();
        let at = 60 + 16 * n;
        writeln!(svg, "<text x=\"80\" y=\"{at}\" fill=\"{colour}\">{}</text>", line.name).ok();
    }
    svg.push_str("</svg>\n");
    let dir = target_dir().join("pace");
    fs::create_dir_all(&dir).expect("a directory of our own");
    fs::write(dir.join(format!("{name}.svg")), svg).expect("a directory of our own");
}
