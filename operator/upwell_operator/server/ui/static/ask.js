// Asking for an observation or a materialization, and saying what has become of it, from the asset's own status.

import { post } from "./api.js";
import { live } from "./live.js";
import { Component, html } from "./view.js";

const VERBS = { observe: "Observe", materialize: "Materialize" };
const DONE = "Done; the activity says what came of it.";
const LOOK_MS = 1000;
const DOING = { observe: "observing", materialize: "materializing" };

// The buttons of what this asset has a function for.
export class Ask extends Component {
  // An observation that sees the same version is no change, so nothing tells of it: until it is done one looks.
  look = () => {
    live.tell();
    if (step(this.state, this.props.asset.status ?? {}) === DONE) clearInterval(this.timer);
  };

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  async ask(verb) {
    clearInterval(this.timer);
    this.setState({ verb, busy: true, token: null, problem: null });
    try {
      const { token } = await post(`${this.props.path}/${verb}`);
      this.setState({ busy: false, token });
      this.timer = setInterval(this.look, LOOK_MS);
    } catch (problem) {
      this.setState({ busy: false, problem });
    }
  }

  render({ asset }, { busy, problem, ...asked }) {
    const verbs = Object.keys(VERBS).filter((verb) => asset.spec[verb]);
    const suspended = asset.spec.suspend ? "It is suspended, so nothing of it runs." : null;
    return html`<span class="asked" role="status">${problem ? problem.detail : asked.token && step(asked, asset.status ?? {})}</span>
      ${verbs.map((verb) => html`<button type="button" class="main" disabled=${busy || suspended} title=${suspended} onClick=${() => this.ask(verb)}>${VERBS[verb]}</button>`)}`;
  }
}

// A request is answered once a run of it has begun; tokens sort by time.
function step({ verb, token }, status) {
  if ((status.lastHandledRequest ?? "") < token) return "Asked; it has not begun yet.";
  if (status.activeRuns?.some((run) => run.kind === verb)) return `It is ${DOING[verb]}…`;
  return DONE;
}
