// What both forges share: the fault script, the log, the check of their own answers, the program.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { branchMatches, matches } from '../core/codeowners.mjs';
import { random } from '../core/faults.mjs';
import { run } from '../core/git.mjs';
import { client, git, github, gitlab, temp, withToken } from './support.mjs';

const CREATE = 'POST /repos/{owner}/{repo}/pulls';
const create = (f) => f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main' });

test('F3 a write that was applied and answered 502: the log proves the effect, and a blind second try', async (t) => {
  const f = await github(t);
  await f.faults({
    route: 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
    nth: 1,
    when: 'after',
    preset: 'html-502',
  });
  await create(f);
  const comment = () => f.api('POST', `${f.repo}/issues/1/comments`, { body: 'hi' });
  const first = await comment();
  assert.deepEqual([first.status, first.headers.get('content-type')], [502, 'text/html']);
  assert.deepEqual((await f.control('GET', '/counters')).repeated, {});
  await comment();
  assert.deepEqual((await f.control('GET', '/counters')).repeated, { 'comment acme/root#1 hi': 2 });
});

test('F3 applied, then no answer at all', async (t) => {
  const f = await github(t);
  await f.faults({ route: CREATE, when: 'after', drop: true });
  await assert.rejects(create(f));
  assert.equal((await f.control('GET', '/counters')).byKind.request, 1);
});

test('F4 a burst of 502 with HTML, not applied; and F5 each way of being limited', async (t) => {
  const f = await github(t);
  await f.faults({ route: CREATE, from: 1, to: 3, preset: 'html-502' });
  assert.deepEqual(
    [(await create(f)).status, (await create(f)).status, (await create(f)).status, (await create(f)).status],
    [502, 502, 502, 201],
  );
  const seen = {};
  for (const preset of [
    'secondary-limit',
    'secondary-limit-bare',
    'primary-limit',
    'graphql-limit',
    'secondary-limit-429',
  ]) {
    await f.faults({ route: 'GET *', preset });
    const { status, headers, body } = await f.api('GET', f.repo);
    seen[preset] = [status, headers.get('retry-after'), headers.get('x-ratelimit-remaining'), body.errors?.[0].type];
  }
  assert.deepEqual(seen, {
    'secondary-limit': [403, '60', null, undefined],
    'secondary-limit-bare': [403, null, null, undefined],
    'primary-limit': [403, null, '0', undefined],
    'graphql-limit': [200, null, '0', 'RATE_LIMITED'],
    'secondary-limit-429': [429, '60', null, undefined],
  });
  const { retries, writes } = await f.control('GET', '/storms?window=60000');
  assert.equal(retries[CREATE].length, 3);
  assert.equal(writes, 4);
});

test('F5 GitLab says 429 as plain text, with and without Retry-After', async (t) => {
  const f = await gitlab(t);
  for (const [preset, wait] of [
    ['rate-limit', '60'],
    ['rate-limit-bare', null],
  ]) {
    await f.faults({ route: 'GET *', preset });
    const { status, body, headers } = await f.api('GET', f.repo);
    assert.deepEqual([status, body, headers.get('retry-after')], [429, 'Retry later\n', wait]);
  }
});

test('F12 http is sent on to https by whoever stands in front', async (t) => {
  const f = await gitlab(t);
  await f.faults({ route: '*', status: 301, headers: { location: 'https://gitlab.example.com/api/v4/x' } });
  const { status, headers } = await f.api('POST', `${f.repo}/merge_requests`, {});
  assert.deepEqual([status, headers.get('location')], [301, 'https://gitlab.example.com/api/v4/x']);
});

test('F16 unknown values, nulls and missing fields, and GraphQL with data and errors', async (t) => {
  const f = await github(t);
  await create(f);
  await f.faults({
    route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}',
    when: 'after',
    patch: { '/mergeable_state': 'never_heard_of', '/user': null, '/auto_merge': { $delete: true } },
  });
  const { body } = await f.api('GET', `${f.repo}/pulls/1`);
  assert.deepEqual([body.mergeable_state, body.user, 'auto_merge' in body], ['never_heard_of', null, false]);
  await f.faults({
    graphql: 'viewer',
    when: 'after',
    patch: { '/errors': [{ type: 'SERVICE_UNAVAILABLE', path: ['repository'], message: 'Timeout' }] },
  });
  const partial = await f.graphql('{ viewer { login } }');
  assert.deepEqual([partial.data.viewer.login, partial.errors[0].type], ['bob', 'SERVICE_UNAVAILABLE']);
});

test('F20 an answer that hangs, one that trickles, one that is cut, one that is late', async (t) => {
  const f = await github(t);
  const get = (signal, query = '') =>
    fetch(f.urls.api + f.repo + query, { headers: { authorization: `Bearer ${f.secret}` }, signal });
  await (await get()).text();
  await f.faults({ route: 'GET *', hang: true });
  await assert.rejects(get(AbortSignal.timeout(100)), /timeout/i);
  await f.faults({ route: 'GET *', when: 'after', trickle: 20 });
  const slow = await get(AbortSignal.timeout(1000));
  await assert.rejects(slow.text(), /timeout/i);
  await f.faults({ route: 'GET *', when: 'after', cut: true });
  await assert.rejects((await get()).text());
  await f.faults({ route: 'GET *', match: 'late', delay: 300 });
  const order = [];
  const late = get(undefined, '?late').then(() => order.push('late'));
  await get().then(() => order.push('prompt'));
  await late;
  assert.deepEqual(order, ['prompt', 'late']);
});

