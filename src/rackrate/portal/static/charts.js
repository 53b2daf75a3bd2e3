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
  const fill = (name) => (name === "hold" ? hatch(token("--hold-edge"), token("--hold")) : token(`--${name}`));
  const short = (value) => {
    const zh = document.documentElement.lang.startsWith("zh"), size = Math.abs(value);
    const steps = zh ? [[1e8, " 亿"], [1e4, " 万"]] : [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
    for (const [step, unit] of steps) if (size >= step) return `${+(value / step).toPrecision(3)}${unit}`;
    return String(value);
  };
  const option = (data) => {
    const text = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11, color: token("--ink-3") };
    const axis = { axisLine: { lineStyle: { color: token("--line-2") } }, axisTick: { show: false }, splitLine: { lineStyle: { color: token("--line") } }, axisLabel: text };
    return {
      animation: false, textStyle: text,
      aria: { enabled: true, label: { description: data.label } },
      grid: { left: 4, right: 8, top: 30, bottom: 2, containLabel: true },
      legend: { left: 0, top: 0, itemWidth: 10, itemHeight: 10, icon: "rect", textStyle: { ...text, fontSize: 12, color: token("--ink-2") }, selectedMode: false },
      tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: token("--raised"), borderColor: token("--line"), textStyle: { ...text, fontSize: 12, color: token("--ink") }, axisPointer: { type: "shadow", shadowStyle: { color: token("--hover"), opacity: 0.5 } }, valueFormatter: (value) => Number(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) },
      xAxis: { type: "category", data: data.categories, ...axis, splitLine: { show: false }, axisLabel: { ...text, hideOverlap: true } },
      yAxis: { type: "value", ...axis, axisLine: { show: false }, splitNumber: 3, axisLabel: { ...text, formatter: short } },
      series: data.series.map((one) => ({ name: one.name, type: "bar", stack: "all", barMaxWidth: 40, barCategoryGap: "25%", data: one.data, itemStyle: { color: fill(one.fill), borderColor: token("--surface"), borderWidth: 0.5 } })),
    };
  };
  const drawn = [];
  for (const box of document.querySelectorAll("[data-chart]")) {
    const data = JSON.parse(box.dataset.chart), figure = box.closest(".figure");
    figure.classList.add("drawn");
    const chart = echarts.init(box);
    chart.setOption(option(data));
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", data.label);
    drawn.push([chart, data]);
    figure.querySelector("[data-do=table]")?.addEventListener("click", (event) => {
      const table = figure.classList.toggle("as-table");
      event.currentTarget.setAttribute("aria-pressed", String(table));
      if (!table) chart.resize();
    });
  }
  const again = () => drawn.forEach(([chart, data]) => chart.setOption(option(data), true));
  addEventListener("resize", () => drawn.forEach(([chart]) => chart.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.fonts?.ready.then(again);
})();
