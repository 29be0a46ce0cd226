// What the fakes' own tests share: a forge in this process, a client, a clone.

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { run } from '../core/git.mjs';
import { start } from '../core/server.mjs';

/** Starts a forge for one test; at its end no answer may have been invalid. */
export async function forge(t, make, options = {}) {
  const started = await start(make, options);
  const { urls, world } = started;
  const control = async (method, route, body) => {
    const response = await fetch(urls.control + route, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  };
  const act = (...steps) => control('POST', '/act', steps.length === 1 ? steps[0] : steps);
  const faults = (...rules) => control('POST', '/faults', { rules });
  t.after(async () => {
    await started.stop();
    if (!options.mayViolate) assert.deepEqual(world.log.violations, []);
  });
  return { ...started, control, act, faults, forge: started.forge };
}

/** `call(method, path, body)` with a token: `{status, body, headers}`; no redirect is followed. */
export function client(base, headers = {}) {
  return async (method, route, body, more = {}) => {
    const response = await fetch(base + route, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...headers, ...more },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let parsed = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // HTML and plain text stay as they are.
    }
    return { status: response.status, body: parsed, headers: response.headers };
  };
}

export async function temp(t) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'forge-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The real git as a client: `{code, out, err}`. */
export async function git(cwd, ...args) {
  const { code, stdout, stderr } = await run('git', ['-c', 'protocol.version=2', ...args], { cwd });
  return { code, out: stdout.toString().trim(), err: stderr };
}

export function withToken(url, user, secret) {
  return url.replace('://', `://${user}:${secret}@`);
}

/** A clone with a work tree. */
export async function clone(t, url) {
  const dir = path.join(await temp(t), 'clone');
  const { code, err } = await git('/', 'clone', '-q', url, dir);
  assert.equal(code, 0, err);
  return {
    dir,
    git: (...args) => git(dir, ...args),
    commit: async (files, message = 'A change') => {
      for (const [file, text] of Object.entries(files)) {
        await fs.mkdir(path.dirname(path.join(dir, file)), { recursive: true });
        await fs.writeFile(path.join(dir, file), text);
      }
      await git(dir, 'add', '-A');
      const { code: bad, err: why } = await git(dir, 'commit', '-q', '-m', message);
      assert.equal(bad, 0, why);
      return (await git(dir, 'rev-parse', 'HEAD')).out;
    },
  };
}

/** acme/root with `main` and a branch `pin/a`; ann owns, bob writes, cy reads. */
export async function github(t, options) {
  const { makeGitHub } = await import('../github/index.mjs');
  const made = await forge(t, makeGitHub, options);
  const project = 'acme/root';
  const [, { sha, url }, token] = await made.act(
    { do: 'group', path: 'acme', members: { ann: 'admin' }, teams: { release: ['bob'] } },
    {
      do: 'project',
      path: project,
      members: { bob: 'write', cy: 'read' },
      files: { 'pins/api.json': '{"tag": "1"}\n', 'README.md': 'hello\n' },
    },
    { do: 'token', name: 'bob', user: 'bob' },
  );
  const { sha: head } = await made.act({
    do: 'push',
    project,
    branch: 'pin/a',
    files: { 'pins/api.json': '{"tag": "2"}\n' },
    message: 'Pin api 2',
  });
  const as = (secret) => client(made.urls.api, { authorization: `Bearer ${secret}` });
  const tokenOf = async (given) => (await made.act({ do: 'token', ...given })).secret;
  const api = as(token.secret);
  const graphql = async (query, variables, secret = token.secret) =>
    (await client(made.urls.graphql, { authorization: `Bearer ${secret}` })('POST', '', { query, variables })).body;
  const open = async (head = 'pin/a', base = 'main') =>
    (await api('POST', `/repos/${project}/pulls`, { title: 'Pin', head, base })).body;
  return {
    ...made,
    project,
    repo: `/repos/${project}`,
    sha,
    head,
    url,
    secret: token.secret,
    api,
    as,
    tokenOf,
    graphql,
    open,
  };
}

/** The same on GitLab, in a subgroup. */
export async function gitlab(t, options) {
  const { makeGitLab } = await import('../gitlab/index.mjs');
  const made = await forge(t, makeGitLab, options);
  const project = 'acme/platform/root';
  const [, { sha, url, id }, token] = await made.act(
    { do: 'group', path: 'acme/platform', members: { ann: 'owner' } },
    {
      do: 'project',
      path: project,
      members: { bob: 'developer', cy: 'reporter', mo: 'maintainer' },
      files: { 'pins/api.json': '{"tag": "1"}\n', 'README.md': 'hello\n' },
    },
    { do: 'token', name: 'bob', user: 'bob' },
  );
  const { sha: head } = await made.act({
    do: 'push',
    project,
    branch: 'pin/a',
    files: { 'pins/api.json': '{"tag": "2"}\n' },
    message: 'Pin api 2',
  });
  const as = (secret, header = 'private-token') => client(made.urls.api, { [header]: secret });
  const tokenOf = async (given) => (await made.act({ do: 'token', ...given })).secret;
  const api = as(token.secret);
  const repo = `/projects/${encodeURIComponent(project)}`;
  const open = async (head = 'pin/a', base = 'main', more = {}) =>
    (await api('POST', `${repo}/merge_requests`, { title: 'Pin', source_branch: head, target_branch: base, ...more }))
      .body;
  return { ...made, project, id, repo, sha, head, url, secret: token.secret, api, as, tokenOf, open };
}
