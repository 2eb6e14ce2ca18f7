// Views: their rows.

import { address } from "../app.js";
import { get, post } from "../api.js";
import { empty, h, head, labelled, news as differing, put, say, theirs, visible, wrong } from "../dom.js";
import { leaf, tree } from "../tree.js";
import { count } from "../words.js";

const PAGE = 50;
/** Rows that a page holds at once. */
const MOST = 1000;

export async function show(place, { about, chosen, model, go }) {
  if (!model.views.length) {
    place.append(head("Views"), empty("The application has no view.", "Write Summary = view(\"Summary\", key=\"order_id\") and a @projector, and save."));
    return {};
  }
  const view = model.views.find((one) => one.name === about[0]) ?? model.views[0];
  const by = [["", view.key], ...Object.entries(view.indexes)];
  const index = h("select", {}, by.map(([name, fields]) => h("option", { value: name }, visible(fields[0]), name ? ` (${visible(name)})` : "")));
  index.value = by.some(([name]) => name === chosen.index) ? chosen.index : "";
  const value = h("input", { type: "search", "data-search": true, value: chosen.value ?? "", placeholder: "a whole value", autocomplete: "off", spellcheck: "false" });
  const find = () => go("views", [view.name], { index: index.value, value: value.value });
  const columns = [...view.key];
  const header = h("tr");
  const body = h("tbody");
  const table = h("table", { class: "data rows" }, h("caption", { class: "unseen" }, `Rows of ${visible(view.name)}`), h("thead", {}, header), body);
  const notes = h("div");
  const more = h("p", { class: "actions" });
  const news = h("p", { class: "news" });
  const again = h("button", { type: "button", class: "quiet", onclick: replay }, "Build it anew");
  const isNew = differing();
  let loaded = [];

  place.append(head("Views", "What queries read, as it is now."),
    h("nav", { class: "tabs", "aria-label": "Views" }, model.views.map((one) => h("a", { href: address("views", [one.name]), "aria-current": one === view ? "true" : null }, theirs(one.name)))),
    h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); find(); } },
      labelled("By", index), labelled("Value", value), h("button", { type: "submit" }, "Find"),
      chosen.value ? h("a", { href: address("views", [view.name]) }, "Show all") : null, h("span", { class: "push" }, again)),
    news, h("div", { class: "wide" }, table), notes, more);

  function cells(row) {
    for (const name of Object.keys(row ?? {})) {
      if (!columns.includes(name)) columns.push(name);
    }
    return row;
  }

  const figures = (name) => name !== columns[0] && loaded.every((row) => row[name] === undefined || row[name] === null || /^-?\d+(\.\d+)?$/.test(String(row[name])));

  function draw() {
    const right = new Set(columns.filter(figures));
    put(header, columns.map((name) => h("th", { scope: "col", class: right.has(name) ? "figure" : null }, theirs(name))));
    put(body, loaded.map((row) => h("tr", {}, columns.map((name, at) => {
      const inner = row[name];
      const shown = inner === undefined ? "" : inner !== null && typeof inner === "object" ? h("details", {}, h("summary", {}, Array.isArray(inner) ? count(inner.length, "entry", "entries") : count(Object.keys(inner).length, "field")), tree(inner)) : leaf(inner);
      const short = typeof inner !== "string" || inner.length <= 40;
      return at === 0 ? h("th", { scope: "row", class: short ? "short" : "long" }, shown) : h("td", { class: `${right.has(name) ? "figure " : ""}${short ? "short" : "long"}` }, shown);
    }))));
  }

  async function load(cursor) {
    try {
      const page = await get("rows", { view: view.name, index: chosen.index, value: chosen.value, cursor, limit: PAGE });
      if (!cursor && !isNew(page)) return;
      loaded = [...(cursor ? loaded : []), ...page.rows.map(cells)].slice(0, MOST);
      table.hidden = !loaded.length;
      draw();
      put(more, page.cursor && loaded.length < MOST ? h("button", { type: "button", onclick: () => load(page.cursor) }, "More") : page.cursor ? h("span", { class: "none" }, `These are the first ${count(MOST, "row")}: find others by a value.`) : "");
      put(notes, loaded.length ? (page.why ? h("p", { class: "note" }, page.why) : "") : page.why ? empty(page.why) : chosen.value ? empty("No row has that value.", h("a", { href: address("views", [view.name]) }, "Show all")) : empty("No row yet.", "Rows come from events: ", h("a", { href: address("send") }, "send a command"), "."));
    } catch (error) {
      table.hidden = !loaded.length;
      put(notes, wrong(error));
    }
  }

  async function replay() {
    again.disabled = true;
    say("building the view anew");
    try {
      const done = await post("replay", { consumer: view.name });
      say(`built anew from ${done.commits} commits`);
      put(news, h("span", { class: "none" }, `Built anew from ${count(done.commits, "commit")}.`));
      await load(null);
    } catch (error) {
      put(notes, wrong(error));
    } finally {
      again.disabled = false;
    }
  }

  let late = null;
  await load(null);
  return {
    update(next, before) {
      if (next.commits === before?.commits && next.pending === before?.pending) return;
      if (loaded.length > PAGE || window.scrollY > 200) put(news, h("button", { type: "button", onclick: () => { put(news); load(null); } }, "Show what is new"));
      else if (next.pending === 0 || late === null) {
        clearTimeout(late);
        late = setTimeout(() => load(null), 150);
      }
    },
    leave: () => clearTimeout(late),
  };
}
