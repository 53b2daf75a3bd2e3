// Small conveniences. Every page works without them.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Copy what stands beside the button.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-do=copy]");
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    await navigator.clipboard?.writeText(code.textContent);
    const was = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = was; }, 1200);
  });

  // Keys: / jumps, g and a letter goes to a page, Esc closes.
  let going = false;
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key === "Escape") {
      document.querySelectorAll("details.account[open]").forEach((menu) => { menu.open = false; });
      if (field) field.blur();
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector(".find input")?.focus();
      return;
    }
    if (going) {
      going = false;
      const place = document.querySelector(`.nav [data-go="${CSS.escape(event.key)}"]`);
      if (place) { event.preventDefault(); location.assign(place.href); }
      return;
    }
    if (event.key === "g") { going = true; setTimeout(() => { going = false; }, 1500); }
  });

  // What a live part changed is outlined for a second; nothing moves.
  let before = new Map();
  const values = () => new Map([...document.querySelectorAll("[data-live]")].map((e) => [e.dataset.live, e.textContent]));
  document.addEventListener("htmx:beforeSwap", () => { before = values(); });
  document.addEventListener("htmx:afterSettle", () => {
    for (const element of document.querySelectorAll("[data-live]")) {
      const was = before.get(element.dataset.live);
      if (was === undefined || was === element.textContent) continue;
      element.classList.add("changed");
      setTimeout(() => element.classList.remove("changed"), 1000);
    }
  });

  // A page that is not looked at asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.requestConfig.triggeringEvent?.type === "every") event.preventDefault();
  });

  if (innerWidth < 720) document.querySelectorAll("details.same").forEach((details) => { details.open = false; });
})();
