// The pages that watch: an edition while it is sent, and numbers while they are counted. Without this, "Look again".
"use strict";

(() => {
  let behind = false, waits = 0;

  const again = () => dirty() ? Promise.resolve() : refresh().catch(() => {});

  function moved({ data }) {
    const going = new DOMParser().parseFromString(data, "text/html").getElementById("going"), shown = byId("going");
    if (!going || !shown) return;
    behind ||= going.dataset.shape !== shown.dataset.shape;
    shown.replaceWith(document.importNode(going, true));
    if (!behind) return;
    if (dirty()) { news(true); return say("Somebody changed this week. What you typed is still here."); }
    behind = false;
    again();
  }

  // Its shape tells, too, when the edition is another: no other news is needed here.
  streams.unshift(() => byId("going")?.dataset.follow && [byId("going").dataset.follow, moved]);

  // What takes long to count is asked for again until it is there.
  function count() {
    clearTimeout(waits);
    if (document.querySelector("[data-counting]")) waits = setTimeout(() => again().then(count), 700);
  }

  document.addEventListener("desk:shown", count);
  count();
})();
