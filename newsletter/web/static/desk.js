// The desk's own script: keys, questions before grave acts, and clocks that run. All pages work without it.
"use strict";

// [data-key="a"] is pressed by that key, [data-key="g t"] by one after the other; never while somebody types.
let before = "";
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const keys = before ? `${before} ${event.key}` : event.key;
  const all = [...document.querySelectorAll("[data-key]")].filter((one) => one.offsetParent !== null || one.closest("template") === null);
  const found = all.find((one) => one.dataset.key === keys);
  before = !found && all.some((one) => one.dataset.key.startsWith(`${keys} `)) ? keys : "";
  if (!found) return;
  event.preventDefault();
  if (found.matches("input, textarea, select, summary, [tabindex='-1']")) found.focus();
  if (!found.matches("input, textarea, select")) found.click();
});

// [data-opens="id"] opens a <dialog>; [data-closes] closes the one it stands in.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
});

// <form data-asks="Really?"> is asked about before it goes.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-asks]");
  if (form && !window.confirm(form.dataset.asks)) event.preventDefault();
}, true);

// <time data-until datetime="…"> counts down in words, every ten seconds.
const left = (milliseconds) => {
  const minutes = Math.ceil(milliseconds / 60000);
  if (minutes <= 0) return "now";
  if (minutes < 60) return `in ${minutes} min`;
  if (minutes < 48 * 60) return `in ${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `in ${Math.round(minutes / 1440)} days`;
};
const tick = () => {
  for (const one of document.querySelectorAll("time[data-until]")) {
    one.textContent = left(Number(one.dataset.until) * 1000 - Date.now());
  }
};
setInterval(tick, 10000);

// Whoever has logged in anew in another tab goes on here: the page's forms get the new login's token.
document.addEventListener("new-token", (event) => {
  const { token } = event.detail;
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-Form-Token": token }));
  for (const field of document.querySelectorAll("[name=form_token]")) field.value = token;
});
