// Every route that reads, on every description: each answers well, and with a valid answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { github, gitlab } from './support.mjs';

/** `asked`: what stands for a route's parameters; a route that must not answer 2xx says so in `others`. */
async function readAll(f, asked, others, tokens) {
  const wrong = [];
  for (const name of f.forge.router.names) {
    const [method, pattern] = name.split(' ');
    if (method !== 'GET') continue;
    const path = pattern.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(asked[name]?.[key] ?? asked[key] ?? key));
    const query = asked[name]?.query ?? '';
    const { status, body } = await (tokens[name] ?? tokens.all)(method, path + query);
    if (status !== (others[name] ?? 200) && !(status === 204 && !others[name]))
      wrong.push(`${name} ${status} ${JSON.stringify(body).slice(0, 200)}`);
  }
  assert.deepEqual(wrong, []);
}

for (const options of [
  {},
  { layout: 'ghes', ghes: '3.17' },
  { layout: 'ghes', ghes: '3.18' },
  { layout: 'ghes', ghes: '3.19' },
]) {
  test(`github ${options.ghes ?? ''}`, async (t) => {
    const f = await github(t, options);
    const rules = [
      { type: 'deletion' },
      { type: 'pull_request', parameters: {} },
      { type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'ci' }] } },
    ];
    const [, ruleset] = await f.act(
      { do: 'protect', project: f.project, branch: 'main', approvals: 1, requiredChecks: ['ci'], codeOwners: true },
      { do: 'ruleset', project: f.project, branches: ['x'], rules },
      { do: 'status', project: f.project, sha: f.head, context: 'ci', state: 'success' },
    );
    const ann = f.as(await f.tokenOf({ name: 'ann', user: 'ann' }));
    const { number } = await f.open();
    await f.act({ do: 'review', project: f.project, number, by: 'ann' });
    await f.api('POST', `${f.repo}/issues/${number}/labels`, { labels: ['promotion'] });
    await f.api('POST', `${f.repo}/pulls/${number}/requested_reviewers`, {
      reviewers: ['ann'],
      team_reviewers: ['release'],
    });
    const comment = (await f.api('POST', `${f.repo}/issues/${number}/comments`, { body: 'hi' })).body.id;
    const deployment = (
      await f.api('POST', `${f.repo}/deployments`, { ref: f.head, auto_merge: false, required_contexts: [] })
    ).body.id;
    await f.api('POST', `${f.repo}/deployments/${deployment}/statuses`, { state: 'success' });
    const asked = {
      owner: 'acme',
      repo: 'root',
      org: 'acme',
      username: 'bob',
      assignee: 'bob',
      team_slug: 'release',
      branch: 'main',
      ref: 'main',
      path: 'pins/api.json',
      tree_sha: 'main',
      name: 'promotion',
      basehead: 'main...pin/a',
      pull_number: number,
      issue_number: number,
      comment_id: comment,
      deployment_id: deployment,
      ruleset_id: ruleset.id,
      commit_sha: f.head,
      'GET /repos/{owner}/{repo}/git/ref/{ref}': { ref: 'heads/main' },
      'GET /repos/{owner}/{repo}/git/matching-refs/{ref}': { ref: 'heads/' },
      'GET /repos/{owner}/{repo}/git/blobs/{file_sha}': {
        file_sha: (await f.api('GET', `${f.repo}/contents/README.md`)).body.sha,
      },
    };
    // An app's own routes take its own token; nothing is merged and nobody merges here.
    const others = {
      'GET /repos/{owner}/{repo}/pulls/{pull_number}/merge': 404,
      'GET /repos/{owner}/{repo}/pulls/{pull_number}/merge-async/{uuid}': 404,
      'GET /installation/repositories': 403,
    };
    for (const name of [
      '/app',
      '/app/installations',
      '/app/installations/{installation_id}',
      '/repos/{owner}/{repo}/installation',
    ])
      others[`GET ${name}`] = 401;
    await readAll(f, asked, others, { all: ann });
  });
}

test('gitlab', async (t) => {
  const f = await gitlab(t);
  await f.act(
    { do: 'protect', project: f.project, branch: 'main', merge: 'developer', pushUsers: ['bob'] },
    { do: 'approvalRule', project: f.project, name: 'release', users: ['mo'] },
    { do: 'configure', project: f.project, mergeTrains: true },
  );
  const mo = f.as(await f.tokenOf({ name: 'mo', user: 'mo' }));
  const [ann] = (await mo('GET', '/users?username=ann')).body;
  const { iid } = await f.open('pin/a', 'main', { reviewer_ids: [ann.id] });
  await mo('POST', `${f.repo}/merge_requests/${iid}/approve`);
  await mo('POST', `${f.repo}/labels`, { name: 'promotion', color: '#ff0000' });
  await f.api('POST', `${f.repo}/statuses/${f.head}`, { state: 'success', name: 'ci' });
  const note = (await f.api('POST', `${f.repo}/merge_requests/${iid}/notes`, { body: 'hi' })).body.id;
  const deployment = (
    await f.api('POST', `${f.repo}/deployments`, {
      environment: 'production',
      sha: f.sha,
      ref: 'main',
      tag: false,
      status: 'success',
    })
  ).body;
  await f.act({ do: 'enqueue', project: f.project, number: iid, by: 'mo' });
  const asked = {
    id: f.project,
    user_id: ann.id,
    branch: 'main',
    name: 'main',
    sha: f.head,
    file_path: 'pins/api.json',
    iid,
    note_id: note,
    deployment_id: deployment.id,
    environment_id: deployment.environment.id,
    'GET /groups/{id}': { id: 'acme/platform' },
    'GET /groups/{id}/members': { id: 'acme/platform' },
    'GET /groups/{id}/members/all': { id: 'acme/platform' },
    'GET /projects/{id}/members/{user_id}': { user_id: f.world.user('mo').id },
    'GET /projects/{id}/repository/compare': { query: '?from=main&to=pin%2Fa' },
  };
  const job = f.as(await f.tokenOf({ name: 'job', kind: 'job', user: 'bob', project: f.project }), 'job-token');
  await readAll(f, asked, {}, { all: mo, 'GET /job': job });
});
