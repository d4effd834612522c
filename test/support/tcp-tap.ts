import { connect, createServer, type Socket } from "node:net";
import { afterEach } from "vitest";

/** A wire to a TCP port of 127.0.0.1, which can be listened in on, and cut. */
export interface TcpTap {
  readonly port: number;
  /** What clients sent so far, one character per octet. */
  readonly sent: string;
  /** What the target sent so far. */
  readonly received: string;
  /** Breaks all connections, new ones may come; settles when the target has noticed. */
  break(): Promise<void>;
  /** The same, and lets no new one in. Idempotent. */
  cut(): Promise<void>;
}

/** Call it inside a suite. Opens ports whose connections lead to a target; they are cut after each test. */
export function useTcpTaps(): (target: number) => Promise<TcpTap> {
  const taps: TcpTap[] = [];
  afterEach(async () => {
    await Promise.all(taps.splice(0).map((tap) => tap.cut()));
  });
  return async (target) => {
    const tap = await openTcpTap(target);
    taps.push(tap);
    return tap;
  };
}

async function openTcpTap(target: number): Promise<TcpTap> {
  const nears = new Set<Socket>();
  const fars = new Set<Promise<unknown>>();
  let [sent, received] = ["", ""];
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    nears.add(near);
    // Not destroyed with it: what closes it is the other side, once it has seen the end.
    near.on("close", () => {
      nears.delete(near);
      // What the target still sends is read, or its end would wait behind that for ever.
      far.unpipe(near);
      far.resume();
      far.end();
    });
    far.on("close", () => near.destroy());
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.on("data", (chunk: Buffer) => {
      sent += chunk.toString("latin1");
    });
    far.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    near.pipe(far).pipe(near);
    fars.add(new Promise((resolve) => far.once("close", resolve)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const breakAll = async (): Promise<void> => {
    const broken = [...fars];
    fars.clear();
    for (const near of nears) near.destroy();
    await Promise.all(broken);
  };
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return {
    port: address.port,
    get sent() {
      return sent;
    },
    get received() {
      return received;
    },
    break: breakAll,
    cut: async () => {
      server.close();
      await breakAll();
    },
  };
}
