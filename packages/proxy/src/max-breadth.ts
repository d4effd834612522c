import type { SipRequest } from "@sip-push/sip";
import type { Refusal } from "./request-validation.ts";

/** RFC 5393 §5.3.3: what a request without Max-Breadth gets, and the most that is believed. */
const MAX_BREADTH = 60;

/** A Max-Breadth that is no positive integer. RFC 5393 §5.3.1. */
export function checkMaxBreadth(request: SipRequest): Refusal | undefined {
  const values = request.headers.getAll("Max-Breadth");
  if (values.length === 0 || (values.length === 1 && /^0*[1-9][0-9]*$/.test(values[0] ?? ""))) return undefined;
  return { statusCode: 400, reason: "Bad Request (Max-Breadth is no positive number)" };
}

/** Branches that the request may have under way at a time. RFC 5393 §5.3.3. */
export function maxBreadthOf(request: SipRequest): number {
  return Math.min(Number(request.headers.get("Max-Breadth") ?? MAX_BREADTH), MAX_BREADTH);
}

/** Every copy that leaves has one. RFC 5393 §5.3.3. */
export function setMaxBreadth(request: SipRequest, maxBreadth: number): void {
  request.headers.set("Max-Breadth", String(maxBreadth));
}

/** `all` in slices of at most `size`, in order. */
export function slicesOf<T>(all: readonly T[], size: number): T[][] {
  const slices: T[][] = [];
  for (let start = 0; start < all.length; start += size) slices.push(all.slice(start, start + size));
  return slices;
}

/** Divides `maxBreadth` among branches, `count` of them and at most that many: nothing is lost, each has at least 1. */
export function sharesOf(maxBreadth: number, count: number): number[] {
  const share = Math.floor(maxBreadth / count);
  return Array.from({ length: count }, (_, index) => share + (index < maxBreadth % count ? 1 : 0));
}
