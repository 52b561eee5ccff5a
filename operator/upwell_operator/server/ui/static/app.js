// The page: its frame, and which part of it an address shows.

import { choosing, chosen, go, onMove, withQuery } from "./address.js";
import { onToken, setToken, token } from "./api.js";
import { AssetPage } from "./asset.js";
import { AssetsPage } from "./assets.js";
import { live } from "./live.js";
import { Empty } from "./parts.js";
import { RunPage, RunsPage } from "./runs.js";
import { Component, html, render } from "./view.js";

const name = (text) => text.split("/").map(decodeURIComponent).join("/");
const ROUTES = [
  [/^\/ui\/assets\/?$/, () => html`<${AssetsPage} />`, "Assets"],
  [/^\/ui\/assets\/([^/]+)\/(.+)$/, (ns, asset) => html`<${AssetPage} key=${`${ns}/${asset}`} namespace=${name(ns)} name=${name(asset)} />`, (_, asset) => name(asset)],
  [/^\/ui\/graph\/?$/, () => html`<${GraphPage} />`, "Graph"],
  [/^\/ui\/runs\/?$/, () => html`<${RunsPage} />`, "Runs"],
  [/^\/ui\/runs\/([^/]+)\/([^/]+)$/, (ns, run) => html`<${RunPage} key=${run} namespace=${name(ns)} name=${name(run)} />`, (_, run) => name(run)],
];
const NAVIGATION = [["/ui/assets", "Assets"], ["/ui/graph", "Graph"], ["/ui/runs", "Runs"]];

// The graph brings a layout engine along, so it is read when it is looked at.
class GraphPage extends Component {
  async componentDidMount() {
    try {
      const { GraphPage: Page } = await import("./graph.js");
      this.setState({ Page });
    } catch {
      this.setState({ failed: true });
    }
  }

  render(_, { Page, failed }) {
    if (failed) return html`<${Empty} title="This page is of another release"><p>Upwell was updated meanwhile. <button type="button" onClick=${() => location.reload()}>Load it again</button></p><//>`;
    return Page ? html`<${Page} />` : html`<p class="waiting" role="status">Reading…</p>`;
  }
}

function found(path) {
  for (const [pattern, page, title] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return { page: () => page(...match.slice(1)), title: typeof title === "string" ? title : title(...match.slice(1)) };
  }
  return { page: () => html`<${Empty} title="There is nothing at this address"><p><a href="/ui/assets">All assets</a></p><//>`, title: "Not found" };
}

class App extends Component {
  constructor() {
    super();
    this.path = location.pathname;
    onMove(() => this.moved());
    onToken(() => this.setState({}));
    live.watch((state) => this.setState({ live: state }));
    addEventListener("keydown", (event) => this.key(event));
  }

  moved() {
    const other = this.path !== location.pathname;
    this.path = location.pathname;
    this.setState({}, () => other && this.arrive());
  }

  // Another page: begin at its top, and let a screen reader say its title.
  arrive() {
    scrollTo(0, 0);
    document.querySelector("main").focus({ preventScroll: true });
  }

  key(event) {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== "/" || typing || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    document.querySelector("#find").focus();
  }

  render(_, state) {
    if (/^\/ui\/?$/.test(location.pathname)) history.replaceState(null, "", `/ui/assets${location.search}`);
    const { page, title } = found(location.pathname);
    document.title = `${title} · Upwell`;
    return html`
      <a class="skip" href="#main" onClick=${skip}>To the content</a>
      <${Top} live=${state.live} />
      <main id="main" tabindex="-1">${page()}</main>
    `;
  }
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

function Top({ live: state }) {
  const namespace = chosen("namespace") || (/^\/ui\/(?:assets|runs)\/([^/]+)\//.exec(location.pathname)?.[1] ?? "");
  return html`<header class="top">
    <a class="brand" href=${withQuery("/ui/assets", { namespace })}><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path d="M7 23c4 0 4-4 9-4s5 4 9 4M16 16V7m-4 4 4-4 4 4" /></svg>Upwell</a>
    <nav aria-label="Pages">${NAVIGATION.map(([path, text]) => html`<a href=${withQuery(path, { namespace })} aria-current=${location.pathname.startsWith(path) ? "page" : null}>${text}</a>`)}</nav>
    <form role="search" class="search" onSubmit=${(event) => find(event, namespace)}><input id="find" name="find" type="search" aria-label="Find an asset by its key" placeholder="Find an asset  ( / )" autocomplete="off" spellcheck="false" /></form>
    <${NamespaceField} now=${namespace} />
    <${LiveMark} state=${state} />
    ${token() && html`<button type="button" class="quiet" onClick=${() => setToken(null)}>Forget token</button>`}
  </header>`;
}

function find(event, namespace) {
  event.preventDefault();
  const text = new FormData(event.target).get("find").trim();
  event.target.reset();
  go(withQuery("/ui/assets", { namespace, find: text }));
}

function NamespaceField({ now }) {
  const choose = (event) => {
    event.preventDefault();
    const path = /^\/ui\/(assets|runs)\//.test(location.pathname) ? "/ui/assets" : location.pathname;
    go(choosing({ namespace: event.currentTarget.elements.namespace.value.trim() }, path));
  };
  return html`<form class="namespace" onSubmit=${choose}><label>Namespace <input name="namespace" key=${now} defaultValue=${now} placeholder="all" size="10" autocomplete="off" spellcheck="false" onChange=${(event) => event.target.form.requestSubmit()} /></label></form>`;
}

const SAYS = { live: "Live", broken: "Reconnecting…", refused: "Not live", off: "" };
const WHY = {
  live: "What changes is shown at once.",
  broken: "The connection that tells of changes is broken; the page reads everything every half a minute.",
  refused: "Your rights do not include `watch` on assets here; the page reads everything every half a minute.",
};

function LiveMark({ state }) {
  if (!SAYS[state]) return html`<span class="live"></span>`;
  return html`<span class=${`live live-${state}`} role="status" title=${WHY[state]}>${SAYS[state]}</span>`;
}

render(html`<${App} />`, document.getElementById("app"));
