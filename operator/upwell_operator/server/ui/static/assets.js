// All assets by group: what each is, and whether it is fresh, as its conditions say.

import { choosing, chosen, go, withQuery } from "./address.js";
import { conditionOf, groupOf, keyOf } from "./conditions.js";
import { Loaded } from "./loaded.js";
import { Age, AssetLink, Choice, Empty, Head, Verdict, Version, place } from "./parts.js";
import { count } from "./words.js";
import { Component, html } from "./view.js";

const PAGE = 1000;
const FRESH = [["", "All"], ["False", "Not fresh"], ["Unknown", "Unknown"], ["True", "Fresh"]];

export class AssetsPage extends Component {
  render() {
    const namespace = chosen("namespace"), selection = chosen("selection");
    const path = withQuery("/v1/assets", { namespace, selection, fresh: chosen("fresh"), group: chosen("group") });
    return html`
      <${Head} title="Assets" json=${path} />
      <div class="filters">
        <${SelectionField} known=${() => this.known} />
        <${Choice} name="fresh" label="Freshness" options=${FRESH} />
      </div>
      <${Chosen} />
      <${Loaded} path=${path} namespace=${namespace} paged=${PAGE} show=${(data, more) => this.list(data, more)} />
    `;
  }

  list(data, more) {
    this.known = new Set(data.items.map((asset) => asset.metadata.namespace));
    const wanted = chosen("find").toLowerCase();
    const shown = wanted ? data.items.filter((asset) => matches(asset, wanted)) : data.items;
    const everywhere = this.known.size > 1;
    if (!shown.length) return html`<${Nothing} any=${data.items.length} />${more}`;
    return html`
      <p class="summary" role="status">${summary(shown, data.metadata?.continue)}</p>
      ${[...grouped(shown)].map(([group, assets]) => html`<${Group} key=${group} group=${group} assets=${assets} everywhere=${everywhere} />`)}
      ${more}
      ${data.undefined?.length > 0 && html`<${Undefined} keys=${data.undefined} />`}
    `;
  }
}

function matches(asset, wanted) {
  return [keyOf(asset), asset.metadata.name, asset.spec?.description ?? ""].some((text) => text.toLowerCase().includes(wanted));
}

// Of what was read so far, and there may be more.
function summary(assets, more) {
  const stale = assets.filter((asset) => conditionOf(asset, "Fresh").status === "False").length;
  const broken = assets.filter((asset) => conditionOf(asset, "Ready").status === "False").length;
  const parts = [count(assets.length, "asset") + (more ? " so far" : ""), stale ? `${stale} not fresh` : "", broken ? `${broken} not ready` : ""];
  return parts.filter(Boolean).join(" · ");
}

function grouped(assets) {
  const groups = new Map();
  for (const asset of assets) {
    const group = groupOf(asset);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(asset);
  }
  return new Map([...groups].sort(([one], [other]) => one.localeCompare(other)));
}

function Group({ group, assets, everywhere }) {
  return html`<section class="group">
    <h2><a href=${choosing({ group })}>${group}</a> <span class="hint">${assets.length}</span></h2>
    <table class="assets">
      <thead><tr><th>Key</th><th>Kind</th><th>Version</th><th>Fresh</th><th class="when">Observed</th><th class="when">Materialized</th></tr></thead>
      <tbody>${assets.map((asset) => html`<${Row} key=${asset.metadata.uid} asset=${asset} everywhere=${everywhere} />`)}</tbody>
    </table>
  </section>`;
}

class Row extends Component {
  // A refresh makes new objects of everything; a row is drawn again if its resource is another one.
  shouldComponentUpdate({ asset, everywhere }) {
    const old = this.props.asset.metadata;
    return old.resourceVersion !== asset.metadata.resourceVersion || old.uid !== asset.metadata.uid || everywhere !== this.props.everywhere;
  }

  render({ asset, everywhere }) {
    const status = asset.status ?? {};
    return html`<tr>
      <td class="c-key"><${AssetLink} asset=${place(asset)} />${everywhere && html`<div class="hint">${asset.metadata.namespace}</div>`}</td>
      <td class="c-kind">${status.kind ?? "–"}</td>
      <td class="c-version"><${Version} version=${status.dataVersion} /></td>
      <td class="c-fresh"><${Verdict} asset=${asset} /></td>
      <td class="when" data-label="observed"><${Age} time=${status.lastObservation?.time} /></td>
      <td class="when" data-label="materialized"><${Age} time=${status.lastMaterialization?.time} /></td>
    </tr>`;
  }
}

function Undefined({ keys }) {
  const namespace = chosen("namespace");
  return html`<section class="group"><h2>Not defined <span class="hint">${keys.length}</span></h2>
    <p class="hint">There are events of these keys, but no Asset. They are shown in full once an Asset has the key.</p>
    <ul class="keys">${keys.map((key) => html`<li><${AssetLink} asset=${{ namespace, name: key, key }} /></li>`)}</ul>
  </section>`;
}

function Nothing({ any }) {
  const filtered = ["selection", "find", "fresh", "group"].some((name) => chosen(name));
  if (any || filtered) return html`<${Empty} title="No asset matches"><p><a href=${withQuery("/ui/assets", { namespace: chosen("namespace") })}>Show all assets</a></p><//>`;
  return html`<${Empty} title="No assets yet">
    <p>An Asset names a file, a table or anything else that has versions. Apply one, and it appears here.</p>
    <pre>kubectl apply -f asset.yaml</pre>
  <//>`;
}

// What was chosen elsewhere, and the way back.
function Chosen() {
  const set = ["group", "find"].filter((name) => chosen(name));
  if (!set.length) return null;
  return html`<p class="chosen">${set.map((name) => html`<span class="chip">${name}: ${chosen(name)} <a href=${choosing({ [name]: "" })} aria-label=${`Without ${name}`}>×</a></span>`)}</p>`;
}

// A selection, in the syntax of a job's `spec.selection`; it selects in one namespace, so if there is only one, that is it.
export function SelectionField({ known }) {
  const apply = (event) => {
    event.preventDefault();
    const selection = event.currentTarget.elements.selection.value.trim();
    const there = known(), only = there?.size === 1 ? [...there][0] : "";
    go(choosing({ selection, ...(selection && !chosen("namespace") ? { namespace: only } : {}) }));
  };
  return html`<form class="selection" onSubmit=${apply}>
    <label for="selection">Selection</label>
    <input id="selection" name="selection" key=${chosen("selection")} defaultValue=${chosen("selection")} placeholder="group:raw and not kind:draft · +daily · raw-orders+" autocomplete="off" spellcheck="false" />
    <button>Select</button>
    ${chosen("selection") && html`<a class="clear" href=${choosing({ selection: "" })}>Clear</a>`}
  </form>`;
}
