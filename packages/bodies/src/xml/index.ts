export { parseXml } from "./parse.ts";
export { serializeXml, type XmlWriteOptions } from "./serialize.ts";
export {
  attributeOf,
  childOf,
  childrenOf,
  childText,
  isNamed,
  type XmlAttribute,
  type XmlDocument,
  type XmlElement,
  type XmlElementInit,
  type XmlInstruction,
  xmlElement,
} from "./tree.ts";
