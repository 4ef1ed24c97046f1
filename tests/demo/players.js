// The forms a scene is sent in, and what plays them.

const HLS = "application/vnd.apple.mpegurl";

// What follows the film's address, and what plays it: the <video> itself where there is no
// library. `attach` hands back how the library lets go.
export const FORMS = {
  "": { name: "MP4", path: "" },
  fmp4: { name: "fragmented MP4", path: "", format: "fmp4" },
  "hls-native": { name: "HLS, by the browser", path: "/hls/master.m3u8" },
  hls: { name: "HLS, in hls.js", path: "/hls/master.m3u8", library: "hls.js", attach(player, url, fail) {
    const hls = new window.Hls();
    hls.on("hlsError", (_, { fatal, details }) => { if (fatal) fail(details); });
    hls.loadSource(url);
    hls.attachMedia(player);
    return () => hls.destroy();
  } },
  dash: { name: "DASH, in dash.js", path: "/dash/manifest.mpd", library: "dash.js", attach(player, url, fail) {
    const dash = window.dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: 0 } });
    dash.on("error", ({ error }) => fail(error.message ?? error));
    dash.initialize(player, url, false);
    return () => dash.destroy();
  } },
};

export const plays = (form) => form !== "hls-native" || document.createElement("video").canPlayType(HLS) !== "";

// Resolves when the library's script, which is asked for once, is there.
const scripts = {};
export const load = (name) => scripts[name] ??= new Promise((done, failed) => {
  const element = Object.assign(document.createElement("script"), { src: name, onload: done });
  element.onerror = () => { delete scripts[name]; element.remove(); failed(new Error(name)); };
  document.head.append(element);
});

// The address of the scene in a form. What is empty is left out.
export function address(film, { start, end, mode, form }) {
  const { path, format } = FORMS[form];
  const fields = [["start", start], ["end", end], ["mode", path ? "" : mode], ["format", format ?? ""]];
  const query = fields.map(([key, value]) => [key, value.trim()]).filter(([, value]) => value)
    .map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%3A", ":")}`).join("&");
  return film + path + (query && `?${query}`);
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The command that saves the scene. ffmpeg ends an address in a manifest at its first "&", and the
// form with segments of their own has none.
export function shellLine(url, form) {
  const input = url.replace("/dash/manifest.mpd", "/dash/manifest-template.mpd");
  return FORMS[form].path ? `ffmpeg -i ${quoted(input)} -c copy scene.mp4` : `curl -fo scene.mp4 ${quoted(url)}`;
}

// The markup that plays the scene in a page.
export function markup(url, form) {
  const plain = url.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const script = (name, lines) =>
    `<video id="player" controls></video>\n<script src="${name}"></script>\n<script>\n${lines}\n</script>`;
  const where = JSON.stringify(url).replaceAll("<", "\\u003c");
  if (form === "hls") return script("hls.js", `  const hls = new Hls();\n  hls.loadSource(${where});\n  hls.attachMedia(player);`);
  if (form === "dash") return script("dash.js", `  dashjs.MediaPlayer().create().initialize(player, ${where}, true);`);
  return `<video src="${plain}" controls></video>`;
}
