// The desk works without this. With it forms are sent without leaving the page: what came of one is put into place, and
// focus, scroll and whatever else was typed stay. Keys press what carries them, and news of others come by themselves.
"use strict";

const PARTS = ["standing", "main", "foot"];
const page = () => document.body.dataset;
const byId = (id) => document.getElementById(id);
const typing = (node) => node.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

document.documentElement.classList.add("scripted");
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone it is one row

// What was typed and not sent

const fields = (root) => [...root.querySelectorAll("input:not([type=hidden], [type=file]), textarea, select")]
  .filter((field) => field.name && field.form?.method === "post");

// Fields of a form that was not taken: the page shows what was typed as if it were stored.
const unsent = new Set();

const isDirty = (field) => unsent.has(nameOf(field)) ? true
  : field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
  : field.tagName === "SELECT" ? [...field.options].some((one) => one.selected !== one.defaultSelected)
  : field.value !== field.defaultValue;

const nameOf = (field) => {
  const form = field.form;
  const same = [...document.forms].filter((one) => one.getAttribute("action") === form.getAttribute("action"));
  return [form.id || `${form.getAttribute("action")} ${same.indexOf(form)}`, field.name, field.type === "radio" ? field.value : ""].join("|");
};

const storedIn = (field) => field.type === "checkbox" || field.type === "radio" ? String(field.defaultChecked)
  : field.tagName === "SELECT" ? [...field.options].filter((one) => one.defaultSelected).map((one) => one.value).join("\n")
  : field.defaultValue;

// Gives what puts typed texts back. One that was typed over a text which somebody else changed meanwhile leaves its form
// with the revision it was made from: sent, it must look stale. `told` is a form whose editor was told just now.
function keep(but, told) {
  const kept = fields(document).filter((field) => field.form !== but && isDirty(field));
  const values = new Map(kept.map((field) => [nameOf(field), {
    value: field.value, checked: field.checked, stored: storedIn(field), told: field.form === told,
    behind: "behind" in field.form.dataset, revision: field.form.elements.revision?.value,
  }]));
  return () => fields(document).filter((field) => values.has(nameOf(field))).forEach((field) => {
    const was = values.get(nameOf(field)), revision = field.form.elements.revision;
    if (revision && !was.told && (was.behind || storedIn(field) !== was.stored)) {
      field.form.dataset.behind = "";
      revision.value = was.revision;
    }
    if (field.type === "checkbox" || field.type === "radio") field.checked = was.checked;
    else field.value = was.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const dirty = () => fields(document).some(isDirty);

// Texts of the edition itself, which an approval would leave out.
const unsaved = () => fields(document).filter((field) => field.matches("textarea, input:not([type=checkbox], [type=radio])")
  && field.form.getAttribute("action").startsWith("/edition/") && isDirty(field));

const news = (seen) => { if (byId("news")) byId("news").hidden = !seen; };

// Put another state of the page into place

function place() {
  const at = document.activeElement, y = scrollY;
  if (!at || at === document.body) return () => scrollTo(0, y);
  const caret = typeof at.selectionStart === "number" ? [at.selectionStart, at.selectionEnd] : null;
  const rows = [...document.querySelectorAll("[data-row]")], row = rows.indexOf(at.closest("[data-row]"));
  const name = at.name && at.form ? nameOf(at) : "", id = at.id, key = at.dataset?.key;
  return () => {
    const now = document.activeElement === at ? at
      : (id && byId(id)) || (name && fields(document).find((field) => nameOf(field) === name))
      || (row >= 0 && [...document.querySelectorAll("[data-row]")].slice(0, row + 1).pop())
      || (key && document.querySelector(`[data-key="${CSS.escape(key)}"]`)) || byId("main");
    now.focus({ preventScroll: true });
    if (caret && now.setSelectionRange) try { now.setSelectionRange(...caret); } catch { /* a field without a caret */ }
    scrollTo(0, y);
  };
}

// Gives whether the answer was a page of the desk; `sent` is the form whose typed values are the server's business now,
// `told` one that was stale and whose editor reads so.
function show(html, sent, told) {
  const other = new DOMParser().parseFromString(html, "text/html");
  if (!other.body.dataset.mark) return false;
  const back = place(), typed = keep(sent, told);
  for (const id of PARTS) if (byId(id) && other.getElementById(id) && byId(id).innerHTML !== other.getElementById(id).innerHTML)
    byId(id).replaceChildren(...document.importNode(other.getElementById(id), true).childNodes);
  Object.assign(page(), { ...other.body.dataset });
  document.title = other.title;
  typed();
  news(document.querySelector("form[data-behind]"));
  back();
  document.dispatchEvent(new CustomEvent("desk:shown"));
  return true;
}

function trouble(node) {
  byId("trouble").replaceChildren(...(node ? [document.importNode(node, true)] : []));
  if (!node) return;
  byId("trouble").scrollIntoView({ block: "center" });
  byId("trouble").focus({ preventScroll: true });
}

function told(title, text) {
  const box = document.createElement("div"), head = document.createElement("h2"), line = document.createElement("p");
  box.className = "trouble";
  head.textContent = title;
  line.textContent = text;
  box.append(head, line);
  trouble(box);
}

const say = (text) => { byId("said").textContent = text; };

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Desk": "1" } });
  if (answer.ok) show(await answer.text());
}

// Send a form

let sending = 0;
const waiting = []; // presses of u and U: what they mean is known once what is under way was done

// Gives whether it was done.
async function send(form, button) {
  if (form.ariaBusy === "true") return void say("What you pressed before is still being done.");
  form.ariaBusy = "true";
  sending += 1;
  let done = false;
  const data = new FormData(form, button);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "X-Desk": "1", "X-Desk-Token": page().token },
      body: form.enctype === "multipart/form-data" ? data : new URLSearchParams([...data].filter(([, one]) => typeof one === "string")),
    });
    const html = await answer.text(), other = new DOMParser().parseFromString(html, "text/html");
    const said = other.querySelector("#trouble > *");
    const mine = fields(form).map(nameOf), touched = fields(form).filter(isDirty).map(nameOf);
    if (answer.ok) {
      mine.forEach((name) => unsent.delete(name));
      done = true;
      if (!show(html, form)) return void location.assign(answer.url);
      if (answer.redirected) history.replaceState(null, "", answer.url);
      trouble(said);
      say(document.querySelector('[data-key="u"]')?.title || "Done");
      form.dispatchEvent(new CustomEvent("desk:done", { bubbles: true }));
    } else {
      touched.forEach((name) => unsent.add(name));
      if (other.body.dataset.page === page().page) show(html, undefined, said?.matches("[data-stale]") ? form : undefined); // what was typed is in the page, and stays
      else if (answer.status === 409) await refresh();
      trouble(said);
    }
  } catch {
    told("The desk does not answer", "Is it still running in its terminal? What you typed is still here; send it again.");
  } finally {
    form.ariaBusy = null;
    sending -= 1;
    if (!done) waiting.length = 0;
    else if (!sending && waiting.length) carrier(waiting.shift())?.click();
  }
  return done;
}

