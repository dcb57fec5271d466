/**
 * The public test kit of provision: what tests of resources and playbooks import as `provision/testing`.
 *
 * `MemoryHost` is a host in memory, for tests of resources. `startSshServer`, `startSshd` and `startFaultProxy` are for tests
 * of whole runs: hosts on loopback, well or ill, and a network between that fails when it is told to.
 * @module
 */
export { MemoryHost, type MemoryAnswer, type MemoryOutput, type MemoryWrite } from './host/memory-host.ts';
export { type Fault, type FaultDirection } from './ssh/testing/fault.ts';
export { startFaultProxy, type FaultProxy } from './ssh/testing/fault-proxy.ts';
export { hostileFileNames } from './ssh/testing/hostile-file-names.ts';
export { hostileText } from './ssh/testing/hostile-text.ts';
export { startSshServer, type SshServer } from './ssh/testing/ssh-server.ts';
export {
  type CommandChannel,
  type Greeting,
  type Hostility,
  type LoginAttempt,
  type Moment,
  type SshServerOptions,
} from './ssh/testing/ssh-server-options.ts';
export { hasSshd, startSshd, type Sshd, type SshdOptions } from './ssh/testing/sshd.ts';
