// GitHub's pull requests: F7 to F9, F11, F13, F14, F18, F21.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, clone, github, withToken } from './support.mjs';

const status = ({ status: code, body }) => [code, body.message];

test('F7 mergeable is null until a background job has looked', async (t) => {
  const f = await github(t);
  await f.control('POST', '/settings', { mergeabilityPolls: 2 });
  const { number, mergeable, mergeable_state } = await f.open();
  assert.deepEqual([mergeable, mergeable_state], [null, 'unknown']);
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await f.api('GET', `${f.repo}/pulls/${number}`)).body.mergeable);
  assert.deepEqual(seen, [null, null, true, true]);
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { 'pins/api.json': 'other\n' } });
  assert.equal((await f.api('GET', `${f.repo}/pulls/${number}`)).body.mergeable, null);
  await f.api('GET', `${f.repo}/pulls/${number}`);
  const { body } = await f.api('GET', `${f.repo}/pulls/${number}`);
  assert.deepEqual([body.mergeable, body.mergeable_state], [false, 'dirty']);
});

test('a merge really happens in git, and is answered with its commit', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const { status: code, body } = await f.api('PUT', `${f.repo}/pulls/${number}/merge`, { sha: f.head });
  assert.deepEqual([code, body.merged], [200, true]);
  const work = await clone(t, withToken(f.url, 'x', f.secret));
  assert.equal((await work.git('rev-parse', 'HEAD')).out, body.sha);
  assert.equal((await work.git('log', '-1', '--format=%P')).out, `${f.sha} ${f.head}`);
  const after = (await f.api('GET', `${f.repo}/pulls/${number}`)).body;
  assert.deepEqual(
    [after.state, after.merged, after.merge_commit_sha, after.merged_by.login],
    ['closed', true, body.sha, 'bob'],
  );
  assert.deepEqual((await f.control('GET', '/counters')).byKind, { request: 1, merge: 1, ref: 1 });
});

test('F18 squash and rebase make commits of their own', async (t) => {
  for (const method of ['squash', 'rebase']) {
    const f = await github(t);
    await f.act({ do: 'push', project: f.project, branch: 'main', files: { 'other.json': '1' } });
    const { number } = await f.open();
    const { body } = await f.api('PUT', `${f.repo}/pulls/${number}/merge`, { sha: f.head, merge_method: method });
    const commit = (await f.api('GET', `${f.repo}/git/commits/${body.sha}`)).body;
    assert.equal(commit.parents.length, 1);
    assert.notEqual(body.sha, f.head);
    assert.equal((await f.api('GET', `${f.repo}/commits/${body.sha}/pulls`)).body[0].number, number);
    assert.equal(
      Buffer.from((await f.api('GET', `${f.repo}/contents/pins/api.json`)).body.content, 'base64').toString(),
      '{"tag": "2"}\n',
    );
  }
});

test('F8 merge: 409 for another head, 405 for a conflict, a draft, a closed one, a method not allowed', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const merge = (body) => f.api('PUT', `${f.repo}/pulls/${number}/merge`, body);
  assert.deepEqual(status(await merge({ sha: f.sha })), [
    409,
    'Head branch was modified. Review and try the merge again.',
  ]);
  await f.act({ do: 'edit', project: f.project, number, draft: true });
  assert.deepEqual(status(await merge({ sha: f.head })), [405, 'Pull Request is still a draft']);
  await f.act(
    { do: 'edit', project: f.project, number, draft: false },
    { do: 'configure', project: f.project, allowSquash: false },
  );
  assert.deepEqual(status(await merge({ merge_method: 'squash' })), [
    405,
    'Squash merges are not allowed on this repository.',
  ]);
  await f.act({ do: 'push', project: f.project, branch: 'main', files: { 'pins/api.json': 'other\n' } });
  assert.deepEqual(status(await merge({ sha: f.head })), [405, 'Pull Request is not mergeable']);
  await f.act({ do: 'close', project: f.project, number });
  assert.deepEqual(status(await merge({ sha: f.head })), [405, 'Pull Request is not mergeable']);
  assert.equal((await f.control('GET', '/counters')).byKind.merge, undefined);
});

test('F8 the base moves while it merges: 405, and the second try merges', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  await f.faults({
    route: 'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
    nth: 1,
    when: 'checked',
    act: { do: 'push', project: f.project, branch: 'main', files: { other: '1' } },
  });
  assert.deepEqual(status(await f.api('PUT', `${f.repo}/pulls/${number}/merge`, {})), [
    405,
    'Base branch was modified. Review and try the merge again.',
  ]);
  assert.equal((await f.api('PUT', `${f.repo}/pulls/${number}/merge`, {})).status, 200);
});

