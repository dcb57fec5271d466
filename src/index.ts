/**
 * The public API of provision: what playbooks import.
 * @module
 */
export { action, onChange } from './core/action.ts';
export type { Change, Json } from './core/change.ts';
export { condition, type ConditionDefinition } from './core/condition.ts';
export { formatProblem, ProvisionError, type ErrorCode, type Problem } from './core/errors.ts';
export type { RunEvent, StepEvent, StepStatus } from './core/event.ts';
export type { Field, FieldContext, FieldMap, FieldProblem, VarsOf } from './core/field.ts';
export type {
  Facts,
  FileState,
  Host,
  HttpRequest,
  HttpResponse,
  Output,
  ReadHost,
  RunOptions,
  WriteOptions,
} from './core/host.ts';
export {
  inventory,
  playbook,
  type Peer,
  type Play,
  type Playbook,
  type PlayContext,
  type PlayOptions,
  type Site,
} from './core/play.ts';
export { requirement } from './core/requirement.ts';
export { resource, type ResourceDefinition } from './core/resource.ts';
export { joinScripts, quote, Script, sh } from './core/script.ts';
export { Secret } from './core/secret.ts';
export type { Action, Observation, Step, StepList, Verdict } from './core/step.ts';
