// Something read from the server, and read again when it may have changed.
//
// A change is told when it is stored; what it means is written to the status a little later, and further down the
// lineage later still. So after a change the answer is read at once, and a few more times at growing distances; and
// every half a minute in any case, since time alone makes data old. The same bytes draw nothing again.

import { onToken, text } from "./api.js";
import { live } from "./live.js";
import { Failure, Waiting } from "./parts.js";
import { Component, createRef, html } from "./view.js";

const FIRST_MS = 150;
const SETTLED_MS = 10000;
const ANYWAY_MS = 30000;
const answers = new Map();
const KEPT_ANSWERS = 30;

function keep(path, answer) {
  answers.delete(path);
  answers.set(path, answer);
  if (answers.size > KEPT_ANSWERS) answers.delete(answers.keys().next().value);
}

onToken(() => answers.clear());

// <${Loaded} path=… namespace=… show=${(data, more) => …} />; `paged` adds what follows, page by
// page; `missing` is shown where there is no such thing.
export class Loaded extends Component {
  constructor(props) {
    super(props);
    this.state = this.remembered(props.path);
  }

  remembered(path) {
    const answer = answers.get(path);
    return { path, answer, data: answer && JSON.parse(answer), problem: null, more: false };
  }

  componentDidMount() {
    this.follow();
    this.endToken = onToken(() => this.read());
    this.regularly = setInterval(() => document.hidden || this.read(), ANYWAY_MS);
    this.read();
  }

  componentDidUpdate(before) {
    if (before.namespace !== this.props.namespace) this.follow();
    if (before.path === this.props.path) return;
    clearTimeout(this.timer);
    this.setState(this.remembered(this.props.path));
    this.read();
  }

  componentWillUnmount() {
    this.gone = true;
    this.endToken();
    this.endFollowing();
    clearTimeout(this.timer);
    clearInterval(this.regularly);
  }

  follow() {
    this.endFollowing?.();
    this.endFollowing = live.follow(this.props.namespace ?? "", () => this.heard());
  }

  heard() {
    this.until = Date.now() + SETTLED_MS;
    this.gap = FIRST_MS;
    if (!this.due || this.due - Date.now() > FIRST_MS) this.plan();
  }

  plan() {
    clearTimeout(this.timer);
    this.due = Date.now() + this.gap;
    this.timer = setTimeout(async () => {
      this.due = null;
      await this.read();
      this.gap *= 2;
      if (Date.now() < this.until && !this.gone && !this.due) this.plan();
    }, this.gap);
  }

  async read() {
    const { path, paged } = this.props;
    const size = paged ? Math.min(Math.max(this.state.data?.items?.length ?? 0, paged), 1000) : 0;
    try {
      const answer = await text(size ? `${path}${path.includes("?") ? "&" : "?"}limit=${size}` : path);
      if (this.gone || path !== this.props.path) return;
      if (answer === this.state.answer && this.state.path === path) return this.state.problem && this.setState({ problem: null });
      keep(path, answer);
      this.setState({ path, answer, data: this.joined(JSON.parse(answer), size), problem: null });
    } catch (problem) {
      if (!this.gone && path === this.props.path) this.setState({ path, problem });
    }
  }

  // What was read beyond one page stays behind the first thousand.
  joined(data, size) {
    const old = this.state.path === this.props.path ? this.state.data?.items : null;
    if (!size || !old || old.length <= data.items.length) return data;
    const first = JSON.stringify(data.items.at(-1));
    const at = old.findIndex((item) => JSON.stringify(item) === first);
    return at < 0 ? data : { ...data, items: [...data.items, ...old.slice(at + 1)], metadata: this.state.data.metadata };
  }

  following = async () => {
    const { path, data } = this.state;
    const cursor = data?.metadata?.continue;
    if (!cursor || this.state.more) return;
    this.setState({ more: true });
    try {
      const page = JSON.parse(await text(`${path}${path.includes("?") ? "&" : "?"}limit=${this.props.paged}&cursor=${encodeURIComponent(cursor)}`));
      if (this.gone || path !== this.props.path) return;
      this.setState((now) => ({ more: false, data: { ...page, items: [...now.data.items, ...page.items] } }));
    } catch (problem) {
      this.setState({ more: false, problem });
    }
  };

  render({ show, quiet, missing }, { data, problem, path, more }) {
    const mine = path === this.props.path;
    if (missing && (problem?.status === 404 || problem?.status === 422)) return missing();
    if (problem && !(mine && data)) return html`<${Failure} problem=${problem} />`;
    if (!mine || !data) return quiet ? null : html`<${Waiting} />`;
    return html`
      ${problem && html`<${Failure} problem=${problem} old />`}
      ${show(data, this.props.paged && html`<${More} there=${data.metadata?.continue} busy=${more} read=${this.following} />`)}
    `;
  }
}

// The end of what was read so far: comes into view, and the next page is read. A button too, for whoever does not scroll.
class More extends Component {
  end = createRef();

  componentDidMount() {
    this.observer = new IntersectionObserver(([entry]) => entry.isIntersecting && this.props.read(), { rootMargin: "300px" });
    this.look();
  }

  componentDidUpdate() {
    this.look();
  }

  look() {
    this.observer.disconnect();
    if (this.end.current && this.props.there && !this.props.busy) this.observer.observe(this.end.current);
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  render({ there, busy, read }) {
    if (!there) return null;
    return html`<p class="more" ref=${this.end}><button type="button" onClick=${read} disabled=${busy}>${busy ? "Reading…" : "Show more"}</button></p>`;
  }
}
