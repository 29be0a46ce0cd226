// Git over HTTP, with the real git on both ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone, git, github, gitlab, temp, withToken } from './support.mjs';

for (const [name, make, user] of [
  ['github', github, 'x-access-token'],
  ['gitlab', gitlab, 'oauth2'],
]) {
  test(`${name}: a clone and a push work with the API's token, and it is known who pushed`, async (t) => {
    const f = await make(t);
    const work = await clone(t, withToken(f.url, user, f.secret));
    const sha = await work.commit({ 'pins/web.json': '{}\n' });
    const pushed = await work.git('push', '-q', 'origin', 'HEAD:pin/b');
    assert.equal(pushed.code, 0, pushed.err);
    const event = (await f.control('GET', `/events?project=${f.project}`)).at(-1);
    assert.deepEqual(
      [event.ref, event.new, event.by, event.token, event.via, event.startsPipeline],
      ['refs/heads/pin/b', sha, 'bob', 'bob', 'git', true],
    );
    assert.equal((await f.control('GET', '/counters')).byKind.ref, 1);
    assert.ok(!JSON.stringify(await f.control('GET', '/log')).includes(f.secret));
  });

  test(`${name}: F6 a push to a protected branch is refused by receive-pack itself`, async (t) => {
    const f = await make(t);
    await f.act({ do: 'protect', project: f.project, branch: 'main', approvals: 1, push: 'maintainer' });
    const work = await clone(t, withToken(f.url, user, f.secret));
    await work.commit({ 'pins/web.json': '{}\n' });
    const pushed = await work.git('push', '-q', 'origin', 'HEAD:main');
    assert.equal(pushed.code, 1);
    assert.match(
      pushed.err,
      name === 'github'
        ? /GH006: Protected branch update failed for refs\/heads\/main/
        : /You are not allowed to push code to protected branches/,
    );
    assert.match(pushed.err, /remote rejected.*hook declined/);
    assert.equal((await f.control('GET', '/counters')).byKind.ref, undefined);
    assert.equal((await work.git('push', '-q', 'origin', 'HEAD:pin/b')).code, 0);
  });

  test(`${name}: a protected branch takes no force push and no deletion`, async (t) => {
    const f = await make(t);
    await f.act({ do: 'protect', project: f.project, branch: 'pin/*', push: 'developer' });
    const work = await clone(t, withToken(f.url, user, f.secret));
    assert.equal((await work.git('push', '-q', '-f', 'origin', 'HEAD:pin/a')).code, 1);
    assert.equal((await work.git('push', '-q', 'origin', ':pin/a')).code, 1);
    await work.git('checkout', '-q', 'pin/a');
    await work.commit({ x: 'y' });
    assert.equal((await work.git('push', '-q', 'origin', 'HEAD:pin/a')).code, 0);
  });

  test(`${name}: F1 a branch that moves during a push is refused with the server's status`, async (t) => {
    const f = await make(t);
    const work = await clone(t, withToken(f.url, user, f.secret));
    await work.commit({ 'pins/web.json': '{}\n' });
    await f.faults({
      route: 'git-receive-pack',
      nth: 1,
      when: 'checked',
      act: { do: 'push', project: f.project, branch: 'main', files: { other: '1' } },
    });
    const pushed = await work.git('push', 'origin', 'HEAD:main');
    assert.equal(pushed.code, 1);
    assert.match(pushed.err, /remote rejected.*failed to update ref/);
    const events = await f.control('GET', `/events?project=${f.project}`);
    assert.deepEqual(
      events.filter(({ ref }) => ref === 'refs/heads/main').map(({ by }) => by),
      ['human'],
    );
  });

  test(`${name}: F12 git is sent on from a project's former name`, async (t) => {
    const f = await make(t);
    await f.act({ do: 'rename', project: f.project, to: 'acme/state' });
    const { code, out, err } = await git('/', 'ls-remote', withToken(f.url, user, f.secret), 'main');
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(f.sha));
    assert.match(err, /redirecting to .*acme\/state.git/);
  });

  test(`${name}: F15 no token, a wrong one, an expired one, and one that may only read`, async (t) => {
    const f = await make(t);
    const dir = await temp(t);
    const tried = async (url, ...command) => (await git(dir, ...command, url)).err;
    assert.match(await tried(f.url, 'ls-remote'), /could not read Username|Authentication failed/);
    assert.match(await tried(withToken(f.url, user, 'wrong'), 'ls-remote'), /Authentication failed/);
    const brief = await f.tokenOf({ name: 'brief', user: 'bob', expiresIn: 60 });
    assert.equal(await tried(withToken(f.url, user, brief), 'ls-remote'), '');
    await f.control('POST', '/clock', { advance: 61 });
    assert.match(await tried(withToken(f.url, user, brief), 'ls-remote'), /Authentication failed/);
    const reader = await f.tokenOf(
      name === 'github'
        ? { name: 'r', kind: 'fine', user: 'bob', permissions: { contents: 'read' } }
        : { name: 'r', user: 'bob', scopes: ['read_repository'] },
    );
    const work = await clone(t, withToken(f.url, user, reader));
    await work.commit({ x: 'y' });
    assert.match((await work.git('push', 'origin', 'HEAD:x')).err, /403/);
  });

  test(`${name}: F3 a push that landed and was answered 502, and one cut off`, async (t) => {
    const f = await make(t);
    const work = await clone(t, withToken(f.url, user, f.secret));
    const sha = await work.commit({ 'pins/web.json': '{}\n' });
    await f.faults({ route: 'git-receive-pack', from: 1, to: 9, when: 'after', preset: 'html-502' });
    assert.notEqual((await work.git('push', 'origin', 'HEAD:main')).code, 0);
    assert.equal((await f.control('GET', `/state?project=${f.project}`)).branches.main, sha);
    await f.faults({ route: 'git-receive-pack', when: 'after', drop: true });
    const next = await work.commit({ 'pins/web.json': '{"a": 1}\n' });
    assert.notEqual((await work.git('push', 'origin', 'HEAD:main')).code, 0);
    assert.equal((await f.control('GET', `/state?project=${f.project}`)).branches.main, next);
  });

  test(`${name}: pushes at the same time: each is its pusher's, and one branch has one winner`, async (t) => {
    const f = await make(t);
    const writers = ['bob', 'ann', 'kim', 'lee'];
    const works = [];
    for (const login of writers) {
      if (login !== 'bob') await f.act({ do: 'member', project: f.project, user: login, role: 'write' });
      const secret = await f.tokenOf({ name: `${login}-2`, user: login });
      works.push(await clone(t, withToken(f.url, user, secret)));
      await works.at(-1).commit({ [login]: '1' });
    }
    const own = await Promise.all(works.map((work, i) => work.git('push', '-q', 'origin', `HEAD:by-${writers[i]}`)));
    assert.deepEqual(
      own.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    const events = (await f.control('GET', `/events?project=${f.project}`)).filter(({ ref }) => ref.includes('/by-'));
    assert.deepEqual(
      events.map(({ ref, by, token }) => `${ref} ${by} ${token}`).sort(),
      writers.map((login) => `refs/heads/by-${login} ${login} ${login}-2`).sort(),
    );
    const same = await Promise.all(works.map((work) => work.git('push', '-q', 'origin', 'HEAD:main')));
    assert.equal(same.filter(({ code }) => code === 0).length, 1);
  });

  test(`${name}: F22 branches with slashes, Unicode and signs`, async (t) => {
    const f = await make(t);
    const branch = 'pinrail/überall/ä#%2F+@b';
    const work = await clone(t, withToken(f.url, user, f.secret));
    const sha = await work.commit({ 'pins/ö — ü.json': '{}\n' });
    const pushed = await work.git('push', '-q', 'origin', `HEAD:refs/heads/${branch}`);
    assert.equal(pushed.code, 0, pushed.err);
    const encoded = encodeURIComponent(branch);
    const found = await f.api(
      'GET',
      name === 'github' ? `${f.repo}/branches/${encoded}` : `${f.repo}/repository/branches/${encoded}`,
    );
    assert.equal(found.body.commit.sha ?? found.body.commit.id, sha);
    const request = await f.open(branch);
    assert.equal(request.head?.ref ?? request.source_branch, branch);
    const listed = await f.api(
      'GET',
      name === 'github'
        ? `${f.repo}/pulls?head=acme:${encoded}`
        : `${f.repo}/merge_requests?source_branch=${encoded}&state=opened`,
    );
    assert.equal(listed.body.length, 1);
  });
}

