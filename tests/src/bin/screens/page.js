// What a player in this page shows and plays. `screens` (tests/src/bin/screens) calls it.
'use strict';

const COLUMNS = 10;
const ROWS = 6;
const canvas = Object.assign(document.createElement('canvas'), { width: COLUMNS * 16, height: ROWS * 16 });
const pen = canvas.getContext('2d', { willReadFrequently: true });
let player, context, tape;
// Messages of the tape: number of the first sample, when it came, and the samples.
let recorded = [];
// Where the player waited for data while it played.
let stalls = [];

const TAPE = `registerProcessor('tape', class extends AudioWorkletProcessor {
    constructor() { super(); this.held = []; }
    process([input]) {
        if (!this.held.length) this.first = currentFrame;
        this.held.push(input[0] ? new Float32Array(input[0]) : new Float32Array(128));
        if (this.held.length === 9) {
            this.port.postMessage([this.first, this.held]);
            this.held = [];
        }
        return true;
    }
});`;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const event = (name, ms) => new Promise((done) => {
    player.addEventListener(name, () => done(name), { once: true });
    setTimeout(() => done('timeout'), ms);
});
const painted = (ms) => new Promise((done) => {
    player.requestVideoFrameCallback(done);
    setTimeout(done, ms);
});

// The brightness of the frame's cells; nothing where there is no frame.
function cells() {
    if (!player.videoWidth || player.readyState < 2) return null;
    pen.drawImage(player, 0, 0, canvas.width, canvas.height);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = [];
    for (let row = 0; row < ROWS; row++)
        for (let column = 0; column < COLUMNS; column++)
            seen.push(pixels[((row * 16 + 8) * canvas.width + column * 16 + 8) * 4 + 1]);
    return seen;
}

const ranges = (times) => Array.from({ length: times.length }, (_, n) => [times.start(n), times.end(n)]);

const state = () => ({
    cells: cells(),
    duration: Number.isFinite(player.duration) ? player.duration : String(player.duration),
    at: player.currentTime,
    error: player.error ? player.error.message || `code ${player.error.code}` : null,
});

// At the next click loads a film. A player that was loaded at a click may play audio.
let loading;
async function prepare(url, ms, library, grows) {
    document.addEventListener('click', () => {
        context = new AudioContext();
        context.resume();
        loading = load(url, ms, library, grows);
    }, { once: true });
}
const loaded = () => loading;

// Loads a film; its first frame before it plays. Of one that still grows, video.js loads nothing
// before it is to play.
async function load(url, ms, library, grows) {
    const begun = performance.now();
    if (library) await window.libraries.fetch(library);
    player = Object.assign(document.createElement('video'), { preload: 'auto' });
    document.body.replaceChildren(player);
    player.addEventListener('waiting', () => {
        const at = player.currentTime;
        // A busy machine makes a player wait, too.
        const has = ([from, to]) => from <= at && Math.min(at + 0.2, player.duration) <= to;
        if (!player.seeking && !ranges(player.buffered).some(has)) stalls.push(performance.now() / 1000);
    });
    const failed = new Promise((done) => {
        if (library) return window.libraries.attach(library, player, url, done);
        player.src = url;
        return player.load();
    });
    if (grows) player.play().catch(() => {});
    const came = await Promise.race([event('loadeddata', ms), event('error', ms), failed]);
    const seconds = (performance.now() - begun) / 1000;
    if (!['loadeddata', 'error', 'timeout'].includes(came)) return { error: came };
    if (came === 'timeout') return { error: `no first frame after ${ms / 1000} s`, state: player.readyState };
    if (grows) {
        player.pause();
        player.currentTime = 0;
    }
    // To the place that the URL's fragment says.
    for (let n = 0; n < 100 && player.seeking; n++) await wait(20);
    if (player.videoWidth) await painted(700);
    return { ...state(), seconds };
}

