// What GitHub merges later: auto-merge (F10), the queue (F17), merge-async (F23).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { github } from './support.mjs';

const status = ({ status: code, body }) => [code, body.message];
const AUTO =
  'mutation($i: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $i) { pullRequest { autoMergeRequest { mergeMethod } } } }';

test('F10 auto-merge: refused when clean, unstable, unprotected or not allowed; else it merges when green', async (t) => {
  const f = await github(t);
  const { node_id: id, number } = await f.open();
  await f.control('POST', '/settings', { mergeabilityPolls: 0 });
  const enable = async (more = {}) => (await f.graphql(AUTO, { i: { pullRequestId: id, ...more } })).errors?.[0];
  const refused = async (text) => {
    const error = await enable();
    assert.deepEqual([error.type, error.path], ['UNPROCESSABLE', ['enablePullRequestAutoMerge']]);
    assert.match(error.message, text);
  };
  await refused(/Auto merge is not allowed for this repository/);
  await f.act({ do: 'configure', project: f.project, allowAutoMerge: true });
  await refused(/Protected branch rules not configured for this branch/);
  await f.act({ do: 'protect', project: f.project, branch: 'main', requiredChecks: [] });
  await refused(/is in clean status/);
  await f.act({ do: 'status', project: f.project, sha: f.head, context: 'optional', state: 'failure' });
  await refused(/is in unstable status/);
  await f.act({ do: 'protect', project: f.project, branch: 'main', requiredChecks: ['ci'] });
  assert.equal((await enable({ expectedHeadOid: f.sha })).type, 'STALE_DATA');
  assert.equal(await enable({ expectedHeadOid: f.head, mergeMethod: 'SQUASH' }), undefined);
  assert.equal((await f.api('GET', `${f.repo}/pulls/${number}`)).body.auto_merge.merge_method, 'squash');
  await f.act({ do: 'status', project: f.project, sha: f.head, context: 'ci', state: 'success' });
  const merged = (await f.api('GET', `${f.repo}/pulls/${number}`)).body;
  assert.deepEqual([merged.merged, merged.merged_by.login], [true, 'bob']);
});

test('auto-merge is switched off again, and can be seen', async (t) => {
  const f = await github(t);
  await f.act(
    { do: 'configure', project: f.project, allowAutoMerge: true },
    { do: 'protect', project: f.project, branch: 'main', requiredChecks: ['ci'] },
  );
  const { node_id: id } = await f.open();
  await f.graphql(AUTO, { i: { pullRequestId: id } });
  const off =
    'mutation($i: DisablePullRequestAutoMergeInput!) { disablePullRequestAutoMerge(input: $i) { pullRequest { autoMergeRequest { mergeMethod } state } } }';
  const { data } = await f.graphql(off, { i: { pullRequestId: id } });
  assert.deepEqual(data.disablePullRequestAutoMerge.pullRequest, { autoMergeRequest: null, state: 'OPEN' });
});

test('whoever clicks is held to the required statuses, an administrator where they bind him too', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const protect = (enforceAdmins) =>
    f.act({ do: 'protect', project: f.project, branch: 'main', requiredChecks: ['gate'], enforceAdmins });
  const click = async (by) => (await f.act({ do: 'click', project: f.project, number, by })).merged;
  await protect(true);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'failure', context: 'gate' });
  assert.deepEqual([await click('bob'), await click('ann')], [false, false]);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', context: 'other' });
  assert.equal(await click('bob'), false);
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', context: 'gate' });
  assert.equal(await click('bob'), true);
  const { sha } = await f.act({ do: 'push', project: f.project, branch: 'pin/b', files: { b: '1' } });
  const other = await f.open('pin/b');
  await f.api('POST', `${f.repo}/statuses/${sha}`, { state: 'failure', context: 'gate' });
  await protect(false);
  const last = await f.act({ do: 'click', project: f.project, number: other.number, by: 'ann' });
  assert.equal(last.merged, true);
});

