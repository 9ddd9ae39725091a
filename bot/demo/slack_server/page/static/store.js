// The entries that this person may see, and the current place. One WebSocket, reopened when it closes.

import { toast } from "./dom.js";

export const entries = new Map();
export const at = { person: "", place: "", thread: "" };
export let start = { people: [], app: { shortcuts: [], commands: [] }, questions: [] };
export let open = false;

const listeners = new Set();
let socket = null, tries = 0, drawing = false;

export function on(listener) { listeners.add(listener); }

export function draw() {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    for (const listener of listeners) listener();
  });
}

// ---------------------------------------------------------------- the current place: #/person/place/thread

// `instead`: replace the history entry, so that Back does not return here.
export function go(place, thread = "", person = at.person, instead = false) {
  const hash = `#/${[person, place, thread].filter(Boolean).join("/")}`;
  if (location.hash !== hash) history[instead ? "replaceState" : "pushState"](null, "", hash);
  located();
}

export function link(place, thread = "") {
  return `#/${[at.person, place, thread].filter(Boolean).join("/")}`;
}

function located() {
  if (!location.hash.startsWith("#/")) return;
  const [person, place = "", thread = ""] = location.hash.slice(2).split("/");
  const known = start.people.some(each => each.id === person) ? person : start.people[0]?.id ?? "";
  const another = known !== at.person;
  Object.assign(at, { person: known, place, thread });
  if (another) connect();
  draw();
}

export async function begin() {
  const response = await fetch("start");
  start = await response.json();
  window.addEventListener("hashchange", located);
  if (!location.hash.startsWith("#/")) history.replaceState(null, "", `#/${start.people[0]?.id ?? ""}`);
  located();
}

// ---------------------------------------------------------------- live

export function listen(path, received, state = () => {}) {
  const url = new URL(path, location.href.split("#")[0]);
  url.protocol = url.protocol.replace("http", "ws");
  const opened = new WebSocket(url);
  opened.onopen = () => state(true);
  opened.onmessage = event => received(JSON.parse(event.data));
  opened.onclose = () => state(false);
  return opened;
}

// Browsers log an error when a socket is closed while it is still being opened.
function hangUp(old) {
  if (old.readyState === WebSocket.CONNECTING) old.onopen = () => old.close();
  else old.close();
}

function connect() {
  const person = at.person;
  if (socket) {
    socket.onclose = socket.onmessage = null;
    hangUp(socket);
  }
  entries.clear();
  socket = listen(`as/${person}/live`, applyUpdate, is => {
    open = is;
    if (is) tries = 0;
    else setTimeout(() => { if (at.person === person) connect(); }, Math.min(200 * 2 ** tries++, 5000));
    draw();
  });
}

function applyUpdate(update) {
  if (update.whole) entries.clear();
  for (const key of update.gone) entries.delete(key);
  for (const [key, value] of Object.entries(update.set)) entries.set(key, value);
  draw();
}

// ---------------------------------------------------------------- commands

// Run a command as this person. Return the result, or null after showing why it was refused.
export async function act(name, command, quiet = false) {
  try {
    const response = await fetch(`as/${at.person}/do/${name}`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(command),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    if (!quiet) toast(answer.error, "bad");
  } catch (error) {
    if (!quiet) toast(`The workspace does not answer (${error.message}). Is the demo still running?`, "bad");
  }
  return null;
}

export async function upload(file) {
  const response = await fetch(`as/${at.person}/upload?name=${encodeURIComponent(file.name)}`,
    { method: "POST", body: file });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.id;
}

// ---------------------------------------------------------------- lookups

export const me = () => entries.get("me");
export const person = id => entries.get(`people/${id}`);
export const conversation = id => entries.get(`conversations/${id}`);
export const file = id => entries.get(`files/${id}`);
export const name = id => person(id)?.name ?? "unknown";
export const bot = () => me()?.bot;

function* under(prefix) {
  for (const [key, value] of entries) if (key.startsWith(prefix)) yield value;
}

export const people = () => [...under("people/")];
export const conversations = () => [...under("conversations/")];
export const views = () => [...under("views/")];

const older = (one, other) => (one.ts < other.ts ? -1 : 1);

export function messages(channel) {
  return [...under(`messages/${channel}/`)].filter(each => !each.thread || each.subtype === "thread_broadcast")
    .sort(older);
}

export function replies(channel, ts) {
  return [...under(`messages/${channel}/`)].filter(each => each.thread === ts).sort(older);
}

export const message = (channel, ts) => entries.get(`messages/${channel}/${ts}`);
export const status = (channel, ts) => entries.get(`statuses/${channel}/${ts}`)?.text ?? "";
export const session = (channel, ts) => entries.get(`sessions/${channel}/${ts}`);
// What the app says it is doing in a thread.
export const busy = (channel, ts) => status(channel, ts) || (session(channel, ts)?.status === "processing" ? "is working …" : "");
export const fileLink = (id, named) => `as/${at.person}/files/${id}/${encodeURIComponent(named || "file")}`;

export function title(conversation) {
  if (conversation.kind === "channel" || conversation.kind === "group") return conversation.name;
  return conversation.members.filter(each => each !== at.person).map(name).map(capital).join(", ");
}

export const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

// ---------------------------------------------------------------- read and unread messages, stored for this tab only

export function latest(channel) {
  let last = "";
  for (const each of under(`messages/${channel}/`)) if (each.user !== at.person && each.ts > last) last = each.ts;
  return last;
}

const slot = channel => `read/${at.person}/${channel}`;

export function unread(channel) {
  return latest(channel) > (sessionStorage.getItem(slot(channel)) ?? "");
}

export function read(channel) {
  const last = latest(channel);
  if (last) sessionStorage.setItem(slot(channel), last);
}
