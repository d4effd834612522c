/** A hash of 53 bits: an integer that is exact as a number and as a database's integer. Two texts may share one. */
export type LookupKey = number;

export const pushKey = (pushId: string): LookupKey => hash(`p${pushId}`);
export const recipientKey = (recipient: string): LookupKey => hash(`r${recipient}`);

/** Two multiplicative hashes of 32 bits side by side, with the finish of MurmurHash3. */
function hash(text: string): LookupKey {
  let [high, low] = [0x2f0b4a27, 0x61c88647];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x85ebca6b);
    low = Math.imul(low ^ unit, 0xc2b2ae35);
    // Upper bits come down: a product carries upwards only.
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  return (finish(high ^ low) >>> 11) * 0x1_0000_0000 + (finish(low) >>> 0);
}

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
