//! The film of `make demo`: a day in the hills, painted and set to music by ffmpeg. It has six
//! scenes, which are its chapters, subtitles, and its time and frame number in the picture.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::films::Film;
use crate::work_dir;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;
/// Frames a second.
const RATE: u32 = 25;
/// How long each scene is, in seconds.
const SCENE: u32 = 10;

/// A scene: the colors of its sky and hills, the way of its sun or moon, and its chord.
struct Scene {
    name: &'static str,
    text: &'static str,
    /// Above and below.
    sky: [u32; 2],
    sun: u32,
    /// Where the middle of the sun is at first and at last.
    way: [(i32, i32); 2],
    /// From the farthest.
    hills: [u32; 3],
    /// In Hz.
    chord: [f64; 4],
}

const SCENES: [Scene; 6] = [
    Scene {
        name: "Night",
        text: "A key frame begins each scene, and every four seconds of it.",
        sky: [0x0b_1430, 0x31_4580],
        sun: 0xf3_f0e2,
        way: [(650, 150), (740, 120)],
        hills: [0x1d_2c55, 0x14_1f40, 0x0b_1228],
        chord: [110.0, 164.81, 220.0, 261.63],
    },
    Scene {
        name: "Dawn",
        text: "The figures show the film's own time.",
        sky: [0x2b_3a67, 0xf2_a27e],
        sun: 0xff_d9a0,
        way: [(200, 380), (300, 290)],
        hills: [0x8c_6a83, 0x57_4b6e, 0x2c_2b47],
        chord: [174.61, 220.0, 261.63, 329.63],
    },
    Scene {
        name: "Morning",
        text: "An exact clip begins with that very frame.",
        sky: [0x5a_a6d8, 0xe9_f3f2],
        sun: 0xff_f6d6,
        way: [(300, 200), (420, 130)],
        hills: [0x86_b3b5, 0x4c_8a83, 0x23_5a55],
        chord: [130.81, 196.0, 261.63, 329.63],
    },
    Scene {
        name: "Noon",
        text: "Another begins with the key frame before.",
        sky: [0x2f_86cf, 0xcf_e9f6],
        sun: 0xff_ffff,
        way: [(480, 90), (560, 90)],
        hills: [0x7f_b08a, 0x4c_8a5a, 0x2a_5a3c],
        chord: [196.0, 246.94, 293.66, 392.0],
    },
    Scene {
        name: "Dusk",
        text: "Sound and subtitles are cut with the picture.",
        sky: [0x5b_4a8a, 0xf5_b26b],
        sun: 0xff_e0a0,
        way: [(640, 240), (740, 330)],
        hills: [0xa0_627a, 0x6b_3f63, 0x36_1f3f],
        chord: [146.83, 220.0, 261.63, 349.23],
    },
    Scene {
        name: "Nightfall",
        text: "A clip without an end goes on to this one.",
        sky: [0x1a_1b3f, 0xd0_6a62],
        sun: 0xff_9a6c,
        way: [(720, 330), (790, 430)],
        hills: [0x51_335f, 0x33_234a, 0x17_0f28],
        chord: [110.0, 164.81, 220.0, 329.63],
    },
];

/// The film, painted if it is not there yet.
///
/// # Errors
/// Where ffmpeg fails, or the disk.
pub fn showpiece() -> Result<Film, Box<dyn Error>> {
    // The number changes with what is painted.
    let path = work_dir("demo").join("hills-2.mp4");
    if !path.exists() {
        println!("Painting a film…");
        let scratch = tempfile::tempdir_in(work_dir("demo"))?;
        let painted = scratch.path().join("film.mp4");
        paint(scratch.path(), &painted)?;
        // A date this young would be no strong validator yet (RFC 9110, 8.8.2.2).
        let old = SystemTime::now() - Duration::from_secs(3600);
        File::options().append(true).open(&painted)?.set_modified(old)?;
        fs::rename(painted, &path)?;
    }
    Ok(Film { name: "demo".into(), path, stamped: false })
}

