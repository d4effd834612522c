/** One cell of a state machine: what to do, in order, and the state after. */
export interface Row<State extends string, Action extends string> {
  readonly next: State;
  readonly actions: readonly Action[];
}

/** State x event -> row. An event that is missing from a state is ignored there. */
export type MachineTable<State extends string, Event extends string, Action extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, Row<State, Action>>>>>
>;

/** Shorthand that keeps a table readable next to the figure it stands for. */
export function to<State extends string, Action extends string>(next: State, ...actions: Action[]): Row<State, Action> {
  return { next, actions };
}

/** The table as a Mermaid state diagram, to hold against the RFC's figure. */
export function toMermaid(table: MachineTable<string, string, string>): string {
  const lines = ["stateDiagram-v2"];
  for (const [state, events] of Object.entries(table)) {
    for (const [event, row] of Object.entries(events)) {
      if (row !== undefined) lines.push(`  ${state} --> ${row.next}: ${[event, ...row.actions].join(" / ")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