test('F8 merge: 405 as long as the mergeability is not known, where a test wants it so', async (t) => {
  const f = await github(t);
  await f.control('POST', '/settings', { strictMergeability: true });
  const { number } = await f.open();
  const merge = () => f.api('PUT', `${f.repo}/pulls/${number}/merge`, { sha: f.head });
  assert.deepEqual(status(await merge()), [405, 'Pull Request is not mergeable']);
  await f.api('GET', `${f.repo}/pulls/${number}`);
  assert.equal((await merge()).status, 200);
});

test('required checks, approvals and code owners are honoured at the merge; stale approvals go', async (t) => {
  const f = await github(t);
  await f.act(
    {
      do: 'push',
      project: f.project,
      branch: 'main',
      files: { '.github/CODEOWNERS': '* @ann\n/pins/ @acme/release\n' },
    },
    {
      do: 'protect',
      project: f.project,
      branch: 'main',
      approvals: 1,
      dismissStale: true,
      codeOwners: true,
      requiredChecks: ['ci'],
      enforceAdmins: true,
    },
  );
  const ann = f.as(await f.tokenOf({ name: 'ann', user: 'ann' }));
  const { number } = (await ann('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main' })).body;
  const merge = async () => status(await ann('PUT', `${f.repo}/pulls/${number}/merge`, {}));
  assert.match((await merge())[1], /^Required status check "ci" is expected. At least 1 approving review is required/);
  await ann('POST', `${f.repo}/statuses/${f.head}`, { state: 'failure', context: 'ci' });
  assert.match((await merge())[1], /check "ci" is failing/);
  await ann('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', context: 'ci' });
  await f.act(
    { do: 'member', project: f.project, user: 'eve', role: 'write' },
    { do: 'review', project: f.project, number, by: 'eve' },
  );
  assert.deepEqual(await merge(), [405, 'Waiting on code owner review.']);
  assert.equal((await f.api('POST', `${f.repo}/pulls/${number}/reviews`, { event: 'APPROVE' })).status, 200);
  await ann('GET', `${f.repo}/pulls/${number}`);
  assert.equal((await ann('GET', `${f.repo}/pulls/${number}`)).body.mergeable_state, 'clean');
  const { sha } = await f.act({
    do: 'push',
    project: f.project,
    branch: 'pin/a',
    files: { 'pins/api.json': '{"tag": "3"}\n' },
  });
  await f.act({ do: 'status', project: f.project, sha, context: 'ci', state: 'success' });
  assert.match((await merge())[1], /At least 1 approving review/);
  await f.act({ do: 'review', project: f.project, number, by: 'bob' });
  assert.equal((await merge())[0], 200);
});

test('a ruleset refuses in its own words, and lets those pass who bypass it', async (t) => {
  const f = await github(t);
  const rules = [{ type: 'pull_request', parameters: { required_approving_review_count: 1 } }];
  await f.act({ do: 'ruleset', project: f.project, name: 'main', bypass: ['ann'], rules });
  const { number } = await f.open();
  assert.match(
    (await f.api('PUT', `${f.repo}/pulls/${number}/merge`, {})).body.message,
    /^Repository rule violations found/,
  );
  assert.deepEqual(
    (await f.api('GET', `${f.repo}/rules/branches/main`)).body.map(({ type }) => type),
    ['pull_request'],
  );
  assert.equal((await f.api('GET', `${f.repo}/branches/main`)).body.protected, true);
  const ann = f.as(await f.tokenOf({ name: 'ann', user: 'ann' }));
  assert.equal((await ann('PUT', `${f.repo}/pulls/${number}/merge`, {})).status, 200);
});

test('F9 a second request for the same branch is 422 with the words, as is one without commits', async (t) => {
  const f = await github(t);
  const again = () => f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main' });
  assert.equal((await again()).status, 201);
  const { status: code, body } = await again();
  assert.deepEqual(
    [code, body.message, body.errors[0].code, body.errors[0].message],
    [422, 'Validation Failed', 'custom', 'A pull request already exists for acme:pin/a.'],
  );
  await f.act({ do: 'reset', project: f.project, branch: 'same', to: 'main' });
  const empty = await f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'same', base: 'main' });
  assert.equal(empty.body.errors[0].message, 'No commits between main and same');
});

