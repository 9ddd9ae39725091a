// The conversation, and the thread beside it.

import { button, day, fill, h, icon, keep, toast } from "./dom.js";
import { act, at, bot, capital, draw, entries, file, go, link, me, message, messages, name, open, people, read, replies,
  busy, conversation, conversations, session, start, title } from "./store.js";
import { avatar, element, sign } from "./message.js";
import { composer } from "./composer.js";
import { ask, dialog, menu } from "./overlay.js";

const NEAR_END_PIXELS = 120;
const GROUP_SECONDS = 300;
const READ_SECONDS = 240;
const DOCUMENT = /\.(pdf|docx?|pptx?|odt|odp|rtf|txt|md)$/i;

export const kindIcon = conversation => (conversation.shared ? "shared" : conversation.kind === "group" ? "lock" : "hash");

// ---------------------------------------------------------------- a list of messages that keeps its scroll position

function column(box, list, inThread) {
  const wanted = [];
  let before = null;
  for (const one of list) {
    const today = day(one.ts);
    if (!inThread && (!before || day(before.ts) !== today)) {
      wanted.push({ key: `day ${today}`, sign: today, make: () => h("h3", { class: "day" }, h("span", {}, today)) });
      before = null;
    }
    const follows = Boolean(before) && before.user === one.user && one.ts - before.ts < GROUP_SECONDS
      && before.ephemeral === one.ephemeral && !before.subtype.endsWith("_join");
    wanted.push({ key: one.ts, sign: sign(one, follows, inThread), make: () => element(one, follows, inThread) });
    before = one;
  }
  keep(box, wanted);
  const last = [...box.querySelectorAll(".message")].at(-1);
  if (last && !box.querySelector('.message[tabindex="0"]')) last.tabIndex = 0;
}

function log(label, thread = "") {
  const box = h("div", { class: "log", role: "log", "aria-label": label, "aria-relevant": "additions" });
  const scroll = h("div", { class: "scroller", tabindex: "-1", data: { thread } }, box);
  box.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...box.querySelectorAll(".message")], now = all.indexOf(event.target);
    if (!step || now < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, now + step))].focus();
  });
  box.addEventListener("focusin", event => {
    const here = event.target.closest(".message");
    for (const each of box.querySelectorAll('.message[tabindex="0"]')) each.tabIndex = -1;
    if (here) here.tabIndex = 0;
  });
  // Stay at the end while the content or the window changes size.
  let pinned = true;
  scroll.addEventListener("scroll", () => { pinned = atEnd(scroll); });
  const stay = new ResizeObserver(() => { if (pinned) toEnd(scroll); });
  stay.observe(box);
  stay.observe(scroll);
  return { box, scroll };
}

// Return the start of the answer: a long answer is read from its beginning, not from its last picture.
function answerIn(scroll) {
  const all = [...scroll.querySelectorAll(".message")], asked = all.findLastIndex(each => each.dataset.app === undefined);
  return asked < 0 ? null : all[asked + 1];
}

const atEnd = scroll => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PIXELS;
// Return whether the message this person has just sent arrived. The list then scrolls to the end.
function arrived(column, channel) {
  if (!column.sent || !message(channel, column.sent)) return false;
  column.sent = "";
  return true;
}

const toEnd = scroll => {
  const answer = scroll.dataset.thread && answerIn(scroll);
  const above = answer ? answer.getBoundingClientRect().top - scroll.getBoundingClientRect().top : Infinity;
  scroll.scrollTop = Math.min(scroll.scrollHeight, scroll.scrollTop + above);
};

// ---------------------------------------------------------------- the conversation

const main = { place: "", posted: "" };
// Names of public channels shown before. Names of private ones must not appear on another person's page.
const publicNames = new Map();

export function drawConversation(root) {
  const here = conversation(at.place);
  if (!here) { missing(root); return; }
  if (here.kind === "channel" && !here.shared) publicNames.set(here.id, `#${here.name}`);
  const slot = `${at.person}/${here.id}`;
  const fresh = main.place !== slot;
  if (fresh) build(root, here, slot);
  if (fresh && own(here)) act("home", { tab: "messages" }, true);
  if (fresh && !own(here) && start.app.agent) act("look-at", { channel: here.id }, true);
  const end = arrived(main, here.id) || fresh || atEnd(main.scroll);
  head(here);
  const list = messages(here.id);
  column(main.box, list, false);
  welcome(here, list);
  foot(here, list);
  if (end) toEnd(main.scroll);
  if (document.visibilityState === "visible") read(here.id);
  openAnswer(here);
}

