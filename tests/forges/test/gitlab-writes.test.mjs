// GitLab's commits, tokens and deployments: F1, F2, F5, F12, F14, F15, F19, F21, F22.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, clone, gitlab, withToken } from './support.mjs';

const status = ({ status: code, body }) => [code, body.message];
const commit = (f, actions, more = {}) =>
  f.api('POST', `${f.repo}/repository/commits`, { branch: 'main', commit_message: 'Pin', actions, ...more });
const last = async (f, path) =>
  (await f.api('GET', `${f.repo}/repository/files/${encodeURIComponent(path)}?ref=main`)).body.last_commit_id;

test('F14 a description over the limit is 400, a form with too many parameters too', async (t) => {
  const f = await gitlab(t);
  const long = await f.api('POST', `${f.repo}/merge_requests`, {
    source_branch: 'pin/a',
    target_branch: 'main',
    title: 'x',
    description: 'x'.repeat(1_048_577),
  });
  assert.match(long.body.message.description[0], /^is too long \(1048577\)/);
  const form = [
    'branch=main',
    'commit_message=Pin',
    ...Array.from(
      { length: 2000 },
      (_, i) => `actions[][action]=create&actions[][file_path]=f${i}&actions[][content]=1`,
    ),
  ].join('&');
  const sent = await f.api('POST', `${f.repo}/repository/commits`, form, {
    'content-type': 'application/x-www-form-urlencoded',
  });
  assert.deepEqual(status(sent), [400, 'Invalid form data exceeded query limit']);
  const small = await f.api(
    'POST',
    `${f.repo}/repository/commits`,
    'branch=main&commit_message=Pin&actions[][action]=create&actions[][file_path]=f1&actions[][content]=1',
    { 'content-type': 'application/x-www-form-urlencoded' },
  );
  assert.equal(small.status, 201);
});

test('F1 a commit of several files, refused by either text when a file has changed', async (t) => {
  const f = await gitlab(t);
  const seen = await last(f, 'pins/api.json');
  const { status: code, body } = await commit(f, [
    {
      action: 'update',
      file_path: 'pins/api.json',
      content: Buffer.from('{}').toString('base64'),
      encoding: 'base64',
      last_commit_id: seen,
    },
    { action: 'create', file_path: 'pins/ü.json', content: '{}' },
  ]);
  assert.deepEqual([code, body.parent_ids], [201, [f.sha]]);
  assert.deepEqual(
    status(await commit(f, [{ action: 'update', file_path: 'pins/api.json', content: '1', last_commit_id: seen }])),
    [400, 'The file has changed since you started editing it: pins/api.json'],
  );
  assert.deepEqual(status(await commit(f, [{ action: 'create', file_path: 'pins/api.json', content: '1' }])), [
    400,
    'A file with this name already exists',
  ]);
  assert.deepEqual(status(await commit(f, [{ action: 'delete', file_path: 'nothing' }])), [
    400,
    "A file with this name doesn't exist",
  ]);
  assert.match(
    status(await commit(f, [], { start_branch: 'main', branch: 'pin/a' }))[1],
    /^A branch called 'pin\/a' already exists/,
  );
  await f.act({ do: 'protect', project: f.project, branch: 'main' });
  assert.deepEqual(status(await commit(f, [{ action: 'create', file_path: 'x', content: '1' }])), [
    403,
    '403 Forbidden - You are not allowed to push into this branch',
  ]);
});

test('F2 two writers pass the check and the second overwrites, which parent_ids betrays', async (t) => {
  const f = await gitlab(t);
  const seen = await last(f, 'pins/api.json');
  await f.faults({
    route: 'POST /projects/{id}/repository/commits',
    nth: 1,
    when: 'checked',
    act: { do: 'push', project: f.project, branch: 'main', files: { 'pins/api.json': 'lost\n' } },
  });
  const { status: code, body } = await commit(f, [
    { action: 'update', file_path: 'pins/api.json', content: 'mine\n', last_commit_id: seen },
  ]);
  assert.equal(code, 201);
  assert.notEqual(body.parent_ids[0], f.sha);
  const work = await clone(t, withToken(f.url, 'oauth2', f.secret));
  assert.equal((await work.git('show', 'HEAD:pins/api.json')).out, 'mine');
  assert.equal((await work.git('show', 'HEAD^:pins/api.json')).out, 'lost');
});

