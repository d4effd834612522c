import { setImmediate } from "node:timers/promises";
import { SipHeaders, type SipMessage, type SipParseError, SipRequest } from "../../message/index.ts";
import type { Flow, FlowUser, SipTransportError } from "../transport.ts";

/** A user of transports that keeps what it is told, for tests to wait on. */
export class Recorder implements FlowUser {
  readonly messages: SipMessage[] = [];
  /** The flow of each message. */
  readonly flows: Flow[] = [];
  readonly problems: SipParseError[] = [];
  readonly ends: { readonly flow: Flow; readonly error: SipTransportError | undefined }[] = [];
  /** Called with each message as it comes, to answer it. */
  onMessage: (message: SipMessage, flow: Flow) => void = () => {};
  readonly #waiting = new Set<() => void>();

  message(message: SipMessage, flow: Flow): void {
    this.messages.push(message);
    this.flows.push(flow);
    this.onMessage(message, flow);
    this.#tell();
  }

  malformed(error: SipParseError): void {
    this.problems.push(error);
    this.#tell();
  }

  closed(flow: Flow, error: SipTransportError | undefined): void {
    this.ends.push({ flow, error });
    this.#tell();
  }

  /** Resolves once `condition` holds; it is looked at whenever something is told. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  /** The flow of the n-th message, once it came. */
  async flowOf(index: number): Promise<Flow> {
    await this.until(() => this.flows.length > index);
    return this.flows[index] as Flow;
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** All 256 values, twice, the second time backwards. */
export const everyOctet: Uint8Array = Uint8Array.from({ length: 512 }, (_, i) => (i < 256 ? i : 511 - i));

/** A MESSAGE request that the decoder likes. */
export function messageOctets(body: Uint8Array = everyOctet, callId = "1@example.test"): Uint8Array {
  const headers = SipHeaders.of([
    ["Via", "SIP/2.0/TCP client.example.test;branch=z9hG4bK776asdhds"],
    ["Max-Forwards", "70"],
    ["From", "<sip:alice@example.test>;tag=1"],
    ["To", "<sip:bob@example.test>"],
    ["Call-ID", callId],
    ["CSeq", "1 MESSAGE"],
    ["Content-Type", "application/octet-stream"],
  ]);
  return new SipRequest("MESSAGE", "sip:bob@example.test", headers, body).encode();
}

/** Sockets and servers of this process that stay open, though the event loop had time to let go of closed ones. */
export async function openSockets(): Promise<string[]> {
  let found: string[] = [];
  for (let turn = 0; turn < 50; turn++) {
    await setImmediate();
    found = process.getActiveResourcesInfo().filter((resource) => /^(UDP|TCP|TLS|HTTP)/.test(resource));
    if (found.length === 0) break;
  }
  return found;
}
