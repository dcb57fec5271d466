// docs/reliability.md and the count in README.md, made from the results of the last `npm test`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = (name) => join(root, name);
const projects = ['unit', 'hosts'];
const kinds = {
  T: 'Defects of the packages that it is built on',
  S: 'Attacks',
  F: 'Faults',
};
const begin = '<!-- reliability: written by `npm run reliability` -->';
const end = '<!-- /reliability -->';

/** Where the JSON report of a project of vitest is kept until the next `npm test`. */
export function reportFile(project) {
  mkdirSync(path('.cache'), { recursive: true });
  return path(`.cache/test-${project}.json`);
}

/**
 * The rows that the title of a test, or of a group of tests around it, claims: `F11, F13: the line is cut` claims two.
 * @returns {string[]} ids as in rows.json
 */
export function claimedRows(titles) {
  return titles.flatMap((title) => {
    const [, tags = ''] = /^((?:[TSF]\d{1,2}\s*(?:,\s*|(?=:)))+):?\s*/.exec(title) ?? [];
    return [...tags.matchAll(/([TSF])(\d+)/g)].map(([, kind, number]) =>
      kind === 'T' ? `T${Number(number)}` : kind + number.padStart(2, '0'),
    );
  });
}

/** What the tests say about each row. Throws when a test claims a row that does not exist. */
export function tally(rows, results) {
  const cases = new Map(rows.map(({ id }) => [id, []]));
  for (const result of results) {
    for (const id of new Set(claimedRows(result.titles))) {
      if (!cases.has(id))
        throw new Error(`There is no row ${id}, which this test claims: ${result.titles.join(' > ')}`);
      cases.get(id).push(result);
    }
  }
  return rows.map((row) => ({ ...row, cases: cases.get(row.id) }));
}

/** The page and the line for the README. */
export function write(tallied) {
  const count = totals(tallied);
  const summary = Object.keys(kinds)
    .map((kind) => `${count[kind].shown} of ${count[kind].rows} ${kinds[kind].toLowerCase()}`)
    .join(', ');
  const sections = Object.entries(kinds).map(([kind, title]) => section(title, tallied.filter(isOf(kind))));
  const page = `# Reliability

What \`provision\` must survive, and whether tests show that it does. \`npm run reliability\` writes this page from the results of \`npm test\`,
and \`npm test\` fails when it is out of date: nothing here is said by hand.

A row counts only when every test that claims it passes; a test claims a row in its title, as in \`F12: …\`. The tests assert what a user sees
(code, message, exit code), the state in which the host is left and, for a fault of a run, that the next run ends well. Numbers that are missing belong
to rows that were merged into others.

| | Shown | Rows | Test cases |
| --- | --- | --- | --- |
${Object.entries(kinds)
  .map(([kind, title]) => `| ${title} | ${count[kind].shown} | ${count[kind].rows} | ${count[kind].cases} |`)
  .join('\n')}

${sections.join('\n\n')}
`;
  return { page, line: `${summary}, in ${count.all.cases} test cases ([the table](docs/reliability.md)).` };
}

const isOf = (kind) => (row) => row.id.startsWith(kind);
const failed = (row) => row.cases.some(({ status }) => status !== 'passed');
const isShown = (row) => row.cases.length > 0 && !failed(row);

function totals(tallied) {
  const count = (rows) => ({
    rows: rows.length,
    shown: rows.filter(isShown).length,
    cases: new Set(rows.flatMap((row) => row.cases)).size,
  });
  const byKind = Object.keys(kinds).map((kind) => [kind, count(tallied.filter(isOf(kind)))]);
  return { ...Object.fromEntries(byKind), all: count(tallied) };
}

function section(title, rows) {
  const lines = rows.map((row) => `| ${row.id} | ${row.what} | ${statusOf(row)} |`);
  return [`## ${title}`, '', '| | What | Tests |', '| --- | --- | --- |', ...lines].join('\n');
}

function statusOf(row) {
  const reason = row.notMeasured && `not measured: ${row.notMeasured}`;
  if (row.cases.length === 0) return reason ?? 'not shown yet';
  const word = failed(row) ? '**fails**' : 'pass';
  const cases = `${word}, ${row.cases.length} case${row.cases.length === 1 ? '' : 's'}`;
  return reason ? `${cases}; ${reason}` : cases;
}

/** @returns {{ titles: string[], status: string }[]} */
export function readResults(files) {
  return files.flatMap((file) =>
    JSON.parse(readFileSync(file, 'utf8')).testResults.flatMap((suite) =>
      suite.assertionResults.map(({ ancestorTitles, title, status }) => ({
        titles: [...ancestorTitles, title],
        status,
      })),
    ),
  );
}

/** Throws with what to do when the page or the README says something else than the tests. */
export async function checkReliability() {
  // What this machine cannot run, another one could: the number of cases is the same everywhere.
  const results = readResults(projects.map(reportFile)).map((result) =>
    result.status === 'failed' ? result : { ...result, status: 'passed' },
  );
  for (const [name, text] of Object.entries(await render(results))) {
    if (readFileSync(path(name), { encoding: 'utf8', flag: 'a+' }) === text) continue;
    throw new Error(`${name} does not say what the tests say: npm run reliability writes it anew`);
  }
}

async function render(results) {
  const { page, line } = write(
    tally(JSON.parse(readFileSync(path('test/reliability/rows.json'), 'utf8')), results),
  );
  const { format } = await import('prettier');
  const options = { ...JSON.parse(readFileSync(path('.prettierrc.json'), 'utf8')), parser: 'markdown' };
  const readme = readFileSync(path('README.md'), 'utf8');
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has lost its marks ${begin} and ${end}`);
  return {
    'docs/reliability.md': await format(page, options),
    'README.md': `${readme.slice(0, from + begin.length)}\n\n${line}\n\n${readme.slice(to)}`,
  };
}

async function renew() {
  const results = readResults(projects.map(reportFile));
  const unfit = results.filter(({ titles, status }) => status !== 'passed' && claimedRows(titles).length > 0);
  if (unfit.length > 0) {
    const names = unfit.map(({ titles, status }) => `${status}: ${titles.join(' > ')}`);
    throw new Error(`The page cannot be written from results like these:\n${names.join('\n')}`);
  }
  for (const [name, text] of Object.entries(await render(results))) writeFileSync(path(name), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await renew().catch((error) => {
    console.error(error.code === 'ENOENT' ? `Run npm test first: ${error.message}` : error.message);
    process.exitCode = 1;
  });
}
