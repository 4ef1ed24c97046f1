// The page: what is chosen in the form or on the timeline, what plays, and what is said of it.

import { address, FORMS, load, markup, plays, shellLine } from "./players.js";
import { countTransfers, head, metadataBytes, plainFirstFrame, refusal } from "./figures.js";
import { addText, describe, showText } from "./film.js";
import { listenToKeys } from "./keys.js";
import { Reel } from "./reel.js";
import { bytes, clock, readTime, writeTime } from "./time.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const [form, start, end, player, said] = ["form", "start", "end", "player", "said"].map($);

const servers = await fetch("servers.json").then((reply) => reply.ok ? reply.json() : [])
  .catch(() => []).then((list) => list.length ? list : [{ name: "This server", url: new URL("film.mp4", location).href }]);
// The film itself comes from where the page does, if it is there.
const film = (servers.find(({ url }) => new URL(url).origin === location.origin) ?? servers[0]).url;
// What is known of the film; its length only when a player has it.
const facts = { duration: NaN, keyFrames: [], chapters: [], rate: 25, plain: {} };

const chosen = (name) => form.elements[name].value;
const server = () => servers.find(({ name }) => name === chosen("server")) ?? servers[0];
const asked = () => ({ start: start.value, end: end.value, mode: chosen("mode"), form: chosen("form") });
const link = (of = server()) => address(of.url, asked());

// The scene in seconds. A field that cannot be read counts as empty. Of a film of unknown length, any
// time may be in it.
function scene() {
  const from = readTime(start.value), to = readTime(end.value), duration = facts.duration || Infinity;
  return { from: Math.min(from || 0, duration), to: Number.isNaN(to) ? duration : Math.min(to, duration) };
}

const keyFrameBefore = (time) => facts.keyFrames.findLast((key) => key <= time + 0.0005) ?? 0;

// Where what is shown of the scene begins.
function beginning() {
  const { from } = scene();
  return FORMS[chosen("form")].path || chosen("mode") ? keyFrameBefore(from) : from;
}

// ---- What is shown of the choice

let settling;

function show() {
  const { from, to } = scene(), url = link(), how = chosen("form");
  $("link").textContent = $("link").href = url;
  $("shell").textContent = shellLine(url, how);
  $("snippet").textContent = markup(url, how);
  $("modes").disabled = Boolean(FORMS[how].path);
  if (facts.duration) {
    $("note").textContent = note(from);
    $("scene").textContent = to > from ? `${clock(from)} – ${clock(to)} · ${writeTime(to - from)} s` : "No scene";
    timeline.showScene(from, Math.max(to, from), beginning());
  }
  clearTimeout(settling);
  settling = setTimeout(weigh, 250);
}

function note(from) {
  const key = keyFrameBefore(from), earlier = from - key;
  if (earlier < 0.0005) return "The start is a key frame. Both ways to begin are the same.";
  if (FORMS[chosen("form")].path) return `HLS and DASH begin at a key frame: ${writeTime(earlier)} s earlier, at ${clock(key)}.`;
  if (chosen("mode")) return `Begins ${writeTime(earlier)} s earlier, at the key frame ${clock(key)}.`;
  return `Begins at the very frame. What it needs from the key frame ${clock(key)} on is sent, and hidden by an edit list.`;
}

function say(text, bad = false) {
  said.textContent = text;
  said.classList.toggle("bad", bad);
}

// Marks the field that is wrong, and no other. Without a field the status says it.
function blame(field, text) {
  for (const input of [start, end]) {
    const wrong = input === field;
    input.toggleAttribute("aria-invalid", wrong);
    if (wrong) input.setAttribute("aria-invalid", "true");
    const error = $(`${input.id}-error`), words = wrong ? text : "";
    if (error.textContent !== words) error.textContent = words;
  }
  if (text && !field) say(text, true);
}

// Says why the server refuses, at the field that is wrong; whether it does.
async function explain(url, name) {
  const answer = await refusal(url);
  if (!answer) return null;
  const { status, said: words } = answer;
  const field = status === 416 || /^start=/.test(words) ? start : /^end=|\bends\b/.test(words) ? end : null;
  return { field, text: `${name} answers ${status}: ${words}` };
}

// ---- What the servers say of the choice

let weighing = 0, reading = new AbortController();

async function weigh() {
  reading.abort();
  reading = new AbortController();
  const turn = ++weighing, url = link(), isFile = !FORMS[chosen("form")].path;
  const answers = await Promise.all(servers.map((each) => head(link(each))));
  if (turn !== weighing) return;
  const answer = answers[servers.indexOf(server())];
  const wrong = answer && !answer.ok ? await explain(url, server().name) : null;
  if (turn !== weighing) return;
  blame(wrong?.field ?? null, wrong?.text ?? "");
  showTags(answers);
  $("metadata-name").textContent = isFile ? "Metadata" : "Playlists";
  const plain = facts.plain;
  $("metadata-plain").textContent = isFile && plain.metadata ? `plain file ${bytes(plain.metadata)}` : "";
  if (!answer?.ok || !isFile) {
    showSent(NaN, answer?.ok ? "counted while it plays" : answer ? "refused" : "no answer");
    $("metadata").textContent = "–";
    return;
  }
  showSent(answer.size);
  const metadata = await metadataBytes(url, reading.signal).catch(() => NaN);
  if (turn === weighing) $("metadata").textContent = bytes(metadata);
}

