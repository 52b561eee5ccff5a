// Numbers of the metadata over time: a small picture for each label, on axes of its own.
//
// What cannot be drawn (NaN, the infinities) is left out; an integer beyond 2^53 is drawn where its nearest neighbour is.

import { Empty } from "./parts.js";
import { count, number, shortTime } from "./words.js";
import { html } from "./view.js";

const SIZE = { width: 560, height: 130 };
const INSIDE = { left: 6, right: 6, top: 10, bottom: 10 };
const NUMERIC = new Set(["int", "float"]);

// The series of events: by label, in the order of time.
export function seriesOf(events) {
  const found = new Map();
  for (const event of events.toReversed()) {
    for (const [label, { type, value }] of Object.entries(event.metadata ?? {})) {
      if (!NUMERIC.has(type) || !Number.isFinite(Number(value))) continue;
      if (!found.has(label)) found.set(label, []);
      found.get(label).push({ at: Date.parse(event.time), time: event.time, value: Number(value), said: number(value), id: event.id });
    }
  }
  for (const points of found.values()) points.sort((one, other) => one.at - other.at); // an event may be told long after
  return found;
}

export function Plots({ events }) {
  const series = [...seriesOf(events)];
  if (!series.length) return html`<${Empty} title="No numbers yet"><p>Metadata of the types int and float is drawn here.</p><//>`;
  return html`<div class="plots">${series.map(([label, points]) => html`<${Plot} key=${label} label=${label} points=${points} />`)}</div>`;
}

function Plot({ label, points }) {
  const last = points.at(-1);
  const [low, high] = points.reduce(([low, high], point) => [point.value < low.value ? point : low, point.value > high.value ? point : high], [last, last]);
  const place = placing(points[0].at, last.at, low.value, high.value);
  const said = `${label}: ${count(points.length, "value")} from ${shortTime(points[0].time)} to ${shortTime(last.time)}, the last ${last.said}`;
  return html`<figure class="plot">
    <figcaption><b>${label}</b> <span>${last.said}</span></figcaption>
    <div class="drawing"><div class="scale"><span>${high.said}</span><span>${low === high ? "" : low.said}</span></div>
      <svg viewBox=${`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label=${said}>
        <path d=${points.map((point, at) => `${at ? "L" : "M"}${place(point).join(" ")}`).join("")} />
        ${points.map((point) => html`<${Point} key=${point.id} point=${point} at=${place(point)} />`)}
      </svg></div>
    <div class="ends"><span>${shortTime(points[0].time)}</span><span>${points.length > 1 ? shortTime(last.time) : ""}</span></div>
  </figure>`;
}

const Point = ({ point, at: [x, y] }) => html`<circle cx=${x} cy=${y} r="3.5"><title>${`${shortTime(point.time)}: ${point.said}`}</title></circle>`;

// A single value, or one that never changes, stands in the middle.
function placing(from, to, low, high) {
  const { left, right, top, bottom } = INSIDE;
  const across = SIZE.width - left - right, down = SIZE.height - top - bottom;
  return ({ at, value }) => [
    round(left + (to === from ? across / 2 : ((at - from) / (to - from)) * across)),
    round(top + (high === low ? down / 2 : ((high - value) / (high - low)) * down)),
  ];
}

const round = (value) => Math.round(value * 10) / 10;
