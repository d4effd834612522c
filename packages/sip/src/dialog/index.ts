export { contactOf } from "./contact.ts";
export { detached } from "./detached.ts";
export { Dialog, type DialogRequestInit } from "./dialog.ts";
export type { DialogState } from "./dialog-state.ts";
export { type DialogResult, dialogFromRequest, dialogFromResponse, dialogHeaders } from "./establish.ts";
