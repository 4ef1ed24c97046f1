// Libraries that play HLS and DASH through Media Source Extensions in `page.js`.
'use strict';

const VIDEO_JS_SETTINGS = { vhs: { overrideNative: true }, nativeAudioTracks: false, nativeVideoTracks: false };

// Libraries say languages in two letters or in three.
const isIn = (language) => (track) => (track.lang ?? track.language ?? '').slice(0, 2) === language;
const isWide = (width) => (picture) => picture.width === width;
const isText = ({ kind }) => kind === 'subtitles' || kind === 'captions';

// `attach` has a library play what is at a URL, and hands back how it ends (`destroy`), how it goes
// to the sound and the text of a language (`audio`, `text`; without a language no text), how it
// goes to the picture of a width and stays there (`width`), and where the tracks of text are.
const LIBRARIES = {
    'hls.js': {
        script: 'hls.js',
        attach(player, url, fail) {
            const hls = new window.Hls({ maxBufferLength: 60 });
            hls.on(window.Hls.Events.ERROR, (_, { fatal, type, details, reason }) => {
                warnings.push(`${type} ${details}`);
                if (fatal) fail(`${type} ${details} ${reason ?? ''}`);
            });
            hls.loadSource(url);
            hls.attachMedia(player);
            return {
                destroy: () => hls.destroy(),
                audio(language) { hls.audioTrack = hls.audioTracks.findIndex(isIn(language)); },
                text(language) {
                    hls.subtitleDisplay = true;
                    hls.subtitleTrack = language ? hls.subtitleTracks.findIndex(isIn(language)) : -1;
                },
                width(width) { hls.nextLevel = hls.levels.findIndex(isWide(width)); },
                textTracks: () => player.textTracks,
            };
        },
    },
    'dash.js': {
        script: 'dash.js',
        attach(player, url, fail) {
            const dash = window.dashjs.MediaPlayer().create();
            dash.on('error', ({ error }) => fail(`${error.code} ${error.message}`));
            dash.updateSettings({ debug: { logLevel: 0 } });
            dash.initialize(player, url, false);
            return {
                destroy: () => dash.destroy(),
                audio: (language) => dash.setCurrentTrack(dash.getTracksFor('audio').find(isIn(language))),
                text(language) {
                    dash.enableText(Boolean(language));
                    dash.setTextTrack(language ? dash.getTracksFor('text').findIndex(isIn(language)) : -1);
                },
                width(width) {
                    dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
                    const { id } = dash.getRepresentationsByType('video').find(isWide(width));
                    dash.setRepresentationForTypeById('video', id, true);
                },
                textTracks: () => player.textTracks,
            };
        },
    },
    Shaka: {
        script: 'shaka.js',
        attach(player, url, fail) {
            window.shaka.polyfill.installAll();
            const shaka = new window.shaka.Player();
            // As web-players.md says: times are those in the segments, in HLS as in DASH.
            shaka.configure('manifest.hls.ignoreManifestTimestampsInSegmentsMode', true);
            const failed = (e) => fail(`Shaka: error ${e.code} ${JSON.stringify(e.data)}`);
            shaka.addEventListener('error', ({ detail }) => failed(detail));
            shaka.attach(player).then(() => shaka.load(url)).catch(failed);
            return {
                destroy: () => shaka.destroy(),
                audio: (language) => shaka.selectAudioTrack(shaka.getAudioTracks().find(isIn(language))),
                text: (language) => shaka.selectTextTrack(shaka.getTextTracks().find(isIn(language)) ?? null),
                width(width) {
                    shaka.configure({ abr: { enabled: false } });
                    shaka.selectVariantTrack(shaka.getVariantTracks().find(isWide(width)), true);
                },
                textTracks: () => player.textTracks,
            };
        },
    },
    'video.js': {
        script: 'video.js',
        attach(player, url, fail) {
            const video = window.videojs(player, { html5: VIDEO_JS_SETTINGS });
            video.on('error', () => fail(`${video.error().code} ${video.error().message}`));
            video.src({ src: url, type: 'application/x-mpegURL' });
            return {
                destroy: () => video.dispose(),
                audio(language) { Array.from(video.audioTracks()).find(isIn(language)).enabled = true; },
                text(language) {
                    for (const track of Array.from(video.textTracks()).filter(isText))
                        track.mode = language && isIn(language)(track) ? 'showing' : 'disabled';
                },
                width(width) {
                    const { vhs } = video.tech({ IWillNotUseThisInPlugins: true });
                    // Never none at all: what is wanted comes first.
                    const wanted = isWide(width), all = vhs.representations();
                    for (const one of all.filter(wanted)) one.enabled(true);
                    for (const one of all.filter((one) => !wanted(one))) one.enabled(false);
                },
                textTracks: () => video.textTracks(),
            };
        },
    },
};

// What libraries say that they recovered from.
let warnings = [];
// All source buffers since the player was loaded.
let sources = [];
// What `attach` of the library that plays handed back.
let attached = null;

if (window.MediaSource) {
    const add = window.MediaSource.prototype.addSourceBuffer;
    window.MediaSource.prototype.addSourceBuffer = function (type) {
        const source = add.call(this, type);
        sources.push([type, source]);
        return source;
    };
}

// Loads the library's script, if it is not there yet.
async function fetchLibrary(name) {
    const { script } = LIBRARIES[name];
    if (document.querySelector(`script[src="${script}"]`)) return;
    const element = Object.assign(document.createElement('script'), { src: script });
    await new Promise((done, failed) => {
        element.onload = done;
        element.onerror = () => failed(new Error(`${script} cannot be loaded`));
        document.head.append(element);
    });
}

// Has a library play what is at `url`. `fail` is called with what goes wrong for good.
function attach(name, player, url, fail) {
    attached?.destroy();
    [sources, warnings] = [[], []];
    attached = LIBRARIES[name].attach(player, url, fail);
}

// For each source buffer its type, and from when to when it has media.
function buffered() {
    return sources.map(([type, source]) => {
        try {
            const { buffered: times } = source;
            return [type, Array.from({ length: times.length }, (_, n) => [times.start(n), times.end(n)])];
        } catch {
            // A source buffer that was removed.
            return [type, []];
        }
    });
}

// Goes to the sound (`kind` is `audio`) or to the text of a language, or to the picture of a width.
const choose = (kind, which) => attached[kind](which);

// The text that is shown now: for each cue what it says, and from when to when.
function cues() {
    const shown = Array.from(attached?.textTracks() ?? []).filter((t) => isText(t) && t.mode === 'showing');
    const active = shown.flatMap(({ activeCues }) => Array.from(activeCues ?? []));
    return active.map(({ text, startTime, endTime }) => [text, startTime, endTime]);
}

window.libraries = { fetch: fetchLibrary, attach, buffered, choose, cues, warnings: () => warnings };