function showSent(count, instead) {
  const whole = facts.plain.size;
  $("sent").textContent = bytes(count);
  $("sent-of").textContent = instead ?? `of the film's ${bytes(whole)}`;
  $("share").style.width = `${Math.min(count / whole, 1) * 100 || 0}%`;
}

function showTags(answers) {
  const tags = answers.map((answer) => answer?.ok ? answer.etag : null);
  const known = tags.every(Boolean), same = known && tags.every((tag) => tag === tags[0]);
  const alike = servers.length > 2 ? "The same on all servers" : "The same on both servers";
  $("same").textContent = !known ? "–" : servers.length < 2 ? tags[0] : same ? alike : "Not the same";
  $("same").classList.toggle("bad", known && !same);
  $("etags").replaceChildren(...(servers.length < 2 ? [] : servers.map(({ name }, index) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("span"), { textContent: name }),
      Object.assign(document.createElement("code"), { textContent: tags[index] ?? (answers[index] ? answers[index].status : "no answer") }));
    return item;
  })));
}

// ---- Playing

// Lets go of what plays; and the number of the last request to play.
let detach = () => {}, requests = 0;

async function play() {
  show();
  const turn = ++requests, url = link(), { name } = server(), how = FORMS[chosen("form")];
  const { from, to } = scene(), began = performance.now();
  say(`Asking ${name}…`);
  detach();
  const stopCounting = how.path ? countTransfers(server().url, ({ all, texts }) => {
    if (turn !== requests) return;
    showSent(all, `so far, of the film's ${bytes(facts.plain.size)}`);
    $("metadata").textContent = bytes(texts);
  }) : () => {};
  detach = stopCounting;
  $("first").textContent = "–";
  $("first-plain").textContent = "";
  reel.show("clip", beginning());
  // A library shows what text the playlist has.
  showText($("film"), player, beginning(), how.path ? 0 : to);
  $("back").hidden = false;
  player.onloadeddata = async () => {
    const waited = Math.round(performance.now() - began);
    if (turn !== requests) return;
    $("first").textContent = `${waited} ms`;
    say(`${player.duration.toFixed(3)} s from ${name} as ${how.name}. First frame after ${waited} ms.`);
    const plain = await plainFirstFrame(server().url, from);
    if (turn === requests) $("first-plain").textContent = `plain file ${Math.round(plain)} ms`;
  };
  const fail = async (details) => {
    const wrong = await explain(url, name);
    if (turn !== requests) return;
    detach();
    detach = () => {};
    reel.show("film");
    $("back").hidden = true;
    blame(wrong?.field ?? null, wrong?.text ?? `${name} sent nothing that plays as ${how.name}${details ? ` (${details})` : ""}.`);
    if (!wrong?.field) return;
    say("");
    wrong.field.focus();
    wrong.field.closest(".field").scrollIntoView({ block: "nearest" });
  };
  player.onerror = () => { if (player.hasAttribute("src")) fail(); };
  if (how.library) {
    player.removeAttribute("src");
    player.load();
    try { await load(how.library); } catch {
      if (turn !== requests) return;
      reel.show("film");
      say(`${how.library} is not here: make demo gets it from the npm registry. Choose another form, or run make demo again.`, true);
      return;
    }
    if (turn !== requests) return;
    const release = how.attach(player, url, fail);
    detach = () => { stopCounting(); release(); };
  } else {
    player.src = url;
  }
  player.play().catch(() => {});
}

function backToFilm() {
  requests++;
  detach();
  detach = () => {};
  player.removeAttribute("src");
  player.load();
  $("back").hidden = true;
  reel.show("film");
  say("");
}

// ---- Choosing

const frame = () => 1 / facts.rate;
const onFrame = (time) => Math.round(time * facts.rate) / facts.rate;

// Moves an end of the scene. An end that would lie before the start is no longer one. Of a film that
// is not there, nothing moves.
function mark(which, time, keepsOrder = false) {
  if (!facts.duration) return 0;
  const { from, to } = scene();
  let at = onFrame(time);
  if (keepsOrder) at = which === "start" ? Math.min(at, to - frame()) : Math.max(at, from + frame());
  at = Math.min(Math.max(at, 0), facts.duration);
  if (which === "start") {
    start.value = at > 0 ? writeTime(at) : "";
    if (at >= to) end.value = "";
  } else {
    end.value = at < facts.duration ? writeTime(at) : "";
    if (at <= from) start.value = "";
  }
  show();
  return at;
}

