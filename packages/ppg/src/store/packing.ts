/**
 * Copies octets into one new buffer. Between threads a buffer costs much more than the octets in it, and a view takes along all of
 * its buffer, whatever else is in there.
 *
 * @param all what will be copied, each once.
 */
export function packer(all: readonly (readonly (Uint8Array | null)[])[]): (octets: Uint8Array) => Uint8Array {
  const buffer = new Uint8Array(all.flat().reduce((sum, octets) => sum + (octets?.length ?? 0), 0));
  let next = 0;
  return (octets) => {
    buffer.set(octets, next);
    next += octets.length;
    return buffer.subarray(next - octets.length, next);
  };
}
