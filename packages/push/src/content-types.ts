import { notificationMediaTypes } from "@sip-push/notification";

/** Content types that belong to one application, besides those of notifications. */
const OTHER_TYPES: ReadonlyArray<readonly [mediaType: string, applicationId: string]> = [
  ["application/vnd.omaloc-supl-init", "ulp.ua"],
  ["application/vnd.wap.mms-message", "mms.ua"],
  ["application/vnd.wap.emn+wbxml", "emn.ua"],
  ["application/vnd.wap.emn+xml", "emn.ua"],
];

const applicationByType = new Map<string, string>([
  ...notificationMediaTypes.map(({ mediaType, applicationId }) => [mediaType, applicationId] as const),
  ...OTHER_TYPES,
]);

/** The application to which content of this type goes when nothing else says; undefined when the type does not tell. */
export function applicationIdOfMediaType(mediaType: string): string | undefined {
  return applicationByType.get(mediaType);
}

/** Content types that belong to an application (short name), such as those that a receiver with it takes by default. */
export function mediaTypesOfApplication(applicationId: string): string[] {
  return [...applicationByType].filter(([, owner]) => owner === applicationId).map(([mediaType]) => mediaType);
}
