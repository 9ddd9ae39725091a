// Render Block Kit.

import { h, icon } from "./dom.js";
import { file, fileLink } from "./store.js";
import { markdown, richText, table, textObject } from "./text.js";
import { ask, lightbox } from "./overlay.js";

// `press(action_id, value, block_id)` sends an interaction to the app.
export function blocks(list, press) {
  return list.map((block, number) => (RENDERERS[block.type] ?? unknown)(block, press, `b${number}`));
}

const RENDERERS = {
  section: (block, press, at) => h("div", { class: "section" },
    h("div", { class: "words" },
      block.text ? h("div", {}, textObject(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map(each => h("div", {}, textObject(each)))) : null),
    block.accessory ? h("div", { class: "accessory" }, element(block.accessory, press, at, block)) : null),
  context: (block, press, at) => h("div", { class: "context" }, block.elements.map(each =>
    each.type === "image" ? picture(each, "small") : h("span", {}, textObject(each)))),
  header: block => h("h3", { class: "header" }, textObject(block.text)),
  divider: () => h("hr"),
  image: block => h("figure", { class: "shown" }, picture(block),
    block.title ? h("figcaption", {}, textObject(block.title)) : null),
  markdown: block => h("div", { class: "markdown" }, markdown(block.text)),
  rich_text: block => h("div", { class: "rich" }, richText(block)),
  actions: (block, press, at) => h("div", { class: "actions" },
    block.elements.map((each, number) => element(each, press, `${at}.${number}`, block))),
  context_actions: (block, press, at) => h("div", { class: "actions small" },
    block.elements.map((each, number) => element(each, press, `${at}.${number}`, block))),
  container: (block, press) => block.is_collapsible
    ? h("details", { class: "container", open: block.default_collapsed ? null : "" },
      h("summary", {}, textObject(block.title)), blocks(block.child_blocks, press))
    : h("div", { class: "container" }, h("b", {}, textObject(block.title)), blocks(block.child_blocks, press)),
  carousel: (block, press, at) => h("div", { class: "carousel", tabindex: "0", role: "group", "aria-label": "Pictures" },
    block.elements.map((card, number) => RENDERERS.card(card, press, `${at}.${number}`))),
  card: (block, press, at) => h("div", { class: "card" },
    block.hero_image ? picture(block.hero_image) : null,
    block.title ? h("b", {}, textObject(block.title)) : null,
    block.subtitle ? h("span", {}, textObject(block.subtitle)) : null,
    block.body ? h("p", {}, textObject(block.body)) : null,
    block.actions ? h("div", { class: "actions" },
      block.actions.map((each, number) => element(each, press, `${at}.${number}`, block))) : null),
  table: block => table(block.rows.map(row => row.map(cell)), true, block.column_settings ?? []),
};

function cell(given) {
  if (given.type === "rich_text") return richText(given);
  return String(given.text ?? "");
}

const unknown = block => h("p", { class: "cannot" }, `A block of the type “${block.type}” is not supported here.`);

// ---------------------------------------------------------------- pictures

// Show a picture of this workspace. The page never loads pictures from other hosts; it links to them.
export function picture(block, kind = "") {
  const given = block.slack_file;
  const id = given?.id ?? /-(F[A-Z0-9]+)\/|\/(F[A-Z0-9]+)\//.exec(given?.url ?? "")?.slice(1).find(Boolean);
  const known = id && file(id);
  if (known && !known.deleted) return thumb(known, block.alt_text, [known.id], kind);
  if (block.image_url) {
    return h("a", { class: "elsewhere", href: block.image_url, target: "_blank", rel: "noreferrer noopener" },
      `${block.alt_text} (picture on another site, not loaded)`);
  }
  return h("span", { class: "cannot" }, `${block.alt_text}: this picture no longer exists.`);
}

// `all`: ids of the pictures to step through in the lightbox.
export function thumb(known, alt, all, kind = "") {
  const [width, height] = known.pixels ?? [1, 1], limit = kind === "small" ? [120, 72] : [460, 330];
  const image = h("img", { src: fileLink(known.id, known.name), alt: alt || known.title, width, height, loading: "lazy" });
  // Reserve its size before it loads, so that what is below does not jump.
  image.style.width = `${Math.round(Math.min(width, limit[0], limit[1] * width / height))}px`;
  return h("button", {
    type: "button", class: `picture ${kind}`, "aria-label": `Open ${alt || known.title} large`,
    data: { focus: `picture-${known.id}` }, onclick: () => lightbox(all, known.id),
  }, image);
}

// ---------------------------------------------------------------- buttons

function element(given, press, at, block) {
  const id = block.block_id ?? "";
  if (given.type === "image") return picture(given, "small");
  if (given.type === "feedback_buttons") return feedback(given, press, at, id);
  if (given.type === "icon_button") {
    return h("button", { type: "button", class: "push", "aria-label": given.text?.text, title: given.text?.text,
      data: { focus: at }, onclick: event => pressed(event, press, given, given.value, id) },
    icon(given.icon === "trash" ? "trash" : "more"));
  }
  if (given.type !== "button") return h("span", { class: "cannot" }, `“${given.type}” is not supported here.`);
  return h("button", { type: "button", class: `push ${given.style ?? ""}`, "aria-label": given.accessibility_label,
    data: { focus: at, action: given.action_id },
    onclick: event => {
      if (given.url) window.open(given.url, "_blank", "noreferrer,noopener");
      pressed(event, press, given, given.value, id);
    } }, textObject(given.text));
}

function feedback(given, press, at, id) {
  const side = (which, sign) => h("button", {
    type: "button", class: "push quiet", title: given[which].text.text,
    data: { focus: `${at}.${which}`, action: given.action_id },
    onclick: event => {
      for (const each of event.currentTarget.parentElement.children) {
        each.setAttribute("aria-pressed", each === event.currentTarget);
      }
      pressed(event, press, given, given[which].value, id);
    },
  }, icon(sign), h("span", {}, given[which].text.text));
  return h("span", { class: "feedback", role: "group", "aria-label": "Was this helpful?" },
    side("positive_button", "thumb-up"), side("negative_button", "thumb-down"));
}

async function pressed(event, press, given, value, id) {
  const pushed = event.currentTarget;
  if (given.confirm && !await confirmed(given.confirm)) return;
  pushed.setAttribute("aria-busy", "true");
  await press(given.action_id, value ?? "", id);
  pushed.removeAttribute("aria-busy");
}

function confirmed(asked) {
  return ask(asked.title?.text ?? "Sure?", textObject(asked.text), asked.confirm?.text ?? "Yes",
    asked.deny?.text ?? "No");
}