test("a query that GitHub's schema does not allow is refused, as is a body that REST does not", async (t) => {
  const f = await github(t);
  assert.match((await f.graphql('{ viewer { shoeSize } }')).errors[0].message, /Cannot query field "shoeSize"/);
  assert.match(
    (await f.graphql('mutation { createCommitOnBranch(input: {branch: {}}) { commit { oid } } }')).errors[0].message,
    /expectedHeadOid/,
  );
  const wrong = await f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 7 });
  assert.deepEqual([wrong.status, /Invalid request/.test(wrong.body.message)], [422, true]);
  assert.equal((await f.api('POST', `${f.repo}/pulls`, '{')).status, 400);
  await f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main', colour: 'red' });
  assert.deepEqual((await f.control('GET', '/warnings')).at(-1).unknown, ['/colour']);
});

for (const [name, make, spoil] of [
  ['github', github, (f) => (f.world.project(f.project).settings.description = 7)],
  ['gitlab', gitlab, (f) => (f.world.project(f.project).defaultBranch = ['main'])],
]) {
  test(`${name}: an answer that fails its schema becomes a 500 and is on record`, async (t) => {
    const f = await make(t, { mayViolate: true });
    spoil(f);
    const { status, body, headers } = await f.api('GET', f.repo);
    assert.deepEqual([status, headers.get('x-forge-violation')], [500, 'yes']);
    assert.match(body.message, /the fake's own answer is not valid: .*(description|default_branch)/);
    const [violation] = await f.control('GET', '/violations');
    assert.match(violation.route, /^GET /);
  });
}

test('a field that the fake does not have is on record, never null by accident', async (t) => {
  const f = await github(t, { mayViolate: true });
  await f.graphql('{ viewer { bioHTML } }');
  assert.equal((await f.control('GET', '/violations')).length, 1);
});

test('what is neither API nor git is not found', async (t) => {
  for (const make of [github, gitlab]) {
    const f = await make(t, { layout: 'ghes', root: '/gitlab' });
    assert.equal((await client(f.urls.web.replace('/gitlab', ''))('GET', '/login')).status, 404);
    assert.equal((await f.api('GET', '/no/such/route')).status, 404);
  }
});

test("F20 HTTPS with an authority of one's own", async (t) => {
  const dir = await temp(t);
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(dir, name));
  const made = await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ]);
  assert.equal(made.code, 0, made.stderr);
  const f = await gitlab(t, { tls: { cert: await fs.readFile(cert), key: await fs.readFile(key) } });
  await assert.rejects(client(f.urls.api)('GET', '/version'));
  const url = withToken(f.url, 'oauth2', f.secret);
  assert.match((await git(dir, 'ls-remote', url)).err, /certificate/i);
  assert.equal((await git(dir, '-c', `http.sslCAInfo=${cert}`, 'ls-remote', url)).code, 0);
});

test('the same seed plays the same faults', () => {
  const draws = (seed) => Array.from({ length: 5 }, random(seed));
  assert.deepEqual(draws(7), draws(7));
  assert.notDeepEqual(draws(7), draws(8));
});

test('a script with a mistake is refused', async (t) => {
  const f = await github(t);
  const load = async (rule) => (await client(f.urls.control)('POST', '/faults', { rules: [rule] })).body.error;
  assert.match(await load({ route: '*', staus: 500 }), /no staus/);
  assert.match(await load({ route: '*', preset: 'bad-day' }), /no preset bad-day/);
});

test('patterns of CODEOWNERS and of branches', () => {
  const owned = (pattern, ...files) => files.map((file) => matches(pattern, file));
  assert.deepEqual(owned('*', 'a', 'b/c'), [true, true]);
  assert.deepEqual(owned('/pins/', 'pins/a/b', 'x/pins/a'), [true, false]);
  assert.deepEqual(owned('*.json', 'a/b.json', 'b.yaml'), [true, false]);
  assert.deepEqual(owned('envs/**/api.json', 'envs/a/b/api.json', 'envs/api.json'), [true, true]);
  assert.deepEqual(
    [
      branchMatches('pin/*', 'pin/a', false),
      branchMatches('pin/*', 'pin/a/b', false),
      branchMatches('pin/*', 'pin/a/b', true),
    ],
    [true, false, true],
  );
});

for (const kind of ['github', 'gitlab']) {
  test(`serve.mjs ${kind} says where it is and ends with its stdin`, async () => {
    const program = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'serve.mjs');
    const child = spawn(process.execPath, [program, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = await once(createInterface(child.stdout), 'line');
    const urls = JSON.parse(line);
    assert.equal(urls.kind, kind);
    assert.equal((await (await fetch(urls.control)).json()).kind, kind);
    child.stdin.end();
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });
}
