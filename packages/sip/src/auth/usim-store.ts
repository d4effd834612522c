import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { AkaError } from "./aka.ts";
import type { UsimStore } from "./usim.ts";

/**
 * Keeps the sequence numbers of one USIM in a file: `{"sqns":[…]}`. It is replaced as a whole, so that a crash leaves the
 * old state or the new. What the file system refuses is thrown.
 */
export function usimFile(path: string): UsimStore {
  return {
    load() {
      const text = readIfThere(path);
      if (text === undefined) return undefined;
      try {
        // Not undefined, which would stand for a new USIM; `Usim` looks at what is in the list.
        return (JSON.parse(text) as { sqns?: readonly number[] } | null)?.sqns ?? [];
      } catch (error) {
        throw new AkaError("AKA_BAD_STATE", path, "is no state of a USIM", { cause: error });
      }
    },
    save(sqns) {
      const next = `${path}.new`;
      writeFileSync(next, `${JSON.stringify({ sqns })}\n`, { mode: 0o600 });
      renameSync(next, path);
    },
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
