// The sidebar: people to act as, conversations, features that are not set up.

import { button, h, icon, keep } from "./dom.js";
import { at, bot, capital, conversation, conversations, entries, go, link, name, open, person, start, title,
  unread } from "./store.js";
import { avatar } from "./message.js";
import { kindIcon } from "./conversation.js";
import { featureCard } from "./features.js";
import { shown, toggle } from "./inspector.js";

export function drawSide(root) {
  const here = conversations(), connected = entries.get("bot")?.connected;
  const marks = here.map(each => [each.id, each.name, each.kind, each.joined, each.shared, unread(each.id)]);
  const what = featureCard();
  keep(root, [
    { key: "brand", sign: "", make: brand },
    { key: "who", sign: JSON.stringify([at.person, start.people]), make: who },
    { key: "places", sign: JSON.stringify([at.person, at.place, marks, connected]), make: () => places(here, connected) },
    { key: "state", sign: `${open} ${connected}`, make: () => state(connected) },
    ...(what ? [what] : []),
    { key: "foot", sign: `${shown()}`, make: foot },
  ]);
  document.body.classList.toggle("disconnected", !open);
}

function brand() {
  return h("div", { class: "brand" }, h("img", { src: "static/magpie.svg", alt: "", width: "34", height: "34" }),
    h("div", {}, h("b", {}, start.app.name), h("small", {}, "runs on this machine only")),
    button("Close", "close", hideSide, { class: "plain only-narrow" }));
}

export const hideSide = () => document.body.classList.remove("side-open");

// ---------------------------------------------------------------- people

function who() {
  return h("div", { class: "who", role: "group", "aria-label": "Acting as" }, h("h2", {}, "You are"),
    start.people.map(each => h("button", {
      type: "button", "aria-pressed": each.id === at.person, data: { focus: `person-${each.id}` },
      onclick: () => become(each.id),
    }, avatarOf(each), h("span", {}, h("b", {}, capital(each.name)), h("small", {}, roleOf(each))))));
}

function avatarOf(each) {
  return person(each.id) ? avatar(each.id) : h("span", { class: `face tone-${tone(each.id)}`, "aria-hidden": "true" },
    each.name.charAt(0).toUpperCase());
}

const tone = id => [...id].reduce((sum, each) => sum + each.charCodeAt(0), 0) % 6;
const roleOf = each => (each.guest ? "guest" : each.private ? "also in a private channel" : "member");

// Stay in the same conversation if this person can see it, else open the first one they are in.
function become(id) {
  go(at.place, "", id);
}

// ---------------------------------------------------------------- conversations

function places(here, connected) {
  const channels = here.filter(each => each.kind === "channel" || each.kind === "group");
  const direct = here.filter(each => each.kind === "im" || each.kind === "mpim");
  const mine = channels.filter(each => each.joined), others = channels.filter(each => !each.joined);
  return h("div", { class: "places" },
    start.app.home ? h("ul", {}, h("li", {}, place("home", icon("home"), `${start.app.name}’s Home`, false))) : null,
    h("h2", {}, "Channels"), h("ul", {}, mine.map(channel)),
    others.length ? [h("h2", {}, "More channels"), h("ul", {}, others.map(channel))] : null,
    h("h2", {}, "Direct"), h("ul", {}, direct.map(each => h("li", {},
      place(each.id, each.members.includes(bot()) ? avatar(bot(), "face tiny") : avatar(other(each), "face tiny"),
        each.members.includes(bot()) && each.kind === "im" ? start.app.name : title(each), unread(each.id),
        each.members.includes(bot()) ? h("span", { class: connected ? "dot on" : "dot",
          title: connected ? "connected" : "not connected" }) : null)))));
}

const other = each => each.members.find(id => id !== at.person) ?? at.person;
const channel = each => h("li", {}, place(each.id, icon(kindIcon(each)), each.name, unread(each.id),
  each.shared ? h("span", { class: "tag" }, "shared")
    : each.kind === "group" ? h("span", { class: "tag" }, "private") : null));

function place(id, sign, label, news, more = null) {
  const current = at.place === id;
  return h("a", { href: link(id), "aria-current": current ? "page" : null, class: news && !current ? "news" : "",
    data: { focus: `place-${id}` }, onclick: hideSide }, sign, h("span", { class: "label" }, label), more,
  news && !current ? h("span", { class: "visually-hidden" }, "new messages") : null);
}

// ---------------------------------------------------------------- footer

function state(connected) {
  const text = !open ? "The workspace does not answer. Is the demo still running?"
    : connected ? "" : "Magpie is not connected yet. It reads your messages when it connects.";
  return h("p", { class: text ? "state" : "state fine", role: "status" }, text);
}

function foot() {
  return h("div", { class: "feet" },
    h("button", { type: "button", class: "push quiet", "aria-pressed": shown(), onclick: () => { toggle(); hideSide(); },
      title: "Traffic between Slack and the bot", data: { focus: "inspector" } }, icon("inspect"), "Inspector"));
}

// Return the place to open by default: the first conversation this person is in.
export function firstPlace() {
  const all = conversations();
  return (all.find(each => each.kind === "channel" && each.joined && !each.shared) ?? all.find(each => each.joined)
    ?? all[0])?.id ?? "";
}

export const pageTitle = () => {
  const here = conversation(at.place);
  return here ? `${here.name ? `#${here.name}` : title(here)} (${name(at.person)}) · ${start.app.name}` : start.app.name;
};
