/**
 * The types of inventory values: what playbooks declare their vars with.
 * @module
 */
export { boolean } from './fields/boolean.ts';
export { choice } from './fields/choice.ts';
export { fqdn } from './fields/fqdn.ts';
export { hostAddress } from './fields/host-address.ts';
export { integer, port } from './fields/integer.ts';
export { largeFile } from './fields/large-file.ts';
export { list } from './fields/list.ts';
export { localFile, type LocalFile } from './fields/local-file.ts';
export { localFolder } from './fields/local-folder.ts';
export { oneOf, type Maker, type OneOf, type Variant } from './fields/one-of.ts';
export { path } from './fields/path.ts';
export { record } from './fields/record.ts';
export { secretFile, type LocalSecretFile } from './fields/secret-file.ts';
export { secret } from './fields/secret.ts';
export { text } from './fields/text.ts';
export type { AskableField, Check, FieldDefinition, ValueField } from './fields/value-field.ts';
export { defineField } from './fields/value-field.ts';
