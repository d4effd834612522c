import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consoleDirectory } from "@sip-push/console";
import { Gateway, GatewayError, type PpgConfig, type PpgObserver, readPpgConfig } from "@sip-push/ppg";
import type { Logger } from "@sip-push/sip";
import { DOMAIN, initiator } from "./cast.ts";
import { HOST, openOnPorts } from "./ports.ts";

const PAP_PORT = 8070;
const OPERATION_PORT = 8071;
/** How long what is under way may take at the end. */
const STOP_MS = 300;

/** A gateway that keeps its pushes in a folder of its own, which goes with it. */
export class DemoGateway {
  readonly gateway: Gateway;
  /** Where it keeps its pushes. */
  readonly folder: string;

  private constructor(gateway: Gateway, folder: string) {
    this.gateway = gateway;
    this.folder = folder;
  }

  /**
   * Opens it, on its well-known ports where they are free. Rejects with {@link GatewayError}; then nothing is left.
   *
   * @param proxy SIP URI of the core.
   */
  static async open(proxy: string, options: { logger: Logger; observe: PpgObserver }): Promise<DemoGateway> {
    const folder = await mkdtemp(join(tmpdir(), "sip-push-demo-"));
    try {
      const gateway = await openOnPorts(
        [PAP_PORT, OPERATION_PORT],
        async ([pap = 0, operation = 0]) =>
          Gateway.open(await configOf(folder, proxy, pap, operation), {
            ...options,
            consoleDirectory,
            deliveryThread: true,
          }),
        (error) => error instanceof GatewayError && error.code === "GATEWAY_HTTP",
      );
      return new DemoGateway(gateway, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** URL that push initiators submit to. */
  get pap(): string {
    return this.gateway.pap[0] ?? "";
  }

  /** URL of the page that shows its pushes. */
  get console(): string {
    return this.gateway.console[0] ?? "";
  }

  /** Closes it and removes what it kept. */
  async close(): Promise<void> {
    await this.gateway.close(STOP_MS);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** As a configuration file says it: JSON is YAML. */
function configOf(dataDirectory: string, proxy: string, papPort: number, operationPort: number): Promise<PpgConfig> {
  const { user: name, password } = initiator;
  const settings = {
    name: "demo",
    dataDirectory,
    domain: `ppg.${DOMAIN}`,
    http: { listen: `http://${HOST}:${papPort}` },
    operation: `http://${HOST}:${operationPort}`,
    addresses: { USER: `sip:{value}@${DOMAIN}` },
    initiators: [
      {
        name,
        password: { env: "PASSWORD" },
        recipients: [`sip:*@${DOMAIN}`],
        // Whatever listens for results on this machine: `sip-push push --watch` takes any port.
        notifyUrls: [`http://${HOST}:*/*`],
      },
    ],
    sip: {
      from: `sip:ppg@${DOMAIN}`,
      proxy,
      listen: [`udp:${HOST}:0`, `tcp:${HOST}:0`],
      register: true,
      trusted: [HOST],
    },
    console: { users: [{ name, password: { env: "PASSWORD" } }] },
  };
  const readFile = (path: string): Promise<never> => Promise.reject(new Error(`${path} is not for the demo`));
  return readPpgConfig(JSON.stringify(settings), { env: { PASSWORD: password }, readFile, directory: dataDirectory });
}
