import { serializeXml, type XmlAttribute, type XmlElement, xmlElement } from "@sip-push/bodies";
import { applicationUrn, mediaTypeOf, parseApplicationId } from "@sip-push/push";
import type { CapabilityFacts } from "@sip-push/sender";

const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/** UAProf 2.0. */
const UAPROF = "http://www.openmobilealliance.org/tech/profiles/UAPROF/ccppschema-20021212#";
/** For what UAProf has no property for: how a handset is reached by SIP. */
const OURS = "urn:sip-push:ns:capabilities";

/**
 * Writes what is known of a handset as a profile with one component, PushCharacteristics. What is not known is not there.
 * UAProf 2.0 §7.2.6; SIP methods and event packages in a namespace of ours.
 */
export function encodeUaProf(facts: Partial<CapabilityFacts>): Uint8Array {
  const { applications, mediaTypes, encodings, languages, maxBodyBytes, methods, eventPackages } = facts;
  const properties = [
    ...bag(UAPROF, "Push-Accept", mediaTypes),
    ...bag(UAPROF, "Push-Accept-Encoding", encodings),
    ...bag(UAPROF, "Push-Accept-Language", languages),
    ...bag(UAPROF, "Push-Accept-AppID", applications?.map(urnOf)),
    ...(maxBodyBytes == null ? [] : [property(UAPROF, "Push-MsgSize", String(maxBodyBytes))]),
    ...bag(OURS, "Sip-Methods", methods),
    ...bag(OURS, "Sip-Event-Packages", eventPackages),
  ];
  const type = xmlElement("type", { namespace: RDF, attributes: [rdf("resource", `${UAPROF}PushCharacteristics`)] });
  const component = description("PushCharacteristics", [type, ...properties]);
  const profile = description("Profile", [property(UAPROF, "component", "", [component])]);
  const root = xmlElement("RDF", { namespace: RDF, children: [profile] });
  return serializeXml(root, { prefixes: { [RDF]: "rdf", [UAPROF]: "prf", [OURS]: "sip-push" } });
}

/**
 * The media types and ranges that a profile lists as Push-Accept, in lower case and without parameters; null when it lists none.
 * Its namespace is that of some version of UAProf.
 *
 * @param root rdf:RDF.
 */
export function pushAcceptOf(root: XmlElement): readonly string[] | null {
  const types: string[] = [];
  const visit = ({ name, children, text }: XmlElement, isListed: boolean): void => {
    const type = isListed && name === "li" ? mediaTypeOf(text.trim()) : undefined;
    if (type !== undefined) types.push(type);
    for (const child of children) visit(child, isListed || name === "Push-Accept");
  };
  visit(root, false);
  return types.length === 0 ? null : types;
}

function urnOf(application: string): string {
  return parseApplicationId(application) === undefined ? application : applicationUrn(application);
}

function description(id: string, children: readonly XmlElement[]): XmlElement {
  return xmlElement("Description", { namespace: RDF, attributes: [rdf("ID", id)], children });
}

/** A set of values as RDF has them; nothing when they are not known. */
function bag(namespace: string, name: string, values: readonly string[] | null | undefined): XmlElement[] {
  if (values == null) return [];
  const items = values.map((text) => xmlElement("li", { namespace: RDF, text }));
  return [property(namespace, name, "", [xmlElement("Bag", { namespace: RDF, children: items })])];
}

function property(namespace: string, name: string, text: string, children: readonly XmlElement[] = []): XmlElement {
  return xmlElement(name, { namespace, text, children });
}

const rdf = (name: string, value: string): XmlAttribute => ({ name, namespace: RDF, value });
