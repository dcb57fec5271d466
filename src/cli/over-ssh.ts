/*
 * The way to hosts. It is a third of the program and loaded when the first host is due, so what is wrong with the input is
 * told without it.
 */
export { connectBySsh } from './connect-hosts.ts';
export { readKnownHosts } from '../ssh/identity/known-hosts-file.ts';
export { scanHostKey, trustHostKeys } from '../ssh/identity/trust.ts';
export { JumpHosts } from '../ssh/log-in/jump-hosts.ts';
