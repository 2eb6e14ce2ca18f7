// A value as a tree, and what differs between two.

import { fresh, h, visible } from "./dom.js";
import { count } from "./words.js";

const LONG = 400;
const MANY = 200;

/** Draw a value: objects and lists as nested terms, texts as they are. */
export function tree(value) {
  if (value === null || typeof value !== "object") return h("div", { class: "tree" }, leaf(value));
  return h("div", { class: "tree" }, branch(value));
}

function branch(value) {
  const entries = Array.isArray(value) ? value.map((inner, at) => [String(at), inner]) : Object.entries(value);
  if (!entries.length) return h("span", { class: "none" }, Array.isArray(value) ? "an empty list" : "nothing in it");
  const shown = entries.slice(0, MANY).map(([name, inner]) => {
    const nested = inner !== null && typeof inner === "object" && Object.keys(inner).length > 0;
    return h("div", { class: nested ? "pair nested" : "pair" }, h("dt", { dir: "auto" }, visible(name)), h("dd", {}, nested ? branch(inner) : leaf(inner)));
  });
  const list = h("dl", {}, shown);
  if (entries.length > MANY) list.append(h("p", { class: "none" }, `and ${count(entries.length - MANY, "more")}`.replace(/s$/, "")));
  return list;
}

/** Draw one text, number or nothing. */
export function leaf(value) {
  if (value === null || value === undefined) return h("span", { class: "none" }, "none");
  if (typeof value === "object") return h("span", { class: "none" }, Array.isArray(value) ? "an empty list" : "nothing in it");
  if (typeof value !== "string") return h("span", { class: "plain" }, String(value));
  if (value === "") return h("span", { class: "none" }, "an empty text");
  if (value.length <= LONG) return h("bdi", { class: "text" }, visible(value));
  const id = fresh("text");
  const text = h("bdi", { class: "text", id }, `${visible(value.slice(0, LONG))}…`);
  const more = h("button", { type: "button", class: "link", "aria-controls": id, onclick: () => {
    text.textContent = visible(value);
    more.remove();
  } }, "show more");
  return h("span", {}, text, " ", more);
}

/** Give what differs between two values, as paths with what stood there and what stands there. */
export function differences(before, after, path = []) {
  if (same(before, after)) return [];
  const both = [before, after].every((value) => value !== null && typeof value === "object");
  if (both && Array.isArray(before) === Array.isArray(after)) {
    const keys = Array.isArray(before) ? [...Array(Math.max(before.length, after.length)).keys()] : [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences(Object.hasOwn(before, key) ? before[key] : undefined, Object.hasOwn(after, key) ? after[key] : undefined, [...path, String(key)]));
  }
  return [{ path, before, after }];
}

function same(one, other) {
  return one === other || (one !== undefined && other !== undefined && JSON.stringify(one) === JSON.stringify(other));
}

/** Draw what differs: what was added, taken away and changed, each with its path. */
export function difference(before, after) {
  const found = differences(before, after);
  if (!found.length) return h("p", { class: "none" }, "Nothing in the state changed.");
  const rows = found.slice(0, MANY).map(({ path, before: was, after: is }) => {
    const kind = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    return h("tr", { class: kind },
      h("th", { scope: "row" }, h("span", { class: "sign", "aria-hidden": "true" }, { added: "+", removed: "−", changed: "·" }[kind]), h("span", { class: "unseen" }, `${kind}: `), h("bdi", {}, visible(path.join(" › ") || "the state"))),
      h("td", {}, was === undefined ? null : h("div", { class: "was" }, value(was)), is === undefined ? null : h("div", { class: "is" }, value(is))));
  });
  return h("table", { class: "diff" }, h("caption", { class: "unseen" }, "What changed in the state"), h("tbody", {}, rows));
}

function value(of) {
  return of !== null && typeof of === "object" ? tree(of) : leaf(of);
}