function missing(root) {
  main.place = "";
  if (!entries.size) return;
  const known = publicNames.get(at.place), who = capital(name(at.person));
  fill(root, h("div", { class: "nothing" }, h("h2", {}, 
    known ? `${who} isn’t in ${known}` : `${who} can’t see this conversation`),
    h("p", {}, "Choose another conversation from the list."),
    h("button", { type: "button", class: "push only-narrow", onclick: showSide }, "Conversations")));
}

// Return whether this is the direct conversation with the app, the other tab of its Home.
const own = here => here.kind === "im" && here.members.includes(bot());

export function tabs(now) {
  const direct = conversations().find(own);
  if (!start.app.home || !direct) return null;
  const tab = (place, label) => h("a", { href: link(place), "aria-current": now === place ? "page" : null }, label);
  return h("nav", { class: "tabs", "aria-label": start.app.name }, tab("home", "Home"), tab(direct.id, "Messages"));
}

export const showSide = () => document.body.classList.add("side-open");

function build(root, here, slot) {
  const { box, scroll } = log(`Messages in ${title(here)}`);
  Object.assign(main, { place: slot, box, scroll, head: h("div", { class: "head" }), foot: h("div", { class: "foot" }),
    welcome: h("div", { class: "welcome-slot" }), line: h("p", { class: "line", role: "status" }), composer: null });
  scroll.prepend(main.welcome);
  fill(root, main.head, scroll, main.line, main.foot);
}

function head(here) {
  const members = here.members.length;
  const about = [];
  if (here.kind === "im") about.push(start.app.description || "A direct conversation with Magpie");
  if (here.kind === "group") about.push("private");
  if (here.shared) about.push("shared with another company");
  if (here.archived) about.push("archived");
  const channel = here.kind === "channel" || here.kind === "group";
  const sign = JSON.stringify([here, about, open, me()]);
  keep(main.head, [{ key: "head", sign, make: () => h("div", { class: "title" },
    button("Conversations", "menu", showSide, { class: "plain only-narrow" }),
    h("div", { class: "named" }, h("h2", {}, channel ? icon(kindIcon(here)) : null, title(here)),
      h("p", {}, about.join(", "))), own(here) ? tabs(here.id) : null,
    channel ? h("button", { type: "button", class: "push quiet", onclick: () => showMembers(here.id) },
      `${members} ${members === 1 ? "member" : "members"}`) : null,
    channel ? button("This channel", "more", event => menu(event.currentTarget, "This channel", channelMenu(here)),
      { "aria-haspopup": "menu", "aria-expanded": "false", data: { focus: "channel-menu" } }) : null) }]);
}

function channelMenu(here) {
  const guest = start.people.find(each => each.id === at.person)?.guest;
  const found = [{ label: "Members", sign: "eye", act: () => showMembers(here.id) }];
  if (here.joined && !guest) {
    found.push(here.bot
      ? { label: "Remove Magpie", hint: "It deletes what was shared here from its index", sign: "leave",
        act: () => act("remove", { channel: here.id, user: bot() }) }
      : { label: "Add Magpie", hint: "It reads files shared here", sign: "plus",
        act: () => act("invite", { channel: here.id, user: bot() }) });
  }
  if (here.joined) {
    found.push({ label: `Leave #${here.name}`, sign: "leave", danger: true, act: () => leave(here) });
  } else found.push({ label: `Join #${here.name}`, sign: "plus", act: () => act("join", { channel: here.id }) });
  return found;
}

async function leave(here) {
  const hidden = here.kind === "group" || here.shared;
  const text = hidden ? "You won't see it any more, and can only return if a member adds you."
    : "You can rejoin at any time.";
  if (!await ask(`Leave #${here.name}?`, text, "Leave")) return;
  if (await act("leave", { channel: here.id }) && hidden) go("");
}

