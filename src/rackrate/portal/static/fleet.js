// The fleet map: a canvas for each site, drawn from one byte a slot.
(() => {
  const CLASSES = ["free", "contract", "flex", "on_demand", "spot", "cleaning", "repair", "draining", "arriving"];
  const map = document.getElementById("map");
  if (!map) return;
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const token = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const FILL = { cleaning: "--seq-2", draining: "--free", arriving: "--surface", repair: "--repair" };
  const colours = () => {
    const all = {};
    for (const name of CLASSES) all[name] = token(FILL[name] ?? `--${name.replace("_", "-")}`);
    return { fill: all, freeEdge: token("--free-edge"), line: token("--line-2"), ink2: token("--ink-2"), ink3: token("--ink-3"), cross: token("--repair-ink"), font: getComputedStyle(document.body).fontFamily };
  };
  let only = null;
  const sites = [];

  const shape = (site, width) => {
    const small = site.nodes.length > 4000;
    const narrow = width < 480;
    const G = small
      ? { w: 6, h: 6, gap: 1, cols: 8, label: 10, bx: 9, by: 17 }
      : site.nodes.length <= 256 && site.blocks.every((b) => b.nodes <= 32)
        ? { w: narrow ? 34 : 41, h: narrow ? 21 : 25, gap: 4, cols: 8, label: 18, bx: 20, by: 30 }
        : { w: 21.5, h: 12.5, gap: 2.8, cols: narrow ? 8 : 16, label: 16, bx: 18, by: 26 };
    const bw = G.cols * (G.w + G.gap) - G.gap;
    const per = Math.max(1, Math.floor((width + G.bx) / (bw + G.bx)));
    const step = per > 1 ? (width - bw) / (per - 1) : 0;
    const places = [];
    let y = 0;
    site.blocks.forEach((block, i) => {
      const column = i % per;
      if (column === 0 && i) y += tallest(site, i - per, per, G) + G.by;
      places.push({ x: column * step, y: y + G.label });
    });
    const last = site.blocks.length - (site.blocks.length % per || per);
    return { G, bw, places, height: y + G.label + tallest(site, last, per, G) + 4, small };
  };
  const tallest = (site, first, per, G) => Math.max(0, ...site.blocks.slice(first, first + per).map((b) => Math.ceil(b.nodes / G.cols) * (G.h + G.gap) - G.gap));

  const place = (site, i) => {
    const b = site.blocks.findIndex((block) => i < block.first + block.nodes);
    const r = i - site.blocks[b].first, { G, places } = site.shape;
    return { x: places[b].x + (r % G.cols) * (G.w + G.gap), y: places[b].y + Math.floor(r / G.cols) * (G.h + G.gap) };
  };

  const node = (g, C, site, i, x, y) => {
    const { G, small } = site.shape, size = site.sizes[i];
    const uses = site.slots.subarray(site.offsets[i], site.offsets[i] + size);
    const cell = (use, cx, cy, w, h) => {
      const name = CLASSES[use];
      g.globalAlpha = only && only !== name ? 0.13 : 1;
      g.fillStyle = C.fill[name];
      g.fillRect(cx, cy, w, h);
      if (name === "free") { g.strokeStyle = C.freeEdge; g.lineWidth = 0.6; g.strokeRect(cx + 0.3, cy + 0.3, w - 0.6, h - 0.6); }
      if (name === "draining") { g.strokeStyle = C.line; g.lineWidth = 1; g.beginPath(); g.moveTo(cx, cy + h); g.lineTo(cx + w, cy); g.stroke(); }
    };
    if (small || size > 16) {
      const counts = new Array(CLASSES.length).fill(0);
      for (const use of uses) counts[use] += 1;
      let left = x;
      counts.forEach((n, use) => { if (n) { const w = G.w * n / size; cell(use, left, y, w, G.h); left += w; } });
    } else {
      const rows = size > 1 ? 2 : 1, cols = Math.ceil(size / rows), w = (G.w + 0.5) / cols - 0.5, h = (G.h + 0.5) / rows - 0.5;
      uses.forEach((use, s) => cell(use, x + (s % cols) * (w + 0.5), y + Math.floor(s / cols) * (h + 0.5), w, h));
    }
    if (uses.every((use) => CLASSES[use] === "repair")) {
      g.globalAlpha = only && only !== "repair" ? 0.13 : 1;
      g.strokeStyle = C.cross; g.lineWidth = 1.4; g.beginPath();
      const m = small ? 1.3 : 3, inset = small ? m : 8;
      g.moveTo(x + inset, y + m); g.lineTo(x + G.w - inset, y + G.h - m); g.moveTo(x + G.w - inset, y + m); g.lineTo(x + inset, y + G.h - m); g.stroke();
    }
    g.globalAlpha = 1;
  };

  const captions = (g, C, site) => {
    const { bw, places, small } = site.shape;
    g.font = `500 ${small ? 9 : 11}px ${C.font}`;
    site.blocks.forEach((block, b) => {
      const { x, y } = places[b];
      g.fillStyle = C.ink2;
      g.fillText(block.id, x, y - 5);
      const whole = block.whole ? (block.whole === 1 ? map.dataset.freeOne : map.dataset.freeMany).replace("#", block.whole) : "";
      const promised = block.promised ? map.dataset.promised.replace("#", block.promised) : "";
      const said = [[block.holder, promised, whole], [promised, whole], [promised || whole]].map((words) => words.filter(Boolean).join(" · "));
      const room = bw - g.measureText(block.id).width - 10;
      const free = said.find((text) => g.measureText(text).width <= room);
      if (!free) return;
      g.fillStyle = C.ink3;
      g.fillText(free, x + bw - g.measureText(free).width, y - 5);
    });
  };

  const paint = () => {
    const C = colours();
    for (const site of sites) {
      const width = site.box.clientWidth, density = Math.max(2, devicePixelRatio || 1);
      site.shape = shape(site, width);
      const { canvas } = site;
      canvas.width = width * density;
      canvas.height = site.shape.height * density;
      canvas.style.height = `${site.shape.height}px`;
      const g = canvas.getContext("2d");
      g.scale(density, density);
      site.nodes.forEach((_, i) => { const { x, y } = place(site, i); node(g, C, site, i, x, y); });
      captions(g, C, site);
      lens(site);
    }
  };

  const lens = (site) => {
    site.lens.hidden = site.at === null;
    if (site.at === null) return;
    const { x, y } = place(site, site.at), { G } = site.shape;
    Object.assign(site.lens.style, { left: `${x - 3}px`, top: `${y - 3}px`, width: `${G.w + 6}px`, height: `${G.h + 6}px` });
  };

  const choose = (site, i, open) => {
    for (const other of sites) { other.at = other === site ? i : null; lens(other); }
    const id = site.nodes[i];
    site.canvas.setAttribute("aria-description", id);
    if (!open) return;
    htmx.ajax("GET", `/nodes/${encodeURIComponent(id)}?part=inspector`, { target: "#inspector", swap: "innerHTML" });
    const address = new URL(location.href);
    address.searchParams.set("node", id);
    history.replaceState(null, "", address);
  };

  const at = (site, event) => {
    const box = site.canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top, { G } = site.shape;
    for (let i = 0; i < site.nodes.length; i += 1) {
      const { x, y } = place(site, i);
      if (px >= x - 1 && px <= x + G.w + 1 && py >= y - 1 && py <= y + G.h + 1) return i;
    }
    return null;
  };

  const keys = (site, event) => {
    const last = site.nodes.length - 1, i = site.at ?? -1, { cols } = site.shape.G;
    const block = Math.max(0, site.blocks.findIndex((b) => i < b.first + b.nodes));
    const steps = event.shiftKey
      ? { ArrowRight: (site.blocks[block + 1] ?? site.blocks[block]).first - i, ArrowLeft: (site.blocks[block - 1] ?? site.blocks[0]).first - i }
      : { ArrowRight: 1, ArrowLeft: -1, ArrowDown: cols, ArrowUp: -cols, Home: -i, End: last - i };
    if (event.key === "Enter" && site.at !== null) { choose(site, site.at, true); return; }
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(site, Math.min(last, Math.max(0, i + steps[event.key])), false);
  };

  const load = async (box) => {
    const answer = await fetch(box.dataset.site);
    if (!answer.ok) return;
    const site = await answer.json();
    site.slots = Uint8Array.from(atob(site.slots), (c) => c.charCodeAt(0));
    let offset = 0;
    site.offsets = site.sizes.map((size) => { const here = offset; offset += size; return here; });
    site.box = box;
    site.at = null;
    site.canvas = Object.assign(document.createElement("canvas"), { tabIndex: 0 });
    site.canvas.setAttribute("role", "application");
    site.canvas.setAttribute("aria-label", box.dataset.label);
    site.lens = Object.assign(document.createElement("div"), { className: "lens", hidden: true });
    box.append(site.canvas, site.lens);
    box.parentElement.querySelector(".no-map").hidden = true;
    site.canvas.addEventListener("click", (event) => { const i = at(site, event); if (i !== null) choose(site, i, true); });
    site.canvas.addEventListener("keydown", (event) => keys(site, event));
    const wanted = new URLSearchParams(location.search).get("node");
    if (wanted && site.nodes.includes(wanted)) site.at = site.nodes.indexOf(wanted);
    sites.push(site);
  };

  document.getElementById("classes").addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    only = only === button.dataset.fill ? null : button.dataset.fill;
    document.querySelectorAll("#classes [data-fill]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.fill === only)));
    paint();
  });
  const boxes = [...document.querySelectorAll(".js-canvas")];
  Promise.all(boxes.map(load)).then(() => {
    sites.sort((a, b) => boxes.indexOf(a.box) - boxes.indexOf(b.box));
    paint();
    map.dataset.drawn = "yes";
    addEventListener("resize", paint);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    document.fonts?.ready.then(paint);
  });
})();
