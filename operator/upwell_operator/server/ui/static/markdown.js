// Markdown as nodes, never as HTML: what somebody wrote about data can look like a page, and can never become a script.
//
// Limits: headings, paragraphs, lists of one level, quotes, fenced code, tables; bold, italics, code, links.

import { html } from "./view.js";

export const Markdown = ({ text }) => html`<div class="markdown">${blocks(text.replace(/\r\n?/g, "\n"))}</div>`;

const FENCE = /^```/, HEADING = /^(#{1,6})\s+(.*)/, BULLET = /^\s*[-*+]\s+(.*)/, NUMBERED = /^\s*\d+[.)]\s+(.*)/, QUOTE = /^>\s?(.*)/, ROW = /^\s*\|(.*)\|\s*$/;
const KINDS = [
  [BULLET, (lines) => html`<ul>${lines.map((line) => html`<li>${inline(BULLET.exec(line)[1])}</li>`)}</ul>`],
  [NUMBERED, (lines) => html`<ol>${lines.map((line) => html`<li>${inline(NUMBERED.exec(line)[1])}</li>`)}</ol>`],
  [QUOTE, (lines) => html`<blockquote>${blocks(lines.map((line) => QUOTE.exec(line)[1]).join("\n"))}</blockquote>`],
  [ROW, table],
];

function blocks(text) {
  const lines = text.split("\n"), found = [];
  while (lines.length) found.push(block(lines));
  return found;
}

// Take one block off the lines.
function block(lines) {
  const line = lines[0];
  if (FENCE.test(line)) return fenced(lines);
  if (HEADING.test(line)) return heading(lines.shift());
  const kind = KINDS.find(([pattern]) => pattern.test(line));
  if (kind) return kind[1](taken(lines, (next) => kind[0].test(next)));
  if (!line.trim()) return void lines.shift();
  return html`<p>${inline(taken(lines, plain).join(" "))}</p>`;
}

const plain = (line) => line.trim() && !FENCE.test(line) && !HEADING.test(line) && !KINDS.some(([pattern]) => pattern.test(line));

function taken(lines, wanted) {
  const end = lines.findIndex((line) => !wanted(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function fenced(lines) {
  lines.shift();
  const code = taken(lines, (line) => !FENCE.test(line));
  lines.shift();
  return html`<pre>${code.join("\n")}</pre>`;
}

// A page has one h1 and its own h2; what is written about data begins below them.
function heading(line) {
  const [, signs, text] = HEADING.exec(line);
  const Level = `h${Math.min(signs.length + 2, 6)}`;
  return html`<${Level}>${inline(text)}<//>`;
}

const cells = (line) => ROW.exec(line)[1].split("|").map((cell) => cell.trim());

function table(lines) {
  const [head, ...rest] = lines.map(cells);
  const rows = rest.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
  return html`<div class="wide" tabindex="0"><table class="plain"><thead><tr>${head.map((cell) => html`<th>${inline(cell)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${inline(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|\[([^\]]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])/g;

function inline(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(at, match.index), piece(match));
    at = match.index + match[0].length;
  }
  return [...found, text.slice(at)];
}

function piece([whole, code, bold, bold2, soft, soft2, label, target, bare]) {
  if (code) return html`<code>${code}</code>`;
  if (bold || bold2) return html`<strong>${inline(bold || bold2)}</strong>`;
  if (soft || soft2) return html`<em>${inline(soft || soft2)}</em>`;
  return html`<${SafeLink} url=${target || bare}>${label || bare || whole}<//>`;
}

// A link to elsewhere; only to where a link can do no harm, and else just the words.
export function SafeLink({ url, children }) {
  if (!/^(https?|mailto):/i.test(url)) return html`<span>${children}</span>`;
  return html`<a href=${url} target="_blank" rel="noopener noreferrer">${children}</a>`;
}
