import type { AnyField } from '../core/field.ts';
import { boolean } from '../core/fields/boolean.ts';
import { choice } from '../core/fields/choice.ts';
import { hostAddress } from '../core/fields/host-address.ts';
import { port } from '../core/fields/integer.ts';
import { secret } from '../core/fields/secret.ts';
import { text } from '../core/fields/text.ts';
import { defineField } from '../core/fields/value-field.ts';
import { problem } from '../core/fields/wrong.ts';
import type { Secret } from '../core/secret.ts';
import type { JumpName } from '../core/jump-name.ts';
import { jumpHosts, jumpOfArguments } from './jump-hosts.ts';
import { publicKeys } from './public-keys.ts';

/** How one host is reached, every value checked. */
export interface ConnectionSettings {
  /** Name in the inventory. */
  readonly name: string;
  /** Where to connect to: an IP address or a DNS name. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path of a private key. */
  readonly keyFile?: string;
  /** Absolute path of a certificate for that key. */
  readonly certificateFile?: string;
  readonly passphrase?: Secret;
  readonly password?: Secret;
  /** `SHA256:` and 43 characters. */
  readonly fingerprint?: string;
  /** Public keys of those who may vouch for the host by a certificate: `ssh-ed25519 AAAA…`. */
  readonly hostCertificateAuthorities?: readonly string[];
  readonly become: 'none' | 'sudo' | 'su' | 'doas';
  /** The hosts on the way, the nearest first; none at all when it is said that there are none. */
  readonly jump?: readonly JumpName[];
  /** What nobody has said, and defaults stand for. */
  readonly unsaid: ReadonlySet<'user' | 'port' | 'become'>;
  /** How other users than root become root, unless they stay what they are. */
  readonly becomeMethod: 'sudo' | 'su' | 'doas';
  readonly becomePassword?: Secret;
}

/** One setting: its own name, the names that Ansible has for it, and what it may be. */
export interface Setting {
  readonly plain?: string;
  readonly ansible: readonly string[];
  readonly field: AnyField;
}

const become = boolean();

// Grammars, not lists of what is forbidden: no value can start an option or hold a character that a shell knows.
export const settings = {
  host: { plain: 'host', ansible: ['ansible_host', 'ansible_ssh_host'], field: hostAddress() },
  user: {
    plain: 'user',
    ansible: ['ansible_user', 'ansible_ssh_user'],
    field: text({
      pattern: /[A-Za-z0-9_][A-Za-z0-9._@-]*/,
      maxLength: 64,
      expects: 'a login name such as deploy',
    }),
  },
  port: { plain: 'port', ansible: ['ansible_port', 'ansible_ssh_port'], field: port() },
  key: {
    plain: 'key',
    ansible: ['ansible_ssh_private_key_file', 'ansible_private_key_file'],
    field: keyPath('the path of a private key'),
  },
  keyCertificate: {
    plain: 'key_certificate',
    ansible: [],
    field: keyPath('the path of the certificate for the key: id_ed25519-cert.pub'),
  },
  passphrase: { plain: 'passphrase', ansible: ['ansible_ssh_private_key_passphrase'], field: secret() },
  password: { plain: 'password', ansible: ['ansible_password', 'ansible_ssh_pass'], field: secret() },
  fingerprint: {
    plain: 'fingerprint',
    ansible: [],
    field: text({
      pattern: /SHA256:[A-Za-z0-9+/]{43}/,
      expects: 'a fingerprint as ssh-keygen -l prints it: SHA256:…',
    }),
  },
  hostCa: { plain: 'host_ca', ansible: [], field: publicKeys() },
  jump: { plain: 'jump', ansible: [], field: jumpHosts() },
  commonArguments: { ansible: ['ansible_ssh_common_args'], field: jumpOfArguments() },
  extraArguments: { ansible: ['ansible_ssh_extra_args'], field: jumpOfArguments() },
  address: { plain: 'address', ansible: [], field: hostAddress() },
  become: { plain: 'become', ansible: ['ansible_become'], field: becomeSwitch() },
  becomePassword: {
    plain: 'become_password',
    ansible: ['ansible_become_password', 'ansible_become_pass'],
    field: secret(),
  },
  becomeMethod: {
    plain: 'become_method',
    ansible: ['ansible_become_method'],
    field: choice('sudo', 'su', 'doas'),
  },
  becomeUser: { ansible: ['ansible_become_user'], field: choice('root') },
  connection: { ansible: ['ansible_connection'], field: choice('ssh', 'smart', 'paramiko') },
} satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;

/** Names of Ansible that mean nothing here, and do no harm when they are left in. */
export const ignoredSettings: ReadonlySet<string> = new Set([
  'ansible_python_interpreter',
  'ansible_shell_type',
  'ansible_pipelining',
  'ansible_ssh_pipelining',
  'ansible_ssh_retries',
  'ansible_remote_tmp',
]);

/** The settings of a host from what its values were parsed to. */
export function connectionSettings(
  name: string,
  values: ReadonlyMap<SettingKey, unknown>,
  defaults: { readonly user: string },
): ConnectionSettings {
  const user = (values.get('user') as string | undefined) ?? defaults.user;
  // Steps have the rights of root unless the inventory says otherwise.
  const become = (values.get('become') as boolean | undefined) ?? user !== 'root';
  const method = (values.get('becomeMethod') as 'sudo' | 'su' | 'doas' | undefined) ?? 'sudo';
  const optional = {
    keyFile: values.get('key') as string | undefined,
    certificateFile: values.get('keyCertificate') as string | undefined,
    passphrase: values.get('passphrase') as Secret | undefined,
    password: values.get('password') as Secret | undefined,
    fingerprint: values.get('fingerprint') as string | undefined,
    hostCertificateAuthorities: values.get('hostCa') as readonly string[] | undefined,
    becomePassword: values.get('becomePassword') as Secret | undefined,
  };
  const jump = (values.get('jump') ?? values.get('commonArguments') ?? values.get('extraArguments')) as
    readonly JumpName[] | undefined;
  const unsaid = (['user', 'port', 'become'] as const).filter((key) => values.get(key) === undefined);
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    name,
    address: (values.get('host') as string | undefined) ?? name,
    port: (values.get('port') as number | undefined) ?? 22,
    user,
    become: become ? method : 'none',
    becomeMethod: method,
    unsaid: new Set(unsaid),
    ...(jump && { jump }),
    ...given,
  };
}

function keyPath(expects: string): AnyField {
  return defineField<string>({
    expects,
    schema: { type: 'string', minLength: 1 },
    async parse(value, context) {
      const parsed = await text({ expects }).parse(value, context);
      if ('problems' in parsed) return parsed;
      try {
        return { value: context.resolvePath(parsed.value) };
      } catch (error) {
        return problem((error as Error).message);
      }
    },
  });
}

// Inventories of Ansible say yes and no, which were true and false in YAML 1.1.
function becomeSwitch(): AnyField {
  const words = new Map([
    ['yes', true],
    ['true', true],
    ['no', false],
    ['false', false],
  ]);
  return defineField<boolean>({
    expects: become.expects,
    schema: { type: 'boolean' },
    parse(value, context) {
      const meant = typeof value === 'string' ? words.get(value.toLowerCase()) : undefined;
      return meant === undefined ? become.parse(value, context) : { value: meant };
    },
  });
}
