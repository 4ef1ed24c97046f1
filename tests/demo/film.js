// What the server says of the film at the addresses behind it, and pictures from it.

// Key frames are those of HLS's I-frame playlist, chapters come as WebVTT.
export async function describe(url) {
  const text = (path) => fetch(url + path).then((reply) => reply.ok ? reply.text() : "").catch(() => "");
  const [frames, cues, master] = await Promise.all(
    ["/hls/v1-iframes.m3u8", "/text/chapters.vtt", "/hls/master.m3u8"].map(text));
  return {
    keyFrames: readKeyFrames(frames),
    chapters: readChapters(cues),
    rate: Number(/FRAME-RATE=([\d.]+)/.exec(master)?.[1] ?? 25),
    subtitles: /TYPE=SUBTITLES/.test(master),
  };
}

// An entry lasts until the next key frame.
function readKeyFrames(playlist) {
  const times = [];
  let at = 0;
  for (const [, duration] of playlist.matchAll(/^#EXTINF:([\d.]+)/gm)) {
    times.push(at);
    at += Number(duration);
  }
  return times;
}

function readChapters(text) {
  const seconds = (stamp) => stamp.split(":").reduce((total, part) => total * 60 + Number(part), 0);
  return [...text.matchAll(/^([\d:.]+) --> ([\d:.]+).*\n(.+)/gm)]
    .map(([, start, end, name]) => ({ start: seconds(start), end: seconds(end), name }));
}

// Gives the film its first text, which is not shown of itself. Resolves when that is there, or
// cannot be had.
export function addText(film, url) {
  const element = Object.assign(document.createElement("track"), { kind: "captions", label: "Text", src: `${url}/text/t1.vtt` });
  film.append(element);
  film.textTracks[0].mode = "hidden";
  return Promise.race([once(element, "load"), once(element, "error")]);
}

// Shows the film's text on a clip of `from` to `to`, without asking for it once more.
export function showText(film, clip, from, to) {
  const track = clip.ownText ??= clip.addTextTrack("captions", "Text");
  track.mode = "showing";
  for (const cue of [...track.cues]) track.removeCue(cue);
  for (const { startTime, endTime, text } of film.textTracks[0]?.cues ?? [])
    if (endTime > from && startTime < to)
      track.addCue(new VTTCue(Math.max(startTime, from) - from, Math.min(endTime, to) - from, text));
  if (!track.cues.length) track.mode = "disabled";
}

// Draws the film at each of the times into the canvas of the same place, going there in a player
// that is not shown. A newer call with the same player ends this one.
export async function drawThumbnails(player, canvases, times) {
  const turn = player.turn = (player.turn ?? 0) + 1;
  if (player.readyState < 2) await once(player, "loadeddata");
  for (const [index, canvas] of canvases.entries()) {
    if (player.turn !== turn) return;
    const there = once(player, "seeked");
    player.currentTime = times[index];
    await there;
    const { width, height } = canvas;
    // Fills the canvas, and cuts off what does not fit.
    const scale = Math.max(width / player.videoWidth, height / player.videoHeight);
    const [w, h] = [player.videoWidth * scale, player.videoHeight * scale];
    canvas.getContext("2d").drawImage(player, (width - w) / 2, (height - h) / 2, w, h);
    canvas.classList.add("drawn");
  }
}

const once = (target, name) => new Promise((heard) => target.addEventListener(name, heard, { once: true }));
