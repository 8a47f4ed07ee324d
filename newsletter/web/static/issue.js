// The page: keys on the list, drag and drop, the preview kept in step, and words that outlive a lost line.
// Every act is a button of the page's own forms, so all of it works without this script too.
"use strict";

const list = () => document.getElementById("board");
const rows = () => [...document.querySelectorAll(".pick")];
let chosen = "";
let seen = list()?.dataset.version;
let dragged = null;

// --- a row is chosen by j and k, and its buttons are pressed by the other keys ---
const choose = (row) => {
  for (const one of rows()) one.classList.toggle("chosen", one === row);
  chosen = row ? row.dataset.article : "";
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
};
const chosenRow = () => rows().find((one) => one.dataset.article === chosen);
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const all = rows();
  const here = all.indexOf(chosenRow());
  if (event.key === "j") choose(all[Math.min(here + 1, all.length - 1)]);
  else if (event.key === "k") choose(all[Math.max(here - 1, 0)]);
  else if ("JKxpe".includes(event.key) && here >= 0) {
    if (event.key === "x") chosen = (all[here + 1] || all[here - 1])?.dataset.article || "";
    all[here].querySelector(`[data-do="${event.key}"]`)?.click();
  } else return;
  event.preventDefault();
});

// --- drag by the handle: mouse, pen and finger alike ---
document.addEventListener("pointerdown", (event) => {
  const row = event.target.closest(".handle")?.closest(".pick");
  if (!row || event.button) return;
  event.preventDefault();
  dragged = { row, from: rows().indexOf(row) };
  row.classList.add("dragged");
});
document.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const { row } = dragged;
  for (const other of rows()) {
    if (other === row) continue;
    const box = other.getBoundingClientRect();
    if (event.clientY < box.top || event.clientY > box.bottom) continue;
    if (event.clientY < box.top + box.height / 2) other.before(row);
    else other.after(row);
  }
});
document.addEventListener("pointerup", () => {
  if (!dragged) return;
  const { row, from } = dragged;
  const to = rows().indexOf(row);
  dragged = null;
  row.classList.remove("dragged");
  if (to === from) return;
  const form = row.querySelector("form");
  form.elements.place.value = String(to + 1);
  chosen = row.dataset.article;
  form.requestSubmit(form.querySelector('[value="move"]'));
});
document.addEventListener("pointercancel", () => { dragged?.row.classList.remove("dragged"); dragged = null; });
document.addEventListener("touchmove", (event) => { if (dragged) event.preventDefault(); }, { passive: false });

// --- after a swap: the preview follows the list, the chosen row stays chosen, a form opens or closes ---
// The machine words subject and preheader anew as the list changes: fields that nobody has touched say so too.
const refresh = () => {
  const { subject, preheader } = document.getElementById("inbox").dataset;
  const fields = document.getElementById("words")?.elements;
  for (const [name, words] of Object.entries(fields ? { subject, preheader } : {})) {
    if (fields[name].value === fields[`seen.${name}`].value) fields[name].value = words;
    else continue;
    fields[`seen.${name}`].value = words;
  }
};
const follow = () => {
  const version = list()?.dataset.version;
  if (!version || version === seen) return;
  seen = version;
  const frame = document.getElementById("frame");
  frame?.contentWindow.location.replace(`${frame.src.split("&v=")[0]}&v=${version}`);
  document.body.dispatchEvent(new Event("issue-changed"));
  refresh();
};
document.addEventListener("htmx:after:swap", (event) => {
  const writing = document.getElementById("writing");
  if (writing?.children.length && !writing.open && event.detail.ctx.target === writing) {
    writing.showModal();
    keepWords(writing);
  }
  const row = chosenRow();
  if (row && !writing?.open) {
    row.classList.add("chosen");
    const { activeElement: held } = document;
    if (!held || held === document.body || held.matches(".pick")) choose(row);
  }
  follow();
});
// The list is changed in place: what is folded out stays so, and what is being dragged is left alone.
htmx.registerExtension("in-place", {
  htmx_before_morph_attr: (element, { attrName }) => attrName !== "open" || !element.matches("details"),
  htmx_before_morph_node: (element) => !dragged || element.id !== "board",
});

// --- acts wait for each other (hx-sync), and a decision waits for them: nothing that was pressed is lost ---
let waiting = 0;
let decision = "";
const isAct = (event) => event.detail.ctx.request.method === "POST";
document.addEventListener("htmx:config:request", (event) => {
  if (isAct(event)) waiting += 1;
});
document.addEventListener("htmx:before:request", (event) => {
  const { sourceElement: source, request } = event.detail.ctx;
  const step = isAct(event) && source.closest(".undo")?.querySelector("[name=step]");
  if (step) request.body.set("step", step.value); // pressed twice: the step before the last too
});
document.addEventListener("htmx:finally:request", (event) => {
  if (!isAct(event)) return;
  waiting -= 1;
  if (waiting || !decision) return;
  const form = document.querySelector(`form[action="${decision}"]`);
  decision = "";
  form?.requestSubmit();
});
window.addEventListener("submit", (event) => {
  if (!waiting || event.target.matches("[hx-post], [hx-get]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  decision = event.target.getAttribute("action");
}, true);
window.addEventListener("beforeunload", (event) => {
  if (waiting) event.preventDefault();
});

// --- what was typed stays until it is saved: over a reload, a login and a restart of the desk ---
const place = (field) => `words ${location.pathname} ${field.form.dataset.keep} ${field.name}`;
const keepWords = (root) => {
  for (const field of root.querySelectorAll("[data-keep] textarea, [data-keep] input[type=text], [data-keep] input[type=url]")) {
    const kept = sessionStorage.getItem(place(field));
    if (kept !== null && kept !== field.value) {
      field.value = kept;
      field.closest("details")?.setAttribute("open", "");
    }
  }
};
document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.form?.dataset.keep && field.name) sessionStorage.setItem(place(field), field.value);
  for (const output of document.querySelectorAll(`[data-counts="${field.id}"]`)) output.textContent = field.value.length;
});
const forget = (form) => {
  for (const field of form.elements) {
    if (!field.name) continue;
    sessionStorage.removeItem(place(field));
    const before = form.elements[`seen.${field.name}`];
    if (before) before.value = field.type === "checkbox" ? (field.checked ? field.value : "") : field.value;
  }
};
const say = (words) => {
  const line = document.createElement("p");
  line.className = "said wrong";
  line.textContent = words;
  document.getElementById("said").replaceChildren(line);
  line.scrollIntoView({ block: "nearest" });
};
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement: source, response } = event.detail.ctx;
  if (!source.matches("[data-keep]")) return;
  if (response && response.raw?.ok !== false && response.status < 400) {
    forget(source);
    document.getElementById("said").replaceChildren();
    source.closest("dialog")?.close();
  } else source.closest("dialog")?.close();
});
document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (source?.id === "board" || source?.id === "q") return;
  source?.closest("dialog")?.close();
  say("The desk could not be reached. What you typed is kept in this window: open it again and save it once more.");
});
keepWords(document);

// --- on a phone the list and the preview are tabs ---
const tabs = [...document.querySelectorAll(".parts a")];
for (const tab of tabs) {
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    document.querySelector(".issue").classList.toggle("looks", tab.hash === "#look");
    for (const one of tabs) one.removeAttribute("aria-current");
    tab.setAttribute("aria-current", "true");
  });
}
