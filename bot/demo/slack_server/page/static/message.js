// Render one message, in a conversation or in a thread.

import { button, bytes, clock, copy, h, icon } from "./dom.js";
import { act, at, bot, busy, capital, file, fileLink, go, name, person, replies, session, start } from "./store.js";
import { blocks, thumb } from "./blocks.js";
import { emoji, markdown, mrkdwn } from "./text.js";
import { ask, menu } from "./overlay.js";
import { edit } from "./composer.js";

const REACTIONS = ["white_check_mark", "eyes", "+1"];
const LABELS = { white_check_mark: "read", large_yellow_circle: "read in part", warning: "could not be read", eyes: "being looked at" };
const TONES = 6;

export function avatar(id, kind = "face") {
  const known = person(id);
  if (known?.app) return h("span", { class: `${kind} app`, "aria-hidden": "true" },
    h("img", { src: "static/magpie.svg", alt: "" }));
  const tone = [...id].reduce((sum, each) => sum + each.charCodeAt(0), 0) % TONES;
  return h("span", { class: `${kind} tone-${tone}`, "aria-hidden": "true" },
    (known?.name ?? "?").charAt(0).toUpperCase());
}

// Return a string that changes whenever the message has to be drawn again.
export function sign(one, follows, inThread) {
  const answers = inThread ? [] : replies(one.channel, one.ts);
  const shown = JSON.stringify(one.blocks).match(/F[A-Z0-9]{8,}/g) ?? [];
  const files = [...one.files, ...shown].map(file);
  return JSON.stringify([one, follows, inThread, files, answers.map(each => [each.ts, each.user]), answers.at(-1)?.text,
    answers.at(-1)?.blocks.length, name(one.user),
    busy(one.channel, one.ts), session(one.channel, one.ts)?.title, at.thread === one.ts, at.person]);
}

export function element(one, follows, inThread) {
  const gone = one.subtype === "tombstone";
  const known = person(one.user), kind = ["message"];
  if (follows) kind.push("follows");
  if (one.ephemeral) kind.push("ephemeral");
  if (at.thread === one.ts && !inThread) kind.push("opened");
  if (/^(channel|group)_join$/.test(one.subtype)) return joined(one);
  const box = h("article", { class: kind.join(" "), tabindex: "-1",
    data: { focus: "message", ...(known?.app ? { app: "" } : {}) },
    "aria-label": `${name(one.user)}, ${clock(one.ts)}` },
  follows ? h("time", { class: "margin" }, clock(one.ts)) : avatar(one.user),
  h("div", { class: "body" },
    follows ? null : h("div", { class: "by" },
      h("b", {}, known?.app ? start.app.name : capital(name(one.user))), tags(known, one),
      h("time", { datetime: new Date(one.ts * 1000).toISOString() }, clock(one.ts))),
    one.ephemeral ? h("p", { class: "only" }, icon("eye"), "Only you can see this") : null,
    gone ? h("p", { class: "gone" }, one.text) : content(one),
    gone ? null : files(one),
    gone ? null : reactions(one),
    inThread || one.ephemeral ? null : thread(one)));
  if (!gone && !one.ephemeral) box.append(tools(one, inThread));
  return box;
}

function joined(one) {
  return h("p", { class: "joined" }, h("b", {}, capital(name(one.user))), " joined the channel · ", clock(one.ts));
}

function tags(known, one) {
  const found = [];
  if (known?.bot) found.push("app");
  if (known?.guest) found.push("guest");
  if (known?.stranger) found.push("other company");
  if (one.subtype === "thread_broadcast") found.push("from a thread");
  return found.map(each => h("span", { class: "tag" }, each));
}

// Return whether an answer is still being written: a stream, a block that says so, or text that ends in an ellipsis.
function isGrowing(one) {
  if (one?.user !== bot()) return false;
  return one.streaming || (one.blocks.length ? one.blocks.some(each => each.block_id === "working") : /…$/.test(one.text));
}

function content(one) {
  const press = (action_id, value) => act("click", { channel: one.channel, ts: one.ts, action_id, value });
  const type = isGrowing(one) ? "text growing" : "text";
  if (one.blocks.length) return h("div", { class: type }, blocks(one.blocks, press));
  if (one.streaming || one.tasks.length) return h("div", { class: type }, tasks(one), markdown(one.text));
  if (!one.text) return null;
  return h("div", { class: type }, mrkdwn(one.text),
    one.edited && one.user !== bot() ? h("span", { class: "edited" }, " (edited)") : null);
}

const STATES = { pending: "to do", in_progress: "in progress", complete: "done", error: "failed" };

// The tasks of a streamed message.
function tasks(one) {
  if (!one.tasks.length) return null;
  return h("ul", { class: "tasks" }, one.tasks.map(each => h("li", { class: each.status },
    h("span", { class: "state" }, STATES[each.status]), each.title, each.details ? h("small", {}, ` ${each.details}`) : null)));
}

// ---------------------------------------------------------------- files

