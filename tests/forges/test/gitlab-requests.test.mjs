// GitLab's merge requests: F7 to F11, F13, F17, F18.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, gitlab } from './support.mjs';

const status = ({ status: code, body }) => [code, body.message];
const one = (f, iid = 1) => `${f.repo}/merge_requests/${iid}`;

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
  const cancel = async (api = f.api) => await api('POST', `${one(f)}/cancel_merge_when_pipeline_succeeds`);
  await f.act({ do: 'protect', project: f.project, branch: 'main', merge: 'maintainer' });
  await f.act({ do: 'member', project: f.project, user: 'dan', role: 'developer' });
  assert.equal((await cancel(f.as(await f.tokenOf({ name: 'dan', user: 'dan' })))).status, 401);
  await f.act({ do: 'unprotect', project: f.project, branch: 'main' });
  assert.deepEqual((await cancel()).body, { status: 'success' });
  assert.equal((await f.api('GET', one(f))).body.merge_when_pipeline_succeeds, false);
  const nothing = await cancel();
  assert.deepEqual([nothing.status, nothing.body.status, nothing.body.http_status], [201, 'error', 406]);
  await f.api('PUT', `${one(f)}/merge`, { merge_when_pipeline_succeeds: true });
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', name: 'ci' });
  assert.equal((await f.api('GET', one(f))).body.state, 'merged');
  assert.equal((await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'other' })).status, 201);
  assert.match(
    (await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'other' })).body.message,
    /^Cannot transition status via :run from :running/,
  );
});

test('F10 auto-merge without a pipeline is 405 although it could be merged; one that fails ends it', async (t) => {
  const f = await gitlab(t);
  await f.open();
  await f.api('GET', one(f));
  const merge = () => f.api('PUT', `${one(f)}/merge`, { auto_merge: true });
  assert.equal((await merge()).status, 405);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'running', name: 'ci' });
  assert.deepEqual(
    [(await f.api('GET', one(f))).body.detailed_merge_status, (await merge()).body.merge_when_pipeline_succeeds],
    ['mergeable', true],
  );
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'failed', name: 'ci' });
  const { state, merge_when_pipeline_succeeds } = (await f.api('GET', one(f))).body;
  assert.deepEqual([state, merge_when_pipeline_succeeds], ['opened', false]);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', name: 'ci' });
  assert.equal((await merge()).body.state, 'merged');
});

test('a status goes to the pipeline that is named, or to the newest of the commit, or makes one', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, pipelineMustSucceed: true });
  await f.open();
  const set = (state, more = {}) => f.api('POST', `${f.repo}/statuses/${f.head}`, { state, name: 'gate', ...more });
  const [branch, request] = await f.act(
    { do: 'pipeline', project: f.project, branch: 'pin/a', state: 'success' },
    { do: 'pipeline', project: f.project, number: 1, state: 'success' },
  );
  assert.equal((await set('failed', { pipeline_id: branch.id })).body.pipeline_id, branch.id);
  const look = async () => {
    await f.api('GET', one(f));
    const { detailed_merge_status, head_pipeline } = (await f.api('GET', one(f))).body;
    return [detailed_merge_status, head_pipeline.id, head_pipeline.ref, head_pipeline.source];
  };
  const head = [request.id, 'refs/merge-requests/1/head', 'merge_request_event'];
  assert.deepEqual(await look(), ['mergeable', ...head]);
  assert.equal((await set('failed')).body.pipeline_id, request.id);
  assert.deepEqual(await look(), ['ci_must_pass', ...head]);
  assert.equal((await set('success', { ref: 'pin/a' })).body.pipeline_id, branch.id);
  assert.deepEqual(await look(), ['ci_must_pass', ...head]);
  const wrong = await set('success', { pipeline_id: 1 });
  assert.deepEqual(status(wrong), [404, '404 Pipeline for pipeline_id, sha and ref Not Found']);
  assert.equal((await set('success', { pipeline_id: request.id })).status, 201);
  assert.deepEqual(await look(), ['mergeable', ...head]);
  // A ref that no pipeline has makes one, which is the newest then and decides.
  const { pipeline_id: made } = (await set('success', { ref: 'main' })).body;
  assert.deepEqual(await look(), ['mergeable', made, 'main', 'external']);
  const query = `?name=gate&pipeline_id=${request.id}&sort=desc`;
  const { body } = await f.api('GET', `${f.repo}/repository/commits/${f.head}/statuses${query}`);
  assert.deepEqual(
    body.map((one) => one.status),
    ['success'],
  );
});

test('whoever clicks is held to the pipeline and to the right to merge', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, pipelineMustSucceed: true });
  await f.open();
  const click = async (by) => (await f.act({ do: 'click', project: f.project, number: 1, by })).merged;
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'failed', name: 'gate' });
  assert.equal(await click('ann'), false);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', name: 'gate' });
  assert.equal(await click('cy'), false);
  assert.equal(await click('ann'), true);
});

test('F17 a request on the train shows as auto-merge, and is taken off it by cancelling that', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'configure', project: f.project, mergeTrains: true });
  await f.open();
  await f.api('GET', one(f));
  await f.act({ do: 'enqueue', project: f.project, number: 1 });
  const armed = async () => (await f.api('GET', one(f))).body.merge_when_pipeline_succeeds;
  assert.equal(await armed(), true);
  await f.api('POST', `${one(f)}/cancel_merge_when_pipeline_succeeds`);
  assert.equal(await armed(), false);
  assert.equal((await f.api('GET', `${f.repo}/merge_trains/merge_requests/1`)).status, 404);
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
  await f.control('POST', '/clock', { advance: 3600 });
  const since = (await f.open('load/1', 'main', { target_branch: 'load/2' })).created_at;
  const late = await f.api('GET', `${f.repo}/merge_requests?created_after=${since}`);
  assert.deepEqual(
    late.body.map(({ created_at }) => created_at),
    [since],
  );
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
