import type { MachineTable } from "../../transaction/machine.ts";

/** Each row of a machine as one line, to hold against the text of its RFC: `state + event -> next: action, action`. */
export function transcriptOf(table: MachineTable<string, string, string>): string[] {
  return Object.entries(table).flatMap(([state, events]) =>
    Object.entries(events).flatMap(([event, row]) => {
      if (row === undefined) return [];
      const actions = row.actions.length === 0 ? "" : `: ${row.actions.join(", ")}`;
      return [`${state} + ${event} -> ${row.next}${actions}`];
    }),
  );
}
