/** 0x00 to 0xFF: what a body must hold to show that nothing on the way takes it for text. */
export const everyOctet: Buffer = Buffer.from(Uint8Array.from({ length: 256 }, (_, value) => value));
