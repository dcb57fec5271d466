import { throwProblems, type Problem } from '../errors.ts';
import type { AnyField, FieldMap } from '../field.ts';
import { callSite } from '../source.ts';

/**
 * Refuses values that are called like a secret and would be handled as plain text: somebody forgot to say so, and from then
 * on it would stand in the inventory, in diffs and in logs.
 * @throws ProvisionError `PLAYBOOK` with every such name
 * @example
 * refuseBareSecrets({ password: text() }); // throws
 */
export function refuseBareSecrets(fields: FieldMap): void {
  const bare = Object.entries(fields).filter(([name, field]) => secretName.test(name) && isBareText(field));
  if (bare.length === 0) return;
  const at = callSite();
  throwProblems(
    bare.map(([name]): Problem => {
      const happened = `"${name}" is called like a secret, but would be plain text`;
      return { code: 'PLAYBOOK', at, happened, remedy: `${name}: secret(), or give it another name` };
    }),
  );
}

// The end of a name says what it is: `token` and `apiToken` are secrets, `token_lifetime` and `password_policy` are not.
const secretName =
  /(?:^|[_-]|(?<=[a-z])(?=[A-Z]))(?:password|passwd|passphrase|passcode|pass_?word|secret|token|credentials?|(?:api|access|auth|account|private|secret|encryption|signing)[_-]?key)s?$/i;

function isBareText({ isSecret, schema }: AnyField): boolean {
  return !isSecret && isText(schema);
}

/** Text, or a list of it, of which nobody has said that it is one of a few words. */
function isText(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { type, items } = schema as { readonly type?: unknown; readonly items?: unknown };
  if (type === 'array') return isText(items);
  return type === 'string' && !('enum' in schema);
}
