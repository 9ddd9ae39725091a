// The app's surfaces: Home and modals.

import { button, fill, h, keep } from "./dom.js";
import { act, at, capital, entries, people, start, views } from "./store.js";
import { blocks } from "./blocks.js";
import { textObject } from "./text.js";
import { dialog } from "./overlay.js";
import { showSide, tabs } from "./conversation.js";

// ---------------------------------------------------------------- Home

const home = { person: "" };

export function drawHome(root) {
  if (home.person !== at.person || !root.querySelector(".home")) {
    home.person = at.person;
    fill(root, h("div", { class: "head" }, h("div", { class: "title" },
      button("Conversations", "menu", showSide, { class: "plain only-narrow" }),
      h("div", { class: "named" }, h("h2", {}, `${start.app.name}’s Home`), h("p", {}, start.app.description)),
      tabs("home"))),
    h("div", { class: "scroller" }, h("div", { class: "home" })));
    act("home", { tab: "home" });
  }
  const view = entries.get("home");
  keep(root.querySelector(".home"), [{ key: "view", sign: JSON.stringify([view, [...entries.keys()].length]),
    make: () => h("div", { class: "text" }, view ? blocks(view.blocks, presser(view.id))
      : h("p", {}, `${start.app.name} has not published a Home yet.`)) }]);
}

export function leaveHome() { home.person = ""; }

const presser = view => (action_id, value) => act("click-in-view", { view, action_id, value });

// ---------------------------------------------------------------- modals

let modal = null;

export function drawViews() {
  const view = views().at(-1);
  if (!view) {
    if (modal) { const { box } = modal; modal = null; box.close(); }
    return;
  }
  const sign = JSON.stringify(view);
  if (modal?.sign === sign) return;
  if (modal?.id !== view.id) {
    const old = modal;
    modal = { id: view.id, box: dialog(view.title.text, "modal") };
    old?.box.close();
    modal.box.addEventListener("close", () => closed(view.id));
  }
  modal.sign = sign;
  fill(modal.box, form(view));
  modal.box.querySelector("input, textarea, select")?.focus();
}

function closed(id) {
  if (modal?.id !== id) return;
  modal = null;
  act("close", { view: id });
}

function form(view) {
  const message = h("p", { class: "wrong", role: "alert" });
  const box = h("form", { onsubmit: async event => {
    event.preventDefault();
    for (const each of box.querySelectorAll(".wrong")) each.textContent = "";
    const answer = await act("submit", { view: view.id, values: values(box) });
    for (const [id, text] of Object.entries(answer?.errors ?? {})) {
      (box.querySelector(`[data-block="${CSS.escape(id)}"] .wrong`) ?? message).textContent = text;
    }
  } },
  h("div", { class: "top" }, h("h2", {}, view.title.text), button("Close", "close", () => modal?.box.close())),
  h("div", { class: "text" }, view.blocks.map(each => (each.type === "input" ? input(each)
    : blocks([each], presser(view.id))))), message,
  h("div", { class: "buttons" },
    h("button", { type: "button", class: "push", onclick: () => modal?.box.close() }, view.close?.text ?? "Cancel"),
    view.submit ? h("button", { type: "submit", class: "push primary" }, view.submit.text) : null));
  return box;
}

function input(block) {
  const given = block.element, id = `${block.block_id}-${given.action_id}`;
  const optional = block.optional ? h("small", {}, " (optional)") : null;
  const title = GROUPS.includes(given.type) ? h("b", { id: `${id}-title` }, textObject(block.label), optional)
    : h("label", { for: id }, textObject(block.label), optional);
  return h("div", { class: "input", data: { block: block.block_id ?? "" } }, title, field(given, id), block.hint ? h("small", {}, textObject(block.hint)) : null, h("p", { class: "wrong", role: "alert" }));
}

const GROUPS = ["radio_buttons", "checkboxes", "multi_users_select"];

function field(given, id) {
  const named = { id, data: { action: given.action_id, kind: given.type } };
  if (given.type === "plain_text_input") {
    const box = h(given.multiline ? "textarea" : "input", { ...named, placeholder: given.placeholder?.text,
      maxlength: given.max_length });
    box.value = given.initial_value ?? "";
    return box;
  }
  if (given.type === "static_select") {
    return h("select", named, h("option", { value: "" }, given.placeholder?.text ?? "Choose"),
      (given.options ?? []).map(each => h("option", { value: each.value,
        selected: each.value === given.initial_option?.value }, each.text.text)));
  }
  if (GROUPS.includes(given.type)) {
    const kind = given.type === "radio_buttons" ? "radio" : "checkbox";
    const chosen = [given.initial_option, ...(given.initial_options ?? [])].filter(Boolean).map(each => each.value);
    const first = given.initial_users ?? chosen;
    const options = given.type === "multi_users_select"
      ? people().filter(each => !each.bot).map(each => ({ value: each.id, text: { type: "plain_text", text: capital(each.name) } }))
      : given.options;
    return h("div", { ...named, role: "group", "aria-labelledby": `${id}-title`, class: "choices" },
      options.map(each => h("label", { class: "choice" },
        h("input", { type: kind, name: id, value: each.value, checked: first.includes(each.value) }),
        textObject(each.text))));
  }
  return h("span", { class: "cannot" }, `“${given.type}” is not supported here.`);
}

// Return `view.state.values` in Slack's format.
function values(box) {
  const found = {};
  for (const each of box.querySelectorAll("[data-kind]")) {
    const kind = each.dataset.kind;
    const chosen = [...each.querySelectorAll("input:checked")].map(one => ({ value: one.value }));
    const value = kind === "plain_text_input" ? { value: each.value || null }
      : kind === "multi_users_select" ? { selected_users: chosen.map(one => one.value) }
      : kind === "checkboxes" ? { selected_options: chosen }
      : { selected_option: kind === "radio_buttons" ? chosen[0] ?? null : each.value ? { value: each.value } : null };
    (found[each.closest("[data-block]").dataset.block] ??= {})[each.dataset.action] = { type: kind, ...value };
  }
  return found;
}