test('F12 a moved project: 301 for GET, 405 for the rest', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'rename', project: f.project, to: 'acme/state' });
  const read = await f.api('GET', `${f.repo}/merge_requests?state=opened`);
  assert.deepEqual(
    [read.status, read.headers.get('location')],
    [301, `${f.urls.api}/projects/${f.id}/merge_requests?state=opened`],
  );
  assert.deepEqual(status(await f.api('POST', `${f.repo}/merge_requests`, {})), [
    405,
    'Non GET methods are not allowed for moved projects',
  ]);
  assert.equal((await f.api('GET', `/projects/${f.id}`)).body.path_with_namespace, 'acme/state');
});

test('F15 tokens: none, wrong, revoked, expired, too small, of a job, of a deployment', async (t) => {
  const f = await gitlab(t);
  const get = async (given, path = f.repo, header) => (await f.as(await f.tokenOf(given), header)('GET', path)).status;
  assert.deepEqual((await f.as('wrong')('GET', '/user')).body, { message: '401 Unauthorized' });
  assert.equal((await client(f.urls.api)('GET', f.repo)).status, 401);
  assert.deepEqual(
    (
      await f.as(await f.tokenOf({ name: '1', user: 'bob', scopes: ['read_api'] }))(
        'POST',
        `${f.repo}/merge_requests`,
        {},
      )
    ).body.error,
    'insufficient_scope',
  );
  assert.equal(await get({ name: '2', user: 'bob', scopes: ['read_repository'] }), 403);
  assert.equal(await get({ name: '3', kind: 'deploy', project: f.project }), 401);
  assert.equal(await get({ name: '4', user: 'stranger' }), 404);
  assert.equal(
    (await f.as(await f.tokenOf({ name: '5', user: 'cy' }))('POST', `${f.repo}/merge_requests`, {})).status,
    403,
  );
  const bot = f.as(await f.tokenOf({ name: 'pins', kind: 'project', project: f.project, role: 'maintainer' }));
  const me = (await bot('GET', '/user')).body;
  assert.match(me.username, /^project_\d+_bot_/);
  assert.deepEqual(
    [me.bot, (await bot('GET', '/personal_access_tokens/self')).body.scopes],
    [true, ['api', 'read_repository', 'write_repository']],
  );
  const secret = await f.tokenOf({ name: 'job', kind: 'job', user: 'bob', project: f.project });
  const job = f.as(secret, 'job-token');
  assert.equal((await job('GET', '/job')).body.user.username, 'bob');
  assert.deepEqual([(await job('GET', '/user')).status, (await f.as(secret)('GET', f.repo)).status], [401, 401]);
  assert.equal((await job('GET', `${f.repo}/merge_requests`)).status, 200);
  assert.equal((await job('POST', `${f.repo}/merge_requests`, {})).status, 401);
  assert.equal((await job('POST', `${f.repo}/repository/commits`, {})).status, 401);
  const brief = f.as(await f.tokenOf({ name: 'brief', user: 'bob', expiresIn: 10 }));
  await f.control('POST', '/clock', { advance: 10 });
  assert.equal(
    (await brief('GET', '/user')).body.error_description,
    'Token is expired. You can either do re-authorization or token refresh.',
  );
  await f.act({ do: 'revoke', name: 'bob' });
  assert.match((await f.api('GET', '/user')).body.error_description, /^Token was revoked/);
});

test('what a maintainer can find out beforehand: the scope of job tokens, the settings of approvals', async (t) => {
  const f = await gitlab(t);
  await f.act(
    { do: 'project', path: 'acme/service' },
    { do: 'configure', project: f.project, jobTokenAllowlist: ['acme/service'] },
  );
  assert.equal((await f.api('GET', `${f.repo}/job_token_scope`)).status, 403);
  const mo = f.as(await f.tokenOf({ name: 'mo', user: 'mo' }));
  assert.equal((await mo('GET', `${f.repo}/job_token_scope`)).body.inbound_enabled, true);
  const allowed = (await mo('GET', `${f.repo}/job_token_scope/allowlist`)).body;
  assert.deepEqual(
    allowed.map(({ path_with_namespace }) => path_with_namespace),
    [f.project, 'acme/service'],
  );
  assert.equal((await f.api('GET', `${f.repo}/approvals`)).body.reset_approvals_on_push, false);
});

