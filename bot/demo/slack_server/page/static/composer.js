// The message field: text with completions, files by choosing, dropping or pasting.

import { button, bytes, fill, h, icon, toast } from "./dom.js";
import { act, at, people, conversation, start, title, upload } from "./store.js";
import { complete } from "./completion.js";

const drafts = new Map();
const MAX_BYTES = 250 * 1024 * 1024;

// `sent(ts)` is called once the message is posted.
export function composer(channel, thread, sent = () => {}) {
  const slot = [at.person, channel, thread].join("/");
  const draft = drafts.get(slot) ?? { text: "", files: [] };
  drafts.set(slot, draft);
  const where = conversation(channel);
  const label = thread ? "Reply in the thread" : `Message ${where.name ? "#" : ""}${title(where)}`;
  const hint = where.kind === "im" ? label : `${label} (@magpie to ask)`;
  const area = h("textarea", { rows: "1", placeholder: hint, "aria-label": label, spellcheck: "true",
    data: { focus: "write" } });
  const chips = h("div", { class: "chips" });
  const chooser = h("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true",
    onchange: () => { add([...chooser.files]); chooser.value = ""; } });
  const box = h("form", { class: "composer", onsubmit: event => { event.preventDefault(); send(); } });
  const submit = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" },
    icon("send"));
  box.append(chips, area, h("div", { class: "bar" },
    button("Attach files", "clip", () => chooser.click()), chooser,
    h("small", { class: "hint" }, "Enter sends, Shift+Enter adds a line; drop or paste files"), submit));
  complete(area, box, channel, Boolean(thread));

  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
    submit.disabled = !area.value.trim() && !draft.files.length;
  };
  area.value = draft.text;
  area.addEventListener("input", () => { draft.text = area.value; grow(); });
  area.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  area.addEventListener("paste", event => {
    const files = [...event.clipboardData.files];
    if (files.length) { event.preventDefault(); add(files); }
  });

  function add(files) {
    const large = files.filter(each => each.size > MAX_BYTES);
    for (const each of large) toast(`${each.name} is larger than ${bytes(MAX_BYTES)}.`, "bad");
    draft.files.push(...files.filter(each => !large.includes(each)));
    drawChips();
    area.focus();
  }

  function drawChips() {
    fill(chips, draft.files.map(each => {
      const shown = each.type.startsWith("image/") ? h("img", { alt: "", src: URL.createObjectURL(each) }) : icon("file");
      if (shown.src) shown.onload = () => URL.revokeObjectURL(shown.src);
      return h("span", { class: "chip" }, shown, h("span", {}, each.name, h("small", {}, bytes(each.size))),
        button(`Remove ${each.name}`, "close", () => {
          draft.files = draft.files.filter(other => other !== each);
          drawChips();
          area.focus();
        }));
    }));
    grow();
  }

  async function send() {
    const text = area.value.trim(), files = draft.files;
    if ((!text && !files.length) || box.getAttribute("aria-busy")) return;
    box.setAttribute("aria-busy", "true");
    const result = text.startsWith("/") && !files.length ? await command(text, channel, thread)
      : await post(text, files, channel, thread);
    box.removeAttribute("aria-busy");
    if (!result) { area.focus(); return; }
    draft.text = area.value = "";
    draft.files = [];
    drawChips();
    sent(result.ts);
  }

  box.add = add;
  box.write = text => {
    area.value = draft.text = text;
    grow();
    area.focus();
    area.setSelectionRange(text.length, text.length);
  };
  box.focusText = () => area.focus({ preventScroll: true });
  drawChips();
  requestAnimationFrame(grow);
  return box;
}

async function post(text, files, channel, thread) {
  const ids = [];
  try {
    for (const each of files) ids.push(await upload(each));
  } catch (error) {
    toast(`Could not upload the file: ${error.message}`, "bad");
    return null;
  }
  return act("post", { channel, text, thread, files: ids });
}

async function command(text, channel, thread) {
  const [word, ...rest] = text.split(/\s+/);
  if (thread) { toast("Commands do not work in threads, as in Slack.", "bad"); return null; }
  if (word === "/invite") {
    const named = rest.join(" ").replace(/^@/, "").toLowerCase();
    const who = people().find(each => each.name.toLowerCase() === named);
    if (!who) { toast(`There is no one named “${named}” here.`, "bad"); return null; }
    return act("invite", { channel, user: who.id });
  }
  if (!start.app.commands.some(each => each.command === word)) {
    const known = [...start.app.commands.map(each => each.command), "/invite"].join(", ");
    toast(`${word} is not a command here. Available: ${known}.`, "bad");
    return null;
  }
  return act("command", { channel, text });
}

// Edit a message in place.
export function edit(box, text, save) {
  const was = [...box.childNodes];
  const area = h("textarea", { "aria-label": "Edit the message", rows: "2" });
  area.value = text;
  const end = () => fill(box, was);
  const done = async () => {
    if (area.value.trim() === text.trim()) { end(); return; }
    if (await save(area.value)) end();
  };
  fill(box, h("div", { class: "editing" }, area, h("div", { class: "buttons" },
    h("button", { type: "button", class: "push", onclick: end }, "Cancel"),
    h("button", { type: "button", class: "push primary", onclick: done }, "Save"))));
  area.addEventListener("keydown", event => {
    if (event.key === "Escape") { event.stopPropagation(); end(); }
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); done(); }
  });
  area.focus();
}

