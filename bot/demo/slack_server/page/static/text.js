// Slack's mrkdwn, Markdown and rich text as elements.

import { h, icon } from "./dom.js";
import { at, entries, file, link, name, person, conversation, start } from "./store.js";
import { openFile } from "./overlay.js";

const SIGNS = {
  large_yellow_circle: "sign-part", white_check_mark: "sign-check", heavy_check_mark: "sign-check", warning: "sign-warning", eyes: "sign-eyes",
  heart: "sign-heart", "+1": "sign-up", thumbsup: "sign-up", "-1": "sign-down", thumbsdown: "sign-down",
};
const EMOJI = {
  tada: "🎉", wave: "👋", question: "❓", x: "❌", mag: "🔍", page_facing_up: "📄", books: "📚", bulb: "💡",
  hourglass: "⌛", rocket: "🚀", smile: "😄", bird: "🐦", camera: "📷", wastebasket: "🗑️", lock: "🔒", star: "⭐",
  point_right: "👉", information_source: "ℹ️", no_entry: "⛔", gear: "⚙️", bar_chart: "📊", inbox_tray: "📥",
  thinking_face: "🤔", raised_hands: "🙌", link: "🔗", file_folder: "📁", arrow_right: "➡️", frame_with_picture: "🖼️",
};

const DRAWN = { "✅": "white_check_mark", "🟡": "large_yellow_circle", "⚠": "warning", "👀": "eyes" };

export function emoji(id) {
  const bare = id.split("::")[0];
  if (SIGNS[bare]) return icon(SIGNS[bare], "sign");
  return document.createTextNode(EMOJI[bare] ?? `:${bare}:`);
}

const plain = text => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

export function mention(id) {
  const mine = id === at.person || id === entries.get("me")?.bot;
  return h("span", { class: mine ? "mention mine" : "mention" }, `@${person(id) ? name(id) : "unknown"}`);
}

export function channelName(id, label) {
  const known = conversation(id);
  return known ? h("a", { href: link(id), class: "mention" }, `#${known.name}`)
    : h("span", { class: "mention" }, label ? `#${label}` : "#a private channel");
}

// Return a link. Links to this workspace's files and messages open in this page.
export function anchor(url, children) {
  let parts;
  try { parts = new URL(url); } catch { return h("span", {}, children); }
  if (!/^(https?|mailto):$/.test(parts.protocol)) return h("span", {}, children);
  if (parts.hostname === `${start.domain}.slack.com`) {
    const [, kind, one, two] = parts.pathname.split("/");
    if (kind === "files") return ownFile(two, children);
    if (kind === "archives" && two?.startsWith("p")) {
      const ts = `${two.slice(1, -6)}.${two.slice(-6)}`;
      return h("a", { href: link(one, parts.searchParams.get("thread_ts") || ts) }, children);
    }
  }
  return h("a", { href: url, target: "_blank", rel: "noreferrer noopener", title: url }, children);
}

function ownFile(id, children) {
  return h("button", { type: "button", class: "linklike", title: file(id)?.name ?? "", onclick: () => openFile(id) },
    children);
}

const INLINE = new RegExp([
  /`([^`\n]+)`/, /<([^<>\n]+)>/, /(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])/,
  /(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])/, /(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])/,
  /:([a-z0-9_+'-]+):(?!\w)/,
].map(each => each.source).join("|"), "g");

function inline(text) {
  const found = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, entity, bold, italic, struck, sign] = match;
    const made = code ? h("code", {}, plain(code)) : entity ? inAngles(entity)
      : bold ? h("strong", {}, inline(bold)) : italic ? h("em", {}, inline(italic))
      : struck ? h("s", {}, inline(struck)) : SIGNS[sign] || EMOJI[sign] ? emoji(sign) : null;
    if (!made) continue;
    found.push(...lines(plain(text.slice(last, match.index))), made);
    last = match.index + whole.length;
  }
  found.push(...lines(plain(text.slice(last))));
  return found;
}

function lines(text) {
  return text.split("\n").flatMap((line, number) => (number ? [h("br"), ...signs(line)] : signs(line)));
}

// Return a line with emoji drawn that some systems have no font for.
function signs(line) {
  return line.split(/([✅🟡⚠👀])\ufe0f?/u).filter(each => each !== "").map(each => (DRAWN[each] ? emoji(DRAWN[each]) : each));
}

function inAngles(entity) {
  const [target, label] = entity.split(/\|(.*)/s);
  if (target.startsWith("@")) return mention(target.slice(1));
  if (target.startsWith("#")) return channelName(target.slice(1), label && plain(label));
  if (target.startsWith("!date")) return document.createTextNode(plain(label ?? ""));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label ?? target.slice(1).split("^")[0]}`);
  return anchor(plain(target), label ? inline(label) : [plain(target)]);
}

export function mrkdwn(text) {
  return text.split(/```\n?([\s\S]*?)\n?```/).flatMap((part, number) => {
    if (number % 2) return [h("pre", {}, plain(part))];
    return part.split(/((?:^&gt; ?.*(?:\n|$))+)/m).flatMap(piece => {
      if (!piece.startsWith("&gt;")) return piece.trim() ? inline(number ? piece.trim() : piece) : [];
      return [h("blockquote", {}, inline(piece.trimEnd().replace(/^&gt; ?/gm, "")))];
    });
  });
}

