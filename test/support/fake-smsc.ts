import { connect, type Socket } from "node:net";
import { Inbox } from "./inbox.ts";

/** A short message that Kannel's bearerbox hands to its SMS centre. */
export interface ShortMessage {
  readonly from: string;
  readonly to: string;
  /** User data header; empty without one. */
  readonly header: Buffer;
  readonly data: Buffer;
}

/** The SMS centre behind a bearerbox whose SMSC is `fake`: takes all that comes. It is the one that connects. */
export interface FakeSmsc {
  readonly messages: Inbox<ShortMessage>;
  /** How many came. */
  readonly count: number;
  close(): void;
}

/**
 * Connects to the port of a bearerbox.
 *
 * @param isCounting only counts what comes: for load.
 */
export async function openFakeSmsc(port: number, host = "127.0.0.1", isCounting = false): Promise<FakeSmsc> {
  const messages = new Inbox<ShortMessage>(({ to, data }) => `${data.length} octets to ${to}`);
  const socket = await connected(port, host);
  let rest = "";
  let count = 0;
  socket.setEncoding("latin1").on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    count += lines.length;
    if (!isCounting) for (const line of lines) messages.put(parse(line));
  });
  socket.on("error", () => undefined); // the bearerbox was ended
  return {
    messages,
    get count() {
      return count;
    },
    close: () => socket.destroy(),
  };
}

function connected(port: number, host: string): Promise<Socket> {
  const socket = connect(port, host);
  return new Promise((resolve, reject) => socket.once("error", reject).once("connect", () => resolve(socket)));
}

/** `<from> <to> udh <octets> data <octets>`, or `<from> <to> text …`; octets are `+` and `%xx` where they are not letters. */
function parse(line: string): ShortMessage {
  const [from = "", to = "", kind, first = "", , second] = line.split(" ");
  const hasHeader = kind === "udh";
  return {
    from,
    to,
    header: hasHeader ? octetsOf(first) : Buffer.alloc(0),
    data: octetsOf(hasHeader ? (second ?? "") : first),
  };
}

function octetsOf(text: string): Buffer {
  const plain = text
    .replaceAll("+", " ")
    .replace(/%([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}
