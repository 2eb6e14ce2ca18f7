// Processors, views and publishers as consumers: how far each is, and what it has parked.

import { address } from "../app.js";
import { get, post } from "../api.js";
import { empty, h, head, news, put, say, theirs, visible, wrong } from "../dom.js";
import { count, moment, number } from "../words.js";

export async function show(place, { about, go }) {
  const list = h("div");
  const parked = h("section", { class: "parked", "aria-live": "polite" });
  const trouble = h("div");
  place.append(head("Processors", "Everything that follows events: how far it is, and what it could not do."), list, trouble, parked);
  const open = about[0] ?? null;
  const isNew = news();

  async function load() {
    const found = await get("processors");
    const waiting = found.processors.some((one) => one.name === open) ? await get("letters", { consumer: open }) : null;
    if (!isNew([found, waiting])) return;
    put(list, found.processors.length ? table(found.processors, open) : empty("Nothing follows events yet.", "Decorate a function with @event_handler, @projector or @publisher, and save."),
      found.external.length ? external(found.external) : null);
    if (open) letters(found.processors.find((one) => one.name === open), waiting);
  }

  function letters(consumer, found) {
    if (!consumer) {
      put(parked, empty("No consumer is called that."));
      return;
    }
    put(parked, h("h2", {}, theirs(consumer.name)), consumer.tokens.length ? tokens(consumer.tokens) : null,
      found.count ? [
        h("p", { class: "soft" }, "Parked: each waits with an aggregate's failing event and all that came after it; other aggregates go on. Mend the handler, save, and retry."),
        h("p", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: (event) => act(event, "retry", { consumer: consumer.name }) }, found.count === 1 ? "Retry it" : `Retry all ${number(found.count)}`)),
        h("ul", { class: "letters" }, found.letters.map((letter) => entry(consumer, letter))),
        found.count > found.letters.length ? h("p", { class: "none" }, `These are the first ${found.letters.length} of ${number(found.count)}.`) : null,
      ] : h("p", { class: "none" }, "It has parked nothing."));
  }

  function entry(consumer, letter) {
    const drop = h("button", { type: "button", class: "quiet", onclick: () => sure(drop, consumer, letter) }, "Drop…");
    return h("li", { class: "panel no" },
      h("p", { class: "panel-title" }, h("a", { href: address("aggregates", [letter.type, letter.id], { version: letter.commit }) }, theirs(letter.type), " ", theirs(letter.id)), ` at version ${number(letter.commit)}`, letter.events.length ? [" · ", theirs(letter.events.join(", "))] : null),
      h("p", { class: "mono why" }, visible(letter.why)),
      h("p", { class: "soft" }, `${count(letter.tries, "attempt")} · since ${moment(letter.since)}`, letter.seen > letter.commit ? ` · ${count(letter.seen - letter.commit, "later version")} waiting` : "", letter.until ? ` · tried again at ${moment(letter.until)}` : ""),
      h("p", { class: "actions" }, h("button", { type: "button", onclick: (event) => act(event, "retry", { consumer: consumer.name, key: letter.key }) }, "Retry"), drop));
  }

  /** Ask before an event is stepped past, as it is never handled then. */
  function sure(button, consumer, letter) {
    const dialog = h("dialog", { "aria-labelledby": "sure" }, h("h2", { id: "sure" }, "Drop this commit?"),
      h("p", {}, theirs(consumer.name), " will never handle version ", number(letter.commit), " of ", theirs(letter.type), " ", theirs(letter.id), ". What waits behind it is tried again."),
      h("p", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: async (event) => { await act(event, "drop", { consumer: consumer.name, key: letter.key }); dialog.close(); } }, "Drop it"), h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Keep it")));
    dialog.addEventListener("close", () => dialog.remove());
    place.append(dialog);
    dialog.showModal();
  }

  async function act(event, what, body) {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      const { left, why } = await post(what, body);
      say(left ? `still parked: ${visible(why)}` : "done: it goes on");
      put(trouble, left ? h("div", { class: "panel no", role: "status" }, h("p", { class: "panel-title" }, `Still parked: ${count(left, "aggregate")}`), h("p", { class: "mono" }, visible(why))) : "");
      await load();
    } catch (error) {
      put(trouble, wrong(error));
    }
    button.disabled = false;
  }

  let late = null;
  await load();
  return {
    update() {
      late ??= setTimeout(() => {
        late = null;
        if (!place.querySelector("dialog[open]")) load().catch(() => undefined);
      }, 250);
    },
    leave: () => clearTimeout(late),
  };
}

function table(found, open) {
  return h("div", { class: "wide" }, h("table", { class: "data" }, h("caption", { class: "unseen" }, "Consumers of events"),
    h("thead", {}, h("tr", {}, ["Name", "Behind", "Parked", "Kind", "Follows"].map((name, at) => h("th", { scope: "col", class: at === 1 || at === 2 ? "figure" : null }, name)))),
    h("tbody", {}, found.map((one) => h("tr", { class: one.name === open ? "here" : null },
      h("th", { scope: "row" }, h("a", { href: address("processors", [one.name]), "data-row": true, "aria-current": one.name === open ? "true" : null }, theirs(one.name))),
      h("td", { class: one.behind ? "figure busy" : "figure" }, number(one.behind)),
      h("td", { class: one.letters ? "figure bad" : "figure" }, number(one.letters)),
      h("td", {}, one.kind, one.mode === "tracking" ? h("span", { class: "tag" }, "tracking") : null, one.ordered ? null : h("span", { class: "tag" }, "unordered"), one.next !== null ? h("span", { class: "tag busy" }, `building run ${one.next}`) : null),
      h("td", { class: "soft names" }, theirs(one.events.join(", "))))))));
}

function tokens(found) {
  return h("div", { class: "wide" }, h("table", { class: "data" }, h("caption", {}, "Where it stands in the log"),
    h("thead", {}, h("tr", {}, ["Slice", "Generation", "Segment", "Page", "Done on it", "Behind"].map((name) => h("th", { scope: "col", class: "figure" }, name)))),
    h("tbody", {}, found.map((token) => h("tr", {}, [token.slice, token.generation, token.segment, token.page, token.done, token.behind].map((value) => h("td", { class: "figure" }, value === -1 ? "all" : number(value))))))));
}

function external(found) {
  return h("p", { class: "soft" }, "From outside: ", found.flatMap((one, at) => [at ? "; " : "", theirs(one.events.join(", ")), " of ", theirs(one.source), " into ", theirs(one.name)]), ". Such events come by queues and buses, and have no place in the store.");
}
