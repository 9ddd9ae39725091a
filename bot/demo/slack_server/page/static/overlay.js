// Dialogs, the lightbox and menus. Each returns the focus to where it was.

import { button, bytes, fill, h, icon } from "./dom.js";
import { file, fileLink } from "./store.js";

export function dialog(label, kind, ...children) {
  const from = document.activeElement;
  const box = h("dialog", { class: kind, "aria-label": label }, children);
  box.addEventListener("click", event => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => {
    box.remove();
    if (from?.isConnected) from.focus({ preventScroll: true });
  });
  document.body.append(box);
  box.showModal();
  return box;
}

export function ask(title, text, yes, no = "Cancel") {
  return new Promise(resolve => {
    let confirmed = false;
    const box = dialog(title, "question",
      h("h2", {}, title), h("p", {}, text),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "push", onclick: () => box.close() }, no),
        h("button", { type: "button", class: "push danger", onclick: () => { confirmed = true; box.close(); } }, yes)));
    box.addEventListener("close", () => resolve(confirmed));
  });
}

// ---------------------------------------------------------------- pictures and files

export function openFile(id) {
  const known = file(id);
  if (!known || known.deleted) return;
  if (known.pixels) lightbox([id], id);
  else window.open(fileLink(id, known.name), "_blank", "noreferrer,noopener");
}

export function lightbox(ids, first) {
  let number = Math.max(0, ids.indexOf(first));
  const shown = h("div", { class: "canvas" }), title = h("h2"), count = h("span", { class: "count" });
  const links = h("span", { class: "links" });
  const step = by => { number = (number + by + ids.length) % ids.length; show(); };
  const several = ids.length > 1;
  const box = dialog("Picture", "lightbox",
    h("div", { class: "top" }, title, count, links, button("Close", "close", () => box.close(), { autofocus: true })),
    several ? button("Previous picture", "back", () => step(-1), { class: "plain side previous" }) : null,
    shown,
    several ? button("Next picture", "next", () => step(1), { class: "plain side following" }) : null);
  function show() {
    const known = file(ids[number]);
    if (!known || known.deleted) { box.close(); return; }
    const [width, height] = known.pixels ?? [];
    const image = h("img", { src: fileLink(known.id, known.name), alt: known.title, width, height });
    const zoom = h("button", { type: "button", class: "zoom", "aria-pressed": "false", "aria-label": "Full size",
      title: "Full size", onclick: () => {
        const large = shown.classList.toggle("large");
        zoom.setAttribute("aria-pressed", large);
        if (large) shown.scrollTo((shown.scrollWidth - shown.clientWidth) / 2, 0);
      } }, image);
    shown.classList.remove("large");
    fill(shown, zoom);
    title.textContent = known.title;
    count.textContent = several ? `${number + 1} of ${ids.length}` : "";
    fill(links, h("a", { href: fileLink(known.id, known.name), download: known.name, class: "plain",
      "aria-label": "Save", title: `Save (${bytes(known.size)})` }, icon("save")));
  }
  box.addEventListener("keydown", event => {
    if (several && event.key === "ArrowLeft") step(-1);
    if (several && event.key === "ArrowRight") step(1);
  });
  show();
}

// ---------------------------------------------------------------- menus

let opened = null;

// `choices`: [{label, hint?, sign, act, danger?}], or null for a separator.
export function menu(from, label, choices) {
  opened?.();
  const items = choices.filter(Boolean).map(each => h("button", {
    type: "button", role: "menuitem", class: each.danger ? "danger" : "", tabindex: "-1",
    onclick: () => { close(true); each.act(); },
  }, each.picture ?? (each.sign ? icon(each.sign) : null),
  h("span", {}, each.label, each.hint ? h("small", {}, each.hint) : null)));
  let next = 0;
  const box = h("div", { class: "menu", role: "menu", "aria-label": label },
    choices.map(each => (each ? items[next++] : h("hr", { role: "separator" }))));
  const close = back => {
    box.remove();
    // Focus before marking it as closed: the button may be hidden when nothing near it is open or focused.
    if (back && from.isConnected) from.focus({ preventScroll: true });
    from.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    opened = null;
  };
  const outside = event => { if (!box.contains(event.target)) close(false); };
  box.addEventListener("keydown", event => {
    const now = items.indexOf(document.activeElement);
    const to = { ArrowDown: now + 1, ArrowUp: now - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); items[to % items.length].focus(); }
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); event.stopPropagation(); close(true); }
  });
  from.setAttribute("aria-expanded", "true");
  (from.closest("#conversation, #thread") ?? document.body).append(box);
  const at = from.getBoundingClientRect(), own = box.getBoundingClientRect();
  const below = at.bottom + own.height + 8 < innerHeight;
  box.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - own.height - 4)}px`;
  box.style.left = `${Math.max(8, Math.min(at.right - own.width, innerWidth - own.width - 8))}px`;
  document.addEventListener("pointerdown", outside, true);
  opened = () => close(false);
  items[0]?.focus();
}