// An approval freezes what is stored: what was typed and not saved is asked about first.
async function approve(form, button) {
  const left = unsaved(), box = byId("unsaved");
  if (!left.length) return send(form, button);
  const names = left.map((field) => field.labels[0]?.firstChild.textContent.trim()).filter(Boolean);
  byId("unsaved-what").textContent = [...new Set(names)].join(", ");
  box.returnValue = "";
  box.showModal();
  await new Promise((closed) => box.addEventListener("close", closed, { once: true }));
  if (box.returnValue === "save")
    for (const action of new Set(left.map((field) => nameOf(field)))) {
      const field = fields(document).find((one) => nameOf(one) === action && isDirty(one));
      if (field && !await send(field.form)) return;
    }
  const now = document.querySelector('form[action="/approve"]');
  if (box.returnValue && now) await send(now);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post" || !page().token) return;
  event.preventDefault();
  (form.getAttribute("action") === "/approve" ? approve : send)(form, event.submitter);
});

document.addEventListener("change", (event) => {
  if (event.target.closest(".weeks")) event.target.form.requestSubmit();
});

// Keys

const keysWork = () => { try { return localStorage.getItem("desk-keys") !== "off"; } catch { return true; } };

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement.closest("[data-row]"));
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
}

// A row's own buttons come before those of the page.
const carrier = (key) => {
  const wanted = `[data-key="${CSS.escape(key)}"]`;
  return document.activeElement.closest("[data-row]")?.querySelector(wanted)
    ?? [...document.querySelectorAll(wanted)].find((one) => !one.closest("[data-row]"));
};

const pressed = (event) => {
  const field = typing(event.target), held = event.ctrlKey || event.metaKey;
  if (event.altKey || document.querySelector("dialog[open]")) return;
  if (held && event.key === "Enter" && field?.form) { event.preventDefault(); return field.form.requestSubmit(); }
  if (field) { if (event.key === "Escape") field.blur(); return; }
  const key = held && event.key.toLowerCase() === "z" ? (event.shiftKey ? "U" : "u") : held ? "" : event.key;
  if (!key || (!held && !keysWork())) return;
  if (key === "j" || key === "k") { event.preventDefault(); return step(key === "j" ? 1 : -1); }
  if (sending && (key === "u" || key === "U")) { event.preventDefault(); return void waiting.push(key); }
  const button = carrier(key);
  if (button) { event.preventDefault(); button.click(); }
};

document.addEventListener("keydown", pressed);

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-help]")) return;
  document.querySelector("[data-keys]").checked = keysWork();
  byId("help").showModal();
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-keys]")) try { localStorage.setItem("desk-keys", event.target.checked ? "on" : "off"); } catch { /* for this page only */ }
});

// News of what others change. Where something is typed the page stays as it is, and says so.

async function changed({ data }) {
  if (data === page().mark || document.querySelector('[aria-busy="true"]')) return;
  if (dirty()) { news(true); return say("Somebody changed this week. What you typed is still here."); }
  await refresh();
  say("Somebody changed this week; the page shows it.");
}

// What a page may listen to, best first: each gives an address and who hears it, or nothing. A browser has six connections
// for all its pages of the desk, so a page holds one of them, and only while somebody may be looking.
const streams = [() => page().live && [page().live, changed]];
let source = null;

function listen() {
  const [path, heard] = document.hidden ? [] : streams.map((one) => one()).find(Boolean) ?? [];
  if (source && path && source.url === new URL(path, location.href).href) return;
  source?.close();
  source = path ? new EventSource(path) : null;
  source?.addEventListener("changed", heard);
}

document.addEventListener("desk:shown", listen);
document.addEventListener("visibilitychange", listen);
document.addEventListener("DOMContentLoaded", listen); // once every script of the page said what it listens to
addEventListener("pageshow", listen);
addEventListener("pagehide", () => { source?.close(); source = null; });
addEventListener("beforeunload", (event) => { if (dirty()) event.preventDefault(); });
