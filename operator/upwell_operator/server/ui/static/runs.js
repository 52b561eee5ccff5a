// Runs: what was started, why, and what it came to, with what it printed.

import { chosen, escaped, pageOf, pageOfRun, withQuery } from "./address.js";
import { text } from "./api.js";
import { KeyLink } from "./metadata.js";
import { Loaded } from "./loaded.js";
import { Age, Empty, Failure, Head, Mark, Version } from "./parts.js";
import { between, shortTime, words } from "./words.js";
import { Component, html } from "./view.js";

const PAGE = 50;
const STATUS = { Succeeded: "True", Failed: "Broken" };

export function RunsPage() {
  const namespace = chosen("namespace");
  const path = withQuery("/v1/runs", { namespace });
  return html`<${Head} title="Runs" json=${path} />
    <${Loaded} paged=${PAGE} path=${path} namespace=${namespace} show=${(data, more) => html`<${List} items=${data.items} />${more}`} />`;
}

function List({ items }) {
  if (!items.length) return html`<${Empty} title="No runs yet"><p>A run begins when something is observed or materialized.</p><//>`;
  return html`<table class="runs"><thead><tr><th>Run</th><th>Asset</th><th>Outcome</th><th>Why</th><th class="when">Began</th><th class="when">Took</th></tr></thead>
    <tbody>${items.map((run) => html`<tr key=${`${run.namespace}/${run.name}`}>
      <td class="c-key"><a class="run" href=${pageOfRun(run.namespace, run.name)}>${run.name}</a><div class="hint">${run.kind}${run.partition ? ` · ${run.partition}` : ""}</div></td>
      <td><a class="key" href=${pageOf({ namespace: run.namespace, name: run.asset })}>${run.assetKey || run.asset}</a></td>
      <td><${Outcome} run=${run} /></td><td>${words(run.trigger?.type)}</td>
      <td class="when"><${Age} time=${run.createdAt} /></td><td class="when">${took(run)}</td></tr>`)}</tbody></table>`;
}

const Outcome = ({ run }) => html`<${Mark} status=${STATUS[run.phase] ?? "Unknown"} label=${words(run.outcome ?? run.phase)} />`;
const took = (run) => (run.endedAt ? between(run.createdAt, run.endedAt) : "–");

export function RunPage({ namespace, name }) {
  const path = `/v1/runs/${escaped(namespace)}/${escaped(name)}`;
  return html`<${Loaded} path=${path} namespace=${namespace} show=${(run) => html`<${Run} run=${run} path=${path} />`} />`;
}

function Run({ run, path }) {
  const asset = html`<a href=${pageOf({ namespace: run.namespace, name: run.asset })}>${run.assetKey || run.asset}</a>`;
  return html`<${Head} title=${run.name} above=${html`${run.namespace} / ${asset}`} json=${path} />
    <div class="verdict"><div class="line"><${Outcome} run=${run} /><span class="reason">${words(run.kind)}</span></div>${run.message && html`<div class="message">${run.message}</div>`}</div>
    <dl class="facts across">
      <div><dt>Why</dt><dd>${words(run.trigger?.type)}${run.trigger?.detail && html`<div class="hint">${run.trigger.detail}</div>`}</dd></div>
      <div><dt>Began</dt><dd>${run.createdAt ? html`<${Age} time=${run.createdAt} /> <span class="hint">${shortTime(run.createdAt)}</span>` : "–"}</dd></div>
      <div><dt>Took</dt><dd>${took(run)}</dd></div>
      ${run.partition && html`<div><dt>Partition</dt><dd>${run.partition}</dd></div>`}
      ${run.inputs?.length > 0 && html`<div><dt>Built from</dt><dd>${run.inputs.map((one) => html`<div><${KeyLink} namespace=${run.namespace} value=${one.key || one.name} /> <${Version} version=${one.dataVersion} /></div>`)}</dd></div>`}
    </dl>
    <section><h2>Log</h2><${Log} path=${`${path}/log`} going=${!run.endedAt} /></section>`;
}

// The end of what a run printed; while it goes on it is read every two seconds.
class Log extends Component {
  componentDidMount() {
    this.read();
    this.timer = setInterval(() => this.props.going && !document.hidden && this.read(), 2000);
  }

  componentDidUpdate(before) {
    if (before.going && !this.props.going) this.read();
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  async read() {
    try {
      this.setState({ log: await text(this.props.path), problem: null });
    } catch (problem) {
      this.setState({ problem });
    }
  }

  render(_, { log, problem }) {
    if (problem) return html`<${Failure} problem=${problem} />`;
    if (log === undefined) return html`<p class="waiting">Reading…</p>`;
    return log ? html`<pre class="log" tabindex="0">${log}</pre>` : html`<p class="hint">It printed nothing.</p>`;
  }
}
