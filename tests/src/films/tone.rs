//! Audio whose pitch says the time.

use test_sound::pitch;

/// A WAV file whose pitch changes every 100 ms and says the track and the time.
pub(super) fn tone(rate: u32, channels: u16, seconds: u32, track: u32) -> Vec<u8> {
    let samples = rate * seconds;
    let data_len = samples * u32::from(channels) * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + data_len).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend(1u16.to_le_bytes());
    wav.extend(channels.to_le_bytes());
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * u32::from(channels) * 2).to_le_bytes());
    wav.extend((channels * 2).to_le_bytes());
    wav.extend(16u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend(data_len.to_le_bytes());
    let mut phase = 0.0f64;
    for n in 0..samples {
        let step = n / (rate / 10);
        phase += f64::from(pitch(track, step)) / f64::from(rate);
        let value = (phase * std::f64::consts::TAU).sin() * 9000.0;
        for channel in 0..channels {
            let value = if channel == 0 { value } else { value / 2.0 };
            wav.extend((value as i16).to_le_bytes());
        }
    }
    wav
}
