// Public events: on this machine they are kept, and go nowhere.

import { get } from "../api.js";
import { empty, fresh, h, head, news, put, theirs } from "../dom.js";
import { tree } from "../tree.js";
import { moment } from "../words.js";

export async function show(place) {
  const list = h("ol", { class: "events", "aria-label": "Public events, newest first" });
  const nothing = h("div");
  const more = h("p", { class: "actions" });
  place.append(head("Published", "What other systems would be told. Here it is kept, and sent nowhere."), list, nothing, more);
  const isNew = news();

  async function load(before = null) {
    const found = await get("published", { before, limit: 50 });
    if (!before && !isNew(found)) return;
    if (!before) put(list);
    list.append(...found.published.map(row));
    put(nothing, list.children.length ? "" : empty("Nothing has been published.", "A @publisher makes a public event of a domain event."));
    put(more, found.before ? h("button", { type: "button", onclick: () => load(found.before) }, "Older") : "");
  }

  await load();
  return {
    update() {
      if (!list.querySelector("[aria-expanded=true]") && window.scrollY < 200) load().catch(() => undefined);
    },
  };
}

function row(entry) {
  const id = fresh("published");
  const body = h("div", { class: "detail", id, hidden: true });
  const button = h("button", { type: "button", class: "event", "data-row": true, "aria-expanded": "false", "aria-controls": id, onclick: () => {
    body.hidden = !body.hidden;
    button.setAttribute("aria-expanded", String(!body.hidden));
    if (!body.childElementCount) put(body, tree(entry.document));
  } },
    h("span", { class: "time" }, moment(entry.time)), h("span", { class: "name" }, theirs(entry.document.type)), h("span", { class: "of" }, theirs(entry.to, { class: "id" })), h("span", { class: "preview" }, theirs(JSON.stringify(entry.document.data ?? null))));
  return h("li", {}, button, body);
}
