import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, it } from "vitest";
import { HOST, openOnPorts } from "./ports.ts";

it("passes over ports that somebody has over TCP, without opening anything", async () => {
  const somebody = createServer().listen(0, HOST);
  await once(somebody, "listening");
  const { port } = somebody.address() as AddressInfo;
  const tried: number[] = [];
  await openOnPorts(
    [port],
    async ([each = 0]) => tried.push(each),
    () => false,
  );
  somebody.close();
  expect(tried).toHaveLength(1);
  expect(tried).not.toContain(port);
});

it("goes on when somebody was faster, and takes any in the end", async () => {
  const taken = new Error("the port is in use");
  const tried: number[] = [];
  const open = async ([port = 0]: readonly number[]): Promise<string> => {
    tried.push(port);
    if (port !== 0) throw taken;
    return "open";
  };
  expect(await openOnPorts([64_000], open, (error) => error === taken)).toBe("open");
  expect(tried.at(-1)).toBe(0);
  expect(new Set(tried).size).toBe(tried.length);
});

it("does not go on for another reason", async () => {
  const open = (): Promise<never> => Promise.reject(new Error("no such user"));
  await expect(openOnPorts([0], open, () => false)).rejects.toThrow("no such user");
});
