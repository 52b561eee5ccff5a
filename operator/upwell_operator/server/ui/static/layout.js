// Where the nodes of a lineage stand: in layers from left to right, each to the right of all that it is made of.
//
// Sugiyama's steps, in time that grows with the lines and no faster: layers by the longest path; points where a line
// crosses a layer; an order within each layer by the mean place of neighbours; then heights as near to the neighbours'
// as the order allows. Ten thousand assets take a fraction of a second. What has no line at all stands in a grid below.

export const NODE = { width: 240, height: 74 };
const GAP = { x: 84, y: 22 };
const POINT_HEIGHT = 14;
const SWEEPS = 8;
const MOST_POINTS = 60000; // lines through more layers than this are drawn straight

// Take ids and [from, to] pairs; give places by id, lines as lists of points, and the size of it all.
export function layout(ids, pairs) {
  const nodes = new Map(ids.map((id) => [id, { id, up: [], down: [], layer: 0, y: 0, height: NODE.height }]));
  const lines = pairs.map(([from, to]) => ({ from: nodes.get(from), to: nodes.get(to) })).filter(({ from, to }) => from && to && from !== to);
  const tied = new Set(lines.flatMap(({ from, to }) => [from, to]));
  layered([...tied], lines);
  const layers = withPoints([...tied], lines);
  ordered(layers);
  heights(layers);
  const size = placed(layers);
  grid([...nodes.values()].filter((node) => !tied.has(node)), size);
  return { places: nodes, lines: lines.map(drawn), ...size };
}

// Longest paths, without recursion; a line that closes a circle is turned around for this.
function layered(nodes, lines) {
  for (const { from, to } of lines) {
    from.down.push(to);
    to.up.push(from);
  }
  const order = topological(nodes);
  const place = new Map(order.map((node, at) => [node, at]));
  for (const node of order) {
    for (const next of node.down) if (place.get(next) > place.get(node)) next.layer = Math.max(next.layer, node.layer + 1);
  }
  for (const node of order) {
    if (!node.up.length) node.layer = Math.max(0, Math.min(...node.down.map((next) => next.layer)) - 1); // near to what is made of it
  }
}

function topological(nodes) {
  const waits = new Map(nodes.map((node) => [node, node.up.length]));
  const order = [], ready = nodes.filter((node) => !node.up.length), left = new Set(nodes);
  while (left.size) {
    if (!ready.length) ready.push(left.values().next().value); // a circle: begin somewhere
    const node = ready.pop();
    if (!left.delete(node)) continue;
    order.push(node);
    for (const next of node.down) if (waits.set(next, waits.get(next) - 1).get(next) === 0) ready.push(next);
  }
  return order;
}

// Give the layers, with a point in each layer that a line goes through.
function withPoints(nodes, lines) {
  const layers = [];
  const put = (node) => (layers[node.layer] ??= []).push(node);
  nodes.forEach(put);
  for (const node of nodes) node.up = node.down = null;
  const spans = lines.reduce((sum, { from, to }) => sum + Math.abs(to.layer - from.layer) - 1, 0);
  for (const line of lines) {
    const way = wayOf(line, spans > MOST_POINTS);
    way.slice(1, -1).forEach(put);
    way.slice(1).forEach((node, at) => tie(way[at], node));
    line.way = way;
  }
  for (let at = 0; at < layers.length; at++) layers[at] ??= [];
  return layers;
}

function wayOf({ from, to }, straight) {
  const step = Math.sign(to.layer - from.layer), points = [];
  for (let layer = from.layer + step; !straight && step && layer !== to.layer; layer += step) points.push({ point: true, layer, y: 0, height: POINT_HEIGHT });
  return [from, ...points, to];
}

function tie(one, other) {
  const [left, right] = one.layer <= other.layer ? [one, other] : [other, one];
  (left.down ??= []).push(right);
  (right.up ??= []).push(left);
}

// Each layer in the order of its neighbours' mean place, to and fro.
function ordered(layers) {
  const number = () => layers.forEach((layer) => layer.forEach((node, at) => (node.at = at)));
  number();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const right = sweep % 2 === 0;
    for (const layer of right ? layers : layers.toReversed()) {
      for (const node of layer) node.wish = mean(right ? node.up : node.down, "at") ?? node.at;
      layer.sort((one, other) => one.wish - other.wish || one.at - other.at);
      layer.forEach((node, at) => (node.at = at));
    }
  }
}

function mean(nodes, name) {
  if (!nodes?.length) return null;
  let sum = 0;
  for (const node of nodes) sum += node[name];
  return sum / nodes.length;
}

// As high as the neighbours, without overlap and in the order found.
function heights(layers) {
  for (const layer of layers) layer.reduce((y, node) => (node.y = y) + node.height + GAP.y, 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const right = sweep % 2 === 0;
    for (const layer of right ? layers : layers.toReversed()) {
      settle(layer, (node) => mean(right ? node.up : node.down, "middle") ?? node.y + node.height / 2);
    }
  }
}

// The nearest places to those wished for that keep the order (pool adjacent violators), in one pass.
function settle(layer, wish) {
  const pools = [];
  let above = 0;
  for (const node of layer) {
    const pool = { sum: wish(node) - node.height / 2 - above, size: 1 };
    node.above = above;
    above += node.height + GAP.y;
    while (pools.length && pools.at(-1).sum / pools.at(-1).size > pool.sum / pool.size) {
      const before = pools.pop();
      pool.sum += before.sum;
      pool.size += before.size;
    }
    pools.push(pool);
  }
  let at = 0;
  for (const { sum, size } of pools) {
    for (const node of layer.slice(at, at + size)) {
      node.y = sum / size + node.above;
      node.middle = node.y + node.height / 2;
    }
    at += size;
  }
}

function placed(layers) {
  let top = Infinity, bottom = 0;
  for (const layer of layers) for (const node of layer) top = Math.min(top, node.y);
  layers.forEach((layer, at) => layer.forEach((node) => {
    node.x = at * (NODE.width + GAP.x);
    node.y = Math.round(node.y - top);
    bottom = Math.max(bottom, node.y + node.height);
  }));
  return { width: Math.max(0, layers.length * (NODE.width + GAP.x) - GAP.x), height: bottom };
}

function grid(nodes, size) {
  const columns = Math.max(Math.round(size.width / (NODE.width + GAP.x)), Math.ceil(Math.sqrt(nodes.length / 2)), 1);
  const top = size.height ? size.height + 2 * GAP.y : 0;
  nodes.forEach((node, at) => {
    node.x = (at % columns) * (NODE.width + GAP.x);
    node.y = top + Math.floor(at / columns) * (NODE.height + GAP.y);
    size.width = Math.max(size.width, node.x + NODE.width);
    size.height = node.y + NODE.height;
  });
}

// A line as the points it goes through: out of the right side, through the middles, into the left side.
function drawn({ from, to, way }) {
  const points = [[from.x + NODE.width, from.y + from.height / 2]];
  for (const node of way.slice(1, -1)) points.push([node.x, node.y + node.height / 2], [node.x + NODE.width, node.y + node.height / 2]);
  points.push([to.x, to.y + to.height / 2]);
  return { from: from.id, to: to.id, points };
}
