// What commands cost, in what DynamoDB would bill.

import { address } from "../app.js";
import { get } from "../api.js";
import { empty, h, head, news, put, theirs } from "../dom.js";
import { clock, number } from "../words.js";

export async function show(place) {
  const list = h("div");
  place.append(head("Cost", "What each command asks of the store, in the units that DynamoDB bills: a write unit is 1 KB, a read unit 4 KB. Times are this machine's."), list);

  const isNew = news();

  async function load() {
    const { totals, recent } = await get("costs", { limit: 30 });
    if (!isNew([totals, recent])) return;
    if (!totals.length) {
      put(list, empty("No command has run yet.", h("a", { href: address("send") }, "Send one"), ", and its cost stands here."));
      return;
    }
    put(list, summed(totals), h("h2", {}, "The last ones"), last(recent));
  }

  let late = null;
  await load();
  return {
    update() {
      late ??= setTimeout(() => {
        late = null;
        load().catch(() => undefined);
      }, 300);
    },
    leave: () => clearTimeout(late),
  };
}

function columns(names, texts) {
  return h("thead", {}, h("tr", {}, names.map((name, at) => h("th", { scope: "col", class: at < texts ? null : "figure" }, name))));
}

function summed(totals) {
  const each = (total, name, places = 2) => {
    const done = total.done - total.duplicates;
    return done > 0 ? number(total[name] / done, places) : "–";
  };
  return h("div", { class: "wide" }, h("table", { class: "data" }, h("caption", {}, "So far; requests, units and time are averages of what was done"),
    columns(["Command", "Run", "Requests", "Read units", "Write units", "At most", "Refused", "Failed", "Races lost", "ms"], 1),
    h("tbody", {}, totals.map((total) => h("tr", {}, h("th", { scope: "row" }, h("a", { href: address("send", [total.command], { kind: "command" }), "data-row": true }, theirs(total.command))),
      [number(total.count), each(total, "requests"), each(total, "read"), each(total, "write"), number(total.most_write), number(total.refused), number(total.failed), number(total.conflicts), each(total, "ms", 1)].map((value, at) => h("td", { class: at === 6 && total.failed ? "figure bad" : "figure" }, value)))))));
}

function last(recent) {
  return h("div", { class: "wide" }, h("table", { class: "data" }, h("caption", { class: "unseen" }, "The last commands"),
    columns(["At", "Command", "From", "Outcome", "Requests", "Read units", "Write units", "ms"], 4),
    h("tbody", {}, recent.map((one) => h("tr", {}, h("td", { class: "time" }, clock(one.time * 1000)), h("th", { scope: "row" }, theirs(one.command)), h("td", { class: "soft" }, theirs(one.source ?? "")),
      h("td", { class: one.outcome === "failed" ? "bad" : one.outcome === "refused" ? "busy" : "soft" }, one.duplicate ? "repeated" : one.outcome),
      [number(one.requests), number(one.read, 1), number(one.write), number(one.ms, 1)].map((value) => h("td", { class: "figure" }, value)))))));
}
