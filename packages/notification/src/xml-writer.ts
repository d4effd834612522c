import type { NewElement } from "./syncml-tree.ts";
import type { SyncmlDocumentType } from "./syncml-versions.ts";
import { METINF_PAGE, tagToken } from "./wbxml-tokens.ts";

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };

/** Writes a SyncML document as XML text: one line of elements, MetInf elements in their namespace. */
export function writeXml(root: NewElement, type: SyncmlDocumentType): string {
  const doctype = `<!DOCTYPE ${root.name} PUBLIC "${type.publicId}" "${type.systemId}">`;
  return `<?xml version="1.0"?>\n${doctype}\n${writeElement(root, ` xmlns="${type.namespace}"`, false)}\n`;
}

function writeElement({ name, content }: NewElement, attributes: string, inMetInf: boolean): string {
  const inner =
    typeof content === "string" ? escapeText(content) : content.map((child) => writeChild(child, inMetInf)).join("");
  return inner === "" ? `<${name}${attributes}/>` : `<${name}${attributes}>${inner}</${name}>`;
}

function writeChild(child: NewElement, parentInMetInf: boolean): string {
  const inMetInf = tagToken(child.name)?.page === METINF_PAGE;
  return writeElement(child, inMetInf && !parentInMetInf ? ` xmlns="syncml:metinf"` : "", inMetInf);
}

/** A carriage return would come back as a newline (XML 1.0 2.11), so it is written as a reference. */
function escapeText(text: string): string {
  return text.replaceAll(/[&<>\r]/g, (character) => escapes[character] as string);
}
