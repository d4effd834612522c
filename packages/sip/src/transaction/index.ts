export type { ClientTransaction, ClientTransactionUser } from "./client-transaction.ts";
export { SipTransactionError, type SipTransactionErrorCode } from "./errors.ts";
export { type MachineTable, type Row, to, toMermaid } from "./machine.ts";
export { nonInviteClient } from "./non-invite-client.machine.ts";
export { nonInviteServer } from "./non-invite-server.machine.ts";
export type { ServerTransaction } from "./server-transaction.ts";
export { TimerWheel, type WheelTimer } from "./timer-wheel.ts";
export { type BaseTimers, defaultTimers, type NonInviteTimers, nonInviteTimers } from "./timers.ts";
export { TransactionLayer, type TransactionLayerOptions } from "./transaction-layer.ts";