function showMembers(channel) {
  const here = conversation(channel), guest = start.people.find(each => each.id === at.person)?.guest;
  const others = people().filter(each => !here.members.includes(each.id) && !each.stranger);
  const box = dialog(`Members of #${here.name}`, "members", h("div", { class: "top" }, h("h2", {}, `#${here.name}`),
    button("Close", "close", () => box.close())),
  h("ul", {}, here.members.map(id => h("li", {}, avatar(id), h("b", {}, capital(name(id))), h("small", {}, role(id))))),
  here.joined && !guest && others.length ? [h("h3", {}, "Add a person"),
    h("ul", {}, others.map(each => h("li", {}, avatar(each.id), h("b", {}, capital(each.name)),
      h("button", { type: "button", class: "push quiet", onclick: async () => {
        if (await act("invite", { channel, user: each.id })) box.close();
      } }, "Add"))))] : null);
}

export function role(id) {
  const known = entries.get(`people/${id}`);
  if (known?.app) return "the app you are trying";
  if (known?.stranger) return "from another company";
  return known?.guest ? "guest" : "member";
}

// ---------------------------------------------------------------- welcome text and footer

function welcome(here, list) {
  const hasMessages = list.some(each => !/_join$/.test(each.subtype));
  const samples = start.samples?.names.length && here.joined;
  keep(main.welcome, hasMessages ? [] : [{ key: "welcome", sign: JSON.stringify([here, Boolean(samples)]), make: () =>
    h("section", { class: "welcome" },
      h("img", { src: "static/magpie.svg", alt: "", width: "56", height: "56" }),
      h("h2", {}, here.kind === "im" ? "Ask Magpie in private" : `This is #${here.name}`),
      here.bot ? h("ol", {},
        h("li", {}, h("b", {}, "Share a PDF or a picture: "), "drop it here. A ✓ appears when it is searchable."),
        h("li", {}, h("b", {}, "Ask: "), here.kind === "im" ? "just type your question."
          : ["type ", h("code", {}, "@magpie"), " and your question."],
        " The answer cites the page and shows it."),
        h("li", {}, h("b", {}, "Paste a screenshot"), here.kind === "im" ? ":" : [" with ", h("code", {}, "@magpie"), ":"],
          " Magpie finds its page.")) : h("p", {}, "Magpie is not in this channel. Add it from the menu above."),
      here.bot && here.joined ? h("div", { class: "buttons" },
        h("button", { type: "button", class: "push primary", onclick: () =>
          main.foot.querySelector('input[type="file"]')?.click() }, icon("clip"), "Choose a file"),
        samples ? h("button", { type: "button", class: "push", onclick: event => shareSamples(event, here.id) },
          icon("file"), "Share two sample documents") : null) : null) }]);
}

async function shareSamples(event, channel) {
  const pushed = event.currentTarget;
  pushed.disabled = true;
  const response = await fetch(`as/${at.person}/samples`, { method: "POST", body: JSON.stringify({ channel }) });
  if (!response.ok) { toast((await response.json()).error, "bad"); pushed.disabled = false; }
}

function foot(here, list) {
  const slot = `${here.id} ${here.joined} ${here.archived}`;
  if (main.footSlot !== `${main.place} ${slot}`) {
    main.footSlot = `${main.place} ${slot}`;
    main.composer = here.joined && !here.archived ? composer(here.id, "", ts => { main.posted = main.sent = ts; draw(); })
      : null;
    main.chips = h("div", { class: "suggested", role: "group", "aria-label": "Questions to try" });
    fill(main.foot, main.composer ? [main.chips, main.composer] : h("div", { class: "stranger" },
      h("p", {}, here.archived ? `#${here.name} is archived.` : `You are looking at #${here.name}.`),
      here.archived ? null : h("button", { type: "button", class: "push primary",
        onclick: () => act("join", { channel: here.id }) }, "Join")));
    if (main.composer && !document.body.classList.contains("side-open") && matchMedia("(pointer: fine)").matches
      && !at.thread) main.composer.focusText();
  }
  const known = suggestions(here, list);
  keep(main.chips, known.map(({ label, text }) => ({ key: text, sign: text, make: () => h("button", { type: "button",
    class: "suggestion", onclick: () => main.composer.write(text) }, label) })));
  const work = list.map(each => busy(here.id, each.ts)).filter(Boolean).at(-1), waits = beingRead(here, list);
  const line = work ? `Magpie ${work}` : waits ? `Magpie is reading ${waits}… ✓ appears when it is searchable.` : "";
  if (main.line.textContent !== line) main.line.textContent = line;
  main.line.classList.toggle("growing", Boolean(line));
}

