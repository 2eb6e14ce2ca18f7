// Aggregates: which there are; and of one, each of its versions and what differs between two.

import { address } from "../app.js";
import { get } from "../api.js";
import { empty, h, head, labelled, put, say, theirs, visible, wrong } from "../dom.js";
import { difference, tree } from "../tree.js";
import { count, moment, number } from "../words.js";
import { detail } from "./timeline.js";

const PAGE = 50;

export async function show(place, context) {
  return context.about.length > 1 ? one(place, context) : all(place, context);
}

async function all(place, { about, chosen, model, go }) {
  const kinds = model.aggregates.map((kind) => kind.name);
  if (!kinds.length) {
    place.append(head("Aggregates"), empty("The application has no aggregate.", "Write Order = aggregate(\"Order\", id_field=\"order_id\"), and save."));
    return {};
  }
  const kind = about[0] ?? kinds[0];
  const prefix = h("input", { type: "search", "data-search": true, value: chosen.prefix ?? "", placeholder: "how its id begins", autocomplete: "off", spellcheck: "false" });
  const body = h("tbody");
  const more = h("p", { class: "actions" });
  const nothing = h("div");
  const missing = h("p", { class: "note" });
  const table = h("table", { class: "data" }, h("caption", { class: "unseen" }, `Aggregates of type ${visible(kind)}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Id"), h("th", { scope: "col", class: "figure" }, "Version"), h("th", { scope: "col" }, "Last command"), h("th", { scope: "col" }, "At"))), body);
  const find = () => go("aggregates", [kind], { prefix: prefix.value.trim() });
  place.append(head("Aggregates", "Each one with its history: every version can be looked at."),
    h("nav", { class: "tabs", "aria-label": "Types" }, kinds.map((name) => h("a", { href: address("aggregates", [name]), "aria-current": name === kind ? "true" : null }, theirs(name)))),
    h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); find(); } }, labelled("Id", prefix), h("button", { type: "submit" }, "Find")),
    missing, h("div", { class: "wide" }, table), nothing, more);

  async function load(after) {
    const page = await get("aggregates", { type: kind, prefix: chosen.prefix, after, limit: PAGE });
    body.append(...page.aggregates.map((found) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: address("aggregates", [kind, found.id]), "data-row": true }, theirs(found.id, { class: "id" }))),
      h("td", { class: "figure" }, number(found.version)),
      h("td", {}, theirs(found.command.name), found.gone ? h("span", { class: "tag" }, "deleted") : null),
      h("td", { class: "time" }, moment(found.time)))));
    table.hidden = !body.childElementCount;
    put(missing, page.why ?? "");
    put(more, page.after ? h("button", { type: "button", onclick: () => load(page.after) }, "More") : "");
    if (!body.childElementCount) {
      put(nothing, chosen.prefix
        ? empty(`No ${visible(kind)} has an id that begins so.`, h("a", { href: address("aggregates", [kind]) }, "Show all"))
        : empty(`There is no ${visible(kind)} yet.`, "Make one under ", h("a", { href: address("send") }, "Send"), "."));
    }
  }

  await load(null);
  return {};
}

async function one(place, { about, chosen, model, go }) {
  const [kind, id] = about;
  let newest = 0;
  let version = 0;
  let asked = null;
  const slider = h("input", { type: "range", min: "1", step: "1", id: "version", class: "slider" });
  const said = h("output", { for: "version", class: "at" });
  const left = h("button", { type: "button", class: "small", "aria-label": "The version before" }, "←");
  const right = h("button", { type: "button", class: "small", "aria-label": "The version after" }, "→");
  const last = h("button", { type: "button", class: "small" }, "Newest");
  const face = h("div", { class: "faces" });
  const list = h("ol", { class: "versions", "aria-label": "Commits, newest first" });
  const more = h("p", { class: "actions" });
  const commands = model.commands.filter((message) => message.aggregate === kind && message.creation !== "always");

  place.append(h("p", { class: "back" }, h("a", { href: address("aggregates", [kind]) }, `All of ${visible(kind)}`)),
    head([theirs(kind), " ", theirs(id, { class: "id" })], null),
    commands.length ? h("p", { class: "about" }, "Send ", commands.flatMap((message, at) => [at ? ", " : "", h("a", { href: address("send", [message.name], { kind: "command", id }) }, theirs(message.name))])) : "",
    h("div", { class: "travel" }, h("label", { for: "version" }, "Version"), left, slider, right, said, last),
    face, h("h2", {}, "History"), list, more);

  const turn = (to) => {
    version = Math.min(newest, Math.max(1, to));
    slider.value = String(version);
    look();
  };
  slider.addEventListener("input", () => turn(Number(slider.value)));
  left.addEventListener("click", () => turn(version - 1));
  right.addEventListener("click", () => turn(version + 1));
  last.addEventListener("click", () => turn(newest));

  /** Show the version that the slider is at; one that it has left meanwhile is not waited for. */
  async function look() {
    asked?.abort();
    asked = new AbortController();
    put(said, `${number(version)} of ${number(newest)}`);
    slider.setAttribute("aria-valuetext", `${version} of ${newest}`);
    left.disabled = version <= 1;
    right.disabled = last.disabled = version >= newest;
    for (const item of list.children) item.classList.toggle("here", Number(item.dataset.version) === version);
    history.replaceState(null, "", address("aggregates", [kind, id], { version: version === newest ? null : version }));
    try {
      const found = await get("state", { type: kind, id, version }, asked.signal);
      put(face, faces(found));
    } catch (error) {
      if (error.name !== "AbortError") put(face, wrong(error));
    }
  }

  function item(commit) {
    return h("li", { "data-version": String(commit.version) }, h("button", { type: "button", class: "commit", "data-row": true, onclick: () => {
      turn(commit.version);
      say(`version ${commit.version}`);
    } },
      h("span", { class: "figure" }, number(commit.version)),
      h("span", { class: "name" }, theirs(commit.events.map((event) => event.name).join(", ") || "no event")),
      h("span", { class: "soft" }, theirs(commit.command.name)),
      h("span", { class: "time" }, moment(commit.time))));
  }

  async function load(before) {
    const page = await get("commits", { type: kind, id, before, limit: PAGE });
    list.append(...page.commits.map(item));
    put(more, page.before ? h("button", { type: "button", onclick: () => load(page.before) }, "Older") : "");
    return page.version;
  }

  newest = await load(null);
  slider.max = String(newest);
  turn(Number(chosen.version) || newest);
  return {
    async update(next, before) {
      if (next.commits === before?.commits) return;
      const page = await get("commits", { type: kind, id, limit: PAGE });
      if (page.version === newest) return;
      list.prepend(...page.commits.filter((commit) => commit.version > newest).map(item));
      const followed = version === newest;
      newest = page.version;
      slider.max = String(newest);
      turn(followed ? newest : version);
    },
    key(event) {
      if (event.key === "[") turn(version - 1);
      else if (event.key === "]") turn(version + 1);
      else return false;
      return true;
    },
  };
}

function faces(found) {
  const { before, after, commit } = found;
  return [
    h("section", { class: "face", "aria-label": "What happened" }, h("h2", {}, "What happened"), h("p", { class: "soft" }, moment(commit.time)), detail(commit, { links: false })),
    h("section", { class: "face", "aria-label": "What changed" }, h("h2", {}, "What changed"), changed(before, after)),
    h("section", { class: "face", "aria-label": "The state" }, h("h2", {}, "The state then"), state(after)),
  ];
}

function changed(before, after) {
  if (before.error || after.error) return h("p", { class: "note" }, "The two states cannot be compared.");
  if (!before.exists && !after.exists) return h("p", { class: "none" }, "There is no state before and none after.");
  if (!before.exists) return h("p", { class: "none" }, "It came into being.");
  if (!after.exists) return h("p", { class: "none" }, "It ceased to be.");
  return difference(before.state, after.state);
}

function state(after) {
  if (after.error) return h("p", { class: "note" }, visible(after.error));
  if (!after.exists) return h("p", { class: "none" }, after.gone ? "It was deleted." : "It does not exist yet.");
  return tree(after.state);
}
