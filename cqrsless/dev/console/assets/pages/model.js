// The event model: which command leads to which events, and what follows from them, in columns.

import { address } from "../app.js";
import { empty, h, head, svg, theirs, visible } from "../dom.js";

const COLUMN = { command: 0, event: 1, external: 1, processor: 2, view: 2, target: 2, query: 3 };
const TITLES = ["Commands", "Events", "What follows", "Queries"];
const LISTED = [["command", "Commands"], ["event", "Events"], ["external", "Events from outside"], ["processor", "Processors"], ["view", "Views"], ["target", "Published to"], ["query", "Queries"]];
const HIGH = 30;
const STEP = 38;
const TOP = 40;
/** Room above an aggregate's first row, for its name, and between two aggregates. */
const FRAME = 30;
const APART = 22;

export async function show(place, { model }) {
  const { aggregates, nodes, edges } = model.picture;
  place.append(head("Model", "What leads to what. Point at something, or step to it, and its part stands out."));
  if (!nodes.length) {
    place.append(empty("Nothing is registered yet.", "Decorate a function, and save."));
    return {};
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const plan = layout(aggregates, nodes, edges, byId);
  place.append(h("div", { class: "wide drawing", tabindex: "0", role: "region", "aria-label": "The event model as a drawing; the same stands below as a list" }, draw(plan, edges, byId)),
    h("p", { class: "soft legend" }, "Dotted lines: commands that processors send. Dashed: events from outside. What commands make is read from the code and from what happened of late."),
    h("details", { class: "more" }, h("summary", {}, "As a list"), words(nodes, edges, byId)));
  return {};
}

/** Give each node a place: commands and events by aggregate, all else near the middle of what it hangs together with. */
function layout(aggregates, nodes, edges, byId) {
  const near = new Map(nodes.map((node) => [node.id, []]));
  for (const [from, to] of edges) {
    if (COLUMN[byId.get(from).kind] > COLUMN[byId.get(to).kind]) continue;
    near.get(from).push(to);
    near.get(to).push(from);
  }
  const columns = nodes.some((node) => node.kind === "query") ? 4 : 3;
  const main = document.getElementById("main");
  const room = Math.min(main.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft), 990) - 28;
  const gap = columns === 4 ? 60 : 96;
  const width = Math.max(150, Math.min(220, Math.floor((room - gap * (columns - 1)) / columns)));
  const at = new Map();
  const set = (node, column, y) => at.set(node.id, { x: column * (width + gap), y });
  const middle = (node) => {
    const placed = near.get(node.id).filter((id) => at.has(id)).map((id) => at.get(id).y);
    return placed.length ? placed.reduce((sum, y) => sum + y, 0) / placed.length : Infinity;
  };
  const frames = [];
  let top = TOP;
  for (const group of [...aggregates, null]) {
    const left = nodes.filter((node) => node.kind === "command" && node.aggregate === group);
    const right = nodes.filter((node) => (node.kind === "event" || node.kind === "external") && node.aggregate === group);
    if (!left.length && !right.length) continue;
    const first = top + (group === null ? 0 : FRAME);
    left.forEach((node, row) => set(node, 0, first + row * STEP));
    right.map((node) => [middle(node), node]).sort(([one], [other]) => (one === other ? 0 : one - other)).forEach(([, node], row) => set(node, 1, first + row * STEP));
    const high = Math.max(left.length, right.length) * STEP;
    if (group !== null) frames.push({ name: group, y: top, high: high + FRAME + 4 });
    top = first + high + APART;
  }
  let low = top;
  for (const column of [2, 3]) {
    const some = nodes.filter((node) => COLUMN[node.kind] === column).map((node) => [middle(node), node]).sort(([one], [other]) => (one === other ? 0 : one - other));
    let free = TOP + FRAME;
    some.forEach(([wanted, node], row) => {
      const room = top - APART - (some.length - row) * STEP;  // what comes below has its place, too
      const y = Math.max(free, Math.min(wanted, room));
      set(node, column, y);
      free = y + STEP;
    });
    low = Math.max(low, free);
  }
  return { at, frames, width, gap, columns, high: low };
}

