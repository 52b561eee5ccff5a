// What changes, as the server tells it (`/v1/stream`): one connection for the whole page, opened by whoever listens first.
//
// By fetch and not by EventSource, which cannot send a token. What was missed while a connection was broken is sent
// again by the server, or it says `reset`: read everything again.

import { onToken, send } from "./api.js";

const AGAIN_MS = 2000;
const LONGEST_MS = 30000;

class Live {
  constructor() {
    this.listeners = new Set();
    this.watchers = new Set();
    this.state = "off";
    this.namespace = "";
    onToken(() => this.restart());
    document.addEventListener("visibilitychange", () => this.turned());
  }

  // A browser lets a host have six connections, so a page that nobody sees gives its own back.
  turned() {
    if (document.hidden) return this.stop();
    this.restart();
    this.tell();
  }

  // Hear of changes in a namespace ("" is all); gives the function that ends it.
  follow(namespace, listener) {
    this.listeners.add(listener);
    if (this.state === "off" || this.namespace !== namespace) {
      this.namespace = namespace;
      this.restart();
    }
    return () => {
      this.listeners.delete(listener);
      // The next page follows at once; only if none does, the connection is not needed.
      setTimeout(() => this.listeners.size || this.stop(), 1000);
    };
  }

  watch(watcher) {
    this.watchers.add(watcher);
  }

  restart() {
    this.stop();
    if (this.listeners.size && !document.hidden) {
      this.control = new AbortController();
      this.run(this.control.signal);
    }
  }

  stop() {
    this.control?.abort();
    this.say("off");
  }

  say(state) {
    this.state = state;
    for (const watcher of this.watchers) watcher(state);
  }

  async run(signal) {
    let last = null;
    for (let wait = AGAIN_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_MS)) {
      try {
        const path = `/v1/stream${this.namespace ? `?namespace=${this.namespace}` : ""}`;
        const answer = await send(path, { signal, headers: last ? { "Last-Event-ID": last } : {} });
        this.say("live");
        wait = AGAIN_MS;
        for await (const event of events(answer.body)) {
          last = event.id ?? last;
          if (event.type === "change" || event.type === "reset") this.tell();
        }
      } catch (problem) {
        if (problem.status === 401 || problem.status === 403) return this.say("refused");
      }
      if (signal.aborted) return;
      this.say("broken");
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  // Let everything be read again: the server, or this page itself has done something.
  tell() {
    for (const listener of [...this.listeners]) listener();
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) yield eventOf(block);
  }
}

function eventOf(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field) event[field === "event" ? "type" : field] = value;
  }
  return event;
}

export const live = new Live();