const reel = new Reel($("film"), player, {
  moved: (time) => {
    $("now").textContent = clock(time);
    if (facts.duration) timeline.showTime(Math.min(time, facts.duration));
  },
  changed: (isPlaying) => {
    $("toggle").classList.toggle("playing", isPlaying);
    $("toggle").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  },
});

const timeline = new Timeline($("timeline"), {
  seek: (time) => { leaveClip(); reel.seek(onFrame(time)); },
  mark: (which, time) => { leaveClip(); reel.seek(mark(which, time, true)); },
  choose: (chapter) => {
    leaveClip();
    start.value = chapter.start > 0 ? writeTime(chapter.start) : "";
    end.value = chapter.end < facts.duration - frame() ? writeTime(chapter.end) : "";
    show();
    reel.seek(chapter.start);
  },
});

function leaveClip() {
  if (reel.view === "clip") backToFilm();
}

// A place a frame, a second or a key frame away from another.
const away = {
  frame: (time, way) => time + way * frame(),
  second: (time, way) => time + way,
  key: (time, way) => way < 0 ? keyFrameBefore(time - frame()) : facts.keyFrames.find((key) => key > time + 0.0005) ?? facts.duration,
};

function step(unit, way, which) {
  if (!facts.duration) return;
  if (which) {
    leaveClip();
    const { from, to } = scene();
    reel.seek(mark(which, away[unit](which === "start" ? from : to, way), true));
  } else {
    reel.seek(onFrame(away[unit](reel.time, way)));
  }
}

// Goes to an end of the film, or moves an end of the scene as far.
function edge(last, which) {
  if (!facts.duration) return;
  const at = last ? facts.duration : 0;
  if (which) leaveClip();
  reel.seek(which ? mark(which, at, true) : at);
}

const actions = {
  "previous-key": () => step("key", -1),
  "next-key": () => step("key", 1),
  "previous-frame": () => step("frame", -1),
  "next-frame": () => step("frame", 1),
  toggle: () => reel.toggle(),
  "mark-start": () => mark("start", reel.time),
  "mark-end": () => mark("end", reel.time),
};

for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => actions[button.dataset.do]();
listenToKeys({ ...actions, step, play, shuttle: (way) => reel.shuttle(way), stop: () => reel.stop(), edge });

form.oninput = show;
form.onsubmit = (event) => { event.preventDefault(); play(); };
$("back").onclick = backToFilm;

for (const button of document.querySelectorAll("[data-copy]")) {
  button.onclick = async () => {
    const text = $(button.dataset.copy);
    try { await navigator.clipboard.writeText(text.textContent); } catch {
      getSelection().selectAllChildren(text);
      say("Press Ctrl-C to copy.");
      return;
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
}

// A link with `download` would only open what comes from another server.
$("download").onclick = async () => {
  const { name, url } = server(), file = address(url, { ...asked(), form: "" });
  const reply = await fetch(file).catch(() => null);
  if (!reply?.ok) {
    const wrong = reply && await explain(file, name);
    blame(wrong?.field ?? null, wrong?.text ?? `${name} does not answer.`);
    return;
  }
  const href = URL.createObjectURL(await reply.blob());
  Object.assign(document.createElement("a"), { href, download: "scene.mp4" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);
};

// ---- At first

// Keys are for the picture, until something else has the focus.
$("stage").focus({ preventScroll: true });

for (const { name } of servers) {
  const label = document.createElement("label");
  label.append(
    Object.assign(document.createElement("input"), { type: "radio", name: "server", value: name }),
    Object.assign(document.createElement("span"), { textContent: name }));
  $("servers").append(label);
}
for (const input of form.elements.form) if (!plays(input.value)) input.closest("label").remove();

const wanted = new URLSearchParams(location.search);
start.value = wanted.get("start") ?? (wanted.size ? "" : "12.48");
end.value = wanted.get("end") ?? (wanted.size ? "" : "19");
form.elements.mode.value = wanted.get("mode") === "keyframe" ? "keyframe" : "";
// A single choice is no list of them, whose value would check it.
const wantedServer = (servers.find(({ name }) => name === wanted.get("server")) ?? servers[0]).name;
for (const input of form.querySelectorAll("[name=server]")) input.checked = input.value === wantedServer;
const wantedForm = wanted.get("form") ?? "";
if (FORMS[wantedForm] && plays(wantedForm)) form.elements.form.value = wantedForm;
show();

const scout = Object.assign(document.createElement("video"), { muted: true, preload: "auto", src: film });
const known = describe(film), whole = head(film);
reel.load(film);
await new Promise((heard) => {
  if ($("film").readyState) heard();
  $("film").onloadedmetadata = heard;
  $("film").onerror = () => say(`${film} does not play here.`, true);
});
Object.assign(facts, await known, { duration: $("film").duration, plain: { size: (await whole)?.size } });
$("length").textContent = clock(facts.duration);
timeline.draw(facts, scout);
reel.rate = facts.rate;
if (facts.subtitles) await addText($("film"), film);
reel.moved();
show();
if (wanted.size) play();
facts.plain.metadata = await metadataBytes(film).catch(() => NaN);
show();
