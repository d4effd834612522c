import type { NotificationVersion } from "./types.ts";

/** What a SyncML version is called in documents. */
export interface SyncmlDocumentType {
  /** Number of the WBXML public identifier. */
  readonly wbxmlPublicId: number;
  readonly publicId: string;
  readonly systemId: string;
  readonly namespace: string;
  /** Content of VerProto. */
  readonly verProto: string;
}

/** Document types by VerDTD. SyncML 1.0, 1.1 and OMA SyncML 1.2 Representation Protocol; OMNA WBXML public identifiers. */
export const syncmlDocumentTypes: Readonly<Record<NotificationVersion, SyncmlDocumentType>> = {
  "1.0": {
    wbxmlPublicId: 0x0fd1,
    publicId: "-//SYNCML//DTD SyncML 1.0//EN",
    systemId: "http://www.syncml.org/docs/syncml_represent_v10_20001207.dtd",
    namespace: "SYNCML:SYNCML1.0",
    verProto: "SyncML/1.0",
  },
  "1.1": {
    wbxmlPublicId: 0x0fd3,
    publicId: "-//SYNCML//DTD SyncML 1.1//EN",
    systemId: "http://www.syncml.org/docs/syncml_represent_v11_20020213.dtd",
    namespace: "SYNCML:SYNCML1.1",
    verProto: "SyncML/1.1",
  },
  "1.2": {
    wbxmlPublicId: 0x1201,
    publicId: "-//SYNCML//DTD SyncML 1.2//EN",
    systemId: "http://www.openmobilealliance.org/tech/DTD/OMA-TS-SyncML_RepPro_DTD-V1_2.dtd",
    namespace: "SYNCML:SYNCML1.2",
    verProto: "SyncML/1.2",
  },
};
