// The inspector: events with their deliveries, calls with their responses, errors in red.

import { button, fill, h, keep } from "./dom.js";
import { covering } from "./conversation.js";
import { draw, listen } from "./store.js";

const MAX_ROWS = 400;
const records = new Map();
const opened = new Set();
const KINDS = { all: () => true, events: one => one.kind === "event", calls: one => one.kind === "call", errors: bad };
let socket = null, chosen = "all", from = 0, list = null, tries = 0;

// Retries count as errors: the bot was too slow, or not connected.
function bad(one) { return Boolean(one.error) || one.deliveries.length > 1; }

export const shown = () => Boolean(socket);

export function toggle() {
  const root = document.getElementById("inspector");
  if (socket) {
    socket.onclose = null;
    socket.close();
    socket = list = null;
    records.clear();
    fill(root);
  } else connect();
  root.hidden = !socket;
  document.body.classList.toggle("inspecting", Boolean(socket));
  sessionStorage.setItem("inspector", socket ? "open" : "");
  draw();
}

function connect() {
  records.clear();
  socket = listen("inspect", update => {
    for (const each of update.records) records.set(each.number, each);
    draw();
  }, is => {
    if (is) tries = 0;
    else if (socket) setTimeout(() => { if (socket) connect(); }, Math.min(200 * 2 ** tries++, 5000));
  });
}

export function drawInspector(root) {
  if (!socket) return;
  covering(root);
  if (!list) {
    list = h("ol", { class: "records", tabindex: "0", "aria-label": "Events and calls, newest last" });
    const choose = h("div", { class: "choose", role: "group", "aria-label": "Filter" });
    fill(root, h("div", { class: "head" }, h("div", { class: "title" },
      h("div", { class: "named" }, h("h2", {}, "Inspector"), h("p", {}, "Traffic of the whole workspace")),
      h("button", { type: "button", class: "push quiet", onclick: () => { from = Math.max(0, ...records.keys()); draw(); } },
        "Clear"), button("Close the inspector", "close", toggle))), choose, list);
    fill(choose, Object.keys(KINDS).map(kind => h("button", { type: "button", class: "push quiet", data: { kind },
      onclick: () => { chosen = kind; draw(); } }, kind)));
  }
  for (const each of root.querySelectorAll(".choose button")) {
    each.setAttribute("aria-pressed", each.dataset.kind === chosen);
    if (each.dataset.kind === "errors") each.textContent = `errors ${[...records.values()].filter(bad).length || ""}`.trim();
  }
  const end = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const wanted = [...records.values()].filter(one => one.number > from && KINDS[chosen](one)).slice(-MAX_ROWS);
  keep(list, wanted.map(one => ({ key: String(one.number), sign: JSON.stringify([one.took, one.error, one.deliveries,
    one.status]), make: () => row(one) })));
  if (end) list.scrollTop = list.scrollHeight;
}

function row(one) {
  const box = h("details", { open: opened.has(one.number), ontoggle: () => {
    if (box.open) { opened.add(one.number); fillIn(box, one); } else opened.delete(one.number);
  } }, h("summary", { data: { focus: `record-${one.number}` } },
    h("time", {}, time(one.began)),
    h("span", { class: `way ${one.kind}`, title: one.kind === "event" ? "Slack to the bot" : "the bot to Slack" },
      one.kind === "event" ? "→" : "←"),
    h("b", {}, breakable(one.name)), h("span", { class: "short" }, short(one)), h("span", { class: "took" }, took(one)),
    one.error ? h("span", { class: "error" }, one.error) : null));
  if (opened.has(one.number)) fillIn(box, one);
  return h("li", { class: `${one.kind}${one.error ? " bad" : one.deliveries.length > 1 ? " again" : ""}` }, box);
}

function fillIn(box, one) {
  if (box.children.length > 1) return;
  const parts = [[one.kind === "event" ? "Payload" : "Arguments", one.payload]];
  if (one.deliveries.length) parts.push(["Deliveries", one.deliveries]);
  if (one.took !== null && (one.kind === "call" || Object.keys(one.answer).length)) {
    parts.push([one.kind === "event" ? "Acknowledged with" : `Response, HTTP ${one.status}`, one.answer]);
  }
  box.append(h("div", { class: "details" }, parts.map(([title, value]) => [h("h3", {}, title),
    h("pre", { tabindex: "0", "aria-label": title }, JSON.stringify(parsed(value), null, 2))])));
}

// Parse arguments that are JSON strings.
function parsed(value) {
  if (!value || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => {
    if (typeof each !== "string" || !/^[[{]/.test(each)) return [name, each];
    try { return [name, JSON.parse(each)]; } catch { return [name, each]; }
  }));
}

function short(one) {
  const payload = one.kind === "event" ? one.payload.event ?? one.payload : one.payload;
  const words = [payload.subtype, payload.callback_id, payload.actions?.[0]?.action_id, payload.command, payload.name,
    payload.filename, payload.file_id, payload.reaction].filter(each => typeof each === "string");
  return words.slice(0, 2).join(" ") || String(payload.text ?? "").slice(0, 60);
}

// Allow line breaks between the words of names such as files.getUploadURLExternal.
const breakable = name => name.split(/(?<=[.])|(?<=[a-z])(?=[A-Z])/).flatMap(part => [h("wbr"), part]);

function took(one) {
  if (one.took === null) return one.lost ? "" : one.kind === "event" && !one.deliveries.length ? "waiting" : "…";
  const again = one.deliveries.length > 1 ? `, sent ${one.deliveries.length} times` : "";
  return `${one.kind === "event" ? "acked in " : ""}${one.took < 10 ? one.took : Math.round(one.took)} ms${again}`;
}

function time(began) {
  const date = new Date(began * 1000);
  return `${date.toLocaleTimeString([], { hour12: false })}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

// Reopen the inspector after a reload if it was open.
export function resume() {
  if (sessionStorage.getItem("inspector") && !socket) toggle();
}
