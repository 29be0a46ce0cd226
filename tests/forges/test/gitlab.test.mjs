// GitLab's merge requests, commits, tokens and deployments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, clone, gitlab, withToken } from './support.mjs';

const status = ({ status: code, body }) => [code, body.message];
const one = (f, iid = 1) => `${f.repo}/merge_requests/${iid}`;
const commit = (f, actions, more = {}) =>
  f.api('POST', `${f.repo}/repository/commits`, { branch: 'main', commit_message: 'Pin', actions, ...more });
const last = async (f, path) =>
  (await f.api('GET', `${f.repo}/repository/files/${encodeURIComponent(path)}?ref=main`)).body.last_commit_id;

test('F7 the merge status goes from preparing over unchecked and checking to mergeable', async (t) => {
  const f = await gitlab(t);
  await f.control('POST', '/settings', { mergeabilityPolls: 3 });
  const made = await f.open();
  assert.deepEqual(
    [made.detailed_merge_status, made.merge_status, made.has_conflicts],
    ['preparing', 'unchecked', false],
  );
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await f.api('GET', one(f))).body.detailed_merge_status);
  assert.deepEqual(seen, ['preparing', 'unchecked', 'checking', 'mergeable']);
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { x: '1' } });
  assert.equal(
    (await f.api('GET', `${f.repo}/merge_requests?state=opened`)).body[0].detailed_merge_status,
    'preparing',
  );
});

test('F8 merge: 405 while checking hides a stale sha, then 409; 422 for a conflict; 401 without the right', async (t) => {
  const f = await gitlab(t);
  await f.open();
  const merge = (body, api = f.api) => api('PUT', `${one(f)}/merge`, body);
  assert.deepEqual(status(await merge({ sha: f.sha })), [405, '405 Method Not Allowed']);
  await f.api('GET', one(f));
  assert.deepEqual(status(await merge({ sha: f.sha })), [409, `SHA does not match HEAD of source branch: ${f.head}`]);
  await f.act({ do: 'protect', project: f.project, branch: 'main', merge: 'maintainer' });
  assert.deepEqual(status(await merge({ sha: f.head })), [401, '401 Unauthorized']);
  await f.act(
    { do: 'unprotect', project: f.project, branch: 'main' },
    { do: 'push', project: f.project, branch: 'main', files: { 'pins/api.json': 'other\n' } },
  );
  await f.api('GET', one(f));
  assert.deepEqual(status(await merge({ sha: f.head })), [422, 'Branch cannot be merged']);
  await f.act({ do: 'close', project: f.project, number: 1 });
  assert.deepEqual(status(await merge({ sha: f.head })), [405, '405 Method Not Allowed']);
});

test("F18 the project's method decides which commits there are", async (t) => {
  for (const [settings, body, parents] of [
    [{}, {}, 2],
    [{}, { squash: true }, 2],
    [{ mergeMethod: 'ff' }, {}, 1],
    [{ mergeMethod: 'ff', squashOption: 'always' }, {}, 1],
  ]) {
    const f = await gitlab(t);
    await f.act({ do: 'configure', project: f.project, ...settings });
    await f.open();
    await f.api('GET', one(f));
    const { status: code, body: merged } = await f.api('PUT', `${one(f)}/merge`, { sha: f.head, ...body });
    assert.deepEqual([code, merged.state], [200, 'merged']);
    const main = (await f.api('GET', `${f.repo}/repository/commits/main`)).body;
    assert.equal(main.parent_ids.length, parents);
    assert.equal(Boolean(merged.squash_commit_sha), merged.squash_on_merge || body.squash === true);
    const requests = (await f.api('GET', `${f.repo}/repository/commits/${main.id}/merge_requests`)).body;
    assert.deepEqual(
      requests.map(({ iid }) => iid),
      [1],
    );
  }
});

test('fast-forward only: need_rebase, and the rebase', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, mergeMethod: 'ff' });
  await f.open();
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { other: '1' } });
  await f.api('GET', one(f));
  assert.equal((await f.api('GET', one(f))).body.detailed_merge_status, 'need_rebase');
  assert.equal((await f.api('PUT', `${one(f)}/rebase`)).status, 202);
  await f.api('GET', one(f));
  const { detailed_merge_status, sha } = (await f.api('GET', one(f))).body;
  assert.equal(detailed_merge_status, 'mergeable');
  assert.notEqual(sha, f.head);
});

