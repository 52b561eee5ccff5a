// One asset: what it is, what happened to it, which versions it had, why it ran or did not, and what is next to it.

import { chosen, escaped, pageOfRun, withQuery } from "./address.js";
import { ABNORMAL, groupOf, keyOf } from "./conditions.js";
import { Ask } from "./ask.js";
import { Activity, Decisions, Versions } from "./history.js";
import { Loaded } from "./loaded.js";
import { Markdown } from "./markdown.js";
import { Age, AssetLink, Choice, FreshMark, Head, Mark, Verdict, Version } from "./parts.js";
import { shortTime, words } from "./words.js";
import { Component, html } from "./view.js";

const TABS = [["", "Overview"], ["activity", "Activity"], ["versions", "Versions"], ["decisions", "Decisions"]];
const JSON_OF = { activity: "/events", versions: "/versions", decisions: "/decisions" };

export class AssetPage extends Component {
  render({ namespace, name }) {
    const path = `/v1/assets/${escaped(namespace)}/${escaped(name)}`;
    const missing = () => html`<${NotDefined} path=${path} namespace=${namespace} name=${name} />`;
    if (name.includes("/")) return missing(); // a key, and no resource's name
    return html`<${Loaded} path=${path} namespace=${namespace} show=${(asset) => this.page(asset, path)} missing=${missing} />`;
  }

  page(asset, path) {
    const { namespace } = asset.metadata, tab = chosen("tab");
    const above = html`<a href=${withQuery("/ui/assets", { namespace })}>${namespace}</a> / <a href=${withQuery("/ui/assets", { namespace, group: groupOf(asset) })}>${groupOf(asset)}</a>`;
    return html`
      <${Head} title=${keyOf(asset)} above=${above} json=${path + (JSON_OF[tab] ?? "")}><${Ask} asset=${asset} path=${path} /><//>
      <${Verdict} asset=${asset} wordy />
      <${Choice} name="tab" label="About this asset" options=${TABS} />
      <${Tab} asset=${asset} path=${path} namespace=${namespace} />
    `;
  }
}

function Tab({ asset, path, namespace }) {
  const tab = chosen("tab");
  if (tab === "activity") return html`<${Activity} path=${path} namespace=${namespace} />`;
  if (tab === "versions") return html`<${Versions} path=${path} namespace=${namespace} />`;
  if (tab === "decisions") return html`<${Decisions} path=${path} namespace=${namespace} />`;
  return html`<${Overview} asset=${asset} />`;
}

// Data of a key that no Asset has: what was reported of it, if it was materialized once.
function NotDefined({ path, namespace, name }) {
  return html`<${Head} title=${name} above=${namespace} json=${`${path}/events`} />
    <p class="hint">There is no Asset of this name. What was reported of data with this key:</p>
    <${Activity} path=${path} namespace=${namespace} />`;
}

function Overview({ asset }) {
  return html`<div class="columns">
    <div>
      ${asset.spec.description && html`<section><h2>Description</h2><${Markdown} text=${asset.spec.description} /></section>`}
      <${Causes} asset=${asset} />
      <${Failed} asset=${asset} />
      <${Neighbours} asset=${asset} />
      <${Conditions} asset=${asset} />
    </div>
    <aside><h2>Definition</h2><${Facts} asset=${asset} /></aside>
  </div>`;
}

function Causes({ asset }) {
  const causes = asset.status?.staleCauses ?? [];
  if (causes.length < 2) return null; // the verdict above says it already
  return html`<section><h2>Why it is not fresh</h2><ul class="causes">${causes.map((cause) => html`<li>
    <strong>${words(cause.reason)}</strong><span class="message">${cause.message}</span></li>`)}</ul></section>`;
}

function Failed({ asset }) {
  const failure = asset.status?.lastFailure;
  if (!failure) return null;
  const { namespace } = asset.metadata;
  return html`<section><h2>Last failure</h2><p><${Age} time=${failure.time} />, ${failure.kind}${failure.run && html`, <a href=${pageOfRun(namespace, failure.run)}>${failure.run}</a>`}</p>
    ${failure.message && html`<pre>${failure.message}</pre>`}</section>`;
}

