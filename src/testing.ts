/**
 * The public test kit of provision: what tests of resources and playbooks import as `provision/testing`.
 * @module
 */
export { MemoryHost, type MemoryAnswer, type MemoryOutput, type MemoryWrite } from './host/memory-host.ts';
