// An asset's past: its activity, its versions, and the decisions about it. The newest is first; the rest follows as one scrolls.

import { chosen, pageOfRun, withQuery } from "./address.js";
import { Loaded } from "./loaded.js";
import { KeyLink, Metadata } from "./metadata.js";
import { Plots } from "./plots.js";
import { Age, Choice, Empty, Mark, Version } from "./parts.js";
import { shortTime, words } from "./words.js";
import { html } from "./view.js";

const PAGE = 50;
const PLOTTED = 500;
const VIEWS = [["", "Table"], ["plots", "Plots"]];
const TYPES = [["", "All"], ["observation", "Observations"], ["materialization", "Materializations"], ["failure", "Failures"]];
const EVENTS = {
  AssetObservation: ["Observation", "observed"],
  AssetMaterialization: ["Materialization", "built"],
  AttemptFailed: ["Attempt failed", "failed"],
  AssetObservationFailed: ["Observation failed", "failed"],
  AssetMaterializationFailed: ["Materialization failed", "failed"],
};

const RunLink = ({ namespace, run }) => (run ? html`<a class="run" href=${pageOfRun(namespace, run)}>${run}</a>` : html`<span class="hint">from outside</span>`);
const When = ({ time }) => html`<${Age} time=${time} /><div class="hint">${shortTime(time)}</div>`;

export function Activity({ path, namespace }) {
  const type = chosen("type"), plots = chosen("view") === "plots";
  const show = (data, more) => html`${plots ? html`<${Plots} events=${data.items} />` : html`<${Events} items=${data.items} namespace=${namespace} filtered=${type} />`}${more}`;
  return html`<div class="choices"><${Choice} name="type" label="Type of event" options=${TYPES} /><${Choice} name="view" label="Table or plots" options=${VIEWS} /></div>
    <${Loaded} key=${plots} paged=${plots ? PLOTTED : PAGE} path=${withQuery(`${path}/events`, { type })} namespace=${namespace} show=${show} />`;
}

function Events({ items, namespace, filtered }) {
  if (!items.length) return html`<${Empty} title=${filtered ? "No event of this type" : "Nothing has happened yet"}><p>An observation or a materialization appears here while it still runs.</p><//>`;
  return html`<table class="events" aria-label="Asset activity"><thead><tr><th>When</th><th>What</th><th>Version</th><th>Details</th></tr></thead>
    <tbody>${items.map((event) => html`<${Event} key=${event.id} event=${event} namespace=${namespace} />`)}</tbody></table>`;
}

function Event({ event, namespace }) {
  const [name, sort] = EVENTS[event.type] ?? [event.type, "other"];
  return html`<tr>
    <td class="c-when"><${When} time=${event.time} /></td>
    <td class="c-what"><span class=${`sort sort-${sort}`}>${name}</span>${event.partition && html`<div class="hint">partition ${event.partition}</div>`}
      <div><${RunLink} namespace=${namespace} run=${event.run} /></div></td>
    <td class="c-version"><${Version} version=${event.dataVersion} />${event.changed && html`<div class="changed">changed</div>`}${event.superseded && html`<div class="hint">overtaken by a later run</div>`}</td>
    <td class="c-details">${event.description && html`<p class="text">${event.description}</p>`}
      <${Metadata} entries=${event.metadata} namespace=${namespace} />
      <${Inputs} inputs=${event.inputs} namespace=${namespace} /><${Partitions} event=${event} /><${Tags} tags=${event.tags} /></td>
  </tr>`;
}

function Inputs({ inputs, namespace }) {
  if (!inputs?.length) return null;
  return html`<div class="inputs"><span class="hint">built from</span> ${inputs.map((one) => html`<span class="input"><${KeyLink} namespace=${namespace} value=${one.key || one.name} /> <${Version} version=${one.dataVersion} /></span>`)}</div>`;
}

function Partitions({ event }) {
  if (!event.partitionsSeen) return null;
  return html`<div class="hint">${event.partitionsSeen} partitions seen, ${event.partitionsChanged ?? 0} changed</div>`;
}

function Tags({ tags }) {
  const names = Object.keys(tags ?? {});
  return names.length ? html`<div>${names.map((name) => html`<span class="chip">${name}=${tags[name]}</span> `)}</div>` : null;
}

export function Versions({ path, namespace }) {
  return html`<${Loaded} paged=${PAGE} path=${`${path}/versions`} namespace=${namespace} show=${(data, more) => html`<${Spans} items=${data.items} namespace=${namespace} />${more}`} />`;
}

function Spans({ items, namespace }) {
  if (!items.length) return html`<${Empty} title="No version yet"><p>It has one once it was observed or materialized.</p><//>`;
  return html`<table class="versions"><thead><tr><th>Version</th><th>Seen</th><th>By</th><th>What was built from it</th></tr></thead>
    <tbody>${items.map((span) => html`<${Span} key=${`${span.dataVersion} ${span.firstSeen}`} span=${span} namespace=${namespace} />`)}</tbody></table>`;
}

function Span({ span, namespace }) {
  return html`<tr>
    <td class="c-version"><${Version} version=${span.dataVersion} copy />${span.current && html`<div class="changed">current</div>`}</td>
    <td><${When} time=${span.firstSeen} />${span.times > 1 && html`<div class="hint">${span.times} times, last <${Age} time=${span.lastSeen} /></div>`}</td>
    <td><${RunLink} namespace=${namespace} run=${span.run} /></td>
    <td>${span.built?.length ? html`<ul>${span.built.map((use) => html`<li><${KeyLink} namespace=${use.namespace} value=${use.key} /> <${Version} version=${use.dataVersion} /> ${use.current ? html`<span class="changed">current</span>` : html`<span class="hint">replaced since</span>`}</li>`)}</ul>` : html`<span class="none">–</span>`}
      ${span.builds > (span.built?.length ?? 0) && html`<div class="hint">and ${span.builds - span.built.length} more</div>`}</td>
  </tr>`;
}

export function Decisions({ path, namespace }) {
  return html`<p class="hint">Why it ran, and why it did not: each is noted when it differs from the one before.</p>
    <${Loaded} paged=${PAGE} path=${`${path}/decisions`} namespace=${namespace} show=${(data, more) => html`<${Decided} items=${data.items} namespace=${namespace} />${more}`} />`;
}

const VERDICT = { Run: "True", NoRun: "Unknown" };

function Decided({ items, namespace }) {
  if (!items.length) return html`<${Empty} title="No decision yet"><p>Upwell decides when something changes; a source that nobody asks for has none.</p><//>`;
  return html`<table class="decisions"><thead><tr><th>When</th><th>Decision</th><th>Why</th></tr></thead>
    <tbody>${items.map((one) => html`<tr key=${one.time}><td class="c-when"><${When} time=${one.time} /></td><td><${Mark} status=${VERDICT[one.decision] ?? "Unknown"} label=${words(one.decision)} /></td>
      <td>${words(one.reason)}<div class="message">${one.message}</div>${one.run && html`<${RunLink} namespace=${namespace} run=${one.run} />`}</td></tr>`)}</tbody></table>`;
}
