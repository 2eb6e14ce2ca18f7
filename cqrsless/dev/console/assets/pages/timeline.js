// The timeline: what happened, newest first, and live.

import { address } from "../app.js";
import { get } from "../api.js";
import { empty, fresh, h, head, labelled, put, say, theirs, visible, wrong } from "../dom.js";
import { tree } from "../tree.js";
import { bytes, clock, count, day, number } from "../words.js";

const PAGE = 50;
/** Rows that a page holds; those at the far end go when more come. */
const MOST = 400;

export async function show(place, { chosen, model, go, status }) {
  const filters = { text: chosen.text ?? "", type: chosen.type ?? "", name: chosen.name ?? "", correlation: chosen.correlation ?? "" };
  const filtered = Object.values(filters).some(Boolean);
  const rows = h("ol", { class: "events", "aria-label": "Events, newest first" });
  const older = h("p", { class: "actions" });
  const news = h("p", { class: "news" });
  const missing = h("p", { class: "note" });
  let newest = 0;
  let waiting = 0;
  let fetching = false;
  let again = false;

  const search = h("input", { type: "search", "data-search": true, value: filters.text, placeholder: "an id, a value, a name", autocomplete: "off", spellcheck: "false", size: "24" });
  const events = model.picture.nodes.filter((node) => node.kind === "event").map((node) => node.name).sort();
  const kinds = choice("any", model.aggregates.map((one) => one.name), filters.type);
  const names = choice("any", events, filters.name);
  const apply = () => go("timeline", [], { text: search.value.trim(), type: kinds.value, name: names.value, correlation: filters.correlation });
  search.addEventListener("change", apply);
  kinds.addEventListener("change", apply);
  names.addEventListener("change", apply);

  place.append(
    head("Timeline", status.embedded === false ? "What happened, newest first, in the table as it was read just now." : "What happened, newest first. It goes on by itself."),
    h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); apply(); } }, labelled("Search", search), labelled("Aggregate", kinds), labelled("Event", names),
      filtered && h("button", { type: "button", class: "link", onclick: () => go("timeline") }, "Show everything")),
    filters.correlation ? h("p", { class: "chip" }, "One conversation: ", theirs(filters.correlation, { class: "mono" })) : "",
    status.embedded === false ? h("p", { class: "actions" }, h("button", { type: "button", onclick: fresher }, "Look again")) : "",
    missing, news, rows, older);

  const ask = (more) => get("events", { limit: PAGE, ...filters, ...more });

  function row(commit) {
    const id = fresh("commit");
    const body = h("div", { class: "detail", id, hidden: true });
    const about = `${commit.events.map((one) => one.name).join(", ") || "no event"}`;
    const button = h("button", { type: "button", class: "event", "data-row": true, "aria-expanded": "false", "aria-controls": id, onclick: () => open(button, body, commit) },
      h("span", { class: "time" }, clock(commit.time)),
      h("span", { class: "name" }, theirs(about)),
      h("span", { class: "of" }, theirs(commit.type), " ", theirs(commit.id, { class: "id" }), h("span", { class: "version" }, ` v${commit.version}`)),
      h("span", { class: "preview" }, theirs(commit.events[0]?.preview ?? "")));
    return h("li", { "data-position": String(commit.position), "data-day": day(commit.time) }, button, body);
  }

  function days() {
    let before = null;
    for (const item of rows.children) {
      item.classList.toggle("new-day", item.dataset.day !== before);
      before = item.dataset.day;
    }
  }

  function ending(before, searched) {
    if (before) {
      put(older, h("button", { type: "button", onclick: () => load(before) }, filtered ? "Search further back" : "Older"),
        filtered && !rows.children.length ? h("span", { class: "none" }, ` nothing in the last ${count(searched, "commit")}`) : null);
    } else {
      put(older, rows.children.length ? h("span", { class: "none" }, "This is the beginning.") : null);
      if (!rows.children.length) {
        put(news, filtered
          ? empty("Nothing like that has happened.", "Search for something else, or ", h("a", { href: address("timeline") }, "show everything"), ".")
          : empty("Nothing has happened yet.", "Send a first command under ", h("a", { href: address("send") }, "Send"), "; its events turn up here."));
      }
    }
  }

  async function load(before) {
    const page = await ask({ before });
    rows.append(...page.commits.map(row));
    newest = Math.max(newest, page.tail);
    put(missing, page.why ?? "");
    while (rows.children.length > MOST) rows.firstElementChild.remove();
    days();
    ending(page.before, page.searched);
  }

  /** Put what is new on top; where a person reads further down, only say how much it is. */
  async function catchUp() {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      do {
        again = false;
        const page = await ask({ after: newest });
        const far = page.tail - newest > PAGE * 4;
        if (window.scrollY > 200 || rows.querySelector(":scope > li > button:focus")) {
          waiting = page.tail - newest;
          put(news, waiting > 0 ? h("button", { type: "button", onclick: fresher }, `${count(waiting, "new commit")}`) : "");
        } else if (far) {
          await fresher();
        } else {
          newest = page.at ?? page.tail;
          add(page.commits);
          again = again || newest < page.tail;
        }
      } while (again);
    } finally {
      fetching = false;
    }
  }

  function add(commits) {
    if (!commits.length) return;
    put(news);
    for (const commit of commits) {
      const made = row(commit);
      made.classList.add("fresh");
      rows.prepend(made);
    }
    while (rows.children.length > MOST) rows.lastElementChild.remove();
    days();
    say(`${count(commits.length, "new commit")}: ${visible(commits.flatMap((one) => one.events.map((event) => event.name)).slice(0, 3).join(", "))}`);
  }

  async function fresher() {
    put(news);
    put(rows);
    window.scrollTo(0, 0);
    await load(null);
  }

  await load(null);
  return {
    update(next) {
      if (next.embedded && next.commits !== newest) catchUp().catch(() => undefined);
    },
  };
}

