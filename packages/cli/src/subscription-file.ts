import { readFile, rename, writeFile } from "node:fs/promises";
import type { SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";
import { fileProblem } from "./input-files.ts";
import { UsageError } from "./io.ts";

/**
 * Keeps the subscriptions of handsets over runs of `send`, in a file `{"subscriptions":[…]}` for one run at a time. It is
 * replaced as a whole, so that a crash leaves the old state or the new; a file that is not there is an empty one.
 *
 * @throws {UsageError} for a file that cannot be read or written, or is none such.
 */
export async function subscriptionFile(flag: string, path: string): Promise<SubscriptionStore> {
  const records = new Map((await readRecords(flag, path)).map((record) => [record.id, record]));
  try {
    // What cannot be written is found out before anything depends on it.
    await replace(path, [...records.values()]);
  } catch (error) {
    throw new UsageError(fileProblem(flag, path, error as NodeJS.ErrnoException), { cause: error });
  }
  let written: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    // Each write has all there is when its turn comes; one that failed does not keep back the next.
    written = written.catch(() => {}).then(() => replace(path, [...records.values()]));
    return written;
  };
  return {
    put(record) {
      records.set(record.id, record);
      return write();
    },
    delete(id) {
      return records.delete(id) ? write() : Promise.resolve();
    },
    async *load(eventPackage) {
      for (const record of [...records.values()]) if (record.package === eventPackage) yield record;
    },
  };
}

async function replace(path: string, subscriptions: readonly SubscriptionRecord[]): Promise<void> {
  const next = `${path}.new`;
  // It tells who uses what.
  await writeFile(next, `${JSON.stringify({ subscriptions })}\n`, { mode: 0o600 });
  await rename(next, path);
}

async function readRecords(flag: string, path: string): Promise<SubscriptionRecord[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new UsageError(fileProblem(flag, path, error as NodeJS.ErrnoException), { cause: error });
  }
  const subscriptions = listIn(text);
  if (subscriptions === undefined) throw new UsageError(`${flag}: ${path}: holds no subscriptions`);
  // What else may be wrong with a record, the notifier finds out and leaves it aside.
  return subscriptions;
}

function listIn(text: string): SubscriptionRecord[] | undefined {
  try {
    const { subscriptions } = JSON.parse(text) as { subscriptions?: unknown };
    return Array.isArray(subscriptions) && subscriptions.every(isRecord) ? subscriptions : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is SubscriptionRecord {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string";
}
