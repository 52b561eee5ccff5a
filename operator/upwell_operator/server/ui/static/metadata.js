// Metadata by its type, as docs/reference/metadata.md has them; a type that this page does not know is shown as JSON.

import { pageOfRun, withQuery } from "./address.js";
import { Markdown, SafeLink } from "./markdown.js";
import { Copy } from "./parts.js";
import { fullTime, number, shortTime } from "./words.js";
import { html } from "./view.js";

const LONG = 280;
const OPEN_ROWS = 10;

export function Metadata({ entries, namespace }) {
  const labels = Object.keys(entries ?? {});
  if (!labels.length) return null;
  return html`<dl class="metadata">${labels.map((label) => html`<div><dt>${label}</dt><dd><${Value} entry=${entries[label]} namespace=${namespace} /></dd></div>`)}</dl>`;
}

export function Value({ entry: { type, value }, namespace }) {
  const show = SHOWN[type];
  return show && value !== null ? show(value, namespace) : html`<${Tree} value=${value} />`;
}

const copyable = (value) => html`<span class="path"><code>${value}</code><${Copy} text=${value} what="the path" /></span>`;
const plain = (value) => html`<span class="number">${number(value)}</span>`;

const SHOWN = {
  text: (value) => long(value),
  md: (value) => html`<${Markdown} text=${value} />`,
  path: copyable,
  notebook: copyable,
  url: (value) => html`<${SafeLink} url=${value}>${value}<//>`,
  int: plain,
  float: plain,
  bool: (value) => String(value),
  json: (value) => html`<${Tree} value=${value} open />`,
  timestamp: (value) => moment(new Date(value * 1000).toISOString()),
  asset: (value, namespace) => html`<${KeyLink} namespace=${namespace} value=${value} />`,
  run: (value, namespace) => html`<a href=${pageOfRun(namespace, value)}>${value}</a>`,
  job: (value) => html`<span>${value.jobName}</span>`,
  table: (value) => html`<${Records} records=${value.records} columns=${columnsOf(value)} />`,
  table_schema: (value) => html`<${Schema} columns=${value.columns ?? []} />`,
  table_column_lineage: (value, namespace) => html`<${Lineage} deps=${value.depsByColumn ?? {}} namespace=${namespace} />`,
};

const moment = (time) => html`<time datetime=${time} title=${fullTime(time)}>${shortTime(time)}</time>`;

export const KeyLink = ({ namespace, value }) => html`<a class="key" href=${withQuery("/ui/assets", { namespace, find: value })}>${value}</a>`;

function long(text) {
  if (text.length <= LONG) return html`<span class="text">${text}</span>`;
  return html`<details><summary>${text.slice(0, 120)}… <span class="hint">${number(text.length)} characters</span></summary><span class="text">${text}</span></details>`;
}

function columnsOf({ records, schema }) {
  if (schema?.columns?.length) return schema.columns.map((column) => column.name);
  return [...new Set((records ?? []).flatMap((record) => Object.keys(record)))];
}

function Records({ records = [], columns }) {
  const table = html`<div class="wide" tabindex="0" role="region" aria-label="Table"><table class="plain">
    <thead><tr>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead>
    <tbody>${records.map((record) => html`<tr>${columns.map((name) => html`<td class=${typeof record[name] === "number" ? "number" : ""}>${cell(record[name])}</td>`)}</tr>`)}</tbody>
  </table></div>`;
  if (records.length <= OPEN_ROWS) return table;
  return html`<details><summary>${number(records.length)} rows</summary>${table}</details>`;
}

const cell = (value) => (typeof value === "number" ? number(value) : value === null || value === undefined ? "" : String(value));

function Schema({ columns }) {
  const described = columns.some((column) => column.description);
  return html`<div class="wide" tabindex="0" role="region" aria-label="Columns"><table class="plain">
    <thead><tr><th>Column</th><th>Type</th>${described && html`<th>Description</th>`}</tr></thead>
    <tbody>${columns.map((column) => html`<tr><td><code>${column.name}</code></td><td>${column.type}</td>${described && html`<td>${column.description}</td>`}</tr>`)}</tbody>
  </table></div>`;
}

function Lineage({ deps, namespace }) {
  return html`<dl class="metadata">${Object.entries(deps).map(([column, from]) => html`<div><dt>${column}</dt><dd>${from.map((one) => html`<div><${KeyLink} namespace=${namespace} value=${one.assetKey} /> · ${one.columnName}</div>`)}</dd></div>`)}</dl>`;
}

// JSON that can be opened level by level.
export function Tree({ value, label, open }) {
  const name = label === undefined ? "" : html`<span class="label">${label}: </span>`;
  if (value === null || typeof value !== "object") return html`<span class="leaf">${name}<code>${JSON.stringify(value)}</code></span>`;
  const entries = Object.entries(value), list = Array.isArray(value);
  if (!entries.length) return html`<span class="leaf">${name}<code>${list ? "[]" : "{}"}</code></span>`;
  return html`<details class="tree" open=${open && entries.length <= 8}><summary>${name}<span class="hint">${list ? `[${entries.length}]` : `{${entries.length}}`}</span></summary>
    <ul>${entries.map(([key, one]) => html`<li><${Tree} value=${one} label=${key} /></li>`)}</ul></details>`;
}
