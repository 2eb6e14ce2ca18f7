// The keyboard: one key for each page and for what is done most. Single keys can be switched off.

import { h } from "./dom.js";

const KEY = "cqrsless.keys";

/** Listen to keys, and show them in a dialog. */
export function keyboard({ pages, go, theme, page }) {
  let on = true;
  try {
    on = localStorage.getItem(KEY) !== "off";
  } catch {
    // a browser that keeps nothing
  }
  const keys = [
    ...pages.map(([, title], at) => [String(at + 1), title]),
    ["/", "Search on this page"],
    ["j  k", "The next row, the row before"],
    ["[  ]", "The version before, the one after"],
    ["Enter", "Open the row"],
    ["Ctrl Enter", "Send the form"],
    ["t", "Light or dark"],
    ["?", "These shortcuts"],
  ];
  const single = h("input", { type: "checkbox", id: "single-keys" });
  single.checked = on;
  single.addEventListener("change", () => {
    on = single.checked;
    try {
      localStorage.setItem(KEY, on ? "on" : "off");
    } catch {
      // a browser that keeps nothing
    }
  });
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("h2", { id: "keys-title" }, "Shortcuts"),
    h("dl", { class: "keys" }, keys.map(([key, text]) => h("div", {}, h("dt", {}, key.split("  ").map((one) => h("kbd", {}, one))), h("dd", {}, text)))),
    h("p", { class: "choice" }, single, h("label", { for: "single-keys" }, "Listen to single keys")),
    h("p", { class: "actions" }, close));
  document.body.append(dialog);
  document.getElementById("help").addEventListener("click", () => dialog.showModal());

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const typing = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select");
    if (event.key === "Escape" && typing) return event.target.blur();
    if (typing || !on) return;
    const at = Number(event.key);
    if (event.key >= "1" && at <= pages.length) go(pages[at - 1][0]);
    else if (event.key === "/") document.querySelector("main [data-search]")?.focus();
    else if (event.key === "?") dialog.showModal();
    else if (event.key === "t") theme();
    else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    else if (!page()?.key?.(event)) return;
    event.preventDefault();
  });
}

function step(by) {
  const rows = [...document.querySelectorAll("main [data-row]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))].focus();
}
