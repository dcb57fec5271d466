/* The commands that read records: they need neither inventories nor hosts. */
export { reportCommand } from './commands/report.ts';
export { runsCommand } from './commands/runs.ts';
