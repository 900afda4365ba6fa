// Paints the preview anew when what it shows changes. The new frame loads behind the old one and takes its place, and its
// scroll, once it is there; the frames run no script themselves.
"use strict";

{
  // What desk.js replaces: everything but the frame.
  PARTS.splice(PARTS.indexOf("main"), 1, "preview-head", "preview-side");

  const now = () => byId("preview-now");
  const frames = () => [...document.querySelectorAll("#mail iframe")];

  let painted = now() && { src: now().value, mark: now().dataset.mark };
  const places = {}; // by what is shown

  // A click into the email takes the keys there; they mean the same.
  const hear = (frame) => frame.contentDocument?.addEventListener("keydown", pressed);

  // Where somebody was, also while an error stood there.
  const remember = (frame) => {
    const page = frame?.contentDocument; // null where a browser's own page stands
    if (page?.body && !("broken" in page.body.dataset)) places[byId("mail").className] = [frame.contentWindow.scrollX, frame.contentWindow.scrollY];
  };

  function paint(mark) {
    const { value: src, dataset: { shown, called } } = now(), same = painted.src === src;
    const [old, ...others] = frames();
    others.forEach((one) => one.remove());
    const fresh = old.cloneNode();
    fresh.className = "coming";
    fresh.title = called;
    fresh.removeAttribute("name");
    painted = { src, mark };
    fresh.addEventListener("load", () => {
      if (!fresh.isConnected) return;
      hear(fresh);
      remember(old);
      byId("mail").className = shown;
      // What is painted anew stays where it was; a place that was asked for just now is where its address leads.
      if (fresh.contentDocument && (same || !src.includes("#"))) fresh.contentWindow.scrollTo(...(places[shown] ?? [0, 0]));
      fresh.className = "";
      old.remove();
      fresh.name = "mail";
      document.dispatchEvent(new CustomEvent("preview:painted", { detail: mark }));
    }, { once: true });
    fresh.src = src;
    byId("mail").append(fresh);
  }

  const paintIfNew = () => {
    if (now() && frames().length && (painted?.src !== now().value || painted.mark !== now().dataset.mark)) paint(now().dataset.mark);
  };

  // Another look without leaving the page

  async function look(address, keep = true) {
    try {
      const answer = await fetch(address, { headers: { "X-Desk": "1" } });
      if (!answer.ok || !show(await answer.text())) return location.assign(address);
    } catch {
      return told("The desk does not answer", "Is it still running in its terminal?");
    }
    if (keep) history[keep === "replace" ? "replaceState" : "pushState"](null, "", address);
    if (address.includes("#mail")) byId("mail").scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-look]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !frames().length) return;
    event.preventDefault();
    look(link.href);
  });
  addEventListener("popstate", () => look(location.href, false));

  // News: the frame first, then what is said of it.

  let asking = false;

  async function tell() {
    if (asking) return;
    asking = true;
    try {
      await refresh();
    } finally {
      asking = false;
    }
  }

  // What it says is another, too, when the edition is: no other news is needed here.
  function heard({ data }) {
    if (!painted || data === painted.mark || !frames().length) return;
    paint(data);
    document.addEventListener("preview:painted", () => tell(), { once: true });
  }
  streams.unshift(() => now() && [now().dataset.live, heard]);

  // Who asked for no look in particular gets the one that fits their screen.
  const head = now(), own = location.pathname === "/preview" && matchMedia("(width < 700px)").matches;
  if (own && head && frames().length) look(head.dataset.phone, "replace");

  frames().forEach((one) => { hear(one); one.addEventListener("load", () => hear(one)); });
  document.addEventListener("desk:shown", paintIfNew);
}
