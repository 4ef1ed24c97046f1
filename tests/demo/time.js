// Times as the servers read them and as people do.

// Seconds of `61.5`, `1:01.5` or `0:01:01.5`; NaN of any other text.
export function readTime(text) {
  const parts = text.trim().split(":");
  const number = /^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
  if (parts.length > 3 || !parts.every((part) => number.test(part))) return NaN;
  return parts.reduce((total, part) => total * 60 + Number(part), 0);
}

// As the form has it: `12.48`, `1:02.48`, to a hundredth of a second or as much finer as needed.
export function writeTime(seconds) {
  const thousandths = Math.round(seconds * 1000);
  if (thousandths < 60000) return String(thousandths / 1000);
  const [minutes, rest] = [Math.floor(thousandths / 60000), thousandths % 60000 / 1000];
  return `${minutes}:${rest < 10 ? "0" : ""}${rest}`;
}

// As a clock has it: `1:02.48`, always as wide.
export function clock(seconds) {
  const hundredths = Math.round(seconds * 100);
  const [minutes, rest] = [Math.floor(hundredths / 6000), hundredths % 6000];
  return `${minutes}:${(rest / 100).toFixed(2).padStart(5, "0")}`;
}

// As a person would say it.
export function spoken(seconds) {
  const hundredths = Math.round(seconds * 100), minutes = Math.floor(hundredths / 6000);
  return (minutes ? `${minutes} min ` : "") + `${hundredths % 6000 / 100} s`;
}

export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  const [unit, size] = count >= 1e6 ? ["MB", 1e6] : count >= 1e3 ? ["kB", 1e3] : ["bytes", 1];
  const value = count / size;
  return `${value.toFixed(size > 1 && value < 100 ? 1 : 0)} ${unit}`;
}
