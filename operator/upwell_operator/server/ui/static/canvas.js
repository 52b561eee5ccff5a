// The graph's surface: it is moved by dragging or by the wheel, made larger with the wheel and Ctrl, the buttons, or the
// keys + - 0; nodes are links, so the Tab key goes through them, and what is focused comes into view.
//
// Of a large graph only the nodes near the window are drawn. The picture is laid out again only when its shape changes.

import { pageOf } from "./address.js";
import { NODE, layout } from "./layout.js";
import { FreshMark, Mark } from "./parts.js";
import { words } from "./words.js";
import { Component, createRef, html } from "./view.js";

const ALL_DRAWN = 400;
const SMALLEST = 0.05, LARGEST = 2, STEP = 1.25;
const EDGE = 24;
const id = (end) => `${end.namespace}/${end.name}`;

export class Canvas extends Component {
  frame = createRef();
  state = { x: 0, y: 0, scale: 1, lit: null };

  componentDidMount() {
    this.measure = new ResizeObserver(() => this.setState({}));
    this.measure.observe(this.frame.current);
    this.fit();
  }

  componentDidUpdate() {
    if (this.fitted !== this.shape) this.fit();
  }

  componentWillUnmount() {
    this.measure.disconnect();
  }

  // Lay out again if there are other nodes or lines than before.
  laidOut({ nodes, edges }) {
    const shape = JSON.stringify([nodes.map(id), edges.map((edge) => [id(edge.from), id(edge.to)])]);
    if (shape !== this.shape) {
      this.shape = shape;
      const inside = new Set(nodes.map(id));
      this.others = new Map(edges.filter((edge) => !inside.has(id(edge.from))).map((edge) => [id(edge.from), edge]));
      this.picture = layout([...inside, ...this.others.keys()], edges.map((edge) => [id(edge.from), id(edge.to)]));
    }
    return this.picture;
  }

  // All of it, or of a large graph where it begins, at a size that can be read.
  fit = () => {
    this.fitted = this.shape;
    const { clientWidth, clientHeight } = this.frame.current, { width, height } = this.picture;
    const whole = Math.min(1, (clientWidth - 2 * EDGE) / width, (clientHeight - 2 * EDGE) / height);
    const scale = Math.max(whole, 0.45);
    const x = Math.max(EDGE, (clientWidth - width * scale) / 2);
    const middle = height * scale + 2 * EDGE > clientHeight ? firstOf(this.picture.places) : height / 2;
    this.setState({ x, y: clientHeight / 2 - middle * scale, scale });
  };

  zoom(factor, at) {
    const { clientWidth, clientHeight } = this.frame.current;
    const [px, py] = at ?? [clientWidth / 2, clientHeight / 2];
    this.setState(({ x, y, scale }) => {
      const next = Math.min(LARGEST, Math.max(SMALLEST, scale * factor)), change = next / scale;
      return { scale: next, x: px - (px - x) * change, y: py - (py - y) * change };
    });
  }

  wheel = (event) => {
    event.preventDefault();
    const box = this.frame.current.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) return this.zoom(Math.exp(-event.deltaY / 300), [event.clientX - box.left, event.clientY - box.top]);
    this.setState(({ x, y }) => ({ x: x - event.deltaX, y: y - event.deltaY }));
  };

  hold = (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    this.held = { at: [event.clientX, event.clientY], from: [this.state.x, this.state.y], id: event.pointerId };
  };

  move = (event) => {
    if (!this.held || this.held.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - this.held.at[0], event.clientY - this.held.at[1]];
    if (!this.held.moved && Math.hypot(dx, dy) < 4) return;
    if (!this.held.moved) this.frame.current.setPointerCapture(event.pointerId);
    this.held.moved = true;
    this.setState({ x: this.held.from[0] + dx, y: this.held.from[1] + dy });
  };

  drop = () => {
    this.dragged = this.held?.moved;
    this.held = null;
    this.setState({});
  };

  // The click that ends a drag opens nothing.
  click = (event) => {
    if (this.dragged) event.preventDefault();
    this.dragged = false;
  };

  key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
  };

  // A focused node comes into view by moving the plane: the frame itself never scrolls.
  show(node) {
    const frame = this.frame.current, { x: left, y: top } = this.picture.places.get(id(node));
    frame.scrollTo(0, 0);
    this.setState(({ x, y, scale }) => ({
      lit: node,
      x: into(x, left * scale, NODE.width * scale, frame.clientWidth),
      y: into(y, top * scale, NODE.height * scale, frame.clientHeight),
    }));
  }

  light = (lit) => this.setState({ lit });

  drawn(places) {
    if (places.size <= ALL_DRAWN) return () => true;
    if (!this.frame.current) return () => false; // how large the window is, is known a moment later
    const { x, y, scale } = this.state, { clientWidth: width, clientHeight: height } = this.frame.current;
    return (left, top) => {
      const sx = left * scale + x, sy = top * scale + y;
      return sx > -width / 2 && sx < width * 1.5 && sy > -height / 2 && sy < height * 1.5;
    };
  }

  render({ data, everywhere }, { x, y, scale, lit }) {
    const { places, lines, width, height } = this.laidOut(data), drawn = this.drawn(places);
    const seen = (end) => { const at = places.get(id(end)); return drawn(at.x, at.y); };
    const way = lit ? wayTo(lit) : new Set();
    const missing = new Set(data.edges.filter((edge) => edge.missing).map((edge) => id(edge.from)));
    return html`<div class=${`canvas ${this.held?.moved ? "held" : ""}`} ref=${this.frame} role="group" aria-label="Lineage" onWheel=${this.wheel} onPointerDown=${this.hold} onPointerMove=${this.move} onPointerUp=${this.drop} onPointerCancel=${this.drop} onClickCapture=${this.click} onKeyDown=${this.key} onDragStart=${(event) => event.preventDefault()}>
      <div class="plane" style=${{ transform: `translate(${x}px, ${y}px) scale(${scale})` }}>
        <svg width=${width} height=${height} aria-hidden="true">${lines.filter((line) => line.points.some((point) => drawn(...point))).map((line) => html`<${Line} key=${`${line.from} ${line.to}`} line=${line} lit=${way.has(`${line.from} ${line.to}`)} missing=${missing.has(line.from)} />`)}</svg>
        ${data.nodes.filter(seen).map((node) => html`<${Node} key=${id(node)} node=${node} at=${places.get(id(node))} lit=${way.has(id(node))} everywhere=${everywhere} onLight=${this.light} onFocus=${() => this.show(node)} />`)}
        ${[...this.others.values()].filter((edge) => seen(edge.from)).map((edge) => html`<${Other} key=${`other ${id(edge.from)}`} edge=${edge} at=${places.get(id(edge.from))} />`)}
      </div>
      <${Tip} node=${lit && data.nodes.find((node) => id(node) === id(lit))} />
      <div class="zoom"><button type="button" onClick=${() => this.zoom(1 / STEP)} aria-label="Smaller">−</button><button type="button" onClick=${() => this.zoom(STEP)} aria-label="Larger">+</button><button type="button" onClick=${this.fit}>Fit</button></div>
    </div>`;
  }
}

