// Sending a command or asking a query, by a form made from its schema.

import { address } from "../app.js";
import { post } from "../api.js";
import { empty, h, head, labelled, put, say, theirs, visible, wrong } from "../dom.js";
import { form } from "../forms.js";
import { tree } from "../tree.js";
import { count, number } from "../words.js";

/** What was filled in and not sent yet, by message: a reload of the application keeps it. */
const drafts = new Map();

export async function show(place, { about, chosen, model, go }) {
  const all = [...model.commands.map((one) => ({ ...one, kind: "command" })), ...model.queries.map((one) => ({ ...one, kind: "query" }))];
  if (!all.length) {
    place.append(head("Send"), empty("The application has no command and no query.", "Decorate a function with @command_handler, and save."));
    return {};
  }
  const named = about[0] ?? "";
  const current = all.find((one) => one.name === named && (chosen.kind ?? one.kind) === one.kind);
  const list = h("div", { class: "messages" });
  const search = h("input", { type: "search", "data-search": true, placeholder: "a command or query", autocomplete: "off", spellcheck: "false" });
  search.addEventListener("input", () => put(list, groups(all, search.value, current)));
  put(list, groups(all, "", current));
  const right = h("div", { class: "desk" });
  place.append(head("Send", "Commands change something, queries read. Both run as a direct invocation would."),
    h("div", { class: current ? "split chosen" : "split" }, h("div", { class: "chooser" }, labelled("Find", search), list), right));
  if (!current) {
    put(right, named ? empty("No message is called that.", "Choose one of the list.") : empty("Choose a command or a query.", "Its form is made from its schema."));
    return {};
  }
  desk(right, current, model, go, chosen);
  return {};
}

function groups(all, text, current) {
  const sought = text.trim().toLowerCase();
  const found = all.filter((one) => one.name.toLowerCase().includes(sought));
  const titles = new Map();
  for (const one of found) {
    const title = one.kind === "query" ? "Queries" : one.aggregate ?? "Without an aggregate";
    if (!titles.has(title)) titles.set(title, []);
    titles.get(title).push(one);
  }
  if (!found.length) return h("p", { class: "none" }, "Nothing is called that.");
  return [...titles].map(([title, some]) => h("section", {}, h("h2", {}, visible(title)), h("ul", {}, some.map((one) => h("li", {},
    h("a", { href: address("send", [one.name], { kind: one.kind }), "data-row": true, "aria-current": one === current ? "true" : null }, theirs(one.name)))))));
}

