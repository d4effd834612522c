import type { BodyPart } from "@sip-push/bodies";
import { applicationIdOfMediaType, mediaTypeOf, parseApplicationId, type ReceivedPush } from "@sip-push/push";
import { type Refused, refuse } from "./answer.ts";
import type { Applications, WantedApplications } from "./applications.ts";
import { type Content, unknownDisposition } from "./content.ts";

/** The part that is the push, and whom it is for. */
export interface ContentChoice extends WantedApplications {
  readonly part: BodyPart;
}

/**
 * The part of a multipart that is the push: the first that an application takes. A text, which every application takes, stands
 * behind what is meant for one; without any taker the first part is refused for what it is.
 *
 * A part that must be understood (`handling=required` in so many words) and is not refuses the whole, RFC 3261 §8.2.3. One that
 * does not say so is given to the application all the same; RFC 3261 §20.11 would have us assume `required`, and the
 * application is the one to know.
 *
 * @param push whose own wish, in Accept-Contact, Event or X-Wap-Application-Id, counts for every part.
 */
export function chooseContent(
  content: Content,
  push: ReceivedPush,
  applications: Applications,
): ContentChoice | Refused {
  const insisted = content.parts.find((part) => isRequired(part) && !isUnderstood(part, applications));
  const accept = [["Accept", applications.accept.join(", ")]] as const;
  if (insisted !== undefined) return refuse(415, `required part ${insisted.contentType} not supported`, accept);
  const choices = content.candidates.map((part) => ({ part, ...wantedBy(part, push) }));
  const first = choices[0];
  if (first === undefined) return refuse(400, "multipart without parts");
  const ordered = [...choices.filter(({ part }) => !isText(part)), ...choices.filter(({ part }) => isText(part))];
  return ordered.find((choice) => isTaken(choice, applications)) ?? first;
}

function wantedBy({ contentType, headers }: BodyPart, push: ReceivedPush): WantedApplications {
  const { applicationIds, applicationIdSource } = push;
  if (applicationIdSource !== null && applicationIdSource !== "content-type") {
    return { applicationIds, applicationIdSource };
  }
  const field = headers?.find(([name]) => name.toLowerCase() === "x-wap-application-id")?.[1];
  const named = parseApplicationId(field ?? "");
  if (named !== undefined) return { applicationIds: [named], applicationIdSource: "x-wap-application-id" };
  const owner = applicationIdOfMediaType(mediaTypeOf(contentType) ?? "");
  if (owner !== undefined) return { applicationIds: [owner], applicationIdSource: "content-type" };
  return { applicationIds: [], applicationIdSource: null };
}

function isTaken({ part, ...wanted }: ContentChoice, applications: Applications): boolean {
  const mediaType = mediaTypeOf(part.contentType);
  return mediaType !== undefined && applications.dispatch(wanted, mediaType).kind === "application";
}

function isRequired({ contentDisposition }: BodyPart): boolean {
  return contentDisposition?.handling === "required";
}

function isUnderstood({ contentType, contentDisposition }: BodyPart, { accept }: Applications): boolean {
  if (unknownDisposition(contentDisposition) !== undefined) return false;
  return accept.includes("*/*") || accept.includes(mediaTypeOf(contentType) ?? "");
}

function isText({ contentType }: BodyPart): boolean {
  return mediaTypeOf(contentType) === "text/plain";
}
