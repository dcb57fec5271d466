import type { ContainerMount, ContainerWant } from './container-want.ts';
import { portText } from './container-spec.ts';

/**
 * The arguments of `docker run` for a wanted container. Options stand before the image and the container's own
 * arguments after it, and no playbook can mix them up.
 * @example
 * runArguments(want, { labels: {} }).join(' ');
 * // => '--detach --pull never --name rancher --restart unless-stopped --publish 80:80 rancher/rancher:v2.8.5'
 */
export function runArguments(
  want: ContainerWant,
  own: { readonly labels: Readonly<Record<string, string>>; readonly envFile?: string },
): string[] {
  return [
    '--detach',
    // Pulling is done before, where it can be watched and explained.
    ...['--pull', 'never'],
    ...['--name', want.name],
    ...['--restart', want.restart],
    ...(want.privileged ? ['--privileged'] : []),
    ...want.ports.flatMap((port) => ['--publish', portText(port)]),
    ...want.mounts.flatMap((mount) => ['--mount', mountOption(mount)]),
    ...pairs('--env', want.env),
    ...(own.envFile === undefined ? [] : ['--env-file', own.envFile]),
    ...pairs('--log-opt', want.logOptions),
    ...(want.stopTimeoutSeconds === undefined ? [] : ['--stop-timeout', String(want.stopTimeoutSeconds)]),
    ...pairs('--label', { ...want.labels, ...own.labels }),
    want.image,
    ...want.args,
  ];
}

function pairs(option: string, record: Readonly<Record<string, string>>): string[] {
  return Object.entries(record).flatMap(([key, value]) => [option, `${key}=${value}`]);
}

// --mount and not --volume: that one makes an empty directory where the source is missing, and starts with it.
function mountOption(mount: ContainerMount): string {
  const source = mount.type === 'bind' ? mount.source : mount.name;
  return [
    `type=${mount.type}`,
    `source=${source}`,
    `target=${mount.target}`,
    ...(mount.readOnly === true ? ['readonly'] : []),
  ]
    .map(csvField)
    .join(',');
}

// Docker reads the value of --mount as one line of CSV.
function csvField(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
