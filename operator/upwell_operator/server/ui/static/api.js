// Asking the server. An error is a problem document (RFC 9457), and its detail is a sentence that can be shown as it is.
//
// In a cluster a reader pastes a token of the Kubernetes API; it is kept for this tab only, and sent with each request.

const KEPT = "upwell.token";
const listeners = new Set();

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    Object.assign(this, { status, title, detail });
  }
}

export const token = () => sessionStorage.getItem(KEPT);

export function setToken(text) {
  if (text) sessionStorage.setItem(KEPT, text);
  else sessionStorage.removeItem(KEPT);
  for (const listener of listeners) listener();
}

// Hear of another token; gives the function that ends it.
export function onToken(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Send a request; give the response, or throw a Problem.
export async function send(path, options = {}) {
  const headers = { ...options.headers, ...(token() ? { Authorization: `Bearer ${token()}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer", "Is it still running, and can this machine reach it?");
  }
  if (answer.ok) return answer;
  throw await problemOf(answer);
}

async function problemOf(answer) {
  try {
    const { title, detail } = await answer.json();
    return new Problem(answer.status, title, detail);
  } catch {
    return new Problem(answer.status, `The answer was ${answer.status}`, "Something between this page and Upwell gave it.");
  }
}

export const text = async (path, options) => (await send(path, options)).text();
export const post = async (path) => (await send(path, { method: "POST" })).json();