// Return the name of a document without a receipt, so that newcomers know what they are waiting for.
function beingRead(here, list) {
  if (!here.bot || !entries.get("bot")?.connected) return "";
  const hasReceipt = each => Object.values(each.reactions).some(users => users.includes(bot()));
  const waits = list.findLast(each => each.user === at.person && Date.now() / 1000 - each.ts < READ_SECONDS
    && !hasReceipt(each) && each.files.some(id => DOCUMENT.test(file(id)?.name ?? "")));
  return waits ? waits.files.map(id => file(id)?.name ?? "").find(named => DOCUMENT.test(named)) : "";
}

// Return questions to try: the app's suggestions, or questions about the samples while there is no answer yet.
function suggestions(here, list) {
  if (!here.joined || !here.bot) return [];
  const declared = own(here) && start.app.prompts?.length ? start.app.prompts : null;
  const prompts = entries.get(`prompts/${here.id}`)?.prompts ?? declared;
  if (list.some(each => replies(here.id, each.ts).some(reply => reply.user === bot()))) return [];
  if (prompts) return prompts.map(each => ({ label: each.title, text: each.message }));
  const names = new Set(start.samples?.names ?? []);
  const ready = list.some(each => each.reactions.white_check_mark && each.files.some(id => names.has(file(id)?.name)));
  const begin = here.kind === "im" ? "" : "@magpie ";
  return ready ? start.samples.questions.map(each => ({ label: each, text: begin + each })) : [];
}

// Open the answer to the question just asked beside the conversation if the window is wide enough.
function openAnswer(here) {
  if (!main.posted || !message(here.id, main.posted)) return;
  if (!replies(here.id, main.posted).some(each => each.user === bot())) return;
  const ts = main.posted;
  main.posted = "";
  if (matchMedia("(min-width: 1000px)").matches) go(here.id, ts);
}

export const addFiles = (files, toThread) => {
  const into = toThread && side.composer ? side.composer : main.composer;
  if (into) into.add(files);
  else toast("Join this channel to share files in it.", "bad");
};

// In a window with one column, the panel over the conversation is the main landmark.
export function covering(panel) {
  panel.setAttribute("role", matchMedia("(max-width: 999px)").matches ? "main" : "complementary");
}

// ---------------------------------------------------------------- the thread

const side = { slot: "" };

export function drawThread(root) {
  const first = at.thread && message(at.place, at.thread);
  document.body.classList.toggle("thread-open", Boolean(first));
  root.hidden = !first;
  covering(root);
  if (!first) { side.slot = ""; side.composer = null; fill(root); return; }
  const here = conversation(at.place), slot = `${at.person}/${here.id}/${first.ts}/${here.joined}`;
  const fresh = side.slot !== slot;
  if (fresh) {
    const { box, scroll } = log("Thread", first.ts);
    Object.assign(side, { slot, box, scroll, line: h("p", { class: "line", role: "status" }), name: h("h2", {}),
      stop: h("button", { type: "button", class: "push quiet", data: { focus: "stop-session" },
        onclick: () => act("stop-session", { channel: here.id, thread: first.ts }) }, "Stop"),
      composer: here.joined && !here.archived ? composer(here.id, first.ts, ts => { side.sent = ts; draw(); }) : null });
    fill(root, h("div", { class: "head" }, h("div", { class: "title" },
      h("div", { class: "named" }, side.name, h("p", {}, here.name ? `#${here.name}` : title(here))),
      side.stop, button("Close the thread", "close", closeThread))), scroll, side.line,
    h("div", { class: "foot" }, side.composer));
  }
  const end = arrived(side, here.id) || fresh || atEnd(side.scroll);
  column(side.box, [first, ...replies(here.id, first.ts)], true);
  const work = busy(here.id, first.ts), known = session(here.id, first.ts);
  side.name.textContent = known?.title || "Thread";
  side.stop.hidden = known?.status !== "processing";
  side.line.textContent = work ? `Magpie ${work}` : "";
  side.line.classList.toggle("growing", Boolean(work));
  if (end) toEnd(side.scroll);
  if (fresh && matchMedia("(pointer: fine)").matches) side.composer?.focusText();
}

export function closeThread() {
  const ts = at.thread;
  go(at.place);
  queueMicrotask(() => document.querySelector(`#conversation [data-key="${CSS.escape(ts)}"]`)?.focus({ preventScroll: true }));
}