export function textObject(text) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text) : lines(text.text.replace(/:([a-z0-9_+'-]+):/g,
    (whole, id) => EMOJI[id] ?? whole));
}

// ---------------------------------------------------------------- rich text

const MARKS = { bold: "strong", italic: "em", strike: "s", code: "code" };

function richElement(element) {
  if (element.type === "user") return mention(element.user_id);
  if (element.type === "channel") return channelName(element.channel_id);
  if (element.type === "emoji") return element.unicode && !SIGNS[element.name]
    ? String.fromCodePoint(...element.unicode.split("-").map(each => parseInt(each, 16))) : emoji(element.name);
  if (element.type === "broadcast") return h("span", { class: "mention" }, `@${element.range}`);
  let made = element.type === "link" ? anchor(element.url, [element.text || element.url])
    : lines(element.text ?? "");
  for (const [style, tag] of Object.entries(MARKS)) if (element.style?.[style]) made = h(tag, {}, made);
  return made;
}

export function richText(block) {
  return block.elements.map(part => {
    const inside = (part.elements ?? []).map(richElement);
    if (part.type === "rich_text_list") {
      const items = part.elements.map(each => h("li", {}, each.elements.map(richElement)));
      return h(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent ?? 0}` }, items);
    }
    if (part.type === "rich_text_quote") return h("blockquote", {}, inside);
    if (part.type === "rich_text_preformatted") return h("pre", {}, inside);
    return h("div", {}, inside);
  });
}

// ---------------------------------------------------------------- Markdown

const SPAN = new RegExp([
  /`([^`\n]+)`/, /\[([^\]\n]+)\]\((\S+?)\)/, /\*\*(?=\S)(.+?)(?<=\S)\*\*/, /(?<!\w)\*(?=\S)([^*\n]+?)(?<=\S)\*/,
  /(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)/, /~~(.+?)~~/,
].map(each => each.source).join("|"), "g");

function span(text) {
  const found = [];
  let last = 0;
  for (const match of text.matchAll(SPAN)) {
    const [whole, code, label, url, bold, star, under, struck] = match;
    found.push(...lines(text.slice(last, match.index)), code ? h("code", {}, code) : label ? anchor(url, span(label))
      : bold ? h("strong", {}, span(bold)) : struck ? h("s", {}, span(struck)) : h("em", {}, span(star || under)));
    last = match.index + whole.length;
  }
  found.push(...lines(text.slice(last)));
  return found;
}

const BEGINS = /^(#{1,6} |[-*+] |\d+[.)] |> ?|```|\||(-{3,}|\*{3,})$)/;

export function markdown(text) {
  const all = text.split("\n"), found = [];
  const take = sign => {
    const taken = [];
    while (all.length && sign.test(all[0])) taken.push(all.shift());
    return taken;
  };
  while (all.length) {
    const line = all[0];
    if (!line.trim()) all.shift();
    else if (line.startsWith("```")) {
      all.shift();
      const code = [];
      while (all.length && !all[0].startsWith("```")) code.push(all.shift());
      all.shift();
      found.push(h("pre", {}, code.join("\n")));
    } else if (/^#{1,6} /.test(line)) found.push(h("h3", {}, span(all.shift().replace(/^#+ +/, ""))));
    else if (/^(-{3,}|\*{3,})$/.test(line.trim())) { all.shift(); found.push(h("hr")); }
    else if (/^\s*[-*+] /.test(line)) found.push(h("ul", {}, take(/^\s*[-*+] /).map(each =>
      h("li", {}, span(each.replace(/^\s*[-*+] +/, ""))))));
    else if (/^\s*\d+[.)] /.test(line)) found.push(h("ol", {}, take(/^\s*\d+[.)] /).map(each =>
      h("li", {}, span(each.replace(/^\s*\d+[.)] +/, ""))))));
    else if (line.startsWith(">")) found.push(h("blockquote", {}, span(take(/^>/).join("\n").replace(/^> ?/gm, ""))));
    else if (line.startsWith("|")) found.push(pipes(take(/^\|/)));
    else {
      const taken = [all.shift()];
      while (all.length && all[0].trim() && !BEGINS.test(all[0].trim())) taken.push(all.shift());
      found.push(h("p", {}, span(taken.join("\n"))));
    }
  }
  return found;
}

function pipes(rows) {
  const cells = rows.map(row => row.trim().replace(/^\||\|$/g, "").split("|").map(each => each.trim()));
  const rule = cells.find(row => row.every(each => /^:?-+:?$/.test(each)));
  const columns = rule?.map(each => ({ align: each.endsWith(":") ? (each.startsWith(":") ? "center" : "right") : "left" }));
  return table(cells.filter(row => row !== rule).map(row => row.map(span)), Boolean(rule), columns);
}

export function table(rows, headed, columns = []) {
  const row = (cells, tag) => h("tr", {}, cells.map((cell, number) => {
    const side = columns[number]?.align;
    return h(tag, { class: side ? `align-${side}` : "", scope: tag === "th" ? "col" : null }, cell);
  }));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", {},
    headed ? h("thead", {}, row(rows[0], "th")) : null,
    h("tbody", {}, rows.slice(headed ? 1 : 0).map(each => row(each, "td")))));
}

