// GitHub's other ways to write, tokens and deployments: F1, F5, F6, F12, F14, F15, F19, F22.

import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { test } from 'node:test';
import { clone, github, withToken } from './support.mjs';

const COMMIT = 'mutation($i: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $i) { commit { oid url } } }';

function commit(f, expectedHeadOid, files, { branch = 'main', deletions = [], secret } = {}) {
  const additions = Object.entries(files).map(([path, text]) => ({
    path,
    contents: Buffer.from(text).toString('base64'),
  }));
  const i = {
    branch: { repositoryNameWithOwner: f.project, branchName: branch },
    expectedHeadOid,
    message: { headline: 'Pin', body: 'Why' },
    fileChanges: { additions, deletions: deletions.map((path) => ({ path })) },
  };
  return f.graphql(COMMIT, { i }, secret);
}

test("createCommitOnBranch writes a signed commit of the token's owner into the repository", async (t) => {
  const f = await github(t);
  const { data } = await commit(f, f.sha, { 'pins/ü.json': '{}\n' }, { deletions: ['README.md'] });
  const work = await clone(t, withToken(f.url, 'x', f.secret));
  assert.equal((await work.git('rev-parse', 'HEAD')).out, data.createCommitOnBranch.commit.oid);
  assert.equal((await work.git('log', '-1', '--format=%an|%cn|%s|%b')).out, 'bob|GitHub|Pin|Why');
  assert.equal((await work.git('-c', 'core.quotepath=off', 'ls-files')).out, 'pins/api.json\npins/ü.json');
  assert.equal((await f.api('GET', `${f.repo}/commits/main`)).body.commit.verification.verified, true);
});

test('F1 a stale head is 200 with STALE_DATA, also when it moves after the check', async (t) => {
  const f = await github(t);
  const { errors, data } = await commit(f, f.head, { a: '1' });
  assert.deepEqual(data, { createCommitOnBranch: null });
  assert.equal(errors[0].type, 'STALE_DATA');
  assert.equal(errors[0].message, `Expected branch to point to "${f.head}" but it did not. Pull and try again.`);
  await f.faults({
    graphql: 'createCommitOnBranch',
    nth: 1,
    when: 'checked',
    act: { do: 'push', project: f.project, branch: 'main', files: { other: '1' } },
  });
  assert.equal((await commit(f, f.sha, { a: '1' })).errors[0].type, 'STALE_DATA');
  assert.equal((await f.control('GET', '/counters')).byKind.commit, undefined);
});

test('F1 git data: a ref that is not a fast-forward is 422', async (t) => {
  const f = await github(t);
  const { sha: blob } = (await f.api('POST', `${f.repo}/git/blobs`, { content: '{}', encoding: 'utf-8' })).body;
  const { sha: tree } = (
    await f.api('POST', `${f.repo}/git/trees`, {
      base_tree: f.sha,
      tree: [
        { path: 'pins/b.json', mode: '100644', type: 'blob', sha: blob },
        { path: 'README.md', mode: '100644', type: 'blob', sha: null },
      ],
    })
  ).body;
  const { sha } = (await f.api('POST', `${f.repo}/git/commits`, { message: 'Pin b', tree, parents: [f.sha] })).body;
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { other: '1' } });
  const stale = await f.api('PATCH', `${f.repo}/git/refs/heads/main`, { sha, force: false });
  assert.deepEqual([stale.status, stale.body.message], [422, 'Update is not a fast forward']);
  assert.equal((await f.api('POST', `${f.repo}/git/refs`, { ref: 'refs/heads/pin/b', sha })).status, 201);
  assert.equal(
    (await f.api('POST', `${f.repo}/git/refs`, { ref: 'refs/heads/pin/b', sha })).body.message,
    'Reference already exists',
  );
});

test('updateRefs moves a branch with a lease, or nothing at all', async (t) => {
  const f = await github(t);
  const id = (await f.api('GET', f.repo)).body.node_id;
  const update = (refUpdates) =>
    f.graphql('mutation($i: UpdateRefsInput!) { updateRefs(input: $i) { clientMutationId } }', {
      i: { repositoryId: id, refUpdates },
    });
  const wrong = await update([
    { name: 'refs/heads/new', afterOid: f.sha },
    { name: 'refs/heads/pin/a', afterOid: f.sha, beforeOid: f.sha, force: true },
  ]);
  assert.equal(wrong.errors[0].type, 'STALE_DATA');
  assert.equal((await f.api('GET', `${f.repo}/git/ref/heads/new`)).status, 404);
  assert.equal(
    (await update([{ name: 'refs/heads/pin/a', afterOid: f.sha, beforeOid: f.head, force: true }])).errors,
    undefined,
  );
});

