import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder {
  readonly path: string;
  /** Deletes it with all in it. Idempotent. */
  remove(): void;
}

const folders = new Set<TempFolder>();

// Those of tests that failed half-way.
process.once("exit", () => {
  for (const folder of folders) folder.remove();
});

/** A new folder for the files of one peer. */
export function makeTempFolder(name: string): TempFolder {
  const path = mkdtempSync(join(tmpdir(), `sip-push-${name}-`));
  const folder: TempFolder = {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
      folders.delete(folder);
    },
  };
  folders.add(folder);
  return folder;
}
