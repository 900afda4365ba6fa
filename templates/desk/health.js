// Health looks again by itself while somebody may be looking at it; what is the same stays where it is.
"use strict";

setInterval(async () => {
  if (document.hidden || dirty() || document.querySelector('[aria-busy="true"], dialog[open]')) return;
  try { await refresh(); } catch { /* the desk is closed: what was seen last stays */ }
}, 1000 * document.querySelector("[data-renew-s]").dataset.renewS);
