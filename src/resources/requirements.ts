/**
 * What a host may have to be before anything changes: each reads by one or two probes and gives figure, rule and advice.
 * The numbers are the playbook's.
 * @module
 */
export { architecture } from './requirements/architecture.ts';
export { cgroups } from './requirements/cgroups.ts';
export { clock } from './requirements/clock.ts';
export { cpus } from './requirements/cpus.ts';
export { diskFree } from './requirements/disk-free.ts';
export { dockerKind } from './requirements/docker-kind.ts';
export { kernelModules } from './requirements/kernel-modules.ts';
export { memory } from './requirements/memory.ts';
export { osFamily } from './requirements/os-family.ts';
export { portsFree, type PortClaim } from './requirements/ports-free.ts';
