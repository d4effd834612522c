import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { INWARD_ADDRESS, isInward, outwardLookup } from "./inward-addresses.ts";

/** What a resolver gives. */
const of = (...addresses: string[]) => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

describe("inward addresses (RFC 6890)", () => {
  it.each([
    "0.0.0.0",
    "10.255.255.255",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.9",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "what is no address",
  ])("%s is one", (address) => expect(isInward(address)).toBe(true));

  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "128.0.0.1",
    "169.253.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.0.1",
    "193.0.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "fbff::1",
  ])("%s is none", (address) => expect(isInward(address)).toBe(false));
});

describe("looking up where to connect", () => {
  const lookUp = (all: boolean, ...addresses: string[]) =>
    new Promise((resolve) => {
      const lookup = outwardLookup((_host, options, done) => {
        expect(options).toMatchObject({ all: true, hints: 32 });
        done(null, of(...addresses));
      });
      lookup("pi.test", { all, hints: 32 }, (error, address, family) => resolve(error ?? [address, family]));
    });

  it("gives only outward addresses, in their order, one or all", async () => {
    const mixed = ["10.0.0.1", "2001:4860::1", "::1", "8.8.8.8"];
    expect(await lookUp(true, ...mixed)).toEqual([of("2001:4860::1", "8.8.8.8"), undefined]);
    expect(await lookUp(false, ...mixed)).toEqual(["2001:4860::1", 6]);
  });

  it("gives none of a name that has no others, and says so", async () => {
    expect(await lookUp(true, "127.0.0.1", "fd00::1")).toMatchObject({
      code: INWARD_ADDRESS,
      message: "pi.test stands for 127.0.0.1, fd00::1",
    });
    expect(await lookUp(false, "::ffff:10.0.0.1")).toMatchObject({ code: INWARD_ADDRESS });
    expect(await lookUp(true)).toMatchObject({ code: "ENOTFOUND" });
  });

  it("hands on what the resolver says is wrong", async () => {
    const wrong = Object.assign(new Error("away"), { code: "EAI_AGAIN" });
    const lookup = outwardLookup((_host, _options, done) => done(wrong, []));
    expect(await new Promise((resolve) => lookup("pi.test", {}, resolve))).toBe(wrong);
  });

  it("keeps a socket from a server that is there", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: "localhost", port, lookup: outwardLookup() });
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe(INWARD_ADDRESS);
    const closed = once(server, "close");
    server.close();
    await closed;
    expect(connections).toBe(0);
  });
});
