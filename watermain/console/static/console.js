// Draws the table inside a figure as a plot above it; without this the table says it all.
"use strict";

const seconds = (text) => Date.parse(text) / 1000;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function figures(figure) {
  const rows = [...figure.querySelectorAll("tbody tr")];
  const at = (row) => seconds(row.querySelector("[data-x]").dataset.x);
  const told = (row) => Number(row.querySelector("[data-y]").dataset.y);
  return [rows.map(at), rows.map(told)];
}

function options(figure, width) {
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
    scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high)] } },
    axes: [axis, { ...axis, size: 60 }],
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
  new uPlot(options(figure, place.clientWidth), data, place);
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 150);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
