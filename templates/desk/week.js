// The pages of launches and reviews: open a launch in place, count words, ask for the panel's view, take files that
// are dragged in. All of it works by plain links and forms too.
"use strict";

(() => {
  const opened = () => document.querySelector("[data-open]");
  let last = "";

  // Follow a link without leaving the page

  async function go(address) {
    const answer = await fetch(address, { headers: { "X-Desk": "1" } });
    if (!answer.ok || !show(await answer.text())) return void location.assign(address);
    history.replaceState(null, "", address);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-go]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const row = link.closest("[data-row]")?.id;
    go(link.href).then(() => { if ("close" in link.dataset) byId(row)?.focus(); });
  });

  document.addEventListener("keydown", (event) => {
    const close = event.key === "Escape" && event.target.closest?.("[data-row]")?.querySelector("[data-close]");
    if (close) { event.preventDefault(); close.click(); }
  });

  // A search that shows what it finds while somebody types

  const searched = (form) => `${form.action}?${new URLSearchParams(new FormData(form))}`;
  let waits = 0;

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-go]")) return;
    event.preventDefault();
    clearTimeout(waits);
    go(searched(event.target));
  });

  document.addEventListener("input", ({ target }) => {
    if (!target.form?.matches("form[data-go]")) return;
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const typed = target.value;
      const answer = await fetch(searched(target.form), { headers: { "X-Desk": "1" } });
      if (answer.ok && target.isConnected && target.value === typed) show(await answer.text());
    }, 250);
  });

  // What is marked to be one

  function count() {
    const line = document.querySelector("[data-marks]");
    if (!line) return;
    const marks = [...document.querySelectorAll('input[form="merge"]:checked')];
    const names = marks.map((one) => one.closest("[data-row]").querySelector("b").textContent.trim());
    line.textContent = names.length > 1 ? `${names.slice(1).join(", ")} will be part of ${names[0]}.`
      : names.length ? `${names[0]} is marked. Mark another one, or look for what it is the same as.` : line.dataset.marks;
    marks.length ? line.setAttribute("data-any", "") : line.removeAttribute("data-any");
  }

  // A review: how long it is, and the panel's view with it

  function words() {
    const quote = byId("quote"), line = document.querySelector("[data-words]");
    if (!quote || !line) return;
    const many = quote.value.split(/\s+/).filter(Boolean).length;
    line.textContent = `${many} ${many === 1 ? "word" : "words"}`;
  }

  const plain = (node) => node.textContent.replace(/\s+/g, " ").trim();

  async function view() {
    const form = byId("review"), box = document.querySelector("[data-view]");
    if (!form || !box) return;
    const said = Object.fromEntries(["tool", "reviewer", "call"].map((name) => [name, new FormData(form).get(name) ?? ""]));
    box.hidden = !said.call;
    if (box.hidden) return;
    box.hidden = true;
    const answer = await fetch(`${box.dataset.view}?${new URLSearchParams(said)}`);
    if (!answer.ok) return;
    const title = document.createElement("p"), then = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    title.textContent = "With this review";
    title.className = "label";
    box.hidden = plain(then) === plain(byId("so-far"));
    box.replaceChildren(title, ...then.childNodes);
  }

  document.addEventListener("input", ({ target }) => { if (target.id === "quote") words(); });
  document.addEventListener("change", ({ target }) => {
    if (target.form?.id === "merge") count();
    if (target.form?.id === "review" && (target.name === "call" || target.name === "reviewer")) view();
    if (target.type === "file" && target.form?.id === "drop" && target.files.length) target.form.requestSubmit();
  });

  // What was pasted is taken in: the keys are those of the page again

  document.addEventListener("submit", ({ target }) => {
    if (target.id === "paste") target.addEventListener("desk:done", () => byId("main").focus(), { once: true });
  }, true);

  // Files dragged in

  const holds = (event) => event.dataTransfer?.types.includes("Files") && byId("drop");

  document.addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    byId("drop").classList.add("here");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) byId("drop")?.classList.remove("here"); });
  document.addEventListener("drop", (event) => {
    const form = holds(event);
    if (!form) return;
    event.preventDefault();
    form.classList.remove("here");
    byId("files").files = event.dataTransfer.files;
    form.requestSubmit();
  });

  // After the page was shown anew

  function shown() {
    count();
    words();
    view();
    if (opened() && opened().dataset.open !== last) opened()?.querySelector("[data-first]")?.focus();
    last = opened()?.dataset.open ?? "";
  }

  document.addEventListener("desk:shown", shown);
  shown();
})();