fn paint(scratch: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let (chapters, subtitles) = (scratch.join("chapters.txt"), scratch.join("subtitles.srt"));
    fs::write(&chapters, chapter_list())?;
    fs::write(&subtitles, subtitle_list())?;
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-nostdin", "-f", "ffmetadata", "-i"])
        .arg(chapters)
        .arg("-i")
        .arg(subtitles)
        .args(["-filter_complex", &filters(), "-map", "[video]", "-map", "[audio]", "-map", "1:s"])
        .args(["-map_metadata", "0", "-map_chapters", "0"])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-bf", "3", "-g", "100"])
        .args(["-force_key_frames", "chapters", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k"])
        .args(["-c:s", "mov_text", "-metadata:s:s:0", "language=eng", "-movflags", "+faststart"])
        .arg(to)
        .status()?;
    if status.success() { Ok(()) } else { Err("ffmpeg could not paint the film".into()) }
}

fn chapter_list() -> String {
    let mut text = String::from(";FFMETADATA1\ntitle=A day in the hills\n");
    for (at, scene) in (0u32..).step_by(SCENE as usize).zip(&SCENES) {
        let name = scene.name;
        writeln!(text, "[CHAPTER]\nTIMEBASE=1/1\nSTART={at}\nEND={}\ntitle={name}", at + SCENE).ok();
    }
    text
}

fn subtitle_list() -> String {
    let mut list = String::new();
    for (number, (at, scene)) in (1..).zip((0u32..).step_by(SCENE as usize).zip(&SCENES)) {
        let text = scene.text;
        writeln!(list, "{number}\n00:00:{:02},000 --> 00:00:{:02},000\n{text}\n", at + 3, at + 8).ok();
    }
    list
}

/// The filter graph of the whole film.
fn filters() -> String {
    let mut graph = String::new();
    for (number, scene) in SCENES.iter().enumerate() {
        scene.picture(number, &mut graph);
        scene.sound(number, &mut graph);
    }
    for number in 0..SCENES.len() {
        write!(graph, "[v{number}][a{number}]").ok();
    }
    write!(
        graph,
        "concat=n={}:v=1:a=1[scenes][audio];\
         [scenes]drawtext=font=DejaVu Sans Mono:text='%{{pts\\:hms}}  frame %{{n}}':fontsize=24:\
         fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=10:x=w-tw-26:y=26[video]",
        SCENES.len()
    )
    .ok();
    graph
}

impl Scene {
    /// A sky, a sun that goes its way before it, and three ranges of hills that pass by. All but
    /// the way is painted once.
    fn picture(&self, number: usize, graph: &mut String) {
        let [above, below] = self.sky;
        write!(
            graph,
            "nullsrc=s={WIDTH}x{HEIGHT}:r={RATE}:d=0.04,format=rgb24,geq=r='{}':g='{}':b='{}',\
             loop={}:1:0,setpts=N/{RATE}/TB[sky{number}];",
            blend(above >> 16, below >> 16),
            blend(above >> 8, below >> 8),
            blend(above, below),
            SCENE * RATE - 1,
        )
        .ok();
        let distance = "hypot(X-120,Y-120)";
        painted(
            graph,
            self.sun,
            (240, 240),
            &format!("max(clip(127*(62-{distance}),0,255),clip(1.2*(118-{distance}),0,70))"),
        );
        write!(graph, "[sun{number}];").ok();
        let shapes = [
            (1440, format!("0.62+0.06*sin(X/131+{number})+0.035*sin(X/53+2*{number})+0.012*sin(X/19)")),
            (1680, format!("0.74+0.05*sin(X/173+2*{number})+0.03*sin(X/67+{number})+0.008*sin(X/13)")),
            (2160, format!("0.87+0.035*sin(X/211+3*{number})+0.02*sin(X/83)+0.02*abs(sin(X/9)*sin(X/37))")),
        ];
        for (hill, (color, (width, height))) in self.hills.iter().zip(shapes).enumerate() {
            painted(graph, *color, (width, HEIGHT), &format!("255*clip(Y-{HEIGHT}*({height}),0,1)"));
            write!(graph, "[hill{number}{hill}];").ok();
        }
        let [(x, y), (to_x, to_y)] = self.way;
        write!(
            graph,
            "[sky{number}][sun{number}]overlay=x='{}+{}*t':y='{}+{}*t'[p{number}];\
             [p{number}][hill{number}0]overlay=x=-24*t[q{number}];\
             [q{number}][hill{number}1]overlay=x=-50*t[r{number}];\
             [r{number}][hill{number}2]overlay=x=-105*t,\
             drawtext=font=DejaVu Sans:text='{}':fontsize=46:fontcolor=white:x=34:y=28:\
             alpha='clip(min(2*t-0.4,6-2*t),0,1)',format=yuv420p[v{number}];",
            x - 120,
            f64::from(to_x - x) / f64::from(SCENE),
            y - 120,
            f64::from(to_y - y) / f64::from(SCENE),
            self.name,
        )
        .ok();
    }

    /// The notes of the chord one after the other, each of which dies away.
    fn sound(&self, number: usize, graph: &mut String) {
        let voice = |side: f64| {
            let notes = self.chord.iter().enumerate().map(|(place, pitch)| {
                let since = format!("mod(t+{},2)", f64::from(4 - place as u32) * 0.5 % 2.0);
                let near = if (place % 2 == 0) == (side < 0.0) { 0.2 } else { 0.11 };
                format!("{near}*sin(2*PI*{pitch}*{since})*exp(-2.2*{since})*min(1,60*{since})")
            });
            notes.collect::<Vec<_>>().join("+")
        };
        write!(
            graph,
            "aevalsrc=exprs='{}|{}':s=48000:d={SCENE},afade=t=in:d=0.3,afade=t=out:st={}:d=0.6[a{number}];",
            voice(-1.0),
            voice(1.0),
            f64::from(SCENE) - 0.6,
        )
        .ok();
    }
}

/// One picture of a color, as opaque as `alpha` says of the place (X, Y).
fn painted(graph: &mut String, color: u32, (width, height): (u32, u32), alpha: &str) {
    write!(
        graph,
        "color=0x{color:06x}:s={width}x{height}:r={RATE}:d=0.04,format=rgba,\
         geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='{alpha}'"
    )
    .ok();
}

/// One byte of a color from above to below.
fn blend(above: u32, below: u32) -> String {
    format!("lerp({},{},min(1,Y/{}))", above & 0xff, below & 0xff, HEIGHT * 2 / 3)
}