test('F11 ten thousand open requests come in pages by Link, and shift when one is opened meanwhile', async (t) => {
  const f = await github(t);
  await f.act({ do: 'seed', project: f.project, requests: 10_000, head: 'load/{n}' });
  const first = await f.api('GET', `${f.repo}/pulls?state=open&per_page=100`);
  const link = first.headers.get('link');
  assert.match(link, /repositories\/\d+\/pulls\?.*page=2>; rel="next"/);
  assert.match(link, /page=100>; rel="last"/);
  const next = client('', { authorization: `Bearer ${f.secret}` });
  await f.open();
  const second = await next('GET', /<([^>]*)>; rel="next"/.exec(link)[1]);
  assert.equal(second.body[0].number, first.body.at(-1).number);
  const one = await f.api('GET', `${f.repo}/pulls?head=acme:load/4242&state=open`);
  assert.deepEqual([one.body.length, one.body[0].head.ref], [1, 'load/4242']);
  assert.equal((await f.api('GET', `${f.repo}/pulls?head=load/4242&state=open&per_page=100`)).body.length, 100);
});

test('F13 a head set back to its base closes the request, as does its deletion; a human closes one', async (t) => {
  const f = await github(t);
  const state = async (number) => (await f.api('GET', `${f.repo}/pulls/${number}`)).body;
  const one = await f.open();
  const work = await clone(t, withToken(f.url, 'x', f.secret));
  assert.equal((await work.git('push', '-q', '-f', 'origin', `${f.sha}:pin/a`)).code, 0);
  assert.deepEqual([(await state(one.number)).state, (await state(one.number)).merged], ['closed', false]);
  await f.act({ do: 'push', project: f.project, branch: 'pin/b', files: { b: '1' } });
  const two = await f.open('pin/b');
  assert.equal((await f.api('DELETE', `${f.repo}/git/refs/heads/pin/b`)).status, 204);
  assert.equal((await state(two.number)).state, 'closed');
  await f.act({ do: 'push', project: f.project, branch: 'pin/c', files: { c: '1' } });
  const three = await f.open('pin/c');
  await f.faults({
    route: 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
    nth: 1,
    act: { do: 'close', project: f.project, number: three.number, by: 'ann' },
  });
  assert.equal((await f.api('PATCH', `${f.repo}/pulls/${three.number}`, { title: 'Changed' })).body.state, 'closed');
});

test('whoever pushes the head into the base has merged the request', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const work = await clone(t, withToken(f.url, 'x', f.secret));
  await work.git('push', '-q', 'origin', 'origin/pin/a:main');
  assert.equal((await f.api('GET', `${f.repo}/pulls/${number}`)).body.merged, true);
});

test('F14 a body of more than 65,536 characters is 422', async (t) => {
  const f = await github(t);
  const create = (body) => f.api('POST', `${f.repo}/pulls`, { title: 'Pin', head: 'pin/a', base: 'main', body });
  assert.match((await create('ü'.repeat(65_537))).body.errors[0].message, /body is too long/);
  assert.equal((await create('ü'.repeat(65_536))).status, 201);
  assert.equal((await f.api('POST', `${f.repo}/issues/1/comments`, { body: 'x'.repeat(65_537) })).status, 422);
});

test('F21 a request that was just opened is missing in the list', async (t) => {
  const f = await github(t);
  await f.control('POST', '/settings', { listLag: 2 });
  const { number } = await f.open();
  const listed = async () => (await f.api('GET', `${f.repo}/pulls?head=acme:pin/a`)).body.length;
  assert.deepEqual([await listed(), await listed(), await listed()], [0, 0, 1]);
  assert.equal((await f.api('GET', `${f.repo}/pulls/${number}`)).status, 200);
});

test('labels, assignees, reviewers, teams and comments', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const issue = `${f.repo}/issues/${number}`;
  assert.deepEqual(
    (await f.api('POST', `${issue}/labels`, { labels: ['promotion', 'a/b'] })).body.map(({ name }) => name),
    ['promotion', 'a/b'],
  );
  assert.deepEqual(
    (await f.api('DELETE', `${issue}/labels/a%2Fb`)).body.map(({ name }) => name),
    ['promotion'],
  );
  assert.equal((await f.api('POST', `${issue}/assignees`, { assignees: ['cy', 'nobody'] })).body.assignees.length, 1);
  assert.equal(
    (
      await f.api('POST', `${f.repo}/pulls/${number}/requested_reviewers`, {
        reviewers: ['ann'],
        team_reviewers: ['release'],
      })
    ).body.requested_teams[0].slug,
    'release',
  );
  assert.equal(
    (await f.api('POST', `${f.repo}/pulls/${number}/requested_reviewers`, { reviewers: ['stranger'] })).status,
    422,
  );
  const { id } = (await f.api('POST', `${issue}/comments`, { body: '<!-- marker -->' })).body;
  assert.equal((await f.api('PATCH', `${f.repo}/issues/comments/${id}`, { body: 'other' })).body.body, 'other');
  assert.deepEqual(
    (await f.api('GET', `${issue}/comments`)).body.map(({ body }) => body),
    ['other'],
  );
});
