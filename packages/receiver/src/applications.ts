import {
  mediaTypeOf,
  mediaTypesOfApplication,
  normalizeApplicationId,
  PushInputError,
  type ReceivedPush,
  serializeOmaPushEvent,
} from "@sip-push/push";
import { envelopeTypes } from "./content.ts";

/** An application of the handset. */
export interface ReceiverApplication {
  /** In any spelling; `*` stands for every application. */
  readonly applicationId: string;
  /** Media types it takes. Default: those that belong to the application; any when none do. */
  readonly contentTypes?: readonly string[];
}

/** Every MESSAGE UAS must take it. RFC 3428 §7. */
const TEXT = "text/plain";

interface Application {
  readonly name: string;
  /** Empty for any. */
  readonly mediaTypes: readonly string[];
}

/** Whom a push is for, and where it says so. */
export type WantedApplications = Pick<ReceivedPush, "applicationIds" | "applicationIdSource">;

/** To which application a push goes, or why to none. */
export type Dispatch =
  | { readonly kind: "application"; readonly applicationId: string | null }
  | { readonly kind: "unknown-application" }
  | { readonly kind: "unsupported-type" };

/** The applications of one handset. */
export class Applications {
  readonly #applications: readonly Application[];
  /** Media types for Accept, `text/plain` and those that are taken apart among them. */
  readonly accept: readonly string[];

  /** @throws {PushInputError} naming `applications[i]`, or `applications` for more than 64. */
  constructor(applications: ReadonlyArray<string | ReceiverApplication>) {
    this.#applications = applications.map((each, index) => read(each, `applications[${index}]`));
    checkList(this.names);
    const any = this.#applications.some(({ mediaTypes }) => mediaTypes.length === 0);
    const named = this.#applications.flatMap(({ mediaTypes }) => mediaTypes);
    this.accept = [...new Set([...named, TEXT, ...envelopeTypes, ...(any ? ["*/*"] : [])])];
  }

  /** Short names, for the feature tag. */
  get names(): string[] {
    return this.#applications.map(({ name }) => name);
  }

  /**
   * The first application that the push asks for and that is here; without a wish, the one that takes its type. A text without
   * a wish goes to nobody in particular.
   */
  dispatch({ applicationIds, applicationIdSource }: WantedApplications, mediaType: string): Dispatch {
    if (applicationIdSource === null) return this.#byType(mediaType);
    if (applicationIdSource === "content-type") return this.#byType(mediaType, applicationIds[0]);
    let kind: "unknown-application" | "unsupported-type" = "unknown-application";
    for (const id of applicationIds) {
      for (const application of this.#find(id)) {
        kind = "unsupported-type";
        if (!takes(application, mediaType) && mediaType !== TEXT) continue;
        return { kind: "application", applicationId: application.name === "*" ? id : application.name };
      }
    }
    return { kind };
  }

  /** @param byRegistry the application to which content of this type usually goes. */
  #byType(mediaType: string, byRegistry?: string): Dispatch {
    const owner = this.#applications.find(({ mediaTypes }) => mediaTypes.includes(mediaType));
    if (owner !== undefined && owner.name !== "*") return { kind: "application", applicationId: owner.name };
    if (byRegistry !== undefined && this.#find(byRegistry).some((application) => takes(application, mediaType))) {
      return { kind: "application", applicationId: byRegistry };
    }
    if (mediaType === TEXT) return { kind: "application", applicationId: null };
    const taker = this.#applications.find((application) => takes(application, mediaType));
    if (taker === undefined) return { kind: "unsupported-type" };
    return { kind: "application", applicationId: taker.name === "*" ? null : taker.name };
  }

  /** Those that `id` may mean: one, or the one that stands for every application. `*` in a push means any. */
  #find(id: string): readonly Application[] {
    if (id === "*") return this.#applications;
    const application =
      this.#applications.find(({ name }) => name === id) ?? this.#applications.find(({ name }) => name === "*");
    return application === undefined ? [] : [application];
  }
}

/** All of them are one list, in Event (draft-mdolly-dispatch-oma-push-00 §7.4) and in the feature tag. */
function checkList(names: readonly string[]): void {
  try {
    if (names.length > 0) serializeOmaPushEvent({ applicationIds: names });
  } catch (error) {
    if (!(error instanceof PushInputError)) throw error;
    const problem = error.message.slice(error.field.length + 2);
    throw new PushInputError(error.code, "applications", problem, { cause: error });
  }
}

function takes({ mediaTypes }: Application, mediaType: string): boolean {
  return mediaTypes.length === 0 || mediaTypes.includes(mediaType);
}

function read(application: string | ReceiverApplication, field: string): Application {
  const given: ReceiverApplication = typeof application === "string" ? { applicationId: application } : application;
  const name = normalizeApplicationId(given.applicationId, field);
  const types = given.contentTypes ?? mediaTypesOfApplication(name);
  const mediaTypes = types.map((type, index) => {
    const mediaType = mediaTypeOf(type);
    if (mediaType !== undefined) return mediaType;
    throw new PushInputError(
      "PUSH_BAD_CONTENT_TYPE",
      `${field}.contentTypes[${index}]`,
      `${JSON.stringify(type)} is no media type`,
    );
  });
  return { name, mediaTypes };
}
