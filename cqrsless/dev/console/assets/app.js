// The frame: which page is shown, how the server is, the theme, and the keyboard.

import { follow, get } from "./api.js";
import { h, put, say, theirs, visible, wrong } from "./dom.js";
import { keyboard } from "./keyboard.js";
import { count, number, span } from "./words.js";

/** The pages, in their order: the name in the address, the title, and the module that draws it. */
const PAGES = [
  ["timeline", "Timeline"],
  ["send", "Send"],
  ["aggregates", "Aggregates"],
  ["views", "Views"],
  ["processors", "Processors"],
  ["due", "Due"],
  ["published", "Published"],
  ["model", "Model"],
  ["cost", "Cost"],
];

const main = document.getElementById("main");
let status = null;
let model = null;
let shown = null;
let drawing = 0;

/** What every page is given. */
const context = {
  get status() {
    return status;
  },
  get model() {
    return model;
  },
  go,
};

/** Give the address of a page: its name, what it is about, and what is chosen there. */
export function address(page, about = [], chosen = {}) {
  const path = [page, ...about].map(encodeURIComponent).join("/");
  const query = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

export function go(page, about = [], chosen = {}) {
  location.hash = address(page, about, chosen);
}

function where() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page: parts[0] || "timeline", about: parts.slice(1).filter(Boolean), chosen: Object.fromEntries(new URLSearchParams(query)) };
}

async function draw({ keepFocus = false } = {}) {
  const turn = (drawing += 1);
  const { page, about, chosen } = where();
  const known = PAGES.find(([name]) => name === page) ?? PAGES[0];
  for (const link of document.querySelectorAll("#pages a")) {
    if (link.dataset.page === known[0]) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${known[1]} · ${status?.app ?? "cqrsless"}`;
  shown?.leave?.();
  shown = null;
  main.setAttribute("aria-busy", "true");
  if (status?.broken) {
    put(main, broken(status));
  } else {
    try {
      const { show } = await import(`./pages/${known[0]}.js`);
      const place = h("div", { class: `page ${known[0]}` });
      const drawn = await show(place, { ...context, about, chosen, get status() { return status; }, get model() { return model; } });
      if (turn !== drawing) {
        drawn?.leave?.();
        return;
      }
      put(main, place);
      shown = drawn ?? {};
    } catch (error) {
      if (turn === drawing) put(main, h("div", { class: "page" }, wrong(error)));
    }
  }
  main.removeAttribute("aria-busy");
  if (!keepFocus) {
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function broken(of) {
  return h("div", { class: "page broken" },
    h("div", { class: "head" }, h("h1", {}, "The application is not loaded"), h("p", {}, "It is loaded again as soon as a file is saved. The data are untouched.")),
    h("div", { class: "panel bad", role: "alert" }, h("p", { class: "panel-title" }, visible(of.error)), of.trace ? h("pre", { class: "trace", tabindex: "0", "aria-label": "Traceback" }, visible(of.trace)) : null));
}

function tell() {
  const live = document.getElementById("live");
  const text = document.getElementById("live-text");
  document.getElementById("app-name").textContent = visible(status.app);
  live.dataset.state = status.broken ? "broken" : status.pending ? "busy" : "live";
  if (status.broken) text.textContent = "not loaded";
  else if (status.pending) text.textContent = `${number(status.pending)} to deliver`;
  else text.textContent = status.commits === null ? "live" : count(status.commits, "commit");
  put(document.getElementById("store"),
    status.broken ? null : theirs(status.store, { title: visible(status.store) }),
    status.ahead > 0 ? h("a", { href: address("due"), class: "ahead" }, `the clock is ${span(status.ahead)} ahead`) : null);
}

async function told(next) {
  const before = status;
  status = next;
  tell();
  if (before?.generation !== next.generation) {
    if (!next.broken) model = await get("model");
    if (before !== null) say(next.broken ? "The application could not be loaded." : "The application was loaded anew.");
    await draw({ keepFocus: before !== null });
  } else {
    shown?.update?.(next, before);
  }
}

function lost() {
  document.getElementById("live").dataset.state = "waiting";
  document.getElementById("live-text").textContent = "reconnecting";
}

function theme() {
  const button = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  const label = () => {
    button.textContent = chosen() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${chosen() === "dark" ? "light" : "dark"} theme`);
  };
  const toggle = () => {
    const next = chosen() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("cqrsless.theme", next);
    } catch {
      // a browser that keeps nothing
    }
    label();
  };
  button.addEventListener("click", toggle);
  dark.addEventListener("change", label);
  label();
  return toggle;
}

put(document.getElementById("pages"), PAGES.map(([name, title], at) => h("li", {}, h("a", { href: address(name), "data-page": name }, h("span", {}, title), h("kbd", { "aria-hidden": "true" }, String(at + 1))))));
document.getElementById("skip").addEventListener("click", () => main.focus());
keyboard({ pages: PAGES, go, theme: theme(), page: () => shown });
window.addEventListener("hashchange", () => {
  if (status !== null && !shown?.moved?.(where())) draw();
});
follow(told, lost);
