// Elements, made of names and texts. Nothing here, or anywhere in the console, reads text as markup.

/** Make an element: `on…` are listeners, `true` is an attribute without a value, and null or false is none. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an element of a drawing. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put new children in place of all that an element has. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Give what says whether something differs from what it was given last: what is the same is not drawn anew. */
export function news() {
  let last = null;
  return (value) => {
    const text = JSON.stringify(value);
    const differs = text !== last;
    last = text;
    return differs;
  };
}

let names = 0;
/** Give an id that no other element has. */
export function fresh(prefix) {
  names += 1;
  return `${prefix}-${names}`;
}

/** Have a screen reader say something. */
export function say(text) {
  document.getElementById("say").textContent = text;
}

/** A heading and what the page is for. */
export function head(title, text, ...more) {
  return h("div", { class: "head" }, h("h1", {}, title), text && h("p", {}, text), more);
}

/** What stands where there is nothing, and what to do about that. */
export function empty(title, ...next) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), next.length ? h("p", {}, next) : null);
}

/** A message that something went wrong. */
export function wrong(error) {
  return h("div", { class: "panel bad", role: "alert" }, h("p", { class: "panel-title" }, "That did not work"), h("p", {}, visible(error.message ?? String(error))));
}

/** A labelled input. */
export function labelled(label, input, more = null) {
  if (!input.id) input.id = fresh("in");
  return h("div", { class: "labelled" }, h("label", { for: input.id }, label), input, more);
}

// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Show what has no shape of its own, such as marks that turn text around, as what it is. */
export function visible(text) {
  return String(text).replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A text of somebody's, cut off from the direction of what stands around it. */
export function theirs(text, attributes = {}) {
  return h("bdi", attributes, visible(text));
}