test('a form is as good as JSON', async (t) => {
  const f = await gitlab(t);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const [ann] = (await f.api('GET', '/users?username=ann')).body;
  const body = `source_branch=pin%2Fa&target_branch=main&title=%C3%9C&squash=true&reviewer_ids[]=${ann.id}&labels=a%2Cb`;
  const made = (await f.api('POST', `${f.repo}/merge_requests`, body, form)).body;
  assert.deepEqual([made.title, made.squash, made.reviewers[0].username, made.labels], ['Ü', true, 'ann', ['a', 'b']]);
});

test('F5 too many requests: 429 as plain text with the seconds to wait', async (t) => {
  const f = await gitlab(t);
  await f.control('POST', '/settings', { requestsPerMinute: 1 });
  await f.api('GET', '/user');
  const over = await f.api('GET', '/user');
  assert.deepEqual([over.status, over.body, over.headers.get('content-type')], [429, 'Retry later\n', 'text/plain']);
  assert.ok(Number(over.headers.get('retry-after')) > 0);
  await f.control('POST', '/clock', { advance: 60 });
  assert.equal((await f.api('GET', '/user')).status, 200);
});

test('F19 deployments and environments, also with a job token; a protected one is 403', async (t) => {
  const f = await gitlab(t);
  const job = f.as(await f.tokenOf({ name: 'job', kind: 'job', user: 'bob', project: f.project }), 'job-token');
  assert.equal(
    (await job('POST', `${f.repo}/environments`, { name: 'production/api', external_url: 'https://api.example.com' }))
      .body.tier,
    'production',
  );
  const deploy = (sha, environment = 'production/api') =>
    job('POST', `${f.repo}/deployments`, { environment, sha, ref: 'main', tag: false, status: 'running' });
  assert.equal((await deploy('0'.repeat(40))).status, 400);
  const { id } = (await deploy(f.sha)).body;
  assert.equal((await job('PUT', `${f.repo}/deployments/${id}`, { status: 'success' })).body.status, 'success');
  const [environment] = (await job('GET', `${f.repo}/environments?name=production%2Fapi`)).body;
  assert.equal((await job('GET', `${f.repo}/environments/${environment.id}`)).body.last_deployment.sha, f.sha);
  await f.act({ do: 'configure', project: f.project, protectedEnvironments: { 'production/api': 'maintainer' } });
  assert.deepEqual(status(await deploy(f.sha)), [403, '403 Forbidden']);
});

test('F21 a branch that was just made is not there yet for a commit', async (t) => {
  const f = await gitlab(t);
  await f.api('POST', `${f.repo}/repository/branches`, { branch: 'new', ref: 'main' });
  await f.control('POST', '/settings', { branchLag: 1 });
  const write = () => commit(f, [{ action: 'create', file_path: 'x', content: '1' }], { branch: 'new' });
  assert.deepEqual(status(await write()), [400, 'You can only create or edit files when you are on a branch']);
  assert.equal((await write()).status, 201);
});

test('F22 a relative root, a subgroup, case, and a path with %2F', async (t) => {
  const f = await gitlab(t, { root: '/gitlab' });
  assert.ok(f.urls.api.endsWith('/gitlab/api/v4') && f.url.includes('/gitlab/acme/platform/root.git'));
  assert.equal((await f.api('GET', '/projects/Acme%2FPlatform%2FROOT')).body.id, f.id);
  assert.equal((await f.open()).web_url, `${f.urls.web}/acme/platform/root/-/merge_requests/1`);
  const work = await clone(t, withToken(f.url, 'oauth2', f.secret));
  await work.commit({ x: '1' });
  assert.equal((await work.git('push', '-q', 'origin', 'HEAD:pins')).code, 0);
});

test('commits between two refs with their authors', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'push', project: f.project, branch: 'pin/a', files: { b: '1' }, by: 'ann', message: 'Second' });
  const { body } = await f.api('GET', `${f.repo}/repository/compare?from=main&to=pin%2Fa`);
  assert.deepEqual(
    body.commits.map(({ title, author_name }) => [title, author_name]),
    [
      ['Pin api 2', 'human'],
      ['Second', 'ann'],
    ],
  );
});
