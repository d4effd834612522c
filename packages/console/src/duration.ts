const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1_000 },
] as const;

/** A number of milliseconds for people: `31 ms`, `4.2 s`, then two units, `1 min 30 s`. What is smaller is left out. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.floor(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const at = units.findIndex((unit) => ms >= unit.ms);
  let left = ms;
  const parts = units.slice(at, at + 2).map((unit) => {
    const count = Math.floor(left / unit.ms);
    left -= count * unit.ms;
    return { count, text: `${count} ${unit.name}` };
  });
  return parts
    .filter(({ count }) => count > 0)
    .map(({ text }) => text)
    .join(" ");
}
