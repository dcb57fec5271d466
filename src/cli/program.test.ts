import { describe, expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { parseCommandLine } from './program.ts';

const parse = (...argv: string[]) => parseCommandLine(argv, '1.2.3');

function refusal(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    expect(error).toBeInstanceOf(ProvisionError);
    expect((error as ProvisionError).code).toBe('USAGE');
    return (error as ProvisionError).message;
  }
  throw new Error(`${argv.join(' ')} was accepted`);
}

describe('a run', () => {
  test('is what a command line without a command means', () => {
    expect(parse('-i', 'inv.yaml')).toMatchObject({
      command: 'run',
      inventory: 'inv.yaml',
      check: false,
      diff: false,
      yes: false,
      acceptNew: false,
      output: 'human',
      input: true,
      forks: 50,
      verbosity: 0,
      skipRequirement: [],
    });
  });

  test('takes the letters of Ansible, in any order, and a playbook', () => {
    expect(parse('site.ts', '-C', '-D', '-i', 'inv.yaml', '-vv', '-f', '5')).toMatchObject({
      command: 'run',
      playbook: 'site.ts',
      check: true,
      diff: true,
      verbosity: 2,
      forks: 5,
    });
  });

  test('takes requirements to skip one by one', () => {
    const request = parse('-i', 'inv.yaml', '--skip-requirement', 'memory', '--skip-requirement', 'cpu');
    expect(request).toMatchObject({ skipRequirement: ['memory', 'cpu'] });
  });

  test('takes hosts and steps, with the words of Ansible too', () => {
    const request = parse(
      '-i',
      'inv.yaml',
      '-l',
      'web',
      '--limit',
      '!web-1',
      '-t',
      'tls,nginx',
      '--only',
      'x',
    );
    expect(request).toMatchObject({
      limit: ['web', '!web-1'],
      exclude: [],
      tags: ['tls', 'nginx'],
      skipTags: [],
      only: ['x'],
      skip: [],
    });
  });
});

describe('a plan', () => {
  test('is made, and applied with the file before the playbook', () => {
    expect(parse('plan', 'site.ts', '-i', 'inv.yaml', '-o', 'plan.json', '--only', 'tls')).toMatchObject({
      command: 'plan',
      playbook: 'site.ts',
      out: 'plan.json',
      only: ['tls'],
    });
    expect(parse('apply', 'plan.json', 'site.ts', '-i', 'inv.yaml', '-f', '5')).toMatchObject({
      command: 'apply',
      plan: 'plan.json',
      playbook: 'site.ts',
      forks: 5,
    });
  });

  test('is applied as a whole', () => {
    for (const choice of [
      ['--limit', 'lb'],
      ['--exclude', 'lb'],
      ['--only', 'tls'],
      ['--start-at', 'x'],
      ['-t', 'tls'],
    ])
      expect(refusal('apply', 'plan.json', '-i', 'inv.yaml', ...choice)).toMatch(/applied as a whole/);
    expect(refusal('apply', '-i', 'inv.yaml')).toMatch(/missing.*plan/);
    expect(refusal('apply', 'plan.json', '-i', 'inv.yaml', '--check')).toMatch(/unknown option/);
  });

  test('drift is a check with texts and an exit code', () => {
    expect(parse('drift', '-i', 'inv.yaml')).toMatchObject({
      check: true,
      diff: true,
      detailedExitcode: true,
    });
    expect(refusal('drift', '-i', 'inv.yaml', '--yes')).toMatch(/unknown option/);
  });
});

describe('a mistake never becomes a run', () => {
  test.each([
    [['-i', 'inv.yaml', '--chekc'], /unknown option '--chekc'.*--check/],
    [['-i', 'inv.yaml', '--check=yes'], /./],
    [['-i', 'inv.yaml', '-f', '0'], /whole number/],
    [['-i', 'inv.yaml', '--output', 'xml'], /human, lines, jsonl/],
    [['-i', 'inv.yaml', 'a.ts', 'b.ts'], /too many arguments/],
    [['-i'], /argument missing/],
    [['-i', 'inv.yaml', '-l', ''], /empty/],
    [['-i', 'inv.yaml', '--exclude', ' '], /empty/],
    [['-i', 'inv.yaml', '--only', ''], /empty/],
    [['-i', 'inv.yaml', '--start-at', ''], /empty/],
    [['-i', 'inv.yaml', '-t', 'tls,'], /empty/],
    [['-i', 'inv.yaml', '--step', '-C'], /cannot be used with/],
    [['-i', 'inv.yaml', '--step', '-y'], /cannot be used with/],
    [['-i', 'inv.yaml', '--step', '--workers', '2'], /cannot be used with/],
    [['check', '-i', 'inv.yaml', '--step'], /unknown option/],
    [['-i', 'inv.yaml', '-t', 'always'], /no meaning/],
    [[], /--inventory/],
  ])('%j', (argv, message) => {
    expect(refusal(...argv)).toMatch(message);
  });
});

test('the other commands have their own options', () => {
  expect(parse('check', '-i', 'inv.yaml')).toMatchObject({ command: 'check', inventory: 'inv.yaml' });
  expect(parse('trust', '-i', 'inv.yaml', '-y')).toMatchObject({ command: 'trust', yes: true });
  expect(refusal('check', '-i', 'inv.yaml', '--yes')).toMatch(/unknown option/);
});

test('records of runs are looked at without an inventory', () => {
  const shown = { command: 'runs', output: 'human' };
  expect(parse('runs')).toEqual({ ...shown, ask: 'list' });
  expect(parse('runs', 'list', '--output', 'jsonl')).toEqual({
    command: 'runs',
    ask: 'list',
    output: 'jsonl',
  });
  expect(parse('runs', 'show', 'last')).toEqual({ ...shown, ask: 'show', id: 'last' });
  const explained = { ...shown, ask: 'explain', id: '4f1a', host: 'lb-1', step: 'file /x' };
  expect(parse('runs', 'explain', '4f1a', 'lb-1', 'file /x')).toEqual(explained);
  expect(parse('runs', 'show')).toEqual({ ...shown, ask: 'show', id: 'last' });
  expect(parse('runs', 'explain')).toEqual({ ...shown, ask: 'explain', id: 'last' });
  expect(refusal('runs', 'shwo', 'last')).toMatch(/too many arguments/);
});

test('a run is recorded unless it says otherwise', () => {
  expect(parse('-i', 'inv.yaml')).toMatchObject({ record: true });
  expect(parse('-i', 'inv.yaml', '--no-record')).toMatchObject({ record: false });
});

test('a retry takes its input from a record, and what is said now before what was said then', () => {
  expect(parse('retry')).toMatchObject({ command: 'retry', given: {}, defaults: { forks: 50, yes: false } });
  const said = parse('retry', '4f1a', '-y', '-vv', '--lock-wait', '5', '--no-record', '--output', 'lines');
  const given = { yes: true, verbose: 2, verbosity: 2, lockWait: 5, record: false, output: 'lines' };
  expect(said).toMatchObject({ id: '4f1a', given });
  expect(Object.keys((said as { given: object }).given).sort()).toEqual(Object.keys(given).sort());
  expect(refusal('retry', '-i', 'inv.yaml')).toMatch(/unknown option/);
});