test('gitlab: a job token pushes where the project lets it, and starts no pipeline', async (t) => {
  const f = await gitlab(t);
  await f.act({ do: 'project', path: 'acme/platform/service', members: { bob: 'developer' }, files: { a: '1' } });
  const job = await f.tokenOf({ name: 'job', kind: 'job', user: 'bob', project: 'acme/platform/service' });
  const url = withToken(f.url, 'gitlab-ci-token', job);
  assert.match((await git('/', 'ls-remote', url)).err, /not found|404/i);
  await f.act({ do: 'configure', project: f.project, jobTokenAllowlist: ['acme/platform/service'] });
  const work = await clone(t, url);
  await work.commit({ x: '1' });
  assert.match((await work.git('push', 'origin', 'HEAD:pins')).err, /403/);
  await f.act({ do: 'configure', project: f.project, jobTokenPush: true, jobTokenCrossProjectPush: true });
  const pushed = await work.git('push', 'origin', 'HEAD:pins');
  assert.equal(pushed.code, 0, pushed.err);
  assert.equal((await f.control('GET', `/events?project=${f.project}`)).at(-1).startsPipeline, false);
});

test('github: a push with GITHUB_TOKEN starts no workflow, one with an app token does', async (t) => {
  const f = await github(t);
  const actions = await f.tokenOf({ name: 'GITHUB_TOKEN', kind: 'actions', repositories: [f.project] });
  const work = await clone(t, withToken(f.url, 'x-access-token', actions));
  await work.commit({ x: '1' });
  assert.equal((await work.git('push', '-q', 'origin', 'HEAD:by-actions')).code, 0);
  const event = (await f.control('GET', `/events?project=${f.project}`)).at(-1);
  assert.deepEqual([event.by, event.startsPipeline], ['github-actions[bot]', false]);
  const other = await f.act({ do: 'project', path: 'acme/other', files: { a: '1' } });
  assert.match((await git('/', 'ls-remote', withToken(other.url, 'x-access-token', actions))).err, /not found/);
});

test('gitlab: a push is declined as a whole, github: each ref on its own', async (t) => {
  for (const [make, user, landed] of [
    [github, 'x-access-token', true],
    [gitlab, 'oauth2', false],
  ]) {
    const f = await make(t);
    await f.act({ do: 'protect', project: f.project, branch: 'main', approvals: 1 });
    const work = await clone(t, withToken(f.url, user, f.secret));
    await work.commit({ x: '1' });
    assert.equal((await work.git('push', 'origin', 'HEAD:main', 'HEAD:pins')).code, 1);
    assert.equal('pins' in (await f.control('GET', `/state?project=${f.project}`)).branches, landed);
  }
});
