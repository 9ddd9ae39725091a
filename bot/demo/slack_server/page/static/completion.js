// Completions while typing: people and Magpie after @, channels after #, commands after / at the start.

import { announce, h } from "./dom.js";
import { avatar } from "./message.js";
import { capital, people, person, conversation, conversations, start, at } from "./store.js";

const MAX_CHOICES = 8;
let numbers = 0;

function findChoices(sign, typed, channel, inThread) {
  const begins = text => text.toLowerCase().startsWith(typed.toLowerCase());
  if (sign === "@") {
    const here = new Set(conversation(channel)?.members ?? []);
    return people().filter(each => each.id !== at.person && !each.deleted && begins(each.name))
      .sort((one, other) => other.app - one.app || here.has(other.id) - here.has(one.id) || (one.name < other.name ? -1 : 1))
      .map(each => ({ text: `@${each.name} `, label: each.app ? start.app.name : capital(each.name),
        hint: each.app ? "answers from the files shared here" : here.has(each.id) ? "" : "not in this conversation",
        face: each.id }));
  }
  if (sign === "#") {
    return conversations().filter(each => each.name && each.kind !== "mpim" && begins(each.name))
      .map(each => ({ text: `#${each.name} `, label: `#${each.name}`, hint: each.kind === "group" ? "private" : "" }));
  }
  const own = [{ command: "/invite", description: "Add Magpie or a person to this channel", usage_hint: "@magpie" }];
  return inThread ? [] : [...start.app.commands, ...own].filter(each => begins(each.command.slice(1)))
    .map(each => ({ text: `${each.command} `, label: each.command,
      hint: [each.usage_hint, each.description].filter(Boolean).join(": ") }));
}

// Complete in a textarea; the list is added to `host`. Keys that choose are handled before other listeners.
export function complete(area, host, channel, inThread) {
  const id = `completion-${++numbers}`;
  const list = h("ul", { class: "completion", role: "listbox", id, "aria-label": "Completions", hidden: true });
  let choices = [], now = 0, token = "";
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", id);
  host.append(list);

  const close = () => {
    list.hidden = true;
    choices = [];
    area.removeAttribute("aria-activedescendant");
  };
  const take = choice => {
    const end = area.selectionStart, begin = end - token.length;
    area.setRangeText(choice.text, begin, end, "end");
    close();
    area.dispatchEvent(new Event("input"));
    area.focus();
  };
  const mark = () => {
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", number === now));
    list.children[now]?.scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", `${id}-${now}`);
  };
  area.addEventListener("input", () => {
    const before = area.value.slice(0, area.selectionStart);
    const match = /(?:^|\s)([@#])([\w.-]*)$/.exec(before) ?? /^(\/)(\w*)$/.exec(before);
    choices = match ? findChoices(match[1], match[2], channel, inThread).slice(0, MAX_CHOICES) : [];
    if (!choices.length) { close(); return; }
    token = match[1] + match[2];
    now = 0;
    list.replaceChildren(...choices.map((choice, number) => h("li", { role: "option", id: `${id}-${number}`,
      onpointerdown: event => { event.preventDefault(); take(choice); } },
    choice.face && person(choice.face) ? avatar(choice.face, "face tiny") : null,
    h("b", {}, choice.label), h("small", {}, choice.hint))));
    list.hidden = false;
    mark();
    announce(`${choices.length} choices; ${choices[0].label} selected. Press Enter to insert it.`);
  });
  area.addEventListener("keydown", event => {
    if (list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    // A name typed in full needs no completion: Enter sends the message.
    const isComplete = token.startsWith("@") && choices[now].text.trim().toLowerCase() === token.toLowerCase();
    if (event.key === "Enter" && isComplete) { close(); return; }
    if (step) now = (now + step + choices.length) % choices.length;
    else if (event.key === "Enter" || event.key === "Tab") take(choices[now]);
    else if (event.key === "Escape") close();
    else return;
    if (step) mark();
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  area.addEventListener("blur", close);
}