test('F9 a second request is 409 with its number in an array', async (t) => {
  const f = await gitlab(t);
  await f.open();
  const again = await f.api('POST', `${f.repo}/merge_requests`, {
    source_branch: 'pin/a',
    target_branch: 'main',
    title: 'Pin',
  });
  assert.deepEqual(status(again), [409, ['Another open merge request already exists for this source branch: !1']]);
  assert.deepEqual(
    status(
      await f.api('POST', `${f.repo}/merge_requests`, { title: 'x', source_branch: 'no', target_branch: 'main' }),
    )[0],
    422,
  );
  assert.deepEqual((await f.api('POST', `${f.repo}/merge_requests`, { title: 'x' })).body, {
    error: 'source_branch is missing, target_branch is missing',
  });
});

test('F10 auto-merge: 405 before there is a pipeline, waits for it, merges when green', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, pipelineMustSucceed: true });
  await f.open();
  await f.api('GET', one(f));
  assert.equal((await f.api('GET', one(f))).body.detailed_merge_status, 'ci_must_pass');
  assert.equal((await f.api('PUT', `${one(f)}/merge`, { auto_merge: true })).status, 405);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'ci', ref: 'pin/a' });
  const waiting = (await f.api('PUT', `${one(f)}/merge`, { auto_merge: true, sha: f.head })).body;
  assert.deepEqual(
    [waiting.state, waiting.merge_when_pipeline_succeeds, waiting.detailed_merge_status],
    ['opened', true, 'ci_still_running'],
  );
  assert.equal(
    (await f.api('POST', `${one(f)}/cancel_merge_when_pipeline_succeeds`)).body.merge_when_pipeline_succeeds,
    false,
  );
  await f.api('PUT', `${one(f)}/merge`, { merge_when_pipeline_succeeds: true });
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', name: 'ci' });
  assert.equal((await f.api('GET', one(f))).body.state, 'merged');
  assert.equal((await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'other' })).status, 201);
  assert.match(
    (await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'other' })).body.message,
    /^Cannot transition status via :run from :running/,
  );
});

test('approval rules and code owners gate the merge, a push takes approvals back', async (t) => {
  const f = await gitlab(t);
  await f.act(
    { do: 'push', project: f.project, branch: 'main', files: { CODEOWNERS: '[Pins]\n/pins/ @mo\n' } },
    { do: 'protect', project: f.project, branch: 'main', merge: 'developer', codeOwner: true },
    { do: 'approvalRule', project: f.project, name: 'release', required: 1, groups: ['acme/platform'] },
    { do: 'configure', project: f.project, resetApprovalsOnPush: true },
  );
  await f.open();
  await f.api('GET', one(f));
  const left = async () =>
    (await f.api('GET', `${one(f)}/approval_state`)).body.rules
      .filter(({ approved }) => !approved)
      .map(({ name, rule_type }) => `${rule_type} ${name}`);
  assert.deepEqual(await left(), ['regular release', 'code_owner @mo']);
  assert.equal((await f.api('POST', `${one(f)}/approve`)).status, 401);
  const [ann, mo] = [
    f.as(await f.tokenOf({ name: 'ann', user: 'ann' })),
    f.as(await f.tokenOf({ name: 'mo', user: 'mo' })),
  ];
  assert.equal((await ann('POST', `${one(f)}/approve`, { sha: f.sha })).status, 409);
  assert.deepEqual(
    (await ann('POST', `${one(f)}/approve`, { sha: f.head })).body.approved_by.map(({ user }) => user.username),
    ['ann'],
  );
  assert.equal((await f.api('PUT', `${one(f)}/merge`, {})).status, 405);
  await mo('POST', `${one(f)}/approve`);
  assert.deepEqual([(await f.api('GET', `${one(f)}/approvals`)).body.approved, await left()], [true, []]);
  await f.act({ do: 'push', project: f.project, branch: 'pin/a', files: { 'pins/b.json': '{}' } });
  await f.api('GET', one(f));
  assert.equal((await f.api('GET', one(f))).body.detailed_merge_status, 'not_approved');
});