// Sends the player's audio to a tape, and on to the speakers.
async function listen() {
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAPE], { type: 'text/javascript' })));
    tape = new AudioWorkletNode(context, 'tape', { numberOfInputs: 1, numberOfOutputs: 1 });
    tape.port.onmessage = ({ data: [first, held] }) => recorded.push([first, performance.now(), held]);
    const source = context.createMediaElementSource(player);
    source.connect(tape).connect(context.destination);
    source.connect(context.destination);
    // Until audio flows, if only silence.
    for (let n = 0; n < 100 && recorded.length < 4; n++) await wait(20);
    return { context: context.state, rate: context.sampleRate };
}

// The recorded audio at some 8 kHz, below half of which it tells the time. A message holds 1152
// samples, whole ones at the lower rate too.
function audio(rate) {
    if (!recorded.length) return null;
    const by = Math.round(rate / 8000), start = recorded[0][0];
    // Messages come late, never early: the earliest sets the audio's clock against the page's.
    const shift = Math.min(...recorded.map(([first, came]) => came / 1000 - first / rate));
    const samples = [];
    for (const [first, , held] of recorded) {
        const all = held.flatMap((block) => Array.from(block));
        for (let at = 0; at + by <= all.length; at += by) {
            let sum = 0;
            for (let n = 0; n < by; n++) sum += all[at + n];
            samples[(first - start + at) / by] = Math.round((sum / by) * 20000);
        }
    }
    return { rate: rate / by, begins: start / rate + shift, samples: Array.from(samples, (v) => v ?? 0) };
}

// What the player has, and each of its source buffers.
const allBuffered = () => [['the player', ranges(player.buffered)], ...window.libraries.buffered()];

// Plays from where the player is, for `seconds` or to the end, at most `patience` seconds longer.
// Amid that it goes to another sound, text or picture: `change` says after how long, of which kind,
// and to which language or width.
async function play(seconds, toEnd, patience, change) {
    const frames = [], clock = [], texts = [];
    let on = true, ended = null, changed = null;
    const paint = (now, { mediaTime, expectedDisplayTime, width }) => {
        if (!on) return;
        frames.push([expectedDisplayTime / 1000, mediaTime, cells(), width]);
        player.requestVideoFrameCallback(paint);
    };
    const stop = () => { ended = performance.now() / 1000; };
    player.addEventListener('ended', stop, { once: true });
    player.requestVideoFrameCallback(paint);
    recorded = [];
    stalls = [];
    // WebKit tells late that it plays, and a player that has no more data tells nothing.
    const began = player.currentTime;
    let failed;
    player.play().catch((e) => { failed = String(e); });
    for (let n = 0; n < 300 && !failed && player.currentTime === began; n++) await wait(15);
    const from = performance.now() / 1000;
    const until = from + seconds + (toEnd ? patience : 0);
    while (ended === null && !player.error && performance.now() / 1000 < until) {
        const now = performance.now() / 1000;
        clock.push([now, player.currentTime]);
        texts.push([now, player.currentTime, window.libraries.cues()]);
        if (change && changed === null && now > from + change[0]) {
            changed = now;
            window.libraries.choose(change[1], change[2]);
        }
        await wait(15);
    }
    if (toEnd && ended !== null) await wait(150);
    player.pause();
    on = false;
    player.removeEventListener('ended', stop);
    return { ...state(), ...(failed && { error: failed }), ended, frames, clock, texts, changed, stalls, buffered: allBuffered(), warnings: window.libraries.warnings(), audio: toEnd || !tape ? null : audio(context.sampleRate) };
}

// Goes to a time and stays there.
async function seek(to) {
    player.pause();
    const seen = event('seeked', 8000);
    player.currentTime = to;
    const came = await seen;
    if (player.videoWidth) await painted(700);
    const { error, ...seenState } = state();
    return { ...seenState, error: error || (came === 'timeout' ? 'does not seek' : null) };
}

// The page's clock.
const clock = async () => performance.now() / 1000;

window.screens = { clock, prepare, loaded, load, listen, play, seek };
