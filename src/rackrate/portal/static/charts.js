// Charts are drawn over the table that says the same. Colours come from the design tokens.
(() => {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const token = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const hatch = (edge, fill) => {
    const image = Object.assign(document.createElement("canvas"), { width: 6, height: 6 }), g = image.getContext("2d");
    g.fillStyle = fill; g.fillRect(0, 0, 6, 6); g.strokeStyle = edge; g.lineWidth = 1.4; g.beginPath();
    for (const d of [-3, 3, 9]) { g.moveTo(d - 4, 7); g.lineTo(d + 4, -1); }
    g.stroke();
    return { image, repeat: "repeat" };
  };
  // Fills that no token has by itself: stripes of two.
  const striped = { hold: ["--hold-edge", "--hold"], spare: ["--line-2", "--free"], headroom: ["--on-demand-edge", "--surface"] };
  const alias = { maintenance: "repair", "lease-back": "seq-3" };
  const fill = (name) => (striped[name] ? hatch(...striped[name].map(token)) : token(`--${alias[name] || name}`));
  const short = (value) => {
    const zh = document.documentElement.lang.startsWith("zh"), size = Math.abs(value);
    const steps = zh ? [[1e8, " 亿"], [1e4, " 万"]] : [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
    for (const [step, unit] of steps) if (size >= step) return `${+(value / step).toPrecision(3)}${unit}`;
    return String(value);
  };
  const option = (data) => (data.kind === "steps" ? steps(data) : data.kind === "levels" ? levels(data) : bars(data));
  const chrome = (data) => {
    const text = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11, color: token("--ink-3") };
    const axis = { axisLine: { lineStyle: { color: token("--line-2") } }, axisTick: { show: false }, splitLine: { lineStyle: { color: token("--line") } }, axisLabel: text };
    return {
      text, axis,
      base: {
        animation: false, textStyle: text,
        aria: { enabled: true, label: { description: data.label } },
        tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: token("--raised"), borderColor: token("--line"), textStyle: { ...text, fontSize: 12, color: token("--ink") } },
      },
    };
  };
  const bars = (data) => {
    const { text, axis, base } = chrome(data);
    return {
      ...base,
      grid: { left: 4, right: 18, top: (data.marks?.length ? 46 : 30) + (data.width < 380 && data.series.length > 2 ? 18 : 0), bottom: 2, containLabel: true },
      legend: { left: 0, top: 0, itemWidth: 10, itemHeight: 10, icon: "rect", textStyle: { ...text, fontSize: 12, color: token("--ink-2") }, selectedMode: false },
      tooltip: { ...base.tooltip, axisPointer: { type: "shadow", shadowStyle: { color: token("--hover"), opacity: 0.5 } }, valueFormatter: (value) => Number(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) },
      xAxis: { type: "category", data: data.categories, ...axis, splitLine: { show: false }, axisLabel: { ...text, hideOverlap: true } },
      yAxis: { type: "value", ...axis, axisLine: { show: false }, splitNumber: 3, axisLabel: { ...text, formatter: short } },
      series: data.series.map((one, i) => ({ name: one.name, type: "bar", stack: "all", barMaxWidth: 40, barCategoryGap: "25%", data: one.data, itemStyle: { color: fill(one.fill), borderColor: token("--surface"), borderWidth: 0.5 }, markLine: i ? undefined : marked(data, text) })),
    };
  };
  // Lines across at what happened, each with its word.
  const marked = (data, text) => (data.marks?.length ? { symbol: "none", silent: true, label: { ...text, color: token("--ink-2"), distance: 3 }, lineStyle: { color: token("--accent"), type: [3, 3] }, data: data.marks.map((mark) => ({ xAxis: mark.at, label: { formatter: mark.text } })) } : undefined);
  // What is left after each of several steps; one level lies in front of the other.
  const levels = (data) => {
    const { text, base } = chrome(data), around = bars(data);
    return {
      ...around, tooltip: { ...around.tooltip, axisPointer: { type: "line", lineStyle: { color: token("--ink") } } }, aria: base.aria,
      series: data.series.map((one, i) => ({ name: one.name, type: "line", step: "end", symbol: "none", data: one.data, emphasis: { disabled: true }, lineStyle: { width: 1.5, color: token(`--${one.fill}-edge`) }, itemStyle: { color: fill(one.fill) }, areaStyle: { opacity: i ? 1 : 0.35, color: fill(one.fill) }, z: 2 + i, markLine: i ? undefined : marked(data, text) })),
    };
  };
  // Levels that hold from one instant to the next, one on the other. Between two instants the level
  // is told at as many places as the pointer can tell apart.
  const steps = (data) => {
    const { text, axis, base } = chrome(data), zh = document.documentElement.lang.startsWith("zh");
    const first = data.times[0], step = (data.end - first) / 240;
    const times = [...new Set([...data.times, ...Array.from({ length: 240 }, (_, i) => Math.round(first + i * step)).filter((time) => data.times.every((at) => Math.abs(at - time) > step * 0.8)), data.end])].sort((a, b) => a - b);
    const place = times.map(((at) => (time) => { while (at + 1 < data.times.length && data.times[at + 1] <= time) at += 1; return at; })(0));
    const points = (levels) => times.map((time, i) => [time * 1000, levels[place[i]]]);
    const figure = (value) => Number(value).toLocaleString("en-US", { maximumFractionDigits: 3 });
    const day = (time) => new Date(time).toLocaleDateString("en-CA", { timeZone: data.zone });
    // Ticks stand at midnights of the browser's zone: some hours later it is that day in every zone.
    const month = (time) => { const at = new Date(time + 15 * 36e5), [year, number] = day(at).split("-"); return +number === 1 ? year : zh ? `${+number} 月` : at.toLocaleDateString("en", { month: "short", timeZone: data.zone }); };
    const top = Math.max(...data.supply, ...data.times.map((_, i) => data.series.reduce((sum, one) => sum + one.data[i], 0)));
    const part = (kind, ...inside) => { const made = document.createElement(kind); made.append(...inside); return made; };
    const row = (use, name, value, kind) => {
      const swatch = part("i"), cell = part("td"), line = part("tr", cell, part("td", figure(value)));
      swatch.className = `sw ${use}`; cell.append(swatch, name); line.className = kind || "";
      return line;
    };
    const told = (shown) => {
      const i = place[shown[0].dataIndex], uses = data.series.filter((one) => one.data[i]).reverse();
      const rows = part("table", ...uses.map((one) => row(one.use, one.name, one.data[i])),
        row("supply", data.names.supply, data.supply[i], "sum"), row("none", data.names.one, data.one[i]));
      rows.className = "tip-rows";
      return part("div", part("b", day(shown[0].value[0])), rows);
    };
    // The largest marks are labelled, as far as there is room.
    const labelled = (width) => {
      const taken = [], said = new Set();
      for (const mark of [...data.marks].sort((a, b) => b.nodes - a.nodes)) {
        const half = 3.4 * mark.text.length + (zh ? 14 : 6), at = ((mark.at - first) / (data.end - first)) * (width - 50);
        if (at < half - 30 || at > width - 50 - half + 20 || taken.some(([from, to]) => at - half < to && from < at + half)) continue;
        taken.push([at - half, at + half]); said.add(mark);
      }
      return said;
    };
    const said = labelled(data.width || 900);
    return {
      ...base,
      grid: { left: 4, right: 12, top: 26, bottom: 2, containLabel: true },
      tooltip: { ...base.tooltip, confine: true, axisPointer: { type: "line", lineStyle: { color: token("--ink") } }, formatter: told,
        renderMode: "html", padding: [8, 12] },
      xAxis: { type: "time", min: first * 1000, max: data.end * 1000, ...axis, splitLine: { show: false }, axisLabel: { ...text, hideOverlap: true, formatter: month } },
      yAxis: { type: "value", ...axis, axisLine: { show: false }, splitNumber: 4, max: top || 1, axisLabel: { ...text, formatter: (value) => (value > top * 0.99 || value < top * 0.9 ? short(+value.toFixed(1)) : "") } },
      series: [
        ...data.series.map((one, i) => ({ name: one.name, type: "line", stack: "all", step: "end", symbol: "none", silent: true, emphasis: { disabled: true }, lineStyle: { width: 1, color: token("--surface") }, areaStyle: { opacity: 1, color: fill(one.fill) }, itemStyle: { color: fill(one.fill) }, z: 2, data: points(one.data),
          markLine: i ? undefined : { symbol: "none", silent: true, label: { ...text, color: token("--ink-2"), distance: 4 }, lineStyle: { color: token("--ink-3"), type: [3, 3] }, data: data.marks.map((mark) => ({ xAxis: mark.at * 1000, lineStyle: { opacity: said.has(mark) ? 1 : 0.3 }, label: { formatter: mark.text, show: said.has(mark) } })) } })),
        { name: data.names.supply, type: "line", step: "end", symbol: "none", silent: true, emphasis: { disabled: true }, lineStyle: { width: 1.5, color: token("--ink") }, itemStyle: { color: token("--ink") }, z: 5, data: points(data.supply) },
      ],
    };
  };
  const drawn = [];
  for (const box of document.querySelectorAll("[data-chart]")) {
    const data = JSON.parse(box.dataset.chart), figure = box.closest(".figure");
    figure.classList.add("drawn");
    const chart = echarts.init(box);
    data.width = box.clientWidth;
    chart.setOption(option(data));
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", data.label);
    drawn.push([chart, data]);
  }
  // One table for all charts of a figure.
  for (const button of document.querySelectorAll(".figure.drawn [data-do=table]")) {
    button.addEventListener("click", () => {
      const table = button.closest(".figure").classList.toggle("as-table");
      button.setAttribute("aria-pressed", String(table));
      if (!table) drawn.forEach(([chart]) => chart.resize());
    });
  }
  const again = () => drawn.forEach(([chart, data]) => { data.width = chart.getWidth(); chart.setOption(option(data), true); });
  addEventListener("resize", () => { drawn.forEach(([chart]) => chart.resize()); again(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.fonts?.ready.then(again);
})();