test('F11 more than 10,000 requests: pages by Link, no totals; branches by keyset', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'seed', project: f.project, requests: 10_001, head: 'load/{n}' });
  const list = `${f.repo}/merge_requests?state=opened&per_page=100`;
  const first = await f.api('GET', list);
  assert.deepEqual([first.headers.get('x-total'), first.headers.get('x-next-page')], [null, '2']);
  assert.doesNotMatch(first.headers.get('link'), /rel="last"/);
  await f.open();
  const next = client('', { 'private-token': f.secret });
  const second = await next('GET', /<([^>]*)>; rel="next"/.exec(first.headers.get('link'))[1]);
  assert.equal(second.body[0].iid, first.body.at(-1).iid);
  const found = await f.api('GET', `${f.repo}/merge_requests?source_branch=load%2F77&state=opened`);
  assert.deepEqual(
    found.body.map(({ source_branch }) => source_branch),
    ['load/77'],
  );
  assert.equal(found.headers.get('x-total'), '1');
  const keyset = await f.api('GET', `${f.repo}/repository/branches?pagination=keyset&per_page=2&search=^load/1000`);
  assert.match(keyset.headers.get('link'), /page_token=load%2F1000/);
});

test('F13 a request stays open when its branch is emptied or gone; a human closes, edits, reopens', async (t) => {
  const f = await gitlab(t);
  await f.open();
  await f.act({ do: 'reset', project: f.project, branch: 'pin/a', to: 'main' });
  await f.api('GET', one(f));
  const emptied = (await f.api('GET', one(f))).body;
  assert.deepEqual([emptied.state, emptied.detailed_merge_status], ['opened', 'commits_status']);
  await f.api('DELETE', `${f.repo}/repository/branches/pin%2Fa`);
  assert.equal((await f.api('GET', one(f))).body.state, 'opened');
  await f.act(
    { do: 'edit', project: f.project, number: 1, title: 'Draft: wait' },
    { do: 'close', project: f.project, number: 1, by: 'ann' },
  );
  const closed = (await f.api('GET', one(f))).body;
  assert.deepEqual(
    [closed.state, closed.draft, closed.closed_by.username, closed.detailed_merge_status],
    ['closed', true, 'ann', 'not_open'],
  );
  assert.equal((await f.api('PUT', one(f), { state_event: 'reopen' })).body.state, 'opened');
});

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

test('F17 a merge train: on it is not merged, and it may be thrown off', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, mergeTrains: true });
  await f.open();
  await f.api('GET', one(f));
  assert.equal((await f.api('GET', f.repo)).body.merge_trains_enabled, true);
  assert.equal((await f.api('PUT', `${one(f)}/merge`, { auto_merge: true, sha: f.head })).body.state, 'opened');
  assert.deepEqual(
    (await f.api('GET', `${f.repo}/merge_trains`)).body.map(({ merge_request, status: word }) => [
      merge_request.iid,
      word,
    ]),
    [[1, 'fresh']],
  );
  await f.act({ do: 'queue', project: f.project, fail: true });
  assert.equal((await f.api('GET', `${f.repo}/merge_trains/merge_requests/1`)).status, 404);
  assert.equal((await f.api('POST', `${f.repo}/merge_trains/merge_requests/1`, { sha: f.head })).status, 201);
  await f.act({ do: 'queue', project: f.project });
  assert.equal((await f.api('GET', one(f))).body.state, 'merged');
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

test('labels, reviewers, notes, members, versions', async (t) => {
  const f = await gitlab(t);
  const [ann] = (await f.api('GET', '/users?username=ANN')).body;
  const made = await f.open('pin/a', 'main', { reviewer_ids: [ann.id, 999_999], labels: 'promotion, a b' });
  assert.deepEqual([made.reviewers.map(({ username }) => username), made.labels], [['ann'], ['promotion', 'a b']]);
  assert.deepEqual((await f.api('PUT', one(f), { add_labels: 'x', remove_labels: 'a b' })).body.labels, [
    'promotion',
    'x',
  ]);
  const { id } = (await f.api('POST', `${one(f)}/notes`, { body: '<!-- marker -->' })).body;
  await f.api('PUT', `${one(f)}/notes/${id}`, { body: 'other' });
  assert.deepEqual(
    (await f.api('GET', `${one(f)}/notes?per_page=100`)).body.map(({ body }) => body),
    ['other'],
  );
  assert.equal((await f.api('DELETE', `${one(f)}/notes/${id}`)).status, 204);
  assert.equal((await f.api('GET', `${f.repo}/members/all/${ann.id}`)).body.access_level, 50);
  assert.match((await f.api('GET', '/metadata')).body.version, /^\d+\.\d+/);
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