async function open(button, body, commit) {
  const opening = body.hidden;
  body.hidden = !opening;
  button.setAttribute("aria-expanded", String(opening));
  if (!opening || body.childElementCount) return;
  try {
    put(body, detail(await get("event", { type: commit.type, id: commit.id, version: commit.version })));
  } catch (error) {
    put(body, wrong(error));
  }
}

/** Draw all of a commit: its payloads, what caused it, and what it cost. */
export function detail(commit, { links = true } = {}) {
  const events = commit.events.map((one) => h("section", { class: "payload" },
    h("p", { class: "payload-title" }, theirs(one.name), one.stored ? h("span", { class: "none" }, " stored as ", theirs(one.stored)) : null),
    one.note ? h("p", { class: "note" }, visible(one.note)) : null,
    tree(one.payload)));
  const sent = commit.sent && h("details", { class: "payload" },
    h("summary", {}, "The command as it was sent"), tree(commit.sent.payload));
  const facts = [
    ["Command", theirs(commit.command.name)],
    ["Its id", theirs(commit.command.id, { class: "mono" })],
    ["From", theirs(commit.command.source)],
    commit.actor && ["By", theirs(commit.actor)],
    ["Conversation", h("a", { href: address("timeline", [], { correlation: commit.correlation }) }, theirs(commit.correlation, { class: "mono" }))],
    commit.causation && ["Caused by", cause(commit.causation)],
    ["Written", `${bytes(commit.size)}, ${count(commit.units, "write unit")}${commit.snapshot ? ", with the state" : ""}`],
    links && ["State", h("a", { href: address("aggregates", [commit.type, commit.id], { version: commit.version }) }, `as of version ${number(commit.version)}`)],
  ].filter(Boolean);
  return [h("div", { class: "payloads" }, events.length ? events : h("p", { class: "none" }, "No event: the state alone was written."), sent),
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))))];
}

/** An event's id leads to its aggregate. */
function cause(id) {
  const found = /^([A-Za-z][\w.-]*)#(.+)@(\d+)$/s.exec(id);
  return found ? h("a", { href: address("aggregates", [found[1], found[2]]) }, theirs(id, { class: "mono" })) : theirs(id, { class: "mono" });
}

function choice(all, options, chosen) {
  const select = h("select", {}, h("option", { value: "" }, all), options.map((one) => h("option", { value: one }, visible(one))));
  if (chosen && !options.includes(chosen)) select.append(h("option", { value: chosen }, visible(chosen)));
  select.value = chosen;
  return select;
}
