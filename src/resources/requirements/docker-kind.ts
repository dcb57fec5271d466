import { requirement } from '../../core/requirement.ts';
import { joinScripts, sh } from '../../core/script.ts';
import type { RequirementStep, Verdict } from '../../core/step.ts';
import { tellFirstLine } from '../docker-client.ts';

/**
 * No Docker yet, or a real one: what Podman, snap or a rootless daemon offer under that name does not do.
 * @example
 * dockerKind()
 */
export function dockerKind(): RequirementStep {
  return requirement({
    name: 'docker',
    rule: 'no Docker yet, or a Docker Engine that root runs and that is neither a snap nor Podman',
    async check(host) {
      const { stdout } = await host.probe(look);
      const values = new Map(
        [...stdout.slice(0, 8192).matchAll(/^(program|client|server)=(.*)$/gm)].map(([, key, value]) => [
          key!,
          value!,
        ]),
      );
      return judge(values.get('program'), values.get('client') ?? '', values.get('server') ?? '');
    },
  });
}

const look = joinScripts([
  tellFirstLine,
  sh`program=$(command -v docker) || exit 0
tell program "$(readlink -f -- "$program")"
tell client "$(docker --version 2>/dev/null)"
tell server "$(docker info -f '{{.ServerVersion}} {{.SecurityOptions}}' 2>/dev/null)"`,
]);

function judge(program: string | undefined, client: string, server: string): Verdict {
  if (program === undefined) return { level: 'pass', figure: 'none yet' };
  if (/podman/i.test(`${program} ${client}`)) {
    return {
      level: 'fail',
      figure: 'Podman in the place of Docker',
      advice: 'remove the package podman-docker',
    };
  }
  if (program.startsWith('/snap/') || program === '/usr/bin/snap') {
    const advice = 'it cannot mount folders outside of /home: snap remove docker, after saving what is in it';
    return { level: 'fail', figure: 'Docker as a snap', advice };
  }
  if (server.includes('rootless')) {
    const advice = 'use a Docker Engine that root runs: ports below 1024 and --privileged need it';
    return { level: 'fail', figure: 'a rootless Docker', advice };
  }
  const [version] = server.split(' ');
  return { level: 'pass', figure: version ? `Docker ${version}` : 'Docker is installed and does not run' };
}
