// Features that are not set up on this machine, with the commands that turn them on.

import { button, copy, fill, h, icon } from "./dom.js";
import { capital, draw } from "./store.js";
import { dialog } from "./overlay.js";

let found = { known: false, off: [] };
let box = null;

export async function check(again = false) {
  try {
    const response = await fetch("off", { method: again ? "POST" : "GET" });
    if (response.ok) found = await response.json();
  } catch {
    // The status line reports that the workspace does not answer. The next check may succeed.
  }
  draw();
  if (box) fill(box, inside());
  if (!found.known) setTimeout(check, 2000);
}

export function featureCard() {
  if (!found.known || !found.off.length) return null;
  return { key: "off", sign: JSON.stringify(found), make: () => h("section",
    { class: "off", "aria-label": "Not set up yet" },
    h("p", {}, h("b", {}, "Not set up yet: "), found.off.map(each => each.name).join(", ")),
    h("button", { type: "button", class: "push quiet", data: { focus: "off" }, onclick: show }, "How to turn on")) };
}

function show() {
  box = dialog("Not set up yet", "offs", inside());
  box.addEventListener("close", () => { box = null; });
}

function inside() {
  return [h("div", { class: "top" }, h("h2", {}, "Not set up yet"), button("Close", "close", () => box.close())),
    h("p", {}, "Magpie works without these: it shows the best passages instead of a written answer, and searches by words ",
      "instead of by meaning or by pictures."),
    h("ul", {}, found.off.map(each => h("li", {}, h("h3", {}, capital(each.name)), h("p", {}, each.detail),
      each.fix ? h("p", {}, each.fix) : null,
      each.command ? h("div", { class: "command" }, h("code", {}, each.command),
        h("button", { type: "button", class: "push quiet", onclick: () => copy(each.command) }, icon("copy"), "Copy"))
        : h("p", {}, each.fix)))),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "push primary", onclick: async event => {
      const pushed = event.currentTarget;
      pushed.disabled = true;
      pushed.textContent = "Checking…";
      await check(true);
    } }, "Check again"))];
}
