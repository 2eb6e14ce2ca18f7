// What is due, and the clock.

import { get, post } from "../api.js";
import { empty, h, head, news, put, say, theirs, wrong } from "../dom.js";
import { tree } from "../tree.js";
import { count, moment, span } from "../words.js";

const STEPS = [["1 minute", 60], ["1 hour", 3600], ["1 day", 86400]];

export async function show(place) {
  const clock = h("div", { class: "clock" });
  const list = h("div");
  const trouble = h("div");
  const more = h("p", { class: "actions" });
  place.append(head("Due", "Commands that wait for their time. Move the clock on, and they run."), clock, trouble, list, more);

  const isNew = news();

  async function load(after = null) {
    const found = await get("due", { after, limit: 50 });
    if (!after && !isNew([found.due, found.ahead, found.embedded, found.now.slice(0, 16)])) return;
    if (found.embedded === false) {
      put(list, empty("On DynamoDB commands wait at EventBridge Scheduler.", "They are not listed here."));
      return;
    }
    const first = found.due[0];
    const wait = first ? Math.ceil((new Date(first.due) - new Date(found.now)) / 1000) : 0;
    if (!after) {
      put(clock, h("p", {}, "It is ", h("strong", { class: "figure" }, moment(found.now)), found.ahead > 0.5 ? ` here, ${span(found.ahead)} ahead of this machine.` : "."),
        h("p", { class: "actions" }, "Move on by ", STEPS.map(([name, seconds]) => h("button", { type: "button", onclick: (event) => advance(event, seconds) }, name)),
          first && wait > 0 ? h("button", { type: "button", class: "primary", onclick: (event) => advance(event, wait) }, "To the next one") : null));
    }
    if (!found.due.length && !after) {
      put(list, empty("Nothing waits.", "A handler that returns a Command with due= makes it wait here."));
      put(more);
      return;
    }
    const rows = found.due.map((one) => row(one, found.now));
    if (after) list.querySelector("tbody").append(...rows);
    else {
      put(list, h("div", { class: "wide" }, h("table", { class: "data" }, h("caption", { class: "unseen" }, "Commands that wait"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Due"), h("th", { scope: "col", class: "figure" }, "In"), h("th", { scope: "col" }, "Command"), h("th", { scope: "col" }, "Payload"), h("th", { scope: "col" }, h("span", { class: "unseen" }, "Cancel")))),
        h("tbody", {}, rows))));
    }
    put(more, found.after ? h("button", { type: "button", onclick: () => load(found.after) }, "More") : "");
  }

  function row(one, now) {
    return h("tr", {}, h("th", { scope: "row", class: "time" }, moment(one.due)), h("td", { class: "figure" }, span((new Date(one.due) - new Date(now)) / 1000)),
      h("td", {}, theirs(one.command), h("div", { class: "soft mono" }, theirs(one.id)), one.tries ? h("span", { class: "tag bad" }, `failed ${count(one.tries, "time")}`) : null),
      h("td", {}, one.retry ? "" : tree(one.payload)),
      h("td", {}, one.retry ? null : h("button", { type: "button", class: "quiet", title: "Its id stays cancelled", onclick: (event) => cancel(event, one) }, "Cancel")));
  }

  async function act(event, call) {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      put(trouble);
      await call();
      await load();
    } catch (error) {
      put(trouble, wrong(error));
    }
    button.disabled = false;
  }

  const advance = (event, seconds) => act(event, async () => {
    const { fired } = await post("advance", { seconds });
    say(`the clock was moved on: ${count(fired, "command")} ran`);
  });
  const cancel = (event, one) => act(event, async () => {
    await post("cancel", { id: one.id });
    say("cancelled");
  });

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
