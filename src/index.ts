/**
 * The public API of provision: what playbooks import.
 * @module
 */
export { action, onChange } from './core/action.ts';
export { block, type BlockOptions } from './core/block.ts';
export type { Change, Json } from './core/change.ts';
export { condition, type ConditionDefinition } from './core/condition.ts';
export type { Effect } from './core/effect.ts';
export { formatProblem, ProvisionError, type ErrorCode, type Problem } from './core/errors.ts';
export type { RunEvent, StepEvent, StepStatus } from './core/event.ts';
export type { Field, FieldContext, FieldMap, FieldProblem, VarsOf } from './core/field.ts';
export type {
  Content,
  Facts,
  FileState,
  Host,
  HttpRequest,
  HttpResponse,
  Output,
  Question,
  ReadHost,
  RunOptions,
  WriteOptions,
} from './core/host.ts';
export type { LargeFile } from './core/large-file.ts';
export type { LocalFolder } from './core/local-folder.ts';
export {
  inventory,
  playbook,
  type GateList,
  type Peer,
  type Play,
  type Playbook,
  type PlayContext,
  type PlayOptions,
  type Site,
} from './core/play.ts';
export { requirement } from './core/requirement.ts';
export type { HostShare } from './core/rollout.ts';
export { resource, type ResourceDefinition } from './core/resource.ts';
export type { RecordedEvent, RunRecord } from './core/run-record.ts';
export { joinScripts, quote, Script, sh } from './core/script.ts';
export { Secret } from './core/secret.ts';
export type { Action, Observation, RetryPolicy, Step, StepList, Verdict } from './core/step.ts';
export { reload } from './actions/reload.ts';
export { restart } from './actions/restart.ts';
export * from './core/fields.ts';
export {
  container,
  type ContainerMount,
  type ContainerPort,
  type ContainerProps,
  type ContainerReadiness,
} from './resources/container.ts';
export { directory } from './resources/directory.ts';
export { dockerEngine } from './resources/docker-engine.ts';
export { fileTree, type FileTreeProps, type TreeFile } from './resources/file-tree.ts';
export { fileSet, type FileSetFile, type FileSetProps } from './resources/file-set.ts';
export { file, type FileProps } from './resources/file.ts';
export { httpCheck, type HttpCheckProps, type HttpExpectation } from './resources/http-check.ts';
export { image, type ImageProps } from './resources/image.ts';
export { whyNoAnswer } from './resources/no-answer.ts';
export { pkg, type PackageProps } from './resources/package.ts';
export { service, type ServiceProps } from './resources/service.ts';
export type { PlanFile } from './plan-file/plan-file.ts';
export { planFileSchema } from './plan-file/plan-file-schema.ts';
export { contentHash } from './templates/content-hash.ts';
export { renderTemplate, type TemplateOptions, type TemplateView } from './templates/template.ts';
export { tlsCertificate, type TlsCertificate } from './tls/certificate-field.ts';
export {
  architecture,
  cgroups,
  clock,
  cpus,
  diskFree,
  dockerKind,
  kernelModules,
  memory,
  osFamily,
  portsFree,
  type PortClaim,
} from './resources/requirements.ts';
