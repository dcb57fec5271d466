/*
 * Everything behind the command line, as one: its parts need nearly the same of the program, and each that is loaded by
 * itself costs time before the first packet. The way to hosts is apart (`over-ssh.ts`), and so are records.
 */
export { applyCommand } from './commands/apply.ts';
export { checkCommand } from './commands/check.ts';
export { planCommand } from './commands/plan.ts';
export { retryCommand } from './commands/retry.ts';
export { runCommand } from './commands/run.ts';
export { trustCommand } from './commands/trust.ts';
export { serveAsWorker } from './workers/serve-as-worker.ts';
