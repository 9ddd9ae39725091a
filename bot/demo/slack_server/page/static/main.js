// Entry point: draw the page whenever the store changes.

import { at, begin, draw, entries, go, on } from "./store.js";
import { addFiles, closeThread, drawConversation, drawThread } from "./conversation.js";
import { drawSide, firstPlace, hideSide, pageTitle } from "./side.js";
import { drawHome, drawViews, leaveHome } from "./views.js";
import { drawInspector, resume, shown, toggle } from "./inspector.js";
import { check } from "./features.js";

const [side, conversation, thread, inspector] = ["side", "conversation", "thread", "inspector"]
  .map(id => document.getElementById(id));

on(() => {
  if (!at.place && firstPlace()) { go(firstPlace(), "", at.person, true); return; }
  drawSide(side);
  if (at.place === "home") drawHome(conversation);
  else { leaveHome(); drawConversation(conversation); }
  drawThread(thread);
  drawInspector(inspector);
  drawViews();
  document.title = pageTitle();
});

// ---------------------------------------------------------------- dropped files

let depth = 0;
const holdsFiles = event => [...(event.dataTransfer?.types ?? [])].includes("Files");
const over = by => {
  depth = Math.max(0, depth + by);
  document.body.classList.toggle("dropping", depth > 0);
};

addEventListener("dragenter", event => { if (holdsFiles(event)) { event.preventDefault(); over(1); } });
addEventListener("dragleave", event => { if (holdsFiles(event)) over(-1); });
addEventListener("dragover", event => { if (holdsFiles(event)) event.preventDefault(); });
addEventListener("drop", event => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth = 0;
  over(0);
  addFiles([...event.dataTransfer.files], thread.contains(event.target));
});

// ---------------------------------------------------------------- keys

addEventListener("keydown", event => {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (document.body.classList.contains("side-open")) hideSide();
    else if (at.thread) closeThread();
    else if (shown() && inspector.contains(document.activeElement)) toggle();
  }
  if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const places = [...side.querySelectorAll(".places a")].map(each => each.hash.split("/")[2]);
    const next = places.indexOf(at.place) + (event.key === "ArrowDown" ? 1 : -1);
    go(places[(next + places.length) % places.length]);
  }
});

// Do not follow the link: the fragment of the address is the current place.
document.querySelector(".skip").addEventListener("click", event => { event.preventDefault(); conversation.focus(); });

conversation.addEventListener("pointerdown", () => hideSide());
document.addEventListener("visibilitychange", draw);

await begin();
resume();
check();

