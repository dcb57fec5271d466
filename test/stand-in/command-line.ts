import { Fatal } from './fatal.ts';
import type { Release } from './release.ts';

/** What the arguments after the image's name, and the environment, ask for. */
export interface CommandLine {
  httpPort: number;
  httpsPort: number;
  noCaCertificates: boolean;
  acmeDomains: string[];
  audit: { enabled: boolean; level: number; path: string };
}

const valueFlags = [
  'kubeconfig',
  'add-local',
  'http-listen-port',
  'https-listen-port',
  'k8s-mode',
  'log-format',
  'acme-domain',
  'audit-log-path',
  'audit-log-maxage',
  'audit-log-maxbackup',
  'audit-log-maxsize',
  'audit-level',
  'profile-listen-address',
  'features',
];
const switches = ['no-cacerts', 'debug', 'trace'];

/**
 * Reads the arguments as Rancher does: `--flag value` or `--flag=value`, one dash or two.
 * @throws {Fatal} for an argument that Rancher does not know.
 */
export function parseCommandLine(
  argv: string[],
  environment: NodeJS.ProcessEnv,
  release: Release,
): CommandLine {
  const given = collectFlags(argv, release);
  const last = (flag: string) => given.get(flag)?.at(-1);
  const setting = (flag: string, variable: string, otherwise: string) =>
    last(flag) ?? environment[variable] ?? otherwise;
  refuseAddLocal(last('add-local'), release);
  const level = Number(setting('audit-level', 'AUDIT_LEVEL', '0'));
  return {
    httpPort: Number(setting('http-listen-port', 'CATTLE_HTTP_LISTEN_PORT', '80')),
    httpsPort: Number(setting('https-listen-port', 'CATTLE_HTTPS_LISTEN_PORT', '443')),
    noCaCertificates: given.has('no-cacerts'),
    acmeDomains: [
      ...(given.get('acme-domain') ?? []),
      ...(environment['ACME_DOMAIN'] ?? '').split(','),
    ].filter(Boolean),
    audit: {
      enabled: release.hasAuditSwitch
        ? isTrue(setting('enable-audit-log', 'AUDIT_LOG_ENABLED', ''))
        : level > 0,
      level,
      path: setting('audit-log-path', 'AUDIT_LOG_PATH', '/var/log/auditlog/rancher-api-audit.log'),
    },
  };
}

function collectFlags(argv: string[], release: Release): Map<string, string[]> {
  const newer = release.hasAuditSwitch;
  const valued = [
    ...valueFlags,
    ...(newer ? ['audit-exclude-groups', 'aggregation-registration-timeout'] : []),
  ];
  const bare = [...switches, ...(newer ? ['enable-audit-log'] : [])];
  const given = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index += 1) {
    const [, flag, inline] = /^--?([a-z0-9-]+)(?:=(.*))?$/s.exec(argv[index] ?? '') ?? [];
    if (flag === undefined) throw usage(`unexpected argument ${argv[index]}`, [...valued, ...bare]);
    const isSwitch = bare.includes(flag);
    if (!isSwitch && !valued.includes(flag))
      throw usage(`flag provided but not defined: -${flag}`, [...valued, ...bare]);
    const value = inline ?? (isSwitch ? 'true' : argv[(index += 1)]);
    if (value === undefined) throw usage(`flag needs an argument: -${flag}`, [...valued, ...bare]);
    if (isSwitch && !isTrue(value)) continue;
    given.set(flag, [...(given.get(flag) ?? []), value]);
  }
  return given;
}

function usage(problem: string, flags: string[]): Fatal {
  const lines = [
    'Incorrect Usage. ' + problem,
    '',
    'NAME:',
    '   rancher - Complete container management platform',
    '',
  ];
  return new Fatal([...lines, 'OPTIONS:', ...flags.map((flag) => `   --${flag}`)].join('\n'), {
    plain: true,
  });
}

function refuseAddLocal(value: string | undefined, release: Release): void {
  if (value === undefined || release.minor < 5 || ['true', 'auto'].includes(value)) return;
  throw new Fatal(
    `add-local flag must be set to 'true' or 'auto', see Rancher 2.5.0 release notes for more information`,
  );
}

function isTrue(text: string): boolean {
  return ['true', '1', 't'].includes(text.toLowerCase());
}
