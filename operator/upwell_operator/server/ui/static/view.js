// What every part of the page draws with: Preact's components, written as htm templates. No hooks, so no import map.

import htm from "./vendor/htm.mjs";
import { Component, Fragment, createRef, h, render } from "./vendor/preact.mjs";

export const html = htm.bind(h);
export { Component, Fragment, createRef, render };