// The middle of the first layer's middle node.
function firstOf(places) {
  const first = [...places.values()].filter((node) => node.x === 0).sort((one, other) => one.y - other.y);
  return first[first.length >> 1].y + NODE.height / 2;
}

// The least move that brings a span into the frame.
function into(offset, start, size, frame) {
  if (start + offset < EDGE) return EDGE - start;
  if (start + size + offset > frame - EDGE) return Math.max(EDGE - start, frame - EDGE - start - size);
  return offset;
}

// The nodes and lines on the way from a node up to each of its causes.
function wayTo(node) {
  const found = new Set();
  for (const cause of node.causes) {
    let below = id(node);
    for (const name of cause.path?.length ? cause.path : [cause.asset]) {
      if (!name) continue;
      const above = name.includes("/") ? name : `${node.namespace}/${name}`;
      found.add(above).add(`${above} ${below}`);
      below = above;
    }
  }
  return found;
}

const curve = ([first, ...rest]) => rest.reduce(([path, [px, py]], [x, y]) => [`${path}C${(px + x) / 2} ${py} ${(px + x) / 2} ${y} ${x} ${y}`, [x, y]], [`M${first[0]} ${first[1]}`, first])[0];

function Line({ line, lit, missing }) {
  const [x, y] = line.points.at(-1);
  return html`<g><path class=${`edge ${missing ? "missing" : ""} ${lit ? "lit" : ""}`} d=${curve(line.points)} /><path class="arrow" d=${`M${x} ${y}l-8 -4v8z`} /></g>`;
}

const box = ({ x, y }) => ({ left: `${x}px`, top: `${y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` });

class Node extends Component {
  shouldComponentUpdate(next) {
    const { node, at, lit, everywhere } = this.props;
    return at !== next.at || lit !== next.lit || everywhere !== next.everywhere || JSON.stringify(node) !== JSON.stringify(next.node);
  }

  render({ node, at, lit, everywhere, onLight, onFocus }) {
    return html`<a class=${`node node-${node.fresh} ${lit ? "lit" : ""}`} href=${pageOf(node)} style=${box(at)} onPointerEnter=${() => onLight(node)} onPointerLeave=${() => onLight(null)} onFocus=${onFocus} onBlur=${() => onLight(null)}>
      <b>${node.key}</b><span class="kind">${node.kind ?? "not looked at yet"}${everywhere ? ` · ${node.namespace}` : ""}${node.running ? " · running" : ""}</span>
      <div>${node.ready === "False" ? html`<${Mark} status="Broken" label="Not ready" />` : node.reason === "UpstreamDataChanged" ? html`<${Mark} status="False" label=${words(node.reason)} />` : html`<${FreshMark} status=${node.fresh} />`}</div>
    </a>`;
  }
}

// What is built from, but is not in the picture: not selected, or not there at all.
function Other({ edge, at }) {
  if (edge.missing) return html`<div class="node missing" style=${box(at)}><b>${edge.from.name}</b>does not exist</div>`;
  return html`<a class="node other" href=${pageOf(edge.from)} style=${box(at)}><b>${edge.from.name}</b><span class="kind">not selected</span></a>`;
}

function Tip({ node }) {
  if (!node) return null;
  const message = node.ready === "False" ? node.readyMessage : node.message;
  return html`<div class="tip" role="status"><strong>${node.key}</strong> <${FreshMark} status=${node.fresh} /> ${words(node.reason)}
    ${message && html`<div class="message">${message}</div>`}
    ${node.causes.length > 1 && html`<ul>${node.causes.map((cause) => html`<li>${cause.message}</li>`)}</ul>`}</div>`;
}
