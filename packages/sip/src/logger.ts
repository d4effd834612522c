type Log = (fields: object, message: string) => void;

/** What the libraries log to; pino satisfies it. Bodies, credentials, digests and nonces are never logged. */
export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

const ignore: Log = () => {};

export const silentLogger: Logger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
