//! What `inspect` says of a track to those who choose among tracks.

use std::fmt::Write as _;

use mp4seek::boxes::{BoxType, FormatError};
use mp4seek::describe::{TrackDescription, VideoRange, describe};
use mp4seek::index::Film;
use serde::Serialize;

/// The description of a track.
#[derive(Serialize)]
pub(crate) struct Description {
    /// As in the `codecs` parameter of a media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
    /// A BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    language_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Video>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Audio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<Encryption>,
}

#[derive(Serialize)]
struct Video {
    coded: (u16, u16),
    presented: (u32, u32),
    #[serde(skip_serializing_if = "Option::is_none")]
    frames_per_second: Option<f64>,
    range: &'static str,
}

#[derive(Serialize)]
struct Audio {
    channels: u16,
    sampling_rate: u32,
}

#[derive(Serialize)]
struct Encryption {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    /// In hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

impl Description {
    /// The description of a track of a movie.
    pub(crate) fn of(film: &Film<'_>, track: usize) -> Result<Self, FormatError> {
        let TrackDescription {
            codec,
            language,
            name,
            roles,
            is_forced,
            video,
            audio,
            is_encrypted,
            protection,
            ..
        } = describe(film, track)?;
        let video = video.map(|video| Video {
            coded: video.coded,
            presented: video.presented,
            frames_per_second: video.frame_rate.map(|(frames, seconds)| frames as f64 / seconds as f64),
            range: match video.range {
                VideoRange::Sdr => "SDR",
                VideoRange::Hlg => "HLG",
                VideoRange::Pq => "PQ",
            },
        });
        let audio = audio.map(|a| Audio { channels: a.channels, sampling_rate: a.sampling_rate });
        let encryption = is_encrypted.then(|| Encryption {
            scheme: protection.as_ref().and_then(|p| p.scheme).as_ref().map(BoxType::to_string),
            key_id: protection
                .as_ref()
                .and_then(|p| p.key_id)
                .map(|key| format!("{:032x}", u128::from_be_bytes(key))),
        });
        let language_tag = language;
        Ok(Self { codec, language_tag, name, roles, forced: is_forced, video, audio, encryption })
    }

    /// A line of text; empty where there is nothing to say.
    pub(crate) fn text(&self) -> String {
        let mut parts: Vec<String> = self.codec.iter().cloned().collect();
        if let Some(Video { coded, presented, frames_per_second, range }) = &self.video {
            let mut size = format!("{}x{}", presented.0, presented.1);
            if (u32::from(coded.0), u32::from(coded.1)) != *presented {
                let _ = write!(size, " (coded {}x{})", coded.0, coded.1);
            }
            parts.push(size);
            parts.extend(
                frames_per_second.map(|rate| format!("{} frames/s", (rate * 1000.0).round() / 1000.0)),
            );
            parts.push((*range).to_owned());
        }
        if let Some(Audio { channels, sampling_rate }) = &self.audio {
            let s = if *channels == 1 { "" } else { "s" };
            parts.push(format!("{channels} channel{s}, {sampling_rate} Hz"));
        }
        parts.extend(self.language_tag.clone());
        parts.extend(self.name.as_ref().map(|name| format!("\"{name}\"")));
        parts.extend(self.roles.iter().cloned());
        parts.extend(self.forced.then(|| "forced".to_owned()));
        if let Some(Encryption { scheme, key_id }) = &self.encryption {
            let mut encryption = format!("encrypted {}", scheme.as_deref().unwrap_or("in an unknown scheme"));
            if let Some(key_id) = key_id {
                let _ = write!(encryption, " with key {key_id}");
            }
            parts.push(encryption);
        }
        parts.join(", ")
    }
}
