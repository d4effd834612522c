import { attributeOf, parseXml, serializeXml, type XmlDocument, type XmlElement, xmlElement } from "@sip-push/bodies";
import { text } from "./attribute-types.ts";
import {
  checkAttributeNames,
  checkNoText,
  type DecodeContext,
  decodeElement,
  elementError,
  unexpected,
} from "./decode-element.ts";
import { type ElementRow, implied } from "./element-rows.ts";
import { operationNamed } from "./elements.ts";
import { encodeElement } from "./encode-element.ts";
import { fromBodies, PapError } from "./errors.ts";
import { fragmentAround } from "./fragment.ts";
import { DEFAULT_MAX_ADDRESSES, DEFAULT_MAX_CONTROL_OCTETS, type PapDecodeOptions } from "./options.ts";
import type { PapDocument, PapOperation } from "./types.ts";
import {
  areSupportedVersions,
  bestVersion,
  doctypeNamed,
  type PapDoctype,
  type PapVersion,
  papDoctypes,
  papVersions,
  parseSupportedVersions,
  serializeDoctype,
  sniffDoctype,
  supportedVersions,
  usualDoctype,
} from "./versions.ts";

/** `pap/statusquery-response/statusquery-result/address`, and some to name what is too deep. */
const MAX_DEPTH = 8;
/** Elements and attributes per address, at most: a statusquery-result with its quality-of-service. */
const ELEMENTS_PER_ADDRESS = 14;
const ELEMENTS_BESIDES = 64;

/** Attributes of the root; its one child is the operation. */
const papRow: ElementRow<unknown> = { name: "pap", fields: { productName: implied("product-name", text) } };

/**
 * Reads a control entity: the XML document of PAP 1.0, 2.0 or 2.1. All that the DTD demands is checked; no entity is expanded
 * and nothing is fetched.
 *
 * @throws {PapError} with the element, the attribute, the offset in octets and a fragment of what is wrong.
 */
export function decodePapDocument(octets: Uint8Array, options: PapDecodeOptions = {}): PapDocument {
  const { limits = {}, leniency = {} } = options;
  const maxAddresses = limits.maxAddresses ?? DEFAULT_MAX_ADDRESSES;
  const xmlLimits = {
    maxOctets: limits.maxControlOctets ?? DEFAULT_MAX_CONTROL_OCTETS,
    maxDepth: MAX_DEPTH,
    maxElements: maxAddresses * ELEMENTS_PER_ADDRESS + ELEMENTS_BESIDES,
  };
  const xml = fromBodies(
    () => parseXml(octets, xmlLimits),
    ({ field, offset }) => {
      const doctype = sniffDoctype(octets);
      return {
        element: field === "xml" ? undefined : field,
        badMessageFragment: fragmentAround(octets, offset ?? 0),
        version: doctype?.version,
        publicId: doctype?.publicId,
      };
    },
  );
  const versions = versionsOf(xml);
  const { version, publicId } = doctypeOf(xml, octets, versions, leniency.missingDoctype);
  const context: DecodeContext = { octets, version, publicId, leniency, maxAddresses, addresses: 0 };
  const productName = productNameOf(xml.root, context);
  const operation = decodeOperation(xml.root, context);
  return {
    version,
    publicId,
    supportedVersions: versions,
    ...(productName !== undefined && { productName }),
    operation,
  };
}

function versionsOf({ instructions }: XmlDocument): readonly string[] {
  const data = instructions.find(({ target }) => target === "wap-pap-ver")?.data;
  return data === undefined ? [] : parseSupportedVersions(data);
}

/** @throws {PapError} PAP_VERSION, to be answered in the best version that the peer takes. */
function doctypeOf(
  { doctype, root }: XmlDocument,
  octets: Uint8Array,
  peer: readonly string[],
  isOptional = false,
): PapDoctype {
  if (root.name !== "pap" || root.namespace !== "") {
    throw elementError(...unexpected(root, "as the root"), root, root.name.slice(0, 40), { octets });
  }
  if (doctype === null) {
    if (isOptional) return usualDoctype("2.0");
    throw elementError("PAP_VERSION", "has no DOCTYPE", root, "pap", { octets });
  }
  const row = doctypeNamed(doctype);
  if (row !== undefined) return row;
  const problem = `DOCTYPE ${JSON.stringify(doctype.slice(0, 80))} is none of PAP 1.0, 2.0 or 2.1`;
  const badMessageFragment = fragmentAround(octets, 0);
  throw new PapError("PAP_VERSION", problem, { badMessageFragment, version: bestVersion(peer) });
}

function productNameOf(root: XmlElement, context: DecodeContext): string | undefined {
  checkNoText(root, "pap", context);
  checkAttributeNames(root, papRow, "pap", context);
  return attributeOf(root, "product-name");
}

function decodeOperation(root: XmlElement, context: DecodeContext): PapOperation {
  for (const child of root.children) {
    if (child.namespace === "" && operationNamed(child.name) !== undefined) continue;
    throw elementError(...unexpected(child, "in pap"), child, `pap/${child.name.slice(0, 40)}`, context);
  }
  const [element, second] = root.children;
  if (element === undefined) throw elementError("PAP_NO_OPERATION", "holds no operation", root, "pap", context);
  const path = `pap/${element.name}`;
  if (second !== undefined) {
    throw elementError("PAP_TWO_OPERATIONS", `stands beside ${element.name}`, second, `pap/${second.name}`, context);
  }
  const row = operationNamed(element.name) as ElementRow<PapOperation>;
  const members = decodeElement(element, row, path, context) as object;
  // The rows are checked against the members of each operation where they are declared.
  return { kind: element.name, ...members } as PapOperation;
}

/**
 * Writes a control entity in UTF-8, with the DOCTYPE of its version. From 2.0 on the versions spoken here stand in it, unless
 * `supportedVersions` says otherwise.
 *
 * @throws {PapError} PAP_BAD_VALUE.
 */
export function encodePapDocument(document: PapDocument): Uint8Array {
  const { version, publicId, operation, productName } = document;
  const row = operationNamed(operation.kind);
  if (row === undefined || !papVersions.includes(version)) {
    throw new PapError("PAP_BAD_VALUE", row === undefined ? "is no operation" : "is no version");
  }
  const attributes = productName === undefined ? [] : [{ name: "product-name", namespace: "", value: productName }];
  const root = xmlElement("pap", {
    attributes,
    children: [encodeElement(operation, row, `pap/${row.name}`, version)],
  });
  const doctype = doctypeFor(version, publicId, document.supportedVersions);
  return fromBodies(
    () => serializeXml(root, { doctype }),
    () => ({ element: `pap/${row.name}` }),
  );
}

const OWN_VERSIONS: readonly string[] = supportedVersions.split(",");
/** DOCTYPEs that say our versions, by version and public identifier of the table. */
const ownDoctypes = new Map(
  papDoctypes.map(({ version, publicId }) => [
    `${version} ${publicId}`,
    serializeDoctype(version, publicId, version === "1.0" ? [] : OWN_VERSIONS),
  ]),
);

function doctypeFor(
  version: PapVersion,
  publicId: string | undefined,
  versions: readonly string[] = version === "1.0" ? [] : OWN_VERSIONS,
): string {
  const own = versions === OWN_VERSIONS ? ownDoctypes.get(`${version} ${publicId}`) : undefined;
  if (own !== undefined) return own;
  if (areSupportedVersions(versions)) return serializeDoctype(version, publicId, versions);
  throw new PapError("PAP_BAD_VALUE", "supportedVersions holds what is none");
}