function draw({ at, frames, width, gap, columns, high }, edges, byId) {
  const wide = columns * width + (columns - 1) * gap;
  const lines = edges.map(([from, to]) => {
    const back = COLUMN[byId.get(from).kind] > COLUMN[byId.get(to).kind];
    const [a, b] = [at.get(from), at.get(to)];
    const [x1, x2] = back ? [a.x, b.x + width] : [a.x + width, b.x];
    const [y1, y2] = [a.y + HIGH / 2, b.y + HIGH / 2];
    const bend = Math.max(24, Math.abs(x2 - x1) / 2.2) * (back ? -1 : 1);
    return svg("path", { d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, class: back ? "edge back" : "edge", "data-from": from, "data-to": to });
  });
  const letters = Math.floor((width - 22) / 7);
  const boxes = [...at].map(([id, { x, y }]) => {
    const node = byId.get(id);
    const name = visible(node.name);
    const round = node.kind === "event" || node.kind === "external" ? HIGH / 2 : 5;
    return svg("a", { href: link(node), class: `node ${node.kind}`, "data-node": id, transform: `translate(${x} ${y})`, "aria-label": `${node.kind === "external" ? "event from outside" : node.kind} ${name}` },
      svg("title", {}, name), svg("rect", { width, height: HIGH, rx: round }), svg("text", { x: node.kind === "event" || node.kind === "external" ? 15 : 11, y: HIGH / 2 + 1 }, name.length > letters ? `${name.slice(0, letters - 1)}…` : name));
  });
  const back = frames.map((frame) => svg("g", { class: "frame" },
    svg("rect", { x: -12, y: frame.y - 4, width: width * 2 + gap + 24, height: frame.high, rx: 10 }), svg("text", { x: 0, y: frame.y + 12 }, visible(frame.name))));
  const titles = TITLES.slice(0, columns).map((title, column) => svg("text", { class: "title", x: column * (width + gap), y: 16 }, title));
  const drawing = svg("svg", { viewBox: `-14 0 ${wide + 28} ${high}`, width: wide + 28, height: high, class: "model-drawing" }, titles, back, svg("g", {}, lines), boxes);
  for (const box of boxes) {
    const light = () => mark(drawing, edges, byId, box.dataset.node);
    const dark = () => mark(drawing, edges, byId, null);
    box.addEventListener("pointerenter", light);
    box.addEventListener("pointerleave", dark);
    box.addEventListener("focus", light);
    box.addEventListener("blur", dark);
  }
  return drawing;
}

/** Bring out what leads to a node and what follows from it. */
function mark(drawing, edges, byId, node) {
  const on = node === null ? null : new Set([...reach(edges, byId, node, 0), ...reach(edges, byId, node, 1)]);
  drawing.classList.toggle("lit", on !== null);
  for (const box of drawing.querySelectorAll(".node")) box.classList.toggle("on", on?.has(box.dataset.node) ?? false);
  for (const line of drawing.querySelectorAll(".edge")) line.classList.toggle("on", on !== null && on.has(line.dataset.from) && on.has(line.dataset.to));
}

/** Give what is reached from a node in one direction; a command that a processor sends is the last one. */
function reach(edges, byId, start, end) {
  const found = new Set([start]);
  const open = [start];
  while (open.length) {
    const here = open.pop();
    for (const edge of edges) {
      const next = edge[end];
      if (edge[1 - end] !== here || found.has(next)) continue;
      found.add(next);
      if (COLUMN[byId.get(edge[0]).kind] < COLUMN[byId.get(edge[1]).kind]) open.push(next);
    }
  }
  return found;
}

function words(nodes, edges, byId) {
  return h("div", { class: "columns" }, LISTED.map(([kind, title]) => {
    const some = nodes.filter((node) => node.kind === kind);
    return some.length ? h("section", {}, h("h2", {}, title), h("ul", {}, some.map((node) => {
      const next = edges.filter(([from]) => from === node.id).map(([, to]) => byId.get(to).name);
      return h("li", {}, h("a", { href: link(node) }, theirs(node.name)), next.length ? h("span", { class: "soft" }, " leads to ", theirs(next.join(", "))) : null);
    }))) : null;
  }));
}

function link({ kind, name }) {
  return {
    command: () => address("send", [name], { kind: "command" }),
    query: () => address("send", [name], { kind: "query" }),
    event: () => address("timeline", [], { name }),
    view: () => address("views", [name]),
    processor: () => address("processors", [name]),
    target: () => address("published"),
    external: () => address("processors"),
  }[kind]();
}
