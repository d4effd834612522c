import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { RatesView } from "./api.d.ts";

const HEIGHT = 260;

/** Lines that can be told apart without their colours too. */
const series = [
  { label: "accepted/s", key: "accepted", colour: "--blue", dash: [] },
  { label: "delivered/s", key: "delivered", colour: "--green", dash: [] },
  { label: "attempts/s", key: "attempts", colour: "--orange", dash: [6, 4] },
  { label: "failed/s", key: "failed", colour: "--red", dash: [2, 3] },
] as const;

const dark = matchMedia("(prefers-color-scheme: dark)");
const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function dataOf(rates: RatesView): uPlot.AlignedData {
  const times = rates.accepted.map((_, index) => (rates.startMs + index * rates.slotMs) / 1_000);
  return [times, ...series.map(({ key }) => [...rates[key]])] as uPlot.AlignedData;
}

function optionsFor(width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colourOf("--quiet"),
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { stroke: colourOf("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
  const values = (_plot: uPlot, splits: number[]): string[] => splits.map((each) => time.format(each * 1_000));
  const number = (_plot: uPlot, value: number | null): string => (value === null ? "–" : String(value));
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    // Seldom anything happens: a line at nought stays at the bottom.
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [{ ...axis, values, space: 80 }, axis],
    series: [
      { label: "time", value: (_plot, at) => (at === null ? "–" : new Date(at * 1_000).toLocaleTimeString()) },
      ...series.map(({ label, colour, dash }) => ({
        label,
        stroke: colourOf(colour),
        width: 2,
        dash: [...dash],
        points: { show: false },
        value: number,
      })),
    ],
  };
}

/** Rates over the last minutes. */
export function RatesPlot({ rates }: { readonly rates: RatesView }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(rates);
  latest.current = rates;

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(element.clientWidth), dataOf(latest.current), element);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(rates)), [rates]);

  return <div ref={box} class="plot" role="img" aria-label={words(rates)} />;
}

/** The plot for those who do not see it. */
function words(rates: RatesView): string {
  const now = series.map(({ label, key }) => `${label.replace("/s", "")} ${rates[key].at(-1) ?? 0}`);
  return `Rates per second over the last ten minutes; now: ${now.join(", ")}`;
}
