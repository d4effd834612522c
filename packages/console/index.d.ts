/** What the page expects of the API. */
export type * as consoleApi from "./src/api.d.ts";

/** Folder of the built page, for `consoleRoutes` of the gateway; it is there after `npm run build`. */
export declare const consoleDirectory: string;