test('F6 protection: classic by its type, a ruleset by its words, a role that bypasses', async (t) => {
  const f = await github(t);
  await f.act({ do: 'protect', project: f.project, branch: 'main', approvals: 1 });
  assert.equal((await commit(f, f.sha, { a: '1' })).errors[0].type, 'BRANCH_PROTECTION_RULE_VIOLATION');
  assert.deepEqual((await f.api('PATCH', `${f.repo}/git/refs/heads/main`, { sha: f.head })).status, 422);
  await f.act(
    { do: 'unprotect', project: f.project, branch: 'main' },
    { do: 'ruleset', project: f.project, bypass: ['ann'], rules: [{ type: 'pull_request' }] },
  );
  assert.match(
    (await commit(f, f.sha, { a: '1' })).errors[0].message,
    /Repository rule violations found\n\nChanges must be made through a pull request/,
  );
  const ann = await f.tokenOf({ name: 'ann', user: 'ann' });
  assert.equal((await commit(f, f.sha, { a: '1' }, { secret: ann })).errors, undefined);
});

test('protection is read by administrators, rules by everybody who reads', async (t) => {
  const f = await github(t);
  await f.act({
    do: 'protect',
    project: f.project,
    branch: 'main',
    approvals: 2,
    requiredChecks: ['ci'],
    restrictTo: ['ann'],
  });
  assert.equal((await f.api('GET', `${f.repo}/branches/main/protection`)).status, 403);
  const ann = f.as(await f.tokenOf({ name: 'ann', user: 'ann' }));
  const { body } = await ann('GET', `${f.repo}/branches/main/protection`);
  assert.deepEqual(
    [
      body.required_pull_request_reviews.required_approving_review_count,
      body.required_status_checks.contexts,
      body.restrictions.users[0].login,
    ],
    [2, ['ci'], 'ann'],
  );
  assert.deepEqual((await ann('GET', `${f.repo}/branches/pin%2Fa/protection`)).body.message, 'Branch not protected');
});

test('what can be found out beforehand: teams, members, what GITHUB_TOKEN may do', async (t) => {
  const f = await github(t);
  assert.deepEqual(
    (await f.api('GET', `${f.repo}/teams`)).body.map(({ slug }) => slug),
    ['release'],
  );
  assert.deepEqual(
    [(await f.api('GET', '/orgs/acme/members/ANN')).status, (await f.api('GET', '/orgs/acme/members/cy')).status],
    [204, 404],
  );
  const ann = f.as(await f.tokenOf({ name: 'ann', user: 'ann' }));
  assert.equal(
    (await ann('GET', `${f.repo}/actions/permissions/workflow`)).body.can_approve_pull_request_reviews,
    false,
  );
});

test('F12 a renamed repository: 301 for GET, 307 for writes, GraphQL follows by itself', async (t) => {
  const f = await github(t);
  const { id } = (await f.api('GET', f.repo)).body;
  await f.act({ do: 'rename', project: f.project, to: 'acme/state' });
  const read = await f.api('GET', `${f.repo}/pulls?state=open`);
  assert.deepEqual(
    [read.status, read.headers.get('location')],
    [301, `${f.urls.api}/repositories/${id}/pulls?state=open`],
  );
  assert.equal((await f.api('GET', `/repositories/${id}/pulls?state=open`)).status, 200);
  const write = await f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main' });
  assert.deepEqual([write.status, write.headers.get('location')], [307, `${f.urls.api}/repositories/${id}/pulls`]);
  assert.equal((await f.control('GET', '/counters')).byKind.request, undefined);
  assert.equal(
    (await f.graphql('{ repository(owner: "acme", name: "root") { nameWithOwner } }')).data.repository.nameWithOwner,
    'acme/state',
  );
});