function desk(right, message, model, go, chosen) {
  const key = `${message.kind} ${message.name}`;
  const outcome = h("div", { class: "outcome", "aria-live": "polite" });
  const asks = message.kind === "query";
  const start = drafts.get(key) ?? {};
  if (chosen.id && message.id_field?.length === 1) start.payload = { ...start.payload, [message.id_field[0]]: chosen.id };
  const made = form(message.form, start.payload ?? blank(message));
  const id = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "a new one", value: start.id ?? "" });
  const version = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "any", value: start.version ?? "" });
  const button = h("button", { type: "submit", class: "primary" }, asks ? "Ask" : "Send", " ", theirs(message.name));
  const errors = h("div", { class: "errors" });
  const remember = () => drafts.set(key, { payload: made.draft(), id: id.value, version: version.value });

  async function send(event) {
    event.preventDefault();
    const { payload, error } = made.read();
    put(errors);
    if (error) {
      put(errors, h("div", { class: "panel bad", role: "alert" }, h("p", { class: "panel-title" }, visible(error))));
      return;
    }
    remember();
    made.complain({});
    button.disabled = true;
    try {
      const answer = await post(asks ? "ask" : "send", asks ? { name: message.name, payload } : { name: message.name, payload, id: id.value.trim(), expected_version: version.value.trim() });
      const left = answer.messages ? made.complain(answer.messages) : null;
      put(outcome, answer.ok ? (asks ? answered(answer) : done(answer)) : refused(answer, left));
      say(answer.ok ? (asks ? "answered" : answer.duplicate ? "sent before: nothing changed" : "done") : `${answer.error}: ${visible(answer.detail)}`);
      if (answer.messages) made.first();
    } catch (error_) {
      put(outcome, wrong(error_));
    } finally {
      button.disabled = false;
    }
  }

  const facts = [
    message.aggregate && h("span", {}, message.creation === "always" ? "creates " : message.creation === "if_missing" ? "on, or creates, " : "on ", h("a", { href: address("aggregates", [message.aggregate]) }, theirs(message.aggregate))),
    message.route && h("span", { class: "mono" }, visible(message.route)),
    message.guarded && h("span", {}, "over HTTP not for everybody"),
    h("span", { class: "mono faint" }, visible(message.place)),
  ].filter(Boolean);
  put(right, h("p", { class: "back" }, h("a", { href: address("send") }, "All messages")),
    h("h2", { class: "message" }, theirs(message.name)),
    message.doc ? h("p", { class: "doc" }, visible(message.doc)) : null,
    h("p", { class: "about" }, facts.flatMap((one, at) => (at ? [h("span", { class: "faint", "aria-hidden": "true" }, " · "), one] : [one]))),
    h("form", { class: "sheet", novalidate: true, onsubmit: send, oninput: remember, onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
    } },
      made.element,
      asks ? null : h("details", { class: "more", open: Boolean(start.id || start.version) }, h("summary", {}, "Id and expected version"),
        labelled("Command id", id, h("p", { class: "hint" }, "The same id again is the same command: it is executed once.")),
        labelled("Expected version", version, h("p", { class: "hint" }, "Another version of the aggregate is refused."))),
      errors,
      h("p", { class: "actions" }, button, h("button", { type: "button", class: "quiet", onclick: () => { drafts.delete(key); desk(right, message, model, go, {}); } }, "Clear"), h("span", { class: "hint" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter")))),
    outcome);
}

function blank(message) {
  return message.form ? {} : Object.fromEntries((message.id_field ?? []).map((name) => [name, ""]));
}

function done(answer) {
  const cost = h("p", { class: "spent" }, `${count(answer.cost.requests, "request")} · ${count(answer.cost.read, "read unit")} · ${count(answer.cost.write, "write unit")} · ${number(answer.ms, 1)} ms`);
  if (answer.aggregate === null) {
    return h("div", { class: "panel good" }, h("p", { class: "panel-title" }, "Done"), answer.value === null ? null : tree(answer.value), cost);
  }
  const link = h("a", { href: address("aggregates", [answer.aggregate, answer.id], { version: answer.version }) }, theirs(answer.aggregate), " ", theirs(answer.id));
  const title = answer.duplicate ? ["This command was executed before; ", link, ` stayed as it was`] : answer.events.length || answer.cost.write ? [link, ` is at version ${number(answer.version)}`] : [link, " stayed as it was"];
  return h("div", { class: "panel good" }, h("p", { class: "panel-title" }, title), answer.nothing ? h("p", {}, visible(answer.nothing)) : null,
    answer.events.map((event) => h("section", { class: "payload" }, h("p", { class: "payload-title" }, theirs(event.name)), tree(event.payload))), cost);
}

function answered(answer) {
  return h("div", { class: "panel good" }, h("p", { class: "panel-title" }, answer.value === null ? "It found nothing" : "Answer"),
    answer.value === null ? h("p", {}, "Over HTTP this is 404.") : tree(answer.value), h("p", { class: "spent" }, `${number(answer.ms, 1)} ms`));
}

function refused(answer, left) {
  const bug = Boolean(answer.trace);
  const title = answer.messages ? "The payload is not valid" : bug ? `The handler raised ${answer.error}` : `Refused: ${answer.error}`;
  return h("div", { class: bug ? "panel bad" : "panel no" }, h("p", { class: "panel-title" }, visible(title)),
    answer.messages && !left?.length ? h("p", {}, "The fields above say why.") : null,
    left?.length ? h("ul", {}, left.map((text) => h("li", {}, visible(text)))) : null,
    answer.messages ? null : h("p", {}, visible(answer.detail || answer.title)),
    bug ? h("pre", { class: "trace", tabindex: "0", "aria-label": "Traceback" }, visible(answer.trace)) : null,
    h("p", { class: "spent" }, `over HTTP: ${answer.status} · ${number(answer.ms, 1)} ms`));
}
