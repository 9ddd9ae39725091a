// DOM helpers. Text from people and documents is never parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (value === true && !name.startsWith("aria-")) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(9).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name, kind = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", kind);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export function button(label, sign, act, more = {}) {
  return h("button", { type: "button", class: "plain", "aria-label": label, title: label, onclick: act, ...more },
    icon(sign));
}

// Update the children of a box, keeping the unchanged ones with their focus and state. `items`: [{key, sign, make}]; a
// child is made again when its `sign` changes.
export function keep(box, items) {
  const old = new Map([...box.children].map(child => [child.dataset.key, child]));
  let at = box.firstElementChild;
  for (const { key, sign, make } of items) {
    let child = old.get(key);
    old.delete(key);
    if (!child || child.sign !== sign) {
      const fresh = make();
      fresh.dataset.key = key;
      fresh.sign = sign;
      if (child) {
        if (at === child) at = fresh;
        swap(child, fresh);
      }
      child = fresh;
    }
    if (child === at) at = at.nextElementSibling;
    else box.insertBefore(child, at);
  }
  for (const child of old.values()) child.remove();
}

// Replace an element. Focus moves to the new element with the same `data-focus`.
function swap(old, fresh) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const name = active?.dataset.focus;
  old.replaceWith(fresh);
  if (!active) return;
  const next = active === old ? fresh : name && fresh.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  (next || fresh).focus({ preventScroll: true });
}

export function fill(box, ...children) {
  box.replaceChildren(...children.flat(9).filter(Boolean));
}

let announcing = 0;

// Announce a text to screen readers.
export function announce(text) {
  const box = document.getElementById("announcements");
  box.textContent = "";
  clearTimeout(announcing);
  announcing = setTimeout(() => { box.textContent = text; }, 60);
}

export function toast(text, kind = "") {
  const box = h("div", { class: `toast ${kind}`, role: "alert" }, h("span", {}, text),
    button("Dismiss", "close", () => box.remove()));
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 8000);
}

export async function copy(text) {
  await navigator.clipboard.writeText(text);
  announce("Copied.");
}

export function bytes(number) {
  if (number < 1000) return `${number} B`;
  return number < 1e6 ? `${Math.round(number / 1000)} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

export function clock(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

export function day(ts) {
  const date = new Date(Number(ts) * 1000), today = new Date();
  const before = new Date(today);
  before.setDate(today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === before.toDateString()) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}
