// What Magpie does without on this machine, and the command that turns it on.

import { button, copy, fill, h, icon } from "./dom.js";
import { capital, draw } from "./store.js";
import { dialog } from "./overlay.js";

let found = { known: false, off: [] };
let box = null;

export async function look(again = false) {
  try {
    const response = await fetch("off", { method: again ? "POST" : "GET" });
    if (response.ok) found = await response.json();
  } catch {
    // The state line says that the workspace does not answer; the next look may.
  }
  draw();
  if (box) fill(box, inside());
  if (!found.known) setTimeout(look, 2000);
}

export function offCard() {
  if (!found.known || !found.off.length) return null;
  return { key: "off", sign: JSON.stringify(found), make: () => h("section", { class: "off", "aria-label": "What is off" },
    h("p", {}, h("b", {}, "Works without: "), found.off.map(each => each.name).join(", ")),
    h("button", { type: "button", class: "push quiet", data: { focus: "off" }, onclick: show }, "How to turn on")) };
}

function show() {
  box = dialog("What is off on this machine", "offs", inside());
  box.addEventListener("close", () => { box = null; });
}

function inside() {
  return [h("div", { class: "top" }, h("h2", {}, "What is off on this machine"), button("Close", "close", () => box.close())),
    h("p", {}, "Magpie answers without these: with the best passages instead of a written answer, by words instead of ",
      "by what pictures show."),
    h("ul", {}, found.off.map(each => h("li", {}, h("h3", {}, capital(each.name)), h("p", {}, each.detail),
      each.fix ? h("p", {}, each.fix) : null,
      each.command ? h("div", { class: "command" }, h("code", {}, each.command),
        h("button", { type: "button", class: "push quiet", onclick: () => copy(each.command) }, icon("copy"), "Copy"))
        : h("p", {}, each.fix)))),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "push primary", onclick: async event => {
      const pushed = event.currentTarget;
      pushed.disabled = true;
      pushed.textContent = "Looking …";
      await look(true);
    } }, "Look again"))];
}
