// The small pieces that every page is made of.

import { setToken, text as read, token } from "./api.js";
import { choosing, go, pageOf } from "./address.js";
import { conditionOf, keyOf } from "./conditions.js";
import { age, fullTime, shortVersion, words } from "./words.js";
import { Component, html } from "./view.js";

const ages = new Set();
setInterval(() => ages.forEach((one) => one.tick()), 1000);

// How long ago something was, kept current.
export class Age extends Component {
  componentDidMount() {
    ages.add(this);
  }

  componentWillUnmount() {
    ages.delete(this);
  }

  tick() {
    if (this.props.time && age(this.props.time) !== this.shown) this.setState({});
  }

  render({ time }) {
    if (!time) return html`<span class="none">–</span>`;
    this.shown = age(time);
    return html`<time datetime=${time} title=${fullTime(time)}>${this.shown}</time>`;
  }
}

const FRESH = { True: "Fresh", False: "Not fresh", Unknown: "Unknown" };

// The status of a condition: a shape, a colour and a word, so that none of them is needed.
export function Mark({ status, label }) {
  return html`<span class=${`mark mark-${status}`}><svg viewBox="0 0 10 10" aria-hidden="true"><${Shape} status=${status} /></svg>${label}</span>`;
}

function Shape({ status }) {
  if (status === "True") return html`<circle cx="5" cy="5" r="4" />`;
  if (status === "False" || status === "Broken") return html`<path d="M5 .6 9.4 5 5 9.4 .6 5Z" />`;
  return html`<circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" stroke-width="1.6" />`;
}

export const FreshMark = ({ status }) => html`<${Mark} status=${status} label=${FRESH[status] ?? status} />`;

// What an Asset's conditions say of its data; of one that is not accepted, why, since its data is then beside the point.
// A version that a guard holds back is told beside it: what is below it knows nothing of that version yet.
export function Verdict({ asset, wordy }) {
  const fresh = conditionOf(asset, "Fresh"), ready = conditionOf(asset, "Ready");
  const broken = ready.status === "False";
  const held = conditionOf(asset, "Held");
  const says = broken ? ready : fresh;
  const message = wordy || broken || fresh.status !== "True" ? says.message : "";
  return html`<div class="verdict">
    <div class="line"><${FreshMark} status=${fresh.status ?? "Unknown"} />
      ${fresh.reason && fresh.reason !== ready.reason && html`<span class="reason">${words(fresh.reason)}</span>`}
      ${broken && html`<${Mark} status="Broken" label=${words(ready.reason)} />`}
      ${held.status === "True" && html`<${Mark} status="Broken" label=${words(held.reason)} />`}
      <${Running} runs=${asset.status?.activeRuns} /></div>
    ${message && html`<div class="message">${message}</div>`}
    ${held.message && html`<div class="message">${held.message}</div>`}
  </div>`;
}

const DOING = { observe: "Observing", materialize: "Materializing" };

export function Running({ runs }) {
  if (!runs?.length) return null;
  return html`<span class="running">${DOING[runs[0].kind] ?? "Running"}${runs.length > 1 ? ` (${runs.length})` : ""}…</span>`;
}

export class Copy extends Component {
  copy = async () => {
    await navigator.clipboard.writeText(this.props.text);
    this.setState({ done: true });
    setTimeout(() => this.setState({ done: false }), 1500);
  };

  render({ what }, { done }) {
    if (!navigator.clipboard) return null;
    return html`<button type="button" class="copy" onClick=${this.copy} aria-label=${`Copy ${what}`} title=${`Copy ${what}`}>${done ? "copied" : html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z" /></svg>`}</button>`;
  }
}

export function Version({ version, copy }) {
  if (!version) return html`<span class="none">–</span>`;
  return html`<span class="version"><code title=${version}>${shortVersion(version)}</code>${copy && html`<${Copy} text=${version} what="the whole data version" />`}</span>`;
}

export const AssetLink = ({ asset }) => html`<a class="key" href=${pageOf(asset)}>${asset.key}</a>`;
export const place = (asset) => ({ namespace: asset.metadata.namespace, name: asset.metadata.name, key: keyOf(asset) });

export const Waiting = () => html`<p class="waiting" role="status">Reading…</p>`;

export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

// An error as the server said it, with what can be done here.
export function Failure({ problem, old }) {
  if (problem.status === 401) return html`<${TokenForm} problem=${problem} />`;
  const [sentence, ...shown] = problem.detail.split("\n"); // of a selection: the text, and where it is wrong
  return html`<div class="failure" role="alert">
    <strong>${problem.title}.</strong> ${sentence}${shown.length > 0 && html`<pre>${shown.join("\n")}</pre>`}
    ${old && html` <span>What stands below is older.</span>`}
    ${problem.status === 403 && html`<${NamespaceForm} />`}
    ${problem.status === 403 && token() && html`<p><button type="button" onClick=${() => setToken(null)}>Use another token</button></p>`}
  </div>`;
}

function NamespaceForm() {
  const choose = (event) => {
    event.preventDefault();
    go(choosing({ namespace: new FormData(event.target).get("namespace").trim() }));
  };
  return html`<form class="inline" onSubmit=${choose}><label>Namespace <input name="namespace" required autocomplete="off" spellcheck="false" /></label> <button>Show</button></form>`;
}

function TokenForm({ problem }) {
  const keep = (event) => {
    event.preventDefault();
    setToken(new FormData(event.target).get("token").trim());
  };
  return html`<form class="token" onSubmit=${keep}>
    <h2>Who is asking?</h2>
    <p>${token() ? problem.detail : "Upwell shows what your rights in the cluster let you see. Paste a token of the Kubernetes API:"}</p>
    <pre>kubectl create token NAME --duration 8h</pre>
    <label>Token <input name="token" type="password" required autocomplete="off" /></label>
    <p><button class="main">Go on</button> <span class="hint">Kept for this tab only, until you close it.</span></p>
  </form>`;
}

// The head of a page: what it is, what can be done, and the same as JSON.
export function Head({ title, above, json, children }) {
  return html`<header class="head">
    ${above && html`<p class="above">${above}</p>`}
    <div class="titles"><h1 tabindex="-1">${title}</h1><div class="actions">${children}${json && html`<${JsonLink} path=${json} />`}</div></div>
  </header>`;
}

function JsonLink({ path }) {
  return html`<a class="json" href=${path} target="_blank" rel="noopener" onClick=${(event) => openWithToken(event, path)}>JSON</a>`;
}

// A link cannot send a token, so what it leads to is read here and shown from memory.
async function openWithToken(event, path) {
  if (!token()) return;
  event.preventDefault();
  const blob = new Blob([await read(path)], { type: "application/json" });
  window.open(URL.createObjectURL(blob), "_blank", "noopener");
}

// Choices of which one holds, as links: each has its address.
export function Choice({ name, label, options }) {
  const now = new URLSearchParams(location.search).get(name) ?? "";
  return html`<nav class="choice" aria-label=${label}>${options.map(([value, text]) => html`<a href=${choosing({ [name]: value })} aria-current=${value === now ? "true" : null}>${text}</a>`)}</nav>`;
}
