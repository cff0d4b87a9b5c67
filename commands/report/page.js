// Shows where a number comes from, lets one line of a figure stand out, opens everything for print, and renews a page that is live.
"use strict";
const origin = document.getElementById("origin");

/** The row of the list that a place stands for, as `name: value` lines. */
function describe(place) {
  const row = document.getElementById(`made-${place}`);
  if (row === null) return null;
  const names = [...row.closest("table").tHead.rows[0].cells].map((cell) => cell.textContent);
  const values = [...row.cells].map((cell) => cell.textContent);
  const entry = document.createElement("div");
  const head = document.createElement("b");
  head.textContent = values[0];
  entry.append(head);
  values.slice(1).forEach((value, i) => {
    if (value === "") return;
    const line = document.createElement("span");
    line.textContent = `${names[i + 1]}: ${
      value.length > 120 ? value.slice(0, 118) + " …" : value
    }`;
    entry.append(line);
  });
  return entry;
}

function show(element) {
  const places = element.dataset.from.split(" ");
  const shown = places.length > 3 ? places.slice(0, 2) : places;
  const entries = shown.map(describe).filter((entry) => entry !== null);
  if (entries.length === 0) return hide();
  origin.replaceChildren(...entries);
  if (shown.length < places.length) {
    const rest = document.createElement("span");
    rest.textContent = `and ${places.length - shown.length} more results`;
    origin.append(rest);
  }
  origin.hidden = false;
  const box = element.getBoundingClientRect();
  const own = origin.getBoundingClientRect();
  const below = box.bottom + 6 + own.height < innerHeight;
  origin.style.top = `${Math.max(4, below ? box.bottom + 6 : box.top - own.height - 6)}px`;
  origin.style.left = `${
    Math.max(8, Math.min(box.left, document.documentElement.clientWidth - own.width - 8))
  }px`;
}

function hide() {
  origin.hidden = true;
}

let wish = 0;
document.addEventListener("pointerover", (event) => {
  const element = event.target.closest("td[data-from], th, li[data-from], tr[data-from] td");
  clearTimeout(wish);
  const holder = element === null ? null : element.closest("[data-from]");
  if (holder === null) return hide();
  wish = setTimeout(() => show(holder.matches("tr") ? withFrom(element, holder) : holder), 250);
});
document.addEventListener("focusin", (event) => {
  const holder = event.target.closest("a") === null ? null : event.target.closest("[data-from]");
  if (holder === null) return hide();
  show(holder.matches("tr") ? withFrom(event.target, holder) : holder);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
addEventListener("scroll", hide, { passive: true });

/** Where it stands, with what its row is made from. */
function withFrom(element, row) {
  return { dataset: row.dataset, getBoundingClientRect: () => element.getBoundingClientRect() };
}

/** What a link leads to may be folded. */
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at !== null; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
  }
  if (target !== null && target.tagName === "TR") target.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", unfold);
unfold();

document.addEventListener("click", (event) => {
  const button = event.target.closest(".legend button");
  if (button === null) return;
  const isPressed = button.getAttribute("aria-pressed") === "true";
  const figure = button.closest("figure");
  for (const other of figure.querySelectorAll(".legend button")) {
    other.setAttribute("aria-pressed", String(other === button && !isPressed));
  }
  for (const shape of figure.querySelectorAll(".panel svg .role-mark path")) {
    const colour = button.dataset.colour;
    const isOwn = [shape.getAttribute("stroke"), shape.getAttribute("fill")].includes(colour);
    shape.classList.toggle("dim", !isPressed && !isOwn);
  }
});

addEventListener("beforeprint", () => {
  for (
    const details of document.querySelectorAll(".reading, #timeline details, #examples details")
  ) {
    details.open = true;
  }
});

/** Puts the parts of another page in the place of those that differ; what is the same stays, with its focus. */
function renew(old, fresh) {
  let previous = null;
  const names = new Set();
  for (const part of [...fresh.children]) {
    names.add(part.id);
    const same = document.getElementById(part.id);
    if (same === null) {
      old.insertBefore(part, previous === null ? old.firstChild : previous.nextSibling);
    } else if (same.outerHTML !== part.outerHTML) same.replaceWith(part);
    previous = document.getElementById(part.id);
  }
  for (const part of [...old.children]) if (!names.has(part.id)) part.remove();
}

if ("live" in document.body.dataset) {
  setInterval(async () => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (!answer.ok) throw new Error("no page");
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const details of next.querySelectorAll("details")) {
        const known = document.getElementById(details.id);
        if (known !== null) details.open = known.open;
      }
      renew(document.querySelector("nav ul"), next.querySelector("nav ul"));
      renew(document.querySelector("main"), next.querySelector("main"));
      document.body.classList.remove("lost");
    } catch {
      document.body.classList.add("lost"); // the command has ended: what is shown stays
    }
  }, 3000);
}
