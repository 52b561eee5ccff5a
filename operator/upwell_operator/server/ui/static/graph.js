// The lineage as a picture: who is made of whom, what is fresh, and for what is not the way to its cause.

import { chosen, withQuery } from "./address.js";
import { SelectionField } from "./assets.js";
import { Canvas } from "./canvas.js";
import { Loaded } from "./loaded.js";
import { ObserveSources } from "./observe-sources.js";
import { Empty, Head } from "./parts.js";
import { count } from "./words.js";
import { Component, html } from "./view.js";

export class GraphPage extends Component {
  render() {
    const namespace = chosen("namespace"), selection = chosen("selection");
    const path = withQuery("/v1/graph", { namespace, selection });
    return html`<${Loaded} path=${path} namespace=${namespace} show=${(data) => this.page(data, path)} />`;
  }

  page(data, path) {
    const known = new Set(data.nodes.map((node) => node.namespace));
    return html`
      <${Head} title="Graph" json=${path}><${ObserveSources} graph=${data} /><//>
      <div class="filters"><${SelectionField} known=${() => known} /><span class="summary" role="status">${summary(data.nodes)}</span></div>
      ${data.nodes.length ? html`<${Canvas} data=${data} everywhere=${known.size > 1} />` : html`<${Nothing} />`}
    `;
  }
}

function summary(nodes) {
  const stale = nodes.filter((node) => node.fresh === "False").length;
  return count(nodes.length, "asset") + (stale ? ` · ${stale} not fresh` : "");
}

function Nothing() {
  if (chosen("selection")) return html`<${Empty} title="No asset matches"><p><a href=${withQuery("/ui/graph", { namespace: chosen("namespace") })}>Show the whole graph</a></p><//>`;
  return html`<${Empty} title="No assets yet"><p>Once there are Assets, this shows which is made of which.</p><//>`;
}
