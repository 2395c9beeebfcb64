// Draws the table inside a figure as a plot above it; without this the table says it all.
"use strict";

const seconds = (text) => Date.parse(text) / 1000;
const whole = Array.from({ length: 10 }, (_, n) => [1, 2, 5].map((step) => step * 10 ** n)).flat();
const iso = (stamp) => new Date(stamp * 1000).toISOString();
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function figures(figure) {
  const rows = [...figure.querySelectorAll("tbody tr")];
  const at = (row) => seconds(row.querySelector("[data-x]").dataset.x);
  const told = (row) => Number(row.querySelector("[data-y]").dataset.y);
  return [rows.map(at), rows.map(told)];
}

// A day, or within two days the time of day, both in UTC.
function shown(_, stamps) {
  const isShort = stamps.length > 1 && stamps.at(-1) - stamps[0] < 2 * 86400;
  return stamps.map((stamp) => (isShort ? iso(stamp).slice(11, 16) : iso(stamp).slice(5, 10)));
}

// Half a bar of room at each end.
function reach(data) {
  const gap = data[0].length > 1 ? data[0][1] - data[0][0] : 86400;
  return [data[0][0] - gap / 2, data[0].at(-1) + gap / 2];
}

function options(figure, width, data) {
  const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
  const paths = figure.dataset.chart === "bars"
    ? uPlot.paths.bars({ size: [0.7, 40] })
    : uPlot.paths.stepped({ align: 1 });
  return {
    width,
    height: 176,
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range: reach(data) }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high)] } },
    axes: [{ ...axis, values: shown }, { ...axis, size: 60, incrs: whole }],
    series: [{}, { stroke: color("--plot"), fill: figure.dataset.chart === "bars" ? color("--plot") : undefined, width: 2, paths, points: { show: false } }],
  };
}

function draw(figure) {
  const data = figures(figure);
  if (!data[0].length) return;
  let place = figure.querySelector(".plot");
  if (!place) {
    place = document.createElement("div");
    place.className = "plot";
    place.setAttribute("aria-hidden", "true");
    figure.querySelector("figcaption").after(place);
  }
  place.replaceChildren();
  new uPlot(options(figure, place.clientWidth, data), data, place);
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 150);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