test('F14 a tree that is too large is 422 and a path that is not there cannot be deleted', async (t) => {
  const f = await github(t);
  await f.control('POST', '/settings', { treeLimit: 10_000 });
  const tree = [{ path: 'x', mode: '100644', type: 'blob', content: 'x'.repeat(10_000) }];
  assert.match((await f.api('POST', `${f.repo}/git/trees`, { tree })).body.message, /^Sorry, your request timed out/);
  assert.match(
    (await commit(f, f.sha, {}, { deletions: ['nothing'] })).errors[0].message,
    /requested for deletion which does not exist/,
  );
});

test('F15 tokens: wrong, expired, too small, of another repository, without access', async (t) => {
  const f = await github(t);
  await f.act({ do: 'project', path: 'acme/other', files: { a: '1' } });
  const tried = async (
    given,
    method = 'POST',
    path = `${f.repo}/pulls`,
    body = { title: 'Pin', head: 'pin/a', base: 'main' },
  ) => {
    const { status, body: said } = await f.as(typeof given === 'string' ? given : await f.tokenOf(given))(
      method,
      path,
      method === 'GET' ? undefined : body,
    );
    return [status, said.message];
  };
  assert.deepEqual(await tried('wrong'), [401, 'Bad credentials']);
  assert.deepEqual(await tried({ name: '1', user: 'bob', scopes: [] }), [404, 'Not Found']);
  assert.deepEqual(await tried({ name: '2', kind: 'fine', user: 'bob', permissions: { contents: 'write' } }), [
    403,
    'Resource not accessible by personal access token',
  ]);
  assert.deepEqual(await tried({ name: '3', kind: 'fine', user: 'bob', repositories: ['acme/other'] }), [
    404,
    'Not Found',
  ]);
  assert.deepEqual(await tried({ name: '4', user: 'cy' }), [403, 'Must have push access to repository']);
  assert.deepEqual(await tried({ name: '5', user: 'stranger' }), [404, 'Not Found']);
  assert.deepEqual(await tried({ name: '6', kind: 'actions', repositories: [f.project] }), [
    403,
    'GitHub Actions is not permitted to create or approve pull requests.',
  ]);
  assert.deepEqual(await tried({ name: '7', kind: 'actions', repositories: [f.project] }, 'GET', '/user'), [
    403,
    'Resource not accessible by integration',
  ]);
  const brief = await f.tokenOf({ name: 'brief', user: 'bob', expiresIn: 10 });
  assert.equal((await tried(brief, 'GET', '/user'))[0], 200);
  await f.control('POST', '/clock', { advance: 10 });
  assert.deepEqual(await tried(brief), [401, 'Bad credentials']);
  await f.act({ do: 'revoke', name: 'bob' });
  assert.deepEqual(await tried(f.secret), [401, 'Bad credentials']);
  const { errors } = await commit(
    f,
    f.sha,
    { a: '1' },
    { secret: await f.tokenOf({ name: '8', kind: 'fine', user: 'bob', permissions: { contents: 'read' } }) },
  );
  assert.equal(errors[0].type, 'FORBIDDEN');
});

test('F15 an app signs its own token, gets one for an installation, and it lasts an hour', async (t) => {
  const f = await github(t);
  const { id, installation, privateKey } = await f.act({
    do: 'app',
    slug: 'pinrail',
    account: 'acme',
    permissions: { contents: 'write', pull_requests: 'write' },
  });
  const jwt = (exp = 540) => {
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + exp, iss: String(id) })}`;
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), createPrivateKey(privateKey)).toString('base64url')}`;
  };
  const app = f.as(jwt());
  assert.equal((await app('GET', '/app')).body.slug, 'pinrail');
  assert.equal((await f.as(jwt(3600))('GET', '/app')).status, 401);
  assert.equal((await app('GET', `${f.repo}/installation`)).body.id, installation);
  assert.equal((await app('GET', f.repo)).status, 401);
  assert.equal(
    (
      await app('POST', `/app/installations/${installation}/access_tokens`, {
        permissions: { administration: 'write' },
      })
    ).status,
    422,
  );
  const made = await app('POST', `/app/installations/${installation}/access_tokens`, { repositories: ['root'] });
  assert.equal(made.status, 201);
  const pull = await f.as(made.body.token)('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main' });
  assert.deepEqual([pull.status, pull.body.user.login, pull.body.user.type], [201, 'pinrail[bot]', 'Bot']);
  await f.control('POST', '/clock', { advance: 3600 });
  assert.equal((await f.as(made.body.token)('GET', f.repo)).status, 401);
});

