//! What is told apart, by hand.

use super::*;
use crate::wanted::Shown;

/// Ten seconds of 25 frames each, which sound all the time.
fn wanted() -> Wanted {
    let shown = |number: u32| {
        let time = f64::from(number) / 25.0;
        Shown { time, number, filmed: time }
    };
    Wanted {
        frames: (0..250).map(shown).collect(),
        duration: 10.0,
        start: 0.0,
        has_video: true,
        has_audio: true,
        sounds: Some((0.0, 10.0)),
        offset: Some(0.0),
        heard: 0.0,
    }
}

/// What a player does that does all right; `offset` is that of each time that it is heard.
fn sight(offset: Option<f64>) -> Sight {
    let seek = |to: f64| {
        let frame = wanted().at(to).map(|f| f.number);
        Seek { to, frame, is_listened_to: true, offset, error: None }
    };
    Sight {
        still: Some(0),
        begin: (0..50u32).map(|n| (f64::from(n) / 25.0, n)).collect(),
        duration: [Some(10.0); 2],
        offset,
        seeks: [3.0, 8.0, 5.0].map(seek).into(),
        ended: Some(10.0),
        last: Some(249),
        frames: (0..250).collect(),
        ..Sight::default()
    }
}

fn faults(player: Player, seen: &Sight, plain: &Sight, wanted: &Wanted) -> Vec<String> {
    let faults = seen.faults(player, wanted, &Own::of(player, plain, wanted));
    faults.into_iter().map(|fault| fault.text).collect()
}

#[test]
fn silence_is_not_in_sync() {
    for &player in PLAYERS.iter().filter(|player| **player != Player::Unedited) {
        let usual = sight(Some(player.usual_offset()));
        assert_eq!(faults(player, &usual, &usual, &wanted()), [""; 0], "{player:?}");
        let late = sight(Some(player.usual_offset() + 0.1));
        assert!(!faults(player, &late, &usual, &wanted()).is_empty(), "{player:?}");
        let found = faults(player, &sight(None), &usual, &wanted());
        assert!(found.iter().any(|text| text.starts_with("no audio")), "{player:?}: {found:?}");
    }
    let (player, usual) = (Player::Chromium, sight(Some(0.022)));
    let mut silent = usual.clone();
    silent.seeks.iter_mut().for_each(|seek| seek.offset = None);
    assert_eq!(faults(player, &silent, &usual, &wanted()), ["no audio after any seek"]);
    // Where nobody listens, as where languages are changed, which is looked at by itself.
    let mut unheard = silent.clone();
    unheard.seeks.iter_mut().for_each(|seek| seek.is_listened_to = false);
    assert_eq!(faults(player, &unheard, &usual, &wanted()), [""; 0]);
    // Where nothing is to be heard, or the plain film is not, either.
    let short = Wanted { sounds: Some((0.0, 2.5)), ..wanted() };
    assert_eq!(faults(player, &silent, &usual, &short), [""; 0]);
    assert_eq!(faults(player, &silent, &silent, &wanted()), [""; 0]);
}