function Conditions({ asset }) {
  const conditions = asset.status?.conditions ?? [];
  if (!conditions.length) return html`<section><h2>Conditions</h2><p class="hint">Upwell has not looked at it yet.</p></section>`;
  return html`<section><h2>Conditions</h2><table class="conditions"><thead><tr><th>Type</th><th>Status</th><th>Reason</th><th class="when">Since</th></tr></thead>
    <tbody>${conditions.map((one) => html`<tr><td>${one.type}</td><td><${Mark} status=${ABNORMAL.has(one.type) ? "Broken" : one.status} label=${one.status} /></td>
      <td>${words(one.reason)}<div class="message">${one.message}</div></td><td class="when"><${Age} time=${one.lastTransitionTime} /></td></tr>`)}</tbody></table></section>`;
}

function facts({ spec, status = {} }) {
  const policy = spec.autoMaterialize?.policy;
  const changed = status.dataVersionChangedAt;
  return [
    ["Kind", status.kind],
    ["Data version", status.dataVersion && html`<${Version} version=${status.dataVersion} copy />`],
    ["Changed", changed && html`<${Age} time=${changed} /> <span class="hint">${shortTime(changed)}</span>`],
    ["Observed", status.lastObservation?.time && html`<${Age} time=${status.lastObservation.time} />${unchanged(status.lastObservation)}`],
    ["Materialized", status.lastMaterialization?.time && html`<${Age} time=${status.lastMaterialization.time} />`],
    ["Code version", spec.codeVersion && html`<code>${spec.codeVersion}</code>`],
    ["Built by itself", spec.materialize && (policy ?? "Never")],
    ["Suspended", spec.suspend && "yes: nothing of it runs"],
    ["Owners", spec.owners?.length && spec.owners.join(", ")],
    ["Kinds", spec.kinds?.length && spec.kinds.join(", ")],
    ["Tags", tags(spec.tags)],
    ["Partitions", status.partitions && partitions(status.partitions)],
  ];
}

const unchanged = ({ count }) => (count > 1 ? html` <span class="hint">${count} times the same</span>` : "");
const tags = (all) => all && Object.keys(all).length > 0 && Object.entries(all).map(([name, value]) => html`<span class="chip">${value ? `${name}=${value}` : name}</span> `);
const partitions = (counts) => ["total", "known", "fresh", "stale", "missing", "failed", "late", "unknown"].filter((name) => counts[name] !== undefined && counts[name] !== null).map((name) => `${counts[name]} ${name}`).join(", ");

function Facts({ asset }) {
  return html`<dl class="facts"><div><dt>Name</dt><dd><code>${asset.metadata.name}</code></dd></div>${facts(asset).filter(([, value]) => value).map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

// One step up and one step down, in its namespace.
function Neighbours({ asset }) {
  const { namespace, name } = asset.metadata;
  const selection = `1+key:"${keyOf(asset)}"+1`;
  const path = withQuery("/v1/graph", { namespace, selection });
  const graph = withQuery("/ui/graph", { namespace, selection: `+key:"${keyOf(asset)}"+` });
  return html`<section><h2>Lineage <a class="hint" href=${graph}>in the graph</a></h2>
    <${Loaded} quiet path=${path} namespace=${namespace} show=${(data) => html`<${Steps} data=${data} me=${`${namespace}/${name}`} />`} /></section>`;
}

const id = (end) => `${end.namespace}/${end.name}`;

function Steps({ data, me }) {
  const nodes = new Map(data.nodes.map((node) => [id(node), node]));
  const up = data.edges.filter((edge) => id(edge.to) === me).map((edge) => ({ ...edge.from, missing: edge.missing }));
  const down = data.edges.filter((edge) => id(edge.from) === me).map((edge) => edge.to);
  if (!up.length && !down.length) return html`<p class="hint">It is built from nothing here, and nothing here is built from it.</p>`;
  return html`<div class="steps"><${Side} title="Built from" ends=${up} nodes=${nodes} /><${Side} title="Built from it" ends=${down} nodes=${nodes} /></div>`;
}

function Side({ title, ends, nodes }) {
  return html`<div><h3>${title}</h3>${ends.length ? html`<ul>${ends.map((end) => html`<li><${Neighbour} end=${end} node=${nodes.get(id(end))} /></li>`)}</ul>` : html`<p class="hint">nothing</p>`}</div>`;
}

function Neighbour({ end, node }) {
  if (end.missing) return html`<code>${end.name}</code> <span class="hint">does not exist</span>`;
  if (!node) return html`<${AssetLink} asset=${{ ...end, key: end.name }} /> <span class="hint">${end.namespace}</span>`;
  return html`<${AssetLink} asset=${node} /> <${FreshMark} status=${node.fresh} />`;
}