test('F5 the primary limit counts a token down and comes back with its window; GraphQL says 200', async (t) => {
  const f = await github(t);
  const secret = await f.tokenOf({ name: 'small', user: 'bob', limit: 2 });
  const api = f.as(secret);
  assert.equal((await api('GET', f.repo)).headers.get('x-ratelimit-remaining'), '1');
  await api('GET', f.repo);
  const over = await api('GET', f.repo);
  assert.deepEqual(
    [over.status, over.headers.get('x-ratelimit-remaining'), over.headers.get('retry-after')],
    [403, '0', null],
  );
  assert.equal((await api('GET', '/rate_limit')).body.rate.remaining, 0);
  assert.equal((await f.graphql('{ viewer { login } }', {}, secret)).errors[0].type, 'RATE_LIMITED');
  await f.control('POST', '/clock', { advance: 3600 });
  assert.equal((await api('GET', f.repo)).status, 200);
});

test('F5 the secondary limit on writes has Retry-After', async (t) => {
  const f = await github(t);
  await f.control('POST', '/settings', { contentPerMinute: 1 });
  await f.open();
  const over = await f.api('POST', `${f.repo}/issues/1/comments`, { body: 'hi' });
  assert.equal(over.status, 403);
  assert.ok(Number(over.headers.get('retry-after')) > 0);
  await f.control('POST', '/clock', { advance: 60 });
  assert.equal((await f.api('POST', `${f.repo}/issues/1/comments`, { body: 'hi' })).status, 201);
});

test('F19 deployments: 202 merges instead, 409 for a red check, 403 when protected, the newest wins', async (t) => {
  const f = await github(t);
  const create = (body) => f.api('POST', `${f.repo}/deployments`, body);
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { other: '1' } });
  const merged = await create({ ref: 'pin/a' });
  assert.deepEqual([merged.status, (await f.control('GET', '/counters')).byKind.deployment], [202, undefined]);
  await f.act({ do: 'status', project: f.project, sha: f.head, context: 'ci', state: 'failure' });
  assert.equal((await create({ ref: f.head })).status, 409);
  const wanted = {
    ref: f.head,
    auto_merge: false,
    required_contexts: [],
    environment: 'production/api',
    production_environment: true,
  };
  const one = await create(wanted);
  assert.equal(one.status, 201);
  const state = (id, body) => f.api('POST', `${f.repo}/deployments/${id}/statuses`, body);
  assert.equal(
    (await state(one.body.id, { state: 'success', environment_url: 'https://api.example.com' })).body.environment_url,
    'https://api.example.com',
  );
  const two = await create(wanted);
  await state(two.body.id, { state: 'success' });
  assert.equal((await f.api('GET', `${f.repo}/deployments/${one.body.id}/statuses`)).body[0].state, 'success');
  assert.equal((await create({ ...wanted, description: 'x'.repeat(141) })).status, 422);
  await f.act({ do: 'configure', project: f.project, protectedEnvironments: ['production/api'] });
  assert.equal((await create(wanted)).status, 403);
});

test('commits between two refs with their authors', async (t) => {
  const f = await github(t);
  await f.act({ do: 'push', project: f.project, branch: 'pin/a', files: { b: '1' }, by: 'ann', message: 'Second' });
  const { body } = await f.api('GET', `${f.repo}/compare/main...pin%2Fa`);
  assert.deepEqual([body.status, body.ahead_by, body.behind_by, body.merge_base_commit.sha], ['ahead', 2, 0, f.sha]);
  assert.deepEqual(
    body.commits.map(({ commit: { message }, author }) => [message, author.login]),
    [
      ['Pin api 2', 'human'],
      ['Second', 'ann'],
    ],
  );
});

test("a server's layout: the API below /api/v3, GraphQL below /api", async (t) => {
  for (const ghes of ['3.17', '3.19']) {
    const f = await github(t, { layout: 'ghes', ghes });
    assert.ok(f.urls.api.endsWith('/api/v3') && f.urls.graphql.endsWith('/api/graphql'));
    assert.equal((await f.api('GET', '/meta')).body.installed_version, `${ghes}.0`);
    assert.equal((await f.graphql('{ viewer { login } }')).data.viewer.login, 'bob');
    assert.equal((await f.open()).number, 1);
    assert.equal((await f.api('PUT', `${f.repo}/pulls/1/merge`, {})).status, 200);
  }
});
