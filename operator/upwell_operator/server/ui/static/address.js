// Every page has an address of its own, and everything that one can choose on it stands there: what is sent to
// somebody else shows the same. A plain link is enough to go anywhere; this turns it into a change without a reload.

const listeners = new Set();

export function onMove(listener) {
  listeners.add(listener);
}

function moved() {
  for (const listener of listeners) listener();
}

// Go to an address of the page. `replace` leaves no step behind in the browser's history.
export function go(url, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", url);
  moved();
}

// What is chosen: the query of the address.
export function chosen(name) {
  return new URLSearchParams(location.search).get(name) ?? "";
}

// The address of here with other choices; an empty one is left out.
export function choosing(changes, path = location.pathname) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return withQuery(path, query);
}

// A path with a query made of what is not empty.
export function withQuery(path, choices) {
  const query = new URLSearchParams(choices);
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

// A name in a path; a key keeps its slashes.
export function escaped(name) {
  return name.split("/").map(encodeURIComponent).join("/");
}

export const pageOf = (asset) => `/ui/assets/${escaped(asset.namespace)}/${escaped(asset.name)}`;
export const pageOfRun = (namespace, run) => `/ui/runs/${escaped(namespace)}/${escaped(run)}`;

function follow(event) {
  const link = event.target.closest?.("a[href]");
  const ours = link && link.origin === location.origin && link.pathname.startsWith("/ui/") && !link.target;
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!ours || !plain || event.defaultPrevented || link.hasAttribute("download")) return;
  event.preventDefault();
  if (link.href !== location.href) go(link.href);
}

addEventListener("click", follow);
addEventListener("popstate", moved);
