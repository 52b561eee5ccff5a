// How values are written for a reader: times in the reader's own zone, numbers as the reader's language has them.

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const UNITS = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [1, "s"]];
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const SHORT = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 20 });

// How long ago: one unit, as `upwell status` has it.
export function age(time, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(time)) / 1000);
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [1, "s"];
  const count = Math.floor(Math.abs(seconds) / size);
  return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

export const fullTime = (time) => FULL.format(new Date(time));
export const shortTime = (time) => SHORT.format(new Date(time));

export function between(from, to) {
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  if (seconds < 1) return "under 1 s"; // times of Jobs are whole seconds
  if (seconds < MINUTE) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ${Math.round(seconds % MINUTE)} s`;
  return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
}

// A number; beyond what JavaScript holds exactly it comes as text, and keeps every digit.
export function number(value) {
  if (typeof value === "number") return NUMBER.format(value);
  return /^-?\d+$/.test(value) ? NUMBER.format(BigInt(value)) : String(value);
}

export const shortVersion = (version) => [...version].slice(0, 12).join("");

const SAID = { UpstreamDataChanged: "Upstream data has changed" };

// A reason, which is one word for programs, as words: UpToDate is "Up to date".
export function words(reason) {
  if (!reason) return "";
  const text = reason.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return SAID[reason] ?? text[0].toUpperCase() + text.slice(1);
}

export function count(number, one, many = `${one}s`) {
  return `${NUMBER.format(number)} ${number === 1 ? one : many}`;
}
