// Forms from schemas: an input for each field, the payload that they make, and messages beside them.

import { fresh, h, put, visible } from "./dom.js";

/** Make a form of fields, filled with a payload; without fields it is JSON. */
export function form(fields, payload) {
  if (fields === null) return json(payload);
  const root = group(fields, payload ?? {});
  return {
    element: fields.length ? root.element : h("p", { class: "none" }, "It takes nothing."),
    read() {
      const errors = [];
      const read = root.read(errors);
      return { payload: read ?? {}, error: errors[0] ?? null };
    },
    draft: () => root.draft(),
    /** Show messages beside their fields; give those that belong to none. */
    complain: (messages) => root.complain(messages),
    first: () => root.element.querySelector("[aria-invalid=true]")?.focus(),
  };
}

/** A payload as JSON, for a message without a schema. */
function json(payload) {
  const one = jsonInput({ name: "payload", label: "Payload", required: true }, payload ?? {});
  return {
    element: one.element,
    read() {
      const errors = [];
      const value = one.read(errors);
      return { payload: value === undefined ? {} : value, error: errors[0] ?? null };
    },
    draft: () => one.draft(),
    complain: (messages) => flat(messages),
    first: () => one.element.querySelector("textarea").focus(),
  };
}

/** The fields of one object. */
function group(fields, value) {
  const inputs = fields.map((field) => [field, input(field, value?.[field.name])]);
  return {
    element: h("div", { class: "fields" }, inputs.map(([, one]) => one.element)),
    read(errors) {
      const found = {};
      for (const [field, one] of inputs) {
        const read = one.read(errors);
        if (read !== undefined) found[field.name] = read;
      }
      return found;
    },
    draft: () => Object.fromEntries(inputs.map(([field, one]) => [field.name, one.draft()]).filter(([, draft]) => draft !== undefined)),
    complain(messages) {
      const given = messages !== null && typeof messages === "object" && !Array.isArray(messages) ? messages : { _schema: messages };
      const left = [];
      const known = new Set(fields.map((field) => field.name));
      for (const [field, one] of inputs) left.push(...one.complain(given[field.name] ?? null));
      for (const [name, inner] of Object.entries(given)) {
        if (!known.has(name)) left.push(...flat(inner, name === "_schema" ? "" : name));
      }
      return left;
    },
  };
}

function input(field, value) {
  if (field.kind === "object") return objectInput(field, value);
  if (field.kind === "list") return listInput(field, value);
  if (field.kind === "json") return jsonInput(field, value);
  return plainInput(field, value);
}

/** A label, an input, what it is for, and what is wrong with it. */
function frame(field, control, { label = true } = {}) {
  const id = control.id || (control.id = fresh("field"));
  const hint = h("p", { class: "hint", id: `${id}-hint` }, hints(field));
  const error = h("p", { class: "error", id: `${id}-error` });
  control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  if (field.required) control.setAttribute("aria-required", "true");
  const element = h("div", { class: `field is-${field.kind}` },
    label ? h("label", { for: id }, visible(field.label), field.required ? null : h("span", { class: "optional" }, "optional")) : null, control, hint, error);
  return {
    element,
    complain(messages) {
      const texts = messages === null || messages === undefined ? [] : flat(messages);
      put(error, visible(texts.join(" ")));
      if (texts.length) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
      return [];
    },
  };
}

function hints(field) {
  const said = [];
  if (field.help) said.push(visible(field.help));
  const low = field.min !== undefined && field.min !== null ? `${field.min_inclusive === false ? "more than" : "at least"} ${field.min}` : "";
  const high = field.max !== undefined && field.max !== null ? `${field.max_inclusive === false ? "less than" : "at most"} ${field.max}` : "";
  if (low || high) said.push([low, high].filter(Boolean).join(", "));
  if (field.max_length && field.max_length === field.min_length) said.push(`${field.max_length} characters`);
  if (field.places) said.push(`${field.places} decimal places`);
  if (field.kind === "uuid") said.push("a UUID");
  return said.join(" · ");
}

