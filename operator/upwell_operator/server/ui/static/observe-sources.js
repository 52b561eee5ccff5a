// "Observe sources": asks for one observation of each source in the graph that can be observed. Where the server says
// that there is none (`observable`), there is no button.

import { escaped } from "./address.js";
import { post } from "./api.js";
import { live } from "./live.js";
import { count } from "./words.js";
import { Component, html } from "./view.js";

const AT_ONCE = 6;

export class ObserveSources extends Component {
  observe = async () => {
    const waiting = this.props.graph.nodes.filter((node) => node.observable);
    this.setState({ busy: true, total: waiting.length, asked: 0, problems: [] });
    const next = async () => {
      for (let node = waiting.shift(); node; node = waiting.shift()) await this.ask(node);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    this.setState({ busy: false });
    live.tell();
  };

  async ask(node) {
    try {
      await post(`/v1/assets/${escaped(node.namespace)}/${escaped(node.name)}/observe`);
      this.setState((now) => ({ asked: now.asked + 1 }));
    } catch (problem) {
      this.setState((now) => ({ problems: [...now.problems, problem.detail] }));
    }
  }

  render({ graph }, { busy, total, asked, problems = [] }) {
    const said = total === undefined ? "" : `Asked for ${asked} of ${count(total, "observation")}.`;
    return html`<span class="asked" role="status">${said}${problems.length > 0 && ` ${problems[0]}`}${problems.length > 1 && ` And ${problems.length - 1} more were refused.`}</span>
      ${graph.observable && html`<button type="button" class="main" disabled=${busy} onClick=${this.observe}>Observe sources</button>`}`;
  }
}
