import { z } from "zod";
import { AddressResolver } from "../intake/address-resolver.ts";
import { textCheckedBy } from "./fields.ts";
import { SettingProblem } from "./world.ts";

/** Each rule by itself, so that all of them are reported. */
const rule = textCheckedBy((text) => {
  try {
    void new AddressResolver(["localhost"], { rule: text });
  } catch (error) {
    throw new SettingProblem(error instanceof Error ? error.message.replace("addressRules.rule ", "") : String(error));
  }
});

export const addressRules: z.ZodType<Record<string, string>> = z.record(z.string(), rule);