const TYPES = { email: "email", url: "url", date: "date", time: "time", "local-datetime": "datetime-local", datetime: "datetime-local" };

function plainInput(field, value) {
  if (field.kind === "boolean" && field.required && value === undefined) value = false;
  const control = field.kind === "select" || field.kind === "boolean" ? options(field, value) : typed(field, value);
  const framed = frame(field, control);
  const choices = field.kind === "boolean" ? [true, false] : (field.options ?? []).map((one) => one.value);
  return {
    element: framed.element,
    complain: framed.complain,
    draft: () => (control.value === "" ? undefined : control.tagName === "SELECT" ? choices[Number(control.value)] : draftOf(field, control.value)),
    read() {
      const text = control.value;
      if (text === "") return undefined;
      if (control.tagName === "SELECT") return choices[Number(text)];
      return draftOf(field, text);
    },
  };
}

/** Read what was typed: numbers as numbers where they are exact so, all else as text, which schemas take. */
function draftOf(field, text) {
  if (field.kind === "integer" && /^\s*-?\d+\s*$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (field.kind === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (field.kind === "duration" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (field.kind === "datetime") {
    const at = new Date(text);
    return Number.isNaN(at.getTime()) ? text : at.toISOString();
  }
  return text;
}

function typed(field, value) {
  const attributes = { autocomplete: "off", spellcheck: "false", dir: "auto", placeholder: placeholder(field) };
  if (field.kind === "longtext") return h("textarea", { ...attributes, rows: "4", value: value ?? "" });
  const numeric = { integer: "numeric", decimal: "decimal", number: "decimal" }[field.kind];
  const made = h("input", { ...attributes, type: TYPES[field.kind] ?? "text", inputmode: numeric ?? null, step: ["time", "datetime", "local-datetime"].includes(field.kind) ? "1" : null });
  made.value = field.kind === "datetime" && value ? local(value) : value ?? "";
  return made;
}

function placeholder(field) {
  return field.default === null || field.default === undefined || field.default === "" || typeof field.default === "object" ? null : String(field.default);
}

/** A moment as an input for local times takes it. */
function local(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function options(field, value) {
  const choices = field.kind === "boolean" ? [{ value: true, label: "yes" }, { value: false, label: "no" }] : field.options;
  const left = field.default !== null && field.default !== undefined ? choices.find((one) => one.value === field.default)?.label : null;
  const none = field.required ? (field.kind === "boolean" ? null : "choose one") : left ? `${left} (as usual)` : "none";
  const select = h("select", {}, none === null ? null : h("option", { value: "" }, visible(none)), choices.map((one, at) => h("option", { value: String(at) }, visible(one.label))));
  const at = choices.findIndex((one) => one.value === value);
  select.value = at < 0 ? (none === null ? "1" : "") : String(at);
  return select;
}

function jsonInput(field, value) {
  const area = h("textarea", { class: "mono", rows: "5", spellcheck: "false", autocomplete: "off", value: typeof value === "string" && value.startsWith("\u0000") ? value.slice(1) : value === undefined ? "" : JSON.stringify(value, null, 2) });
  const framed = frame({ ...field, help: field.help ?? "as JSON" }, area);
  return {
    element: framed.element,
    complain: framed.complain,
    draft() {
      try {
        return area.value.trim() === "" ? undefined : JSON.parse(area.value);
      } catch {
        return `\u0000${area.value}`;
      }
    },
    read(errors) {
      if (area.value.trim() === "") return undefined;
      try {
        return JSON.parse(area.value);
      } catch (error) {
        errors.push(`${field.label} is not JSON: ${error.message}`);
        framed.complain([`This is not JSON: ${error.message}`]);
        return undefined;
      }
    },
  };
}

function objectInput(field, value) {
  const optional = !field.required;
  let inner = null;
  const place = h("div", {});
  const error = h("p", { class: "error" });
  const toggle = h("button", { type: "button", class: "link" });
  const set = (given) => {
    inner = given === null ? null : group(field.fields, given);
    put(place, inner?.element ?? "");
    toggle.textContent = inner ? "Leave out" : "Fill in";
    toggle.setAttribute("aria-label", `${toggle.textContent}: ${field.label}`);
  };
  toggle.addEventListener("click", () => {
    set(inner ? null : {});
    place.querySelector("input, select, textarea")?.focus();
    toggle.dispatchEvent(new Event("input", { bubbles: true }));
  });
  set(value && typeof value === "object" ? value : optional ? null : {});
  return {
    element: h("fieldset", { class: "field is-object" }, h("legend", {}, visible(field.label || "Row"), optional ? h("span", { class: "optional" }, "optional ", toggle) : null), place, error),
    read: (errors) => (inner ? inner.read(errors) : undefined),
    draft: () => inner?.draft(),
    complain(messages) {
      const left = inner ? inner.complain(messages ?? {}) : messages ? flat(messages) : [];
      put(error, visible(left.join(" ")));
      return [];
    },
  };
}

function listInput(field, value) {
  let items = [];
  const list = h("ol", { class: "items" });
  const error = h("p", { class: "error" });
  const what = (field.label || "item").toLowerCase();
  const add = (given) => {
    const one = input({ ...field.inner, label: field.inner.kind === "object" ? "" : `${field.label} ${items.length + 1}`, required: true }, given);
    const remove = h("button", { type: "button", class: "link" }, "Remove");
    const item = h("li", {}, one.element, remove);
    const entry = { one, item };
    remove.setAttribute("aria-label", `Remove row ${items.length + 1} of ${field.label}`);
    remove.addEventListener("click", () => {
      items = items.filter((other) => other !== entry);
      item.remove();
      more.focus();
      more.dispatchEvent(new Event("input", { bubbles: true }));
    });
    items.push(entry);
    list.append(item);
    return item;
  };
  const more = h("button", { type: "button", class: "small", onclick: () => {
    add(undefined).querySelector("input, select, textarea")?.focus();
    more.dispatchEvent(new Event("input", { bubbles: true }));
  } }, `Add to ${what}`);
  const given = Array.isArray(value) ? value : field.required && (field.min_length ?? 1) > 0 ? [undefined] : [];
  given.forEach(add);
  return {
    element: h("fieldset", { class: "field is-list" }, h("legend", {}, visible(field.label), field.required ? null : h("span", { class: "optional" }, "optional")), list, more, error),
    read(errors) {
      const read = items.map(({ one }) => one.read(errors));
      if (!read.length) return field.required ? [] : undefined;
      return read.map((inner) => (inner === undefined ? "" : inner));
    },
    draft: () => (items.length ? items.map(({ one }) => one.draft()) : undefined),
    complain(messages) {
      const byIndex = messages !== null && typeof messages === "object" && !Array.isArray(messages) ? messages : {};
      items.forEach(({ one }, at) => one.complain(byIndex[at] ?? null));
      const rest = Array.isArray(messages) || typeof messages === "string" ? flat(messages) : Object.entries(byIndex).filter(([at]) => !(Number(at) < items.length)).flatMap(([, inner]) => flat(inner));
      put(error, visible(rest.join(" ")));
      return [];
    },
  };
}

/** Give the messages of a tree as texts, each behind its path. */
function flat(messages, path = "") {
  if (messages === null || messages === undefined) return [];
  if (Array.isArray(messages)) return messages.flatMap((inner) => flat(inner, path));
  if (typeof messages === "object") {
    return Object.entries(messages).flatMap(([name, inner]) => flat(inner, name === "_schema" ? path : path ? `${path}.${name}` : name));
  }
  return [path ? `${path}: ${messages}` : String(messages)];
}
