import type { RunEvent } from 'provision';
import type { HostSoftware } from '../support/host-image.ts';
import { startLab, type Lab } from '../support/lab.ts';
import { provision } from '../support/provision.ts';
import { openLink, type Link } from './link.ts';
import { plainSite, registryLogin, releases, Site } from './site.ts';
import { Durations, stepOf } from './struck-run.ts';

/** A lab whose hosts are reached by lines that can be cut. */
export interface Place {
  readonly lab: Lab;
  readonly links: { readonly rancher: Link; readonly lb: Link };
  readonly durations: Durations;
  /** All steps of the main playbook, by host and id, in the order in which they ran. */
  readonly steps: readonly string[];
  stop(): Promise<void>;
}

/** Starts a lab and lets the main playbook run to its end there once. */
export async function openPlace(software: {
  readonly rancher: HostSoftware;
  readonly lb: HostSoftware;
}): Promise<Place> {
  const lab = await startLab({
    rancher: { software: software.rancher, restarts: true },
    lb: { software: software.lb, restarts: true },
    registry: { ...registryLogin, tags: [...releases] },
  });
  const links = { rancher: await openLink(() => lab.rancher.port), lb: await openLink(() => lab.lb.port) };
  const stop = async () => {
    await Promise.all([links.rancher.close(), links.lb.close()]);
    await lab.stop();
  };
  const durations = new Durations();
  const steps = new Set<string>();
  const site = new Site(lab, plainSite);
  const onEvent = (event: RunEvent) => {
    durations.hear(event);
    steps.add(stepOf(event) ?? '');
  };
  const args = site.args({ rancher: links.rancher.port, lb: links.lb.port });
  const { exit, stderr } = await provision(args, { env: { HOME: site.home }, onEvent });
  site.remove();
  if (exit !== 0) {
    await stop();
    throw new Error(`the first run ended with ${exit}: ${stderr}`);
  }
  steps.delete('');
  return { lab, links, durations, steps: [...steps], stop };
}