function files(one) {
  if (!one.files.length) return null;
  const known = one.files.map(id => file(id) ?? { id, deleted: true });
  const pictures = known.filter(each => each.pixels && !each.deleted).map(each => each.id);
  return h("div", { class: "files" }, known.map(each => {
    if (each.deleted) return h("div", { class: "file deleted" }, icon("trash"), h("span", {}, "This file was deleted."));
    return each.pixels ? picture(each, pictures) : card(each);
  }));
}

function picture(known, all) {
  return h("figure", { class: "shown" }, thumb(known, known.title, all), h("figcaption", {}, known.title, own(known)));
}

function card(known) {
  const ending = (known.name.split(".").pop() || "file").slice(0, 4).toUpperCase();
  return h("div", { class: "file" },
    h("a", { href: fileLink(known.id, known.name), target: "_blank", rel: "noopener", data: { focus: known.id } },
      h("span", { class: "ending", "aria-hidden": "true" }, ending),
      h("span", {}, h("b", {}, known.title || known.name), h("small", {}, `${ending}, ${bytes(known.size)}`))),
    own(known));
}

function own(known) {
  if (known.owner !== at.person) return null;
  return button(`Delete the file ${known.name}`, "trash", async () => {
    const confirmed = await ask("Delete this file?",
      `${known.name} will be removed from every conversation, and Magpie will delete it from its index.`, "Delete");
    if (confirmed) act("delete-file", { file: known.id });
  }, { data: { focus: `delete-${known.id}` } });
}

// ---------------------------------------------------------------- reactions, threads

function reactions(one) {
  const found = Object.entries(one.reactions);
  if (!found.length) return null;
  return h("div", { class: "reactions" }, found.map(([id, users]) => {
    const mine = users.includes(at.person), who = users.map(name).join(", ");
    const label = `${users.length} × ${LABELS[id] ?? id.replace(/_/g, " ")} (${who})`;
    return h("button", { type: "button", class: "reaction", "aria-pressed": mine, "aria-label": label, title: label,
      data: { focus: `reaction-${id}` }, onclick: () => act("react", { channel: one.channel, ts: one.ts, name: id }) },
    emoji(id), h("span", {}, users.length));
  }));
}

function thread(one) {
  const answers = replies(one.channel, one.ts).filter(each => !each.ephemeral), work = busy(one.channel, one.ts);
  if (!answers.length && !work) return null;
  const faces = [...new Set(answers.map(each => each.user))].slice(0, 4).map(each => avatar(each, "face tiny"));
  const last = answers.at(-1);
  const growing = work || isGrowing(last);
  return h("button", { type: "button", class: "replies", "aria-expanded": at.thread === one.ts,
    data: { focus: "replies" }, onclick: () => go(one.channel, one.ts) },
  faces,
  answers.length ? h("b", {}, answers.length === 1 ? "1 reply" : `${answers.length} replies`) : avatar(bot(), "face tiny"),
  growing ? h("span", { class: "growing" }, work ? `${start.app.name} ${work}` : last.text.slice(0, 60))
    : h("span", {}, last ? `last at ${clock(last.ts)}` : ""));
}

// ---------------------------------------------------------------- actions

function tools(one, inThread) {
  const where = { channel: one.channel, ts: one.ts };
  return h("div", { class: "tools", role: "group", "aria-label": "Message actions" },
    REACTIONS.map(id => h("button", { type: "button", class: "plain", "aria-label": `React with ${id.replace(/_/g, " ")}`,
      title: id.replace(/_/g, " "), data: { focus: `tool-${id}` }, onclick: () => act("react", { ...where, name: id }) },
    emoji(id))),
    inThread ? null : button("Reply in a thread", "reply", () => go(one.channel, one.ts), { data: { focus: "tool-reply" } }),
    button("More", "more", event => menu(event.currentTarget, "More", choices(one, where)),
      { "aria-haspopup": "menu", "aria-expanded": "false", data: { focus: "tool-more" } }));
}

function choices(one, where) {
  const mine = one.user === at.person;
  const found = start.app.shortcuts.map(each => ({ label: each.name, hint: each.description, sign: "bolt",
    act: () => act("shortcut", { ...where, callback_id: each.callback_id }) }));
  if (found.length) found.push(null);
  // Touch screens do not show the row of reactions.
  if (matchMedia("(hover: none)").matches) {
    found.push(...REACTIONS.map(id => ({ label: `React with ${id.replace(/_/g, " ")}`, picture: emoji(id),
      act: () => act("react", { ...where, name: id }) })), null);
  }
  found.push({ label: "Copy text", sign: "copy", act: () => copy(one.text) });
  if (!mine) return found;
  return [...found, one.text && { label: "Edit", sign: "edit", act: () => change(one) },
    { label: "Delete", sign: "trash", danger: true, act: async () => {
      const confirmed = await ask("Delete this message?", "Its files stay where they are also shared.", "Delete");
      if (confirmed) act("delete", where);
    } }].filter(each => each !== "");
}

async function change(one) {
  const answer = await act("typed", { channel: one.channel, ts: one.ts });
  const box = document.querySelector(`[data-key="${CSS.escape(one.ts)}"] .text`);
  if (answer && box) edit(box, answer.text, text => act("edit", { channel: one.channel, ts: one.ts, text }));
}

