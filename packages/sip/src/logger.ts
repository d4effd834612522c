type Log = (fields: object, message: string) => void;

/** What the libraries log to; pino satisfies it. Bodies, credentials, digests and nonces are never logged. */
export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  /** Whether what is logged at a level is written. Without it SIP messages are not traced. */
  readonly isLevelEnabled?: (level: string) => boolean;
}

const ignore: Log = () => {};

export const silentLogger: Logger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
