// The edition's page works without this. With it lengths are counted as they are typed, pairs are dragged to another place,
// and the focus goes with the pair that a button moved.
"use strict";

const hints = () => document.querySelectorAll("[data-counts]");

function count(hint) {
  const field = byId(hint.dataset.counts), length = [...field.value.trim()].length;
  const [least, best] = hint.dataset.best.split(" ").map(Number);
  hint.querySelector(".count").textContent = length.toLocaleString("en");
  hint.classList.toggle("over", length > Number(hint.dataset.most) || (length > 0 && best > 0 && (length < least || length > best)));
}

document.addEventListener("input", ({ target }) => {
  const hint = target.id && document.querySelector(`[data-counts="${CSS.escape(target.id)}"]`);
  if (hint) count(hint);
});
document.addEventListener("desk:shown", () => hints().forEach(count));
hints().forEach(count);

// What is pressed in a row belongs to the row: where the row goes, the focus goes.
document.addEventListener("submit", ({ target }) => {
  if (target.matches(".pairs .press")) target.closest("[data-row]").focus({ preventScroll: true });
}, true);

let dragged = null;
const pairs = () => [...document.querySelectorAll(".pairs > li")];

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.(".grip")?.closest("li");
  if (!row) return;
  dragged = row;
  row.classList.add("dragged");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", row.getAttribute("aria-label"));
  event.dataTransfer.setDragImage(row, 20, 20);
});

document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.(".pairs > li");
  if (!over) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  if (over === dragged) return;
  const { top, height } = over.getBoundingClientRect();
  over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
});

document.addEventListener("drop", (event) => {
  if (!dragged || !event.target.closest?.(".pairs")) return;
  event.preventDefault();
  const order = pairs().map((row) => row.dataset.place).join(" ");
  if (order === pairs().map((_, place) => place + 1).join(" ")) return;
  dragged.focus({ preventScroll: true });
  byId("order").elements.order.value = order;
  byId("order").requestSubmit();
});

document.addEventListener("dragend", (event) => {
  if (!dragged) return;
  dragged.classList.remove("dragged");
  dragged = null;
  if (event.dataTransfer.dropEffect === "none") byId("pairs").append(...pairs().sort((one, other) => one.dataset.place - other.dataset.place));
});
