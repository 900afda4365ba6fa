// The pages that watch: an edition while it is sent, and numbers while they are counted. Without this, "Look again".
"use strict";

(() => {
  let source = null, behind = false, waits = 0;

  const again = () => dirty() ? Promise.resolve() : refresh().catch(() => {});

  function changed({ data }) {
    const news = new DOMParser().parseFromString(data, "text/html").getElementById("going"), shown = byId("going");
    if (!news || !shown) return;
    behind ||= news.dataset.shape !== shown.dataset.shape;
    shown.replaceWith(document.importNode(news, true));
    if (behind && !dirty()) { behind = false; again(); }
  }

  function follow() {
    const url = byId("going")?.dataset.follow;
    if (source && (!url || source.url !== new URL(url, location.href).href)) { source.close(); source = null; }
    if (!url || source) return;
    source = new EventSource(url);
    source.addEventListener("changed", changed);
  }

  // What takes long to count is asked for again until it is there.
  function count() {
    clearTimeout(waits);
    if (document.querySelector("[data-counting]")) waits = setTimeout(() => again().then(count), 700);
  }

  const watch = () => { follow(); count(); };
  document.addEventListener("desk:shown", watch);
  addEventListener("pagehide", () => source?.close());
  watch();
})();
