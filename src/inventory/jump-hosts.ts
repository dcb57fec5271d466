import type { AnyField, Parsed } from '../core/field.ts';
import { unsafeCharacter } from '../core/fields/safe-text.ts';
import { defineField } from '../core/fields/value-field.ts';
import { problem, wrong } from '../core/fields/wrong.ts';
import type { JumpName } from '../core/jump-name.ts';
import { readJump } from '../core/jump-name.ts';

const expects =
  'the hosts on the way: bastion.example.com, or a list such as [user@first:2222, second]; or none';

/** Hosts on the way to another one, in one text or as a list. */
export function jumpHosts(): AnyField {
  const one = { type: 'string', minLength: 1 };
  return defineField<readonly JumpName[]>({
    expects,
    schema: { anyOf: [one, { type: 'array', items: one, minItems: 1 }] },
    parse(value) {
      const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
      const texts = parts.filter((part) => typeof part === 'string' && part !== '');
      if (texts.length === 0 || texts.length < parts.length) return wrong(expects, value);
      return readHops((texts as string[]).join(','));
    },
  });
}

// They change nothing about where a connection leads, or are so anyway.
const harmless =
  /^-[ACqv46]*[ACqv]$|^-o(Control(Master|Path|Persist)|ForwardAgent|Compression|BatchMode|LogLevel)=.*$/i;

/** What Ansible hands to ssh: understood is the way, refused whatever else would lead elsewhere. */
export function jumpOfArguments(): AnyField {
  const wanted = 'arguments of ssh, of which -J and -o ProxyJump=… are understood';
  return defineField<readonly JumpName[] | undefined>({
    expects: wanted,
    schema: { type: 'string' },
    parse(value) {
      if (typeof value !== 'string') return wrong(wanted, value);
      const unsafe = unsafeCharacter(value);
      if (unsafe) return problem(`must be ${wanted}, but holds ${unsafe}`);
      return readArguments(value);
    },
  });
}

function readArguments(text: string): Parsed<readonly JumpName[] | undefined> {
  let jump: readonly JumpName[] | undefined;
  const words = Array.from(text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g), ([word]) =>
    word.replace(/["']/g, ''),
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    // The value of an option may be a word of its own.
    const whole = word === '-J' || word === '-o' ? `${word}${words[++at] ?? ''}` : word;
    const found = /^-J(.+)$/.exec(whole) ?? /^-oProxyJump[= ](.+)$/i.exec(whole);
    if (found) {
      const read = readHops(found[1]!);
      if ('problems' in read) return read;
      jump ??= read.value;
    } else if (!harmless.test(whole)) {
      return problem(
        `holds ${whole}, which provision does not do`,
        'use the settings of the inventory, or the configuration of ssh',
      );
    }
  }
  return { value: jump };
}

function readHops(text: string): Parsed<readonly JumpName[]> {
  const read = readJump(text);
  return 'fault' in read ? problem(`must be ${expects}`) : { value: read.value };
}
