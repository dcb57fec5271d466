import { describe, expect, it } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { service } from './service.ts';

/** A host on which systemctl works on one unit. */
class UnitHost extends MemoryHost {
  readonly unit = {
    LoadState: 'loaded',
    ActiveState: 'inactive',
    UnitFileState: 'disabled',
    NeedDaemonReload: 'no',
  };

  constructor(unit: Partial<UnitHost['unit']> = {}) {
    super();
    Object.assign(this.unit, unit);
    this.answer('systemctl show', () =>
      Object.entries(this.unit)
        .map((entry) => entry.join('='))
        .join('\n'),
    );
    const verbs = { start: ['ActiveState', 'active'], stop: ['ActiveState', 'inactive'] } as const;
    const files = { enable: ['UnitFileState', 'enabled'], disable: ['UnitFileState', 'disabled'] } as const;
    for (const [verb, [property, value]] of Object.entries({ ...verbs, ...files })) {
      this.answer(` ${verb} -- `, () => {
        this.unit[property] = value;
        return '';
      });
    }
    this.answer('daemon-reload', '');
  }

  get verbs(): string[] {
    return this.runs.map((script) => /(daemon-reload|\w+ -- \S+)$/.exec(script)?.[0] ?? script);
  }
}

describe('a service', () => {
  it('is enabled and started', async () => {
    const host = new UnitHost();
    expect(await converge(service({ name: 'nginx' }), host)).toEqual([
      { type: 'value', path: 'running', have: 'inactive', want: 'active' },
      { type: 'value', path: 'enabled', have: 'disabled', want: 'enabled' },
    ]);
    expect(host.verbs).toEqual(['enable -- nginx', 'start -- nginx']);
  });

  it('is stopped and disabled', async () => {
    const host = new UnitHost({ ActiveState: 'active', UnitFileState: 'enabled' });
    await converge(service({ name: 'nginx', running: false, enabled: false }), host);
    expect(host.verbs).toEqual(['disable -- nginx', 'stop -- nginx']);
  });

  it('needs nothing enabled when other units start it', async () => {
    const host = new UnitHost({ ActiveState: 'active', UnitFileState: 'static' });
    expect(await changesOf(service({ name: 'nginx' }), host)).toEqual([]);
  });

  it('is read anew by systemd when its unit file changed', async () => {
    const host = new UnitHost({ NeedDaemonReload: 'yes', UnitFileState: 'enabled' });
    await converge(service({ name: 'nginx' }), host);
    expect(host.verbs).toEqual(['daemon-reload', 'start -- nginx']);
  });

  it('that is not there yet, or whose systemctl is not, is all difference and no error', async () => {
    const all = [
      { type: 'value', path: 'running', want: 'active' },
      { type: 'value', path: 'enabled', want: 'enabled' },
    ];
    const absent = new UnitHost({ LoadState: 'not-found' });
    expect(await changesOf(service({ name: 'nginx' }), absent)).toEqual(all);
    expect(await changesOf(service({ name: 'nginx', running: false, enabled: false }), absent)).toEqual([]);
    const bare = new MemoryHost().answer('systemctl', { code: 127 });
    expect(await changesOf(service({ name: 'nginx' }), bare)).toEqual(all);
    await expect(converge(service({ name: 'nginx' }), absent)).rejects.toThrow(/there is no unit nginx/);
    bare.setFacts({ systemd: false });
    await expect(converge(service({ name: 'nginx' }), bare)).rejects.toThrow(/^UNSUPPORTED/);
  });

  it('that does not start shows the end of its journal', async () => {
    const host = new UnitHost({ UnitFileState: 'enabled' });
    host.answer(' start -- ', { code: 1, stderr: 'Job for nginx.service failed' });
    host.answer('journalctl', 'bind() to 0.0.0.0:80 failed\n');
    const error = await converge(service({ name: 'nginx' }), host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ problems: [{ code: 'SERVICE' }] });
    expect(error).toMatchObject({
      problems: [{ detail: expect.stringContaining('bind() to 0.0.0.0:80') as string }],
    });
  });

  it('that is masked is not unmasked behind somebody’s back', async () => {
    const host = new UnitHost({ LoadState: 'masked', UnitFileState: 'masked' });
    await expect(converge(service({ name: 'nginx' }), host)).rejects.toThrow(
      /nginx is masked.*systemctl unmask/,
    );
  });
});

it('refuses a name that systemctl would take for an option', () => {
  expect(() => service({ name: '--root=/' })).toThrow(/^PLAYBOOK.*is no systemd unit/);
});
