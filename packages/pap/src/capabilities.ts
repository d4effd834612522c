import { type BodyPart, parseXml, type XmlElement } from "@sip-push/bodies";
import { fromBodies, PapError, type PapErrorDetails } from "./errors.ts";
import { fragmentAround, tagAt } from "./fragment.ts";
import { DEFAULT_MAX_CONTROL_OCTETS, type PapDecodeOptions } from "./options.ts";
import { checkXmlPart } from "./xml-part.ts";

/** `RDF/Description/component/Description/Push-Accept/Bag/li`, and some. */
const MAX_DEPTH = 12;
/** Elements and attributes; what is known of a whole handset takes some 300. */
const MAX_ELEMENTS = 5_000;
const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/**
 * Reads the capabilities entity of a push: what its initiator takes the handset for, a UAProf document (RDF in XML). No entity is
 * expanded and nothing is fetched. PAP 2.x §8.
 *
 * @param inKind of the control entity, for errors to be answered in kind.
 * @returns its root, `rdf:RDF`.
 * @throws {PapError} with the offset in octets of the entity and a fragment of what is wrong.
 */
export function decodeCapabilities(
  part: BodyPart,
  { limits = {} }: PapDecodeOptions = {},
  inKind: Pick<PapErrorDetails, "version" | "publicId"> = {},
): XmlElement {
  const { body } = part;
  const detailsAt = (offset: number): PapErrorDetails => ({
    badMessageFragment: fragmentAround(body, offset),
    ...inKind,
  });
  checkXmlPart(part, "the capabilities entity", () => ({ element: "capabilities", ...detailsAt(0) }));
  const maxOctets = limits.maxControlOctets ?? DEFAULT_MAX_CONTROL_OCTETS;
  const { root } = fromBodies(
    () => parseXml(body, { maxOctets, maxDepth: MAX_DEPTH, maxElements: MAX_ELEMENTS }),
    ({ field, offset }) => ({
      element: field === "xml" ? "capabilities" : `capabilities/${field}`,
      ...detailsAt(offset ?? 0),
    }),
  );
  if (root.name === "RDF" && root.namespace === RDF) return root;
  const { name, offset } = root;
  throw new PapError("PAP_UNKNOWN_ELEMENT", `${JSON.stringify(name.slice(0, 40))} is not the root of UAProf, rdf:RDF`, {
    element: "capabilities",
    offset,
    badMessageFragment: tagAt(body, offset ?? 0),
    ...inKind,
  });
}
