/** Standard base64 with padding (RFC 4648 4). */
export function toBase64(octets: Uint8Array): string {
  let binary = "";
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary);
}