test('F17 a merge queue: 405 for the merge, enqueued is not merged, merged later or thrown out', async (t) => {
  const f = await github(t);
  await f.act({ do: 'ruleset', project: f.project, rules: [{ type: 'merge_queue' }] });
  const { node_id: id, number } = await f.open();
  assert.deepEqual(status(await f.api('PUT', `${f.repo}/pulls/${number}/merge`, {})), [
    405,
    'Changes must be made through the merge queue',
  ]);
  const enqueue =
    'mutation($i: EnqueuePullRequestInput!) { enqueuePullRequest(input: $i) { mergeQueueEntry { position state } } }';
  assert.equal(
    (await f.graphql(enqueue, { i: { pullRequestId: id, expectedHeadOid: f.sha } })).errors[0].type,
    'STALE_DATA',
  );
  assert.deepEqual((await f.graphql(enqueue, { i: { pullRequestId: id } })).data.enqueuePullRequest.mergeQueueEntry, {
    position: 1,
    state: 'AWAITING_CHECKS',
  });
  const look = async () =>
    (
      await f.graphql(
        'query($id: ID!) { node(id: $id) { ... on PullRequest { state isInMergeQueue isMergeQueueEnabled mergeStateStatus } } }',
        { id },
      )
    ).data.node;
  assert.deepEqual([(await look()).state, (await look()).isInMergeQueue], ['OPEN', true]);
  await f.act({ do: 'queue', project: f.project, fail: true });
  assert.deepEqual([(await look()).state, (await look()).isInMergeQueue], ['OPEN', false]);
  await f.graphql(enqueue, { i: { pullRequestId: id } });
  await f.act({ do: 'queue', project: f.project });
  assert.deepEqual([(await look()).state, (await look()).isInMergeQueue], ['MERGED', false]);
});

test('F23 merge-async: 202 and polled, 409 twice, 400 closed, 200 merged, gone after a day, not on a server', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const path = `${f.repo}/pulls/${number}/merge-async`;
  const accepted = await f.api('PUT', path, { sha: f.head });
  const { uuid } = accepted.body.details;
  assert.deepEqual([accepted.status, accepted.body.status], [202, 'pending']);
  const twice = await f.api('PUT', path, {});
  assert.deepEqual([twice.status, twice.body.details.uuid], [409, uuid]);
  assert.equal((await f.api('GET', `${path}/${uuid}`)).body.status, 'pending');
  assert.equal((await f.api('GET', `${path}/${uuid}`)).body.status, 'merged');
  assert.deepEqual((await f.api('PUT', path, {})).body.status, 'merged');
  await f.control('POST', '/clock', { advance: 25 * 3600 });
  assert.equal((await f.api('GET', `${path}/${uuid}`)).status, 404);
  await f.act({ do: 'push', project: f.project, branch: 'pin/b', files: { b: '1' } });
  const other = await f.open('pin/b');
  await f.act({ do: 'close', project: f.project, number: other.number });
  assert.equal((await f.api('PUT', `${f.repo}/pulls/${other.number}/merge-async`, {})).status, 400);
  const server = await github(t, { layout: 'ghes', ghes: '3.17' });
  await server.open();
  assert.equal((await server.api('PUT', `${server.repo}/pulls/1/merge-async`, {})).status, 404);
});

test('F23 what merge-async accepted may fail later', async (t) => {
  const f = await github(t);
  const { number } = await f.open();
  const path = `${f.repo}/pulls/${number}/merge-async`;
  const { uuid } = (await f.api('PUT', path, { sha: f.head })).body.details;
  await f.act({ do: 'push', project: f.project, branch: 'pin/a', files: { b: '1' } });
  await f.api('GET', `${path}/${uuid}`);
  const { body } = await f.api('GET', `${path}/${uuid}`);
  assert.deepEqual(
    [body.status, body.details.message],
    ['failed', 'Head branch was modified. Review and try the merge again.'],
  );
});
