import { ProvisionError, problemsOf } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { lastLines } from './host-failure.ts';

/** What may be asked of a unit. */
export type UnitVerb = 'start' | 'stop' | 'restart' | 'reload' | 'enable' | 'disable';

/** What a unit may be called. @see systemd.unit(5) */
export const unitName = /^[a-zA-Z0-9_@:\\][a-zA-Z0-9_@:.\\-]{0,200}$/;

/**
 * `systemctl VERB UNIT`; when that fails, the error holds the end of the unit's journal.
 * @throws ProvisionError with the given code
 */
export async function systemctl(
  host: Host,
  verb: UnitVerb,
  unit: string,
  code: 'SERVICE' | 'ACTION_FAILED',
): Promise<void> {
  const doing = `systemctl ${verb} ${unit}`;
  try {
    await host.run(sh`systemctl --quiet --no-ask-password ${verb} -- ${unit}`, { doing, timeoutMs: 180_000 });
  } catch (error) {
    const [problem] = problemsOf(error);
    if (problem.code !== 'COMMAND_FAILED') throw error;
    const journal = await host.probe(sh`journalctl --no-pager -q -o cat -n 20 -u ${unit} 2>/dev/null`);
    throw new ProvisionError(
      {
        code,
        happened: problem.happened,
        hostState: `${unit} may be stopped, or as it was before`,
        remedy: `look at: systemctl status ${unit}; journalctl -u ${unit}`,
        detail: lastLines([problem.detail, journal.stdout].filter(Boolean).join('\n'), 40),
      },
      { cause: error },
    );
  }
}
