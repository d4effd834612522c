import { describe, expect, it } from "vitest";
import { registration } from "../user-agent/registration.machine.ts";
import { type MachineTable, toMermaid } from "./machine.ts";
import { nonInviteClient } from "./non-invite-client.machine.ts";
import { nonInviteServer } from "./non-invite-server.machine.ts";

type AnyTable = MachineTable<string, string, string>;

const machines: ReadonlyArray<readonly [name: string, table: AnyTable, last: string, first: string]> = [
  ["non-INVITE client (RFC 3261 figure 6)", nonInviteClient, "terminated", "trying"],
  ["non-INVITE server (RFC 3261 figure 8)", nonInviteServer, "terminated", "trying"],
  ["registration", registration, "ended", "idle"],
];

describe.each(machines)("%s", (_, table, last, first) => {
  it("has no row that leaves its last state", () => {
    expect(table[last]).toEqual({});
  });

  it("reaches every state from the first", () => {
    const reached = new Set([first]);
    for (const state of reached) for (const row of Object.values(table[state] ?? {})) if (row) reached.add(row.next);
    expect([...reached].sort()).toEqual(Object.keys(table).sort());
  });

  it("can be drawn and held against the figure", () => {
    expect(toMermaid(table)).toMatchSnapshot();
  });
});
